// SHA-256 by the instructions of the processor. Sources: Gulley et al., "Intel SHA Extensions",
// 2013; Arm C Language Extensions, "SHA2 intrinsics".
#include "platform/cpu/dispatch.h"
#include "platform/cpu/hash.h"
#include "platform/cpu/sha256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define CREEL_TARGET_SHA __attribute__((target("sha,sse4.1,ssse3")))
#elif defined(__aarch64__)
#include <arm_neon.h>
#define CREEL_TARGET_SHA __attribute__((target("+crypto")))
#endif

namespace creel::hash_detail {

#if defined(__x86_64__)
namespace {

// The processor keeps the eight words in two registers, named from the highest lane down.
struct State {
  __m128i abef, cdgh;
};

CREEL_TARGET_SHA inline __m128i load_words(const std::uint8_t* at) {
  const __m128i kSwap = _mm_set_epi64x(0x0C0D0E0F08090A0B, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), kSwap);
}

// The next four words of the schedule from the last sixteen, w0 the oldest.
CREEL_TARGET_SHA inline __m128i schedule(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
  const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
  return _mm_sha256msg2_epu32(sum, w3);
}

CREEL_TARGET_SHA inline void four_rounds(State& s, __m128i words, const std::uint32_t* roots) {
  const __m128i sum = _mm_add_epi32(words, _mm_load_si128(reinterpret_cast<const __m128i*>(roots)));
  s.cdgh = _mm_sha256rnds2_epu32(s.cdgh, s.abef, sum);
  s.abef = _mm_sha256rnds2_epu32(s.abef, s.cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

}  // namespace

CREEL_TARGET_SHA void sha256_x86(std::uint32_t* state, const std::uint8_t* data,
                                 std::size_t blocks) {
  auto* halves = reinterpret_cast<__m128i*>(state);
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(halves), 0xB1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(halves + 1), 0x1B);
  State s = {_mm_alignr_epi8(badc, hgfe, 8), _mm_blend_epi16(hgfe, badc, 0xF0)};
  for (; blocks > 0; --blocks, data += 64) {
    const State before = s;
    __m128i w0 = load_words(data), w1 = load_words(data + 16);
    __m128i w2 = load_words(data + 32), w3 = load_words(data + 48);
    for (unsigned t = 0;; t += 16) {
      four_rounds(s, w0, kSha256Roots + t);
      four_rounds(s, w1, kSha256Roots + t + 4);
      four_rounds(s, w2, kSha256Roots + t + 8);
      four_rounds(s, w3, kSha256Roots + t + 12);
      if (t == 48) break;
      w0 = schedule(w0, w1, w2, w3);
      w1 = schedule(w1, w2, w3, w0);
      w2 = schedule(w2, w3, w0, w1);
      w3 = schedule(w3, w0, w1, w2);
    }
    s = {_mm_add_epi32(s.abef, before.abef), _mm_add_epi32(s.cdgh, before.cdgh)};
  }
  const __m128i feba = _mm_shuffle_epi32(s.abef, 0x1B);  // a b e f from the lowest lane up.
  const __m128i dchg = _mm_shuffle_epi32(s.cdgh, 0xB1);
  _mm_storeu_si128(halves, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(halves + 1, _mm_alignr_epi8(dchg, feba, 8));
}

#elif defined(__aarch64__)
namespace {

struct State {
  uint32x4_t abcd, efgh;
};

CREEL_TARGET_SHA inline uint32x4_t load_words(const std::uint8_t* at) {
  return vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(at)));
}

// The next four words of the schedule from the last sixteen, w0 the oldest.
CREEL_TARGET_SHA inline uint32x4_t schedule(uint32x4_t w0, uint32x4_t w1, uint32x4_t w2,
                                            uint32x4_t w3) {
  return vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3);
}

CREEL_TARGET_SHA inline void four_rounds(State& s, uint32x4_t words, const std::uint32_t* roots) {
  const uint32x4_t sum = vaddq_u32(words, vld1q_u32(roots));
  const uint32x4_t abcd = s.abcd;
  s.abcd = vsha256hq_u32(abcd, s.efgh, sum);
  s.efgh = vsha256h2q_u32(s.efgh, abcd, sum);
}

}  // namespace

CREEL_TARGET_SHA void sha256_armv8(std::uint32_t* state, const std::uint8_t* data,
                                   std::size_t blocks) {
  State s = {vld1q_u32(state), vld1q_u32(state + 4)};
  for (; blocks > 0; --blocks, data += 64) {
    const State before = s;
    uint32x4_t w0 = load_words(data), w1 = load_words(data + 16);
    uint32x4_t w2 = load_words(data + 32), w3 = load_words(data + 48);
    for (unsigned t = 0;; t += 16) {
      four_rounds(s, w0, kSha256Roots + t);
      four_rounds(s, w1, kSha256Roots + t + 4);
      four_rounds(s, w2, kSha256Roots + t + 8);
      four_rounds(s, w3, kSha256Roots + t + 12);
      if (t == 48) break;
      w0 = schedule(w0, w1, w2, w3);
      w1 = schedule(w1, w2, w3, w0);
      w2 = schedule(w2, w3, w0, w1);
      w3 = schedule(w3, w0, w1, w2);
    }
    s = {vaddq_u32(s.abcd, before.abcd), vaddq_u32(s.efgh, before.efgh)};
  }
  vst1q_u32(state, s.abcd);
  vst1q_u32(state + 4, s.efgh);
}
#endif

std::span<const Sha256Kernel> sha256_kernels() {
  [[maybe_unused]] static const CpuFeatures cpu = detect_cpu_features();
  static const Sha256Kernel kernels[] = {
#if defined(__x86_64__)
      {"sha-ni", sha256_x86, cpu.x86_sha},
#elif defined(__aarch64__)
      {"armv8", sha256_armv8, cpu.arm_sha2},
#endif
      {"plain", sha256_plain, true}};
  return kernels;
}

void Sha256Core::compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks) {
#if defined(__x86_64__)
  if (cpu_features().x86_sha) return sha256_x86(state, data, blocks);
#elif defined(__aarch64__)
  if (cpu_features().arm_sha2) return sha256_armv8(state, data, blocks);
#endif
  sha256_plain(state, data, blocks);
}

}  // namespace creel::hash_detail
