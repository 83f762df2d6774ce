#include <bit>

#include "platform/base/endian.h"
#include "platform/cpu/hash.h"

namespace creel::hash_detail {
namespace {

struct Registers {
  std::uint32_t a, b, c, d, e;
};

void turn(Registers& r, std::uint32_t mixed, std::uint32_t word) {
  const std::uint32_t next = std::rotl(r.a, 5) + mixed + r.e + word;
  r = {next, r.a, std::rotl(r.b, 30), r.c, r.d};
}

void compress_block(std::uint32_t* state, const std::uint8_t* data) {
  std::uint32_t words[80];
  for (std::size_t t = 0; t < 16; ++t) words[t] = load_be<std::uint32_t>({data + 4 * t, 4}, 0);
  for (std::size_t t = 16; t < 80; ++t)
    words[t] = std::rotl(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
  Registers r = {state[0], state[1], state[2], state[3], state[4]};
  std::size_t t = 0;
  for (; t < 20; ++t) turn(r, r.d ^ (r.b & (r.c ^ r.d)), words[t] + 0x5A827999);
  for (; t < 40; ++t) turn(r, r.b ^ r.c ^ r.d, words[t] + 0x6ED9EBA1);
  for (; t < 60; ++t) turn(r, (r.b & r.c) | (r.d & (r.b | r.c)), words[t] + 0x8F1BBCDC);
  for (; t < 80; ++t) turn(r, r.b ^ r.c ^ r.d, words[t] + 0xCA62C1D6);
  const std::uint32_t after[5] = {r.a, r.b, r.c, r.d, r.e};
  for (std::size_t i = 0; i < 5; ++i) state[i] += after[i];
}

}  // namespace

void Sha1Core::compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  for (; blocks > 0; --blocks, data += 64) compress_block(state, data);
}

}  // namespace creel::hash_detail
