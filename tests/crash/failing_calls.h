// One system call of a workload fails; then the power goes, and the real recovery opens what is
// left.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "tests/crash/shim.h"

namespace creel::crash {

struct FailingCall {
  Call call;
  int error;  // 0: short
  const char* name;
};
std::span<const FailingCall> all_failing_calls();

struct FailingCallsResult {
  std::uint64_t injected = 0;
  std::string wrong;  // Of the first that went wrong.
};

// Every `parts`-th n of each kind from `part` on, the n-th call of it failing once. In this
// process: the store may die of what is done to it.
FailingCallsResult run_failing_calls(const FailingCall& kind, std::uint64_t part,
                                     std::uint64_t parts);

}  // namespace creel::crash
