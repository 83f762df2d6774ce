#include "platform/cpu/dispatch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

namespace creel {
namespace {

bool same(const CpuFeatures& a, const CpuFeatures& b) {
  return a.x86_pclmul == b.x86_pclmul && a.x86_vpclmul == b.x86_vpclmul && a.x86_sha == b.x86_sha &&
         a.arm_pmull == b.arm_pmull && a.arm_crc == b.arm_crc && a.arm_sha2 == b.arm_sha2;
}

TEST(Dispatch, PlainIsObeyedAndElseTheHardwareIsUsed) {
  const char* wish = std::getenv("CREEL_CPU");
  const bool plain = wish != nullptr && std::string_view(wish) == "plain";
  EXPECT_TRUE(same(cpu_features(), plain ? CpuFeatures{} : detect_cpu_features()));
}

TEST(Dispatch, IsDecidedOnce) { EXPECT_EQ(&cpu_features(), &cpu_features()); }

}  // namespace
}  // namespace creel
