#include "platform/cpu/dispatch.h"

#include <cstdlib>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace creel {

CpuFeatures detect_cpu_features() {
  CpuFeatures found;
#if defined(__x86_64__)
  const bool sse41 = __builtin_cpu_supports("sse4.1") != 0;
  found.x86_pclmul = __builtin_cpu_supports("sse4.2") != 0 && __builtin_cpu_supports("pclmul") != 0;
  // The builtin also asks whether the system saves the wide registers.
  found.x86_vpclmul = found.x86_pclmul && __builtin_cpu_supports("avx512f") != 0 &&
                      __builtin_cpu_supports("vpclmulqdq") != 0;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kShaBit = 1u << 29;  // CPUID leaf 7, EBX; gcc 12 has no name for it.
  found.x86_sha = sse41 && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kShaBit);
#elif defined(__aarch64__)
  const unsigned long caps = getauxval(AT_HWCAP);
  found.arm_pmull = (caps & HWCAP_PMULL) != 0;
  found.arm_crc = (caps & HWCAP_CRC32) != 0;
  found.arm_sha2 = (caps & HWCAP_SHA2) != 0;
#endif
  return found;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = [] {
    const char* wish = std::getenv("CREEL_CPU");
    if (wish != nullptr && std::string_view(wish) == "plain") return CpuFeatures{};
    return detect_cpu_features();
  }();
  return features;
}

}  // namespace creel
