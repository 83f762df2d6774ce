#include <bit>

#include "platform/base/endian.h"
#include "platform/cpu/hash.h"

namespace creel::hash_detail {
namespace {

// floor(2^32 · |sin(i + 1)|), RFC 1321 §3.4.
alignas(64) constexpr std::uint32_t kSines[64] = {
    0xD76AA478, 0xE8C7B756, 0x242070DB, 0xC1BDCEEE, 0xF57C0FAF, 0x4787C62A, 0xA8304613, 0xFD469501,
    0x698098D8, 0x8B44F7AF, 0xFFFF5BB1, 0x895CD7BE, 0x6B901122, 0xFD987193, 0xA679438E, 0x49B40821,
    0xF61E2562, 0xC040B340, 0x265E5A51, 0xE9B6C7AA, 0xD62F105D, 0x02441453, 0xD8A1E681, 0xE7D3FBC8,
    0x21E1CDE6, 0xC33707D6, 0xF4D50D87, 0x455A14ED, 0xA9E3E905, 0xFCEFA3F8, 0x676F02D9, 0x8D2A4C8A,
    0xFFFA3942, 0x8771F681, 0x6D9D6122, 0xFDE5380C, 0xA4BEEA44, 0x4BDECFA9, 0xF6BB4B60, 0xBEBFBC70,
    0x289B7EC6, 0xEAA127FA, 0xD4EF3085, 0x04881D05, 0xD9D4D039, 0xE6DB99E5, 0x1FA27CF8, 0xC4AC5665,
    0xF4292244, 0x432AFF97, 0xAB9423A7, 0xFC93A039, 0x655B59C3, 0x8F0CCC92, 0xFFEFF47D, 0x85845DD1,
    0x6FA87E4F, 0xFE2CE6E0, 0xA3014314, 0x4E0811A1, 0xF7537E82, 0xBD3AF235, 0x2AD7D2BB, 0xEB86D391,
};

// The chain through all 64 steps is the limit, so each step is written for latency: what does not
// depend on the last result b (the word, the sine, a, the early part of the mix) is added first.
struct F {
  static constexpr int kTurns[] = {7, 12, 17, 22};
  static constexpr unsigned kStride = 1, kFirst = 0;
  static std::uint32_t early(std::uint32_t, std::uint32_t) { return 0; }
  static std::uint32_t late(std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return d ^ (b & (c ^ d));
  }
};
struct G {  // The two halves share no bit, so their sum is their union.
  static constexpr int kTurns[] = {5, 9, 14, 20};
  static constexpr unsigned kStride = 5, kFirst = 1;
  static std::uint32_t early(std::uint32_t c, std::uint32_t d) { return c & ~d; }
  static std::uint32_t late(std::uint32_t b, std::uint32_t, std::uint32_t d) { return b & d; }
};
struct H {
  static constexpr int kTurns[] = {4, 11, 16, 23};
  static constexpr unsigned kStride = 3, kFirst = 5;
  static std::uint32_t early(std::uint32_t, std::uint32_t) { return 0; }
  static std::uint32_t late(std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return b ^ (c ^ d);
  }
};
struct I {
  static constexpr int kTurns[] = {6, 10, 15, 21};
  static constexpr unsigned kStride = 7, kFirst = 0;
  static std::uint32_t early(std::uint32_t, std::uint32_t) { return 0; }
  static std::uint32_t late(std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return c ^ (b | ~d);
  }
};

template <class Round, int kTurn>
inline void step(std::uint32_t& a, std::uint32_t b, std::uint32_t c, std::uint32_t d,
                 std::uint32_t word_sine) {
  a += word_sine + Round::early(c, d);
  a = std::rotl(a + Round::late(b, c, d), kTurn) + b;
}

struct Registers {
  std::uint32_t a, b, c, d;
};

template <class Round>
inline void round16(Registers& r, const std::uint32_t* words, const std::uint32_t* sines) {
  const auto in = [&](unsigned i) {
    return words[(Round::kFirst + i * Round::kStride) % 16] + sines[i];
  };
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 4
#endif
  for (unsigned i = 0; i < 16; i += 4) {
    step<Round, Round::kTurns[0]>(r.a, r.b, r.c, r.d, in(i));
    step<Round, Round::kTurns[1]>(r.d, r.a, r.b, r.c, in(i + 1));
    step<Round, Round::kTurns[2]>(r.c, r.d, r.a, r.b, in(i + 2));
    step<Round, Round::kTurns[3]>(r.b, r.c, r.d, r.a, in(i + 3));
  }
}

}  // namespace

void Md5Core::compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  Registers r = {state[0], state[1], state[2], state[3]};
  for (; blocks > 0; --blocks, data += 64) {
    std::uint32_t words[16];
    for (std::size_t i = 0; i < 16; ++i) words[i] = load_le<std::uint32_t>({data + 4 * i, 4}, 0);
    const Registers before = r;
    round16<F>(r, words, kSines);
    round16<G>(r, words, kSines + 16);
    round16<H>(r, words, kSines + 32);
    round16<I>(r, words, kSines + 48);
    r = {r.a + before.a, r.b + before.b, r.c + before.c, r.d + before.d};
  }
  state[0] = r.a;
  state[1] = r.b;
  state[2] = r.c;
  state[3] = r.d;
}

}  // namespace creel::hash_detail
