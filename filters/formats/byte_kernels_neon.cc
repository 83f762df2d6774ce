#include <cstring>

#include "filters/formats/byte_kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

namespace creel::filters {
namespace {

#define CREEL_TARGET

struct Block {
  uint8x16_t part[4];
};

inline Block load(const std::uint8_t* data) {
  Block block;
  for (int i = 0; i < 4; ++i) block.part[i] = vld1q_u8(data + 16 * i);
  return block;
}
// NEON has no movemask: keep one bit of each byte and add neighbours until 64 bits are left.
inline std::uint64_t join(uint8x16_t a, uint8x16_t b, uint8x16_t c, uint8x16_t d) {
  const uint8x16_t bit = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const uint8x16_t low = vpaddq_u8(vandq_u8(a, bit), vandq_u8(b, bit));
  const uint8x16_t high = vpaddq_u8(vandq_u8(c, bit), vandq_u8(d, bit));
  const uint8x16_t all = vpaddq_u8(low, high);
  return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}
inline std::uint64_t equal(const Block& block, std::uint8_t byte) {
  const uint8x16_t wanted = vdupq_n_u8(byte);
  return join(vceqq_u8(block.part[0], wanted), vceqq_u8(block.part[1], wanted),
              vceqq_u8(block.part[2], wanted), vceqq_u8(block.part[3], wanted));
}
inline std::uint64_t below_space(const Block& block) {
  const uint8x16_t limit = vdupq_n_u8(0x20);
  return join(vcltq_u8(block.part[0], limit), vcltq_u8(block.part[1], limit),
              vcltq_u8(block.part[2], limit), vcltq_u8(block.part[3], limit));
}
inline std::uint64_t high_bit(const Block& block) {
  const uint8x16_t limit = vdupq_n_u8(0x80);
  return join(vcgeq_u8(block.part[0], limit), vcgeq_u8(block.part[1], limit),
              vcgeq_u8(block.part[2], limit), vcgeq_u8(block.part[3], limit));
}
// One byte of `table` for each low half of a byte; bytes from 0x80 on give 0.
inline uint8x16_t look_up(uint8x16_t table, uint8x16_t bytes) {
  return vqtbl1q_u8(table, vandq_u8(bytes, vdupq_n_u8(0x8f)));
}
inline std::uint64_t json_operators(const Block& block) {
  // [ and { become the same with bit 0x20, ] and } too; : and , keep theirs.
  const uint8x16_t table = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0};
  uint8x16_t hit[4];
  for (int i = 0; i < 4; ++i)
    hit[i] = vceqq_u8(look_up(table, block.part[i]), vorrq_u8(block.part[i], vdupq_n_u8(0x20)));
  return join(hit[0], hit[1], hit[2], hit[3]);
}
inline std::uint64_t json_spaces(const Block& block) {
  const uint8x16_t table = {' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0};
  uint8x16_t hit[4];
  for (int i = 0; i < 4; ++i) hit[i] = vceqq_u8(look_up(table, block.part[i]), block.part[i]);
  return join(hit[0], hit[1], hit[2], hit[3]);
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

const ByteKernels kNeonKernels = {"neon", csv_kernel, json_kernel, newline_kernel};

}  // namespace creel::filters
#endif
