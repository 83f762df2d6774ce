#include <bit>
#include <cstring>

#include "filters/formats/byte_kernels.h"

// Eight bytes at a time in ordinary registers: for processors without vectors, and the reference.
namespace creel::filters {
namespace {

#define CREEL_TARGET

struct Block {
  std::uint64_t lane[8];
};

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHigh = 0x8080808080808080;

inline Block load(const std::uint8_t* data) {
  static_assert(std::endian::native == std::endian::little);
  Block block;
  std::memcpy(&block, data, sizeof block);
  return block;
}

// The high bits of eight bytes as one byte, first byte lowest.
inline std::uint64_t gather(std::uint64_t high_bits) {
  return (high_bits >> 7) * 0x0102040810204080 >> 56;
}

inline std::uint64_t equal(const Block& block, std::uint8_t byte) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t x = block.lane[i] ^ (kOnes * byte);
    const std::uint64_t zero =
        ~(((x & ~kHigh) + ~kHigh) | x) & kHigh;  // Exact, no carries between bytes.
    mask |= gather(zero) << (8 * i);
  }
  return mask;
}
inline std::uint64_t below_space(const Block& block) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t x = block.lane[i] & (kOnes * 0xe0);
    mask |= gather(~(((x & ~kHigh) + ~kHigh) | x) & kHigh) << (8 * i);
  }
  return mask;
}
inline std::uint64_t high_bit(const Block& block) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 8; ++i) mask |= gather(block.lane[i] & kHigh) << (8 * i);
  return mask;
}
inline Block fold(Block block) {
  for (std::uint64_t& lane : block.lane) lane |= kOnes * 0x20;
  return block;
}
inline std::uint64_t json_operators(const Block& block) {
  const Block folded = fold(block);  // [ and { become the same, ] and } too.
  return equal(folded, '{') | equal(folded, '}') | equal(block, ':') | equal(block, ',');
}
inline std::uint64_t json_spaces(const Block& block) {
  return equal(block, ' ') | equal(block, '\t') | equal(block, '\r') | equal(block, '\n');
}
inline std::uint64_t prefix_xor(std::uint64_t x) {
  for (int by = 1; by < 64; by *= 2) x ^= x << by;
  return x;
}
inline unsigned count_ones(std::uint64_t x) {
  return static_cast<unsigned>(__builtin_popcountll(x));
}

#include "filters/formats/byte_kernels.inc"

}  // namespace

const ByteKernels kPlainKernels = {"plain", csv_kernel, json_kernel, newline_kernel};

}  // namespace creel::filters
