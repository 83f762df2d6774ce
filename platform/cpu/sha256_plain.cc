#include <bit>

#include "platform/base/endian.h"
#include "platform/cpu/sha256_kernels.h"

namespace creel::hash_detail {

// The first 32 bits of the fractions of the cube roots of the first 64 primes, FIPS 180-4 §4.2.2.
alignas(64) const std::uint32_t kSha256Roots[64] = {
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
};

namespace {

std::uint32_t spread(std::uint32_t x, int a, int b, int c) {
  return std::rotr(x, a) ^ std::rotr(x, b) ^ std::rotr(x, c);
}

// The word t of the schedule takes the place of word t - 16.
std::uint32_t next_word(std::uint32_t* words, unsigned t) {
  const std::uint32_t w15 = words[(t + 1) % 16];
  const std::uint32_t w2 = words[(t + 14) % 16];
  const std::uint32_t small0 = std::rotr(w15, 7) ^ std::rotr(w15, 18) ^ (w15 >> 3);
  const std::uint32_t small1 = std::rotr(w2, 17) ^ std::rotr(w2, 19) ^ (w2 >> 10);
  return words[t % 16] += small0 + words[(t + 9) % 16] + small1;
}

struct Registers {
  std::uint32_t a, b, c, d, e, f, g, h;
};

inline void step(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t& d,
                 std::uint32_t e, std::uint32_t f, std::uint32_t g, std::uint32_t& h,
                 std::uint32_t word_root) {
  h += word_root + (g ^ (e & (f ^ g))) + spread(e, 6, 11, 25);
  d += h;
  h += ((a & b) | (c & (a | b))) + spread(a, 2, 13, 22);
}

// Eight steps bring each register back to its own name, so nothing moves.
template <class Word>
inline void eight_steps(Registers& r, unsigned t, Word word) {
  const std::uint32_t* roots = kSha256Roots + t;
  step(r.a, r.b, r.c, r.d, r.e, r.f, r.g, r.h, word(t) + roots[0]);
  step(r.h, r.a, r.b, r.c, r.d, r.e, r.f, r.g, word(t + 1) + roots[1]);
  step(r.g, r.h, r.a, r.b, r.c, r.d, r.e, r.f, word(t + 2) + roots[2]);
  step(r.f, r.g, r.h, r.a, r.b, r.c, r.d, r.e, word(t + 3) + roots[3]);
  step(r.e, r.f, r.g, r.h, r.a, r.b, r.c, r.d, word(t + 4) + roots[4]);
  step(r.d, r.e, r.f, r.g, r.h, r.a, r.b, r.c, word(t + 5) + roots[5]);
  step(r.c, r.d, r.e, r.f, r.g, r.h, r.a, r.b, word(t + 6) + roots[6]);
  step(r.b, r.c, r.d, r.e, r.f, r.g, r.h, r.a, word(t + 7) + roots[7]);
}

void compress_block(std::uint32_t* state, const std::uint8_t* data) {
  std::uint32_t words[16];
  Registers r = {state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]};
  const auto first = [&](unsigned t) {
    return words[t] = load_be<std::uint32_t>({data + 4 * t, 4}, 0);
  };
  const auto next = [&](unsigned t) { return next_word(words, t); };
  for (unsigned t = 0; t < 16; t += 8) eight_steps(r, t, first);
  for (unsigned t = 16; t < 64; t += 8) eight_steps(r, t, next);
  const std::uint32_t after[8] = {r.a, r.b, r.c, r.d, r.e, r.f, r.g, r.h};
  for (std::size_t i = 0; i < 8; ++i) state[i] += after[i];
}

}  // namespace

void sha256_plain(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  for (; blocks > 0; --blocks, data += 64) compress_block(state, data);
}

}  // namespace creel::hash_detail
