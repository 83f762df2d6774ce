#include <bit>

#include "platform/base/endian.h"
#include "platform/cpu/hash.h"

namespace creel::hash_detail {
namespace {

struct Choose {
  static constexpr std::uint32_t kRoot = 0x5A827999;
  static std::uint32_t mix(std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return d ^ (b & (c ^ d));
  }
};
template <std::uint32_t root>
struct Parity {
  static constexpr std::uint32_t kRoot = root;
  static std::uint32_t mix(std::uint32_t b, std::uint32_t c, std::uint32_t d) { return b ^ c ^ d; }
};
struct Majority {  // Two halves without a common bit: their sum is their union.
  static constexpr std::uint32_t kRoot = 0x8F1BBCDC;
  static std::uint32_t mix(std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return (c & d) + (b & (c ^ d));
  }
};

struct Registers {
  std::uint32_t a, b, c, d, e;
};

template <class Round>
inline void step(std::uint32_t a, std::uint32_t& b, std::uint32_t c, std::uint32_t d,
                 std::uint32_t& e, std::uint32_t word) {
  e += word + Round::kRoot + Round::mix(b, c, d) + std::rotl(a, 5);
  b = std::rotl(b, 30);
}

// The word t of the schedule; from 16 on it takes the place of word t - 16.
inline std::uint32_t next_word(std::uint32_t* words, unsigned t) {
  std::uint32_t& word = words[t % 16];
  if (t >= 16)
    word = std::rotl(words[(t + 13) % 16] ^ words[(t + 8) % 16] ^ words[(t + 2) % 16] ^ word, 1);
  return word;
}

// Five steps bring each register back to its own name, so nothing moves.
template <class Round>
inline void round20(Registers& r, std::uint32_t* words, unsigned first) {
  for (unsigned t = first; t < first + 20; t += 5) {
    step<Round>(r.a, r.b, r.c, r.d, r.e, next_word(words, t));
    step<Round>(r.e, r.a, r.b, r.c, r.d, next_word(words, t + 1));
    step<Round>(r.d, r.e, r.a, r.b, r.c, next_word(words, t + 2));
    step<Round>(r.c, r.d, r.e, r.a, r.b, next_word(words, t + 3));
    step<Round>(r.b, r.c, r.d, r.e, r.a, next_word(words, t + 4));
  }
}

void compress_block(std::uint32_t* state, const std::uint8_t* data) {
  std::uint32_t words[16];
  for (std::size_t t = 0; t < 16; ++t) words[t] = load_be<std::uint32_t>({data + 4 * t, 4}, 0);
  Registers r = {state[0], state[1], state[2], state[3], state[4]};
  round20<Choose>(r, words, 0);
  round20<Parity<0x6ED9EBA1>>(r, words, 20);
  round20<Majority>(r, words, 40);
  round20<Parity<0xCA62C1D6>>(r, words, 60);
  const std::uint32_t after[5] = {r.a, r.b, r.c, r.d, r.e};
  for (std::size_t i = 0; i < 5; ++i) state[i] += after[i];
}

}  // namespace

void Sha1Core::compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
  for (; blocks > 0; --blocks, data += 64) compress_block(state, data);
}

}  // namespace creel::hash_detail
