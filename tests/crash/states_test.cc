// Goal: whatever a power cut leaves on the drive, the next start finds everything acknowledged,
// old or new and never mixed. Method: record every change that workloads make to the drive, build
// the images that a cut may leave at each moment, and open each with the real recovery
// (README.md). CREEL_CRASH_STATES=N checks N different images, CREEL_CRASH_STATE=NAME one again.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "tests/crash/campaign.h"

namespace creel::crash {
namespace {

CampaignOptions campaign_options() {
  CampaignOptions options;
  using test::seeds_detail::env_number;
  options.seed = env_number("CREEL_SEED", 1);
  options.processes = std::max(1u, std::thread::hardware_concurrency());
  return options;
}

void report(const CampaignResult& result) {
  std::printf(
      "   %llu states (%llu of them cut twice), %llu checks, %llu workloads, %llu recorded "
      "changes, %.1f s, %.0f checks/s\n",
      static_cast<unsigned long long>(result.states), static_cast<unsigned long long>(result.twice),
      static_cast<unsigned long long>(result.checks),
      static_cast<unsigned long long>(result.workloads),
      static_cast<unsigned long long>(result.ops), result.seconds,
      static_cast<double>(result.checks) / result.seconds);
  for (const Failure& failure : result.failures)
    ADD_FAILURE() << failure.what << "\n  replay with ./dev sim crash --replay " << failure.state;
}

TEST(CrashStates, AcknowledgedSurvivesEveryPowerCut) {
  CampaignOptions options = campaign_options();
  const std::uint64_t wanted = test::seeds_detail::env_number("CREEL_CRASH_STATES", 0);
  // All short sequences, and between them drawn long ones, without end if so many are wanted.
  const std::vector<std::string> brief = short_workloads(wanted == 0 ? 2 : 3);
  // Every third of them on a drive that is written over.
  std::vector<std::string> drawn = drawn_workloads(wanted == 0 ? 12 : 4'000, options.seed);
  const auto over = drawn_workloads(drawn.size() / 2, options.seed, "rec");
  for (std::size_t i = 0; i < over.size(); ++i)
    drawn.insert(drawn.begin() + static_cast<std::ptrdiff_t>(3 * i + 2), over[i]);
  const std::size_t each = std::max<std::size_t>(1, brief.size() / (wanted == 0 ? 16 : 100));
  for (std::size_t i = 0, next = 0; i < brief.size() || next < drawn.size(); ++i) {
    if (i < brief.size()) options.workloads.push_back(brief[i]);
    if (next < drawn.size() && (i % each == each - 1 || i >= brief.size()))
      options.workloads.push_back(drawn[next++]);
  }
  options.states_max = wanted == 0 ? 20'000 : wanted;
  const CampaignResult result = run_campaign(options);
  report(result);
  EXPECT_GE(result.states, options.states_max);
}

TEST(CrashStates, OneStateAgain) {
  const char* text = std::getenv("CREEL_CRASH_STATE");
  if (text == nullptr) GTEST_SKIP() << "CREEL_CRASH_STATE names one";
  const std::optional<StateName> name = StateName::parse(text);
  ASSERT_TRUE(name.has_value()) << text;
  const auto wrong = replay_state(*name, campaign_options());
  EXPECT_FALSE(wrong.has_value()) << *wrong;
}

}  // namespace
}  // namespace creel::crash
