// Goal: the store means what S3 means, through crashes. Method: random sequences of operations run
// in lockstep on a plain model in memory and on the real service over the real engine on a
// simulated machine; the power goes in the middle of operations, checkpoints and recoveries. What
// was acknowledged must be there; a write without an answer is old or new, and the model adopts
// which. A failing sequence is made small and printed with the line that runs it again.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "platform/base/text.h"
#include "tests/model/lockstep.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

constexpr std::size_t kStepsARun = 2'500;
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kOperations = 400'000;  // About a minute of one core; CI does a million.
#else
constexpr std::uint64_t kOperations = 50'000;
#endif
constexpr unsigned kLmdbShare = 10;  // One run in so many has its rows in LMDB,
constexpr unsigned kHttpShare = 10;  // one goes through the whole server,
constexpr unsigned kCoreShare = 20;  // one is on a core of six drives.

std::uint64_t environment_number(const char* name, std::uint64_t absent) {
  return seeds_detail::env_number(name, absent);
}

// A folder on tmpfs where there is one: what LMDB does is real, its flushes cost nothing.
std::string lmdb_folder() {
  std::string path = "/dev/shm/creel-model-XXXXXX";
  if (mkdtemp(path.data()) != nullptr) return path;
  path = testing::TempDir() + "creel-model-XXXXXX";
  check(mkdtemp(path.data()) != nullptr);
  return path;
}

std::string report(const Script& whole, const RunOptions& options, std::string failure) {
  const Script small = shrink(whole, options, failure);
  std::string text =
      cat("shrunk from ", whole.steps.size(), " steps to ", small.steps.size(), ":\n");
  for (const Step& step : small.steps) text += cat("  ", show(small, step), "\n");
  char seed[32];
  std::snprintf(seed, sizeof seed, "0x%016llx", static_cast<unsigned long long>(whole.seed));
  return cat(text, failure, "\nreplay with: ./dev sim model --seed ", seed,
             options.lmdb_dir.empty() ? "" : " --lmdb", whole.http ? " --http" : "",
             whole.core ? " --core" : "", " --keep ", kept_steps(small), "\n");
}

TEST(Model, RandomOperationsWithCrashesMeanTheSameToModelAndStore) {
  const std::uint64_t wanted = environment_number("CREEL_MODEL_OPS", kOperations);
  const std::uint64_t first = environment_number("CREEL_MODEL_SEED", 0x6d6f64656c);
  const std::string folder = lmdb_folder();
  RunStats stats;
  std::uint64_t runs = 0;
  const char* const kept = std::getenv("CREEL_MODEL_KEEP");
  if (kept != nullptr) {  // Exactly this one again.
    RunOptions options;
    if (environment_number("CREEL_MODEL_LMDB", 0) != 0) options.lmdb_dir = folder;
    Script script = make_script(first, kStepsARun, environment_number("CREEL_MODEL_HTTP", 0) != 0,
                                environment_number("CREEL_MODEL_CORE", 0) != 0);
    ASSERT_TRUE(keep_only(script, kept)) << kept;
    for (const Step& step : script.steps) std::printf("  %s\n", show(script, step).c_str());
    const std::string failure = run_script(script, options, stats);
    ASSERT_EQ(failure, "");
    return;
  }
  for (; stats.requests < wanted; ++runs) {
    const std::uint64_t seed = runs == 0 ? first : mix64(first + runs);
    RunOptions options;
    if (runs % kLmdbShare == kLmdbShare - 1) options.lmdb_dir = folder;
    const Script script = make_script(seed, kStepsARun, runs % kHttpShare == kHttpShare - 2,
                                      runs % kCoreShare == kCoreShare - 3);
    const std::string failure = run_script(script, options, stats);
    ASSERT_TRUE(failure.empty()) << report(script, options, failure);
  }
  std::printf("model: %llu runs: %s\n", static_cast<unsigned long long>(runs),
              stats.text().c_str());
  EXPECT_GT(stats.power_cuts, 0u);
}

// --- the tests of this test: planted bugs must be found, and made small ---

bool find_bug(Tamper tamper, std::size_t steps_max, Verb last, bool http = false) {
  RunOptions options;
  options.tamper = tamper;
  for (std::uint64_t seed = 1; seed < 30; ++seed) {
    const Script script = make_script(seed, 400, http);
    RunStats stats;
    std::string failure = run_script(script, options, stats);
    if (failure.empty()) continue;
    const Script small = shrink(script, options, failure);
    EXPECT_LE(small.steps.size(), steps_max) << report(script, options, failure);
    EXPECT_FALSE(small.steps.empty());
    if (!small.steps.empty()) {
      EXPECT_EQ(small.steps.back().verb, last) << show(small, small.steps.back());
      Script again = make_script(seed, 400, http);
      EXPECT_TRUE(keep_only(again, kept_steps(small)));
      EXPECT_FALSE(run_script(again, options, stats).empty()) << "the replay line does not replay";
    }
    return true;
  }
  return false;
}

TEST(ModelTeeth, AListingThatLosesALongKeyIsFoundAndShrunk) {
  EXPECT_TRUE(find_bug(
      [](const S3Request& request, Outcome& outcome) {
        if (request.verb == Verb::kList)
          std::erase_if(outcome.reply.entries, [](const Entry& e) { return e.name.size() > 500; });
      },
      6, Verb::kList));
}

TEST(ModelTeeth, AnUploadWithoutItsHeadersIsFoundThroughTheServerToo) {
  EXPECT_TRUE(find_bug(
      [](const S3Request& request, Outcome& outcome) {
        if (request.verb == Verb::kGet && outcome.reply.etag.ends_with("-1"))
          outcome.reply.headers.erase("x-amz-meta-a");
      },
      8, Verb::kGet, true));
}

TEST(ModelTeeth, ARangeThatIsOneByteShortIsFoundAndShrunk) {
  EXPECT_TRUE(find_bug(
      [](const S3Request& request, Outcome& outcome) {
        if (request.verb == Verb::kGet && request.range == "bytes=1-" && outcome.reply.size > 9)
          outcome.reply.body.pop_back();
      },
      6, Verb::kGet));
}

TEST(ModelTeeth, AConditionThatIsNotHeldIsFoundAndShrunk) {
  EXPECT_TRUE(find_bug(
      [](const S3Request& request, Outcome& outcome) {
        if (request.verb == Verb::kPut && request.if_none_match == "*") outcome.reply.code.clear();
      },
      6, Verb::kPut));
}

// A drive that says "flushed" and lies loses what was acknowledged: no run may miss that for long.
TEST(ModelTeeth, ADriveThatLiesAboutFlushesIsFound) {
  RunOptions options;
  options.lying_sync = 0.3;
  std::size_t found = 0;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    RunStats stats;
    found += run_script(make_script(seed, 1'500), options, stats).empty() ? 0 : 1;
  }
  EXPECT_GE(found, 5u);
}

TEST(ModelTeeth, TheSameScriptIsTheSameRun) {
  const Script script = make_script(99, 1'000);
  RunStats stats[2];
  for (RunStats& one : stats) EXPECT_EQ(run_script(script, {}, one), "");
  EXPECT_EQ(stats[0].text(), stats[1].text());
}

}  // namespace
}  // namespace creel::test
