// CRCs by folding: a 128-bit lane L·x^64 + H that lies D bits before another one is congruent to
// L·(x^(D+64) mod P) + H·(x^D mod P), which fits the other lane and is XORed into it. Lanes are
// thus merged until one is left; its 16 bytes go through the plain kernel, which needs no Barrett
// step. Method: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel
// 2009.
#include "platform/cpu/crc_kernels.h"

#if defined(CREEL_CRC_FOLD)
#include <cstring>
#include <type_traits>

#if defined(__x86_64__)
#include <immintrin.h>
#define CREEL_TARGET __attribute__((target("pclmul,sse4.2")))
#define CREEL_TARGET_WIDE __attribute__((target("pclmul,sse4.2,avx512f,vpclmulqdq")))
#else
#include <arm_neon.h>
#define CREEL_TARGET __attribute__((target("+crypto")))
#endif

namespace creel::crc_detail {
namespace {

// Below this small() is as fast.
template <class Crc>
constexpr std::size_t kFoldBytesMin = 64;
#if defined(__x86_64__)
template <>
constexpr std::size_t kFoldBytesMin<Castagnoli> = 192;

// The instruction that SSE 4.2 has for this polynomial.
CREEL_TARGET std::uint32_t crc32c_words(std::uint32_t state, const std::uint8_t* data,
                                        std::size_t size) {
  std::uint64_t wide = state;
  for (; size >= 8; size -= 8, data += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    wide = _mm_crc32_u64(wide, word);
  }
  state = static_cast<std::uint32_t>(wide);
  for (; size > 0; --size, ++data) state = _mm_crc32_u8(state, *data);
  return state;
}
#endif

// What is not worth folding, or left over by it.
template <class Crc>
CREEL_TARGET typename Crc::Word small(typename Crc::Word state, const std::uint8_t* data,
                                      std::size_t size) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<Crc, Castagnoli>) return crc32c_words(state, data, size);
#endif
  return plain<Crc>(state, data, size);
}

// The two factors of a fold over `bits`. Multiplying reflected words yields one x too many, hence
// the powers are one less; a 32-bit polynomial's factors stand in the upper half.
struct Factors {
  std::uint64_t low;  // For the half that comes first in memory.
  std::uint64_t high;
};
template <class Crc, unsigned bits>
constexpr Factors factors() {
  constexpr unsigned kUp = 64 - sizeof(typename Crc::Word) * 8;
  return {std::uint64_t{x_to<Crc>(bits + 63)} << kUp, std::uint64_t{x_to<Crc>(bits - 1)} << kUp};
}

#if defined(__x86_64__)
using Lane = __m128i;

CREEL_TARGET inline Lane load(const std::uint8_t* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}
CREEL_TARGET inline void store(std::uint8_t* at, Lane lane) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), lane);
}
CREEL_TARGET inline Lane pair(std::uint64_t low, std::uint64_t high) {
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}
CREEL_TARGET inline Lane merge(Lane lane, Lane by, Lane into) {
  return _mm_xor_si128(
      _mm_xor_si128(_mm_clmulepi64_si128(lane, by, 0x00), _mm_clmulepi64_si128(lane, by, 0x11)),
      into);
}
CREEL_TARGET inline Lane add(Lane a, Lane b) { return _mm_xor_si128(a, b); }
#else
using Lane = uint64x2_t;

CREEL_TARGET inline Lane load(const std::uint8_t* at) { return vreinterpretq_u64_u8(vld1q_u8(at)); }
CREEL_TARGET inline void store(std::uint8_t* at, Lane lane) {
  vst1q_u8(at, vreinterpretq_u8_u64(lane));
}
CREEL_TARGET inline Lane pair(std::uint64_t low, std::uint64_t high) {
  return vcombine_u64(vcreate_u64(low), vcreate_u64(high));
}
CREEL_TARGET inline Lane merge(Lane lane, Lane by, Lane into) {
  const poly64x2_t a = vreinterpretq_p64_u64(lane);
  const poly64x2_t b = vreinterpretq_p64_u64(by);
  const Lane low = vreinterpretq_u64_p128(vmull_p64(static_cast<poly64_t>(vgetq_lane_p64(a, 0)),
                                                    static_cast<poly64_t>(vgetq_lane_p64(b, 0))));
  const Lane high = vreinterpretq_u64_p128(vmull_high_p64(a, b));
  return veorq_u64(veorq_u64(low, high), into);
}
CREEL_TARGET inline Lane add(Lane a, Lane b) { return veorq_u64(a, b); }
#endif

template <class Crc, unsigned bits>
CREEL_TARGET inline Lane factor_lane() {
  constexpr Factors kFactors = factors<Crc, bits>();
  return pair(kFactors.low, kFactors.high);
}

// Folds the lanes at `lanes` and whole lanes of `data` into one, then finishes plainly.
template <class Crc>
CREEL_TARGET typename Crc::Word finish(const Lane* lanes, std::size_t count,
                                       const std::uint8_t* data, std::size_t size) {
  const Lane by = factor_lane<Crc, 128>();
  Lane last = lanes[0];
  for (std::size_t i = 1; i < count; ++i) last = merge(last, by, lanes[i]);
  for (; size >= 16; size -= 16, data += 16) last = merge(last, by, load(data));
  std::uint8_t bytes[16];
  store(bytes, last);
  return small<Crc>(small<Crc>(0, bytes, sizeof bytes), data, size);
}

template <class Crc>
CREEL_TARGET typename Crc::Word fold_lanes(typename Crc::Word state, const std::uint8_t* data,
                                           std::size_t size) {
  if (size < kFoldBytesMin<Crc>) return small<Crc>(state, data, size);
  constexpr std::size_t kLanes = 8;
  constexpr std::size_t kTurn = kLanes * 16;
  Lane lanes[kLanes] = {add(load(data), pair(state, 0))};  // The register meets the first bytes.
  if (size < kTurn) return finish<Crc>(lanes, 1, data + 16, size - 16);
  for (std::size_t i = 1; i < kLanes; ++i) lanes[i] = load(data + 16 * i);
  const Lane by = factor_lane<Crc, kTurn * 8>();
  for (data += kTurn, size -= kTurn; size >= kTurn; data += kTurn, size -= kTurn)
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = merge(lanes[i], by, load(data + 16 * i));
  return finish<Crc>(lanes, kLanes, data, size);
}

}  // namespace

// g++ takes the target of a template from its first declaration, so these in the header cannot be
// the kernels themselves.
template <class Crc>
typename Crc::Word fold(typename Crc::Word state, const std::uint8_t* data, std::size_t size) {
  return fold_lanes<Crc>(state, data, size);
}
template std::uint32_t fold<Ieee>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint32_t fold<Castagnoli>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint64_t fold<Nvme>(std::uint64_t, const std::uint8_t*, std::size_t);

#if defined(__x86_64__)
namespace {

CREEL_TARGET_WIDE inline __m512i merge_wide(__m512i lane, __m512i by, __m512i into) {
  constexpr int kXorAll = 0x96;  // The truth table of a ^ b ^ c.
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(lane, by, 0x00),
                                   _mm512_clmulepi64_epi128(lane, by, 0x11), into, kXorAll);
}

template <class Crc>
CREEL_TARGET_WIDE typename Crc::Word fold_wide_lanes(typename Crc::Word state,
                                                     const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kWide = 4;
  constexpr std::size_t kTurn = kWide * 64;
  if (size < kTurn) return fold_lanes<Crc>(state, data, size);
  __m512i wide[kWide];
  for (std::size_t i = 0; i < kWide; ++i) wide[i] = _mm512_loadu_si512(data + 64 * i);
  wide[0] = _mm512_xor_si512(wide[0], _mm512_zextsi128_si512(pair(state, 0)));
  const __m512i by = _mm512_broadcast_i32x4(factor_lane<Crc, kTurn * 8>());
  for (data += kTurn, size -= kTurn; size >= kTurn; data += kTurn, size -= kTurn)
    for (std::size_t i = 0; i < kWide; ++i)
      wide[i] = merge_wide(wide[i], by, _mm512_loadu_si512(data + 64 * i));
  const __m512i by_next = _mm512_broadcast_i32x4(factor_lane<Crc, 512>());
  __m512i last = wide[0];
  for (std::size_t i = 1; i < kWide; ++i) last = merge_wide(last, by_next, wide[i]);
  Lane lanes[4];
  _mm512_storeu_si512(lanes, last);
  return finish<Crc>(lanes, 4, data, size);
}

}  // namespace

template <class Crc>
typename Crc::Word fold_wide(typename Crc::Word state, const std::uint8_t* data, std::size_t size) {
  return fold_wide_lanes<Crc>(state, data, size);
}
template std::uint32_t fold_wide<Ieee>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint32_t fold_wide<Castagnoli>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint64_t fold_wide<Nvme>(std::uint64_t, const std::uint8_t*, std::size_t);
#endif

}  // namespace creel::crc_detail
#endif
