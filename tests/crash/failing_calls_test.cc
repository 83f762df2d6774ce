// Goal: a system call that fails loses nothing that was acknowledged, stops the store where it
// must, is said, and a flush that failed is never tried again. Method: a workload of 40 operations
// with LMDB below it, its n-th call of each kind failing once, for every n; then the power goes,
// with and without what was not flushed, and the real recovery opens what is left.
#include "tests/crash/failing_calls.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <vector>

namespace creel::crash {
namespace {

struct Outcome {
  std::uint64_t injected = 0;
  char wrong[1000] = {};
};

TEST(FailingCalls, NothingAcknowledgedIsLostAtAnyCall) {
  const std::span<const FailingCall> kinds = all_failing_calls();
  const unsigned parts = std::max(1u, std::thread::hardware_concurrency());
  std::uint64_t injected = 0;
  std::vector<std::pair<pid_t, int>> children;
  std::fflush(nullptr);
  for (unsigned part = 0; part < parts; ++part) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (const FailingCall& kind : kinds) {
        const FailingCallsResult result = run_failing_calls(kind, part, parts);
        Outcome outcome{result.injected, {}};
        std::snprintf(outcome.wrong, sizeof outcome.wrong, "%s", result.wrong.c_str());
        if (write(ends[1], &outcome, sizeof outcome) != sizeof outcome) _exit(1);
      }
      _exit(0);
    }
    close(ends[1]);
    children.emplace_back(child, ends[0]);
  }
  for (const auto& [child, end] : children) {
    std::size_t done = 0;
    for (Outcome outcome; read(end, &outcome, sizeof outcome) == sizeof outcome; ++done) {
      injected += outcome.injected;
      EXPECT_STREQ(outcome.wrong, "");
    }
    close(end);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const FailingCall& last = kinds[std::min(done, kinds.size() - 1)];
    EXPECT_EQ(done, kinds.size()) << "died of signal "
                                  << (WIFSIGNALED(status) ? WTERMSIG(status) : 0)
                                  << " at a failing " << call_name(last.call) << " with "
                                  << last.name;
  }
  std::printf("   %llu calls failed, one a run of 40 operations\n",
              static_cast<unsigned long long>(injected));
  EXPECT_GT(injected, 500u);
}

}  // namespace
}  // namespace creel::crash
