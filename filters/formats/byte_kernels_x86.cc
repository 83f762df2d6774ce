#include <cstring>

#include "filters/formats/byte_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace creel::filters {
namespace sse2 {
namespace {

#define CREEL_TARGET

struct Block {
  __m128i part[4];
};

inline Block load(const std::uint8_t* data) {
  Block block;
  for (int i = 0; i < 4; ++i)
    block.part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i);
  return block;
}
inline std::uint64_t join(const __m128i* part) {
  std::uint64_t mask = 0;
  for (int i = 0; i < 4; ++i)
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm_movemask_epi8(part[i])))
            << (16 * i);
  return mask;
}
inline std::uint64_t equal(const Block& block, std::uint8_t byte) {
  const __m128i wanted = _mm_set1_epi8(static_cast<char>(byte));
  __m128i hit[4];
  for (int i = 0; i < 4; ++i) hit[i] = _mm_cmpeq_epi8(block.part[i], wanted);
  return join(hit);
}
inline std::uint64_t below_space(const Block& block) {
  const __m128i limit = _mm_set1_epi8(0x1f);
  __m128i hit[4];
  for (int i = 0; i < 4; ++i) hit[i] = _mm_cmpeq_epi8(_mm_max_epu8(block.part[i], limit), limit);
  return join(hit);
}
inline std::uint64_t high_bit(const Block& block) { return join(block.part); }
inline Block fold(Block block) {
  for (__m128i& part : block.part) part = _mm_or_si128(part, _mm_set1_epi8(0x20));
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
inline unsigned count_ones(
    std::uint64_t x) {  // Without the instruction, which SSE2 does not promise.
  x -= x >> 1 & 0x5555555555555555;
  x = (x & 0x3333333333333333) + (x >> 2 & 0x3333333333333333);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<unsigned>(x * 0x0101010101010101 >> 56);
}

#include "filters/formats/byte_kernels.inc"
#undef CREEL_TARGET

}  // namespace
}  // namespace sse2

namespace avx2 {
namespace {

#define CREEL_TARGET __attribute__((target("avx2,pclmul,popcnt,bmi")))

struct Block {
  __m256i part[2];
};

CREEL_TARGET inline Block load(const std::uint8_t* data) {
  Block block;
  block.part[0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data));
  block.part[1] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data) + 1);
  return block;
}
CREEL_TARGET inline std::uint64_t join(__m256i low, __m256i high) {
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
         static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}
CREEL_TARGET inline std::uint64_t equal(const Block& block, std::uint8_t byte) {
  const __m256i wanted = _mm256_set1_epi8(static_cast<char>(byte));
  return join(_mm256_cmpeq_epi8(block.part[0], wanted), _mm256_cmpeq_epi8(block.part[1], wanted));
}
CREEL_TARGET inline std::uint64_t below_space(const Block& block) {
  const __m256i limit = _mm256_set1_epi8(0x1f);
  return join(_mm256_cmpeq_epi8(_mm256_max_epu8(block.part[0], limit), limit),
              _mm256_cmpeq_epi8(_mm256_max_epu8(block.part[1], limit), limit));
}
CREEL_TARGET inline std::uint64_t high_bit(const Block& block) {
  return join(block.part[0], block.part[1]);
}
// One byte of `table`, which stands twice, for each low half of a byte; bytes from 0x80 on give 0.
CREEL_TARGET inline std::uint64_t json_operators(const Block& block) {
  // [ and { become the same with bit 0x20, ] and } too; : and , keep theirs.
  const __m256i table = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0,  //
                                         0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ':', '{', ',', '}', 0, 0);
  const __m256i bit = _mm256_set1_epi8(0x20);
  return join(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, block.part[0]),
                                _mm256_or_si256(block.part[0], bit)),
              _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, block.part[1]),
                                _mm256_or_si256(block.part[1], bit)));
}
CREEL_TARGET inline std::uint64_t json_spaces(const Block& block) {
  const __m256i table =
      _mm256_setr_epi8(' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0,  //
                       ' ', 0, 0, 0, 0, 0, 0, 0, 0, '\t', '\n', 0, 0, '\r', 0, 0);
  return join(_mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, block.part[0]), block.part[0]),
              _mm256_cmpeq_epi8(_mm256_shuffle_epi8(table, block.part[1]), block.part[1]));
}
#define CREEL_COUNTS_ZEROS_OF_ZERO
CREEL_TARGET inline std::uint32_t trailing_zeros(std::uint64_t x) {
  return static_cast<std::uint32_t>(_tzcnt_u64(x));
}
CREEL_TARGET inline std::uint64_t prefix_xor(std::uint64_t x) {
  const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(x)),
                                               _mm_set1_epi8(static_cast<char>(0xff)), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}
CREEL_TARGET inline unsigned count_ones(std::uint64_t x) {
  return static_cast<unsigned>(__builtin_popcountll(x));
}

#include "filters/formats/byte_kernels.inc"
#undef CREEL_TARGET

}  // namespace
}  // namespace avx2

const ByteKernels kSse2Kernels = {"sse2", sse2::csv_kernel, sse2::json_kernel,
                                  sse2::newline_kernel};
const ByteKernels kAvx2Kernels = {"avx2", avx2::csv_kernel, avx2::json_kernel,
                                  avx2::newline_kernel};

}  // namespace creel::filters
#endif
