#include "filters/formats/byte_kernels.h"

#include "platform/cpu/dispatch.h"

namespace creel::filters {
namespace {

#if defined(__x86_64__)
bool has_avx2() {
  return cpu_features().x86_pclmul && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi");
}
#endif

const ByteKernels& choose() {
#if defined(__x86_64__)
  return has_avx2() ? kAvx2Kernels : kSse2Kernels;  // SSE2 is part of x86-64.
#elif defined(__aarch64__)
  return kNeonKernels;  // NEON is part of arm64.
#else
  return kPlainKernels;
#endif
}

}  // namespace

const ByteKernels& byte_kernels() {
  static const ByteKernels& chosen = choose();
  return chosen;
}

std::size_t all_byte_kernels(const ByteKernels** out, std::size_t room) {
  std::size_t count = 0;
  if (count < room) out[count++] = &kPlainKernels;
#if defined(__x86_64__)
  if (count < room) out[count++] = &kSse2Kernels;
  if (count < room && has_avx2()) out[count++] = &kAvx2Kernels;
#elif defined(__aarch64__)
  if (count < room) out[count++] = &kNeonKernels;
#endif
  return count;
}

}  // namespace creel::filters
