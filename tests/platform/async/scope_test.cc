#include "platform/async/scope.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/platform/async/tiny_loop.h"

namespace creel::test {
namespace {

Task<void> sleep_then_count(Ctx& ctx, Duration delay, int& done, int& stopped) {
  Result<Unit> slept = co_await sleep_for(ctx, delay);
  if (slept.ok()) ++done;
  else ++stopped;
}

Task<void> fan_out(Ctx& ctx, int children, int& done, int& stopped, bool stop_at_once) {
  Scope scope(ctx);
  for (int i = 0; i < children; ++i)
    scope.spawn(sleep_then_count(scope.ctx(), Duration{1'000 * (i + 1)}, done, stopped));
  if (stop_at_once) scope.request_stop();
  co_await scope.join();
  check(scope.running() == 0);
}

TEST(Scope, JoinWaitsForEveryChild) {
  LoopWorld world;
  int done = 0;
  int stopped = 0;
  EXPECT_TRUE(world.run(fan_out(world.scope.ctx(), 100, done, stopped, false)));
  EXPECT_EQ(done, 100);
  EXPECT_EQ(stopped, 0);
}

TEST(Scope, StoppingResumesEveryChildWhichThenEnds) {
  LoopWorld world;
  int done = 0;
  int stopped = 0;
  EXPECT_TRUE(world.run(fan_out(world.scope.ctx(), 100, done, stopped, true)));
  EXPECT_EQ(done, 0);
  EXPECT_EQ(stopped, 100);
  EXPECT_EQ(world.loop.timers(), 0u);
}

TEST(Scope, JoinOfAnEmptyScopeReturnsAtOnce) {
  LoopWorld world;
  int done = 0;
  int stopped = 0;
  EXPECT_TRUE(world.run(fan_out(world.scope.ctx(), 0, done, stopped, false)));
}

Task<void> nested(Ctx& ctx, int depth, int& done, int& stopped) {
  Scope scope(ctx);
  if (depth > 0) scope.spawn(nested(scope.ctx(), depth - 1, done, stopped));
  scope.spawn(sleep_then_count(scope.ctx(), 1_s, done, stopped));
  co_await scope.join();
}

TEST(Scope, AStopAtTheTopReachesEveryDepth) {
  LoopWorld world;
  int done = 0;
  int stopped = 0;
  world.scope.spawn(nested(world.scope.ctx(), 50, done, stopped));
  world.loop.run_ready();
  world.scope.request_stop();
  world.loop.run();
  EXPECT_EQ(world.scope.running(), 0u);
  EXPECT_EQ(stopped, 51);
  EXPECT_EQ(done, 0);
}

TEST(Scope, AbandonDestroysNestedOpenScopes) {
  int done = 0;
  int stopped = 0;
  LoopWorld world;
  for (int i = 0; i < 5; ++i) world.scope.spawn(nested(world.scope.ctx(), 50, done, stopped));
  world.loop.run_ready();
  EXPECT_EQ(world.loop.timers(), 5u * 51);
  world.scope.abandon();
  EXPECT_EQ(world.loop.timers(), 0u);
  EXPECT_EQ(done + stopped, 0);
}

struct Tracer {
  Tracer(std::vector<int>& order, int name) : out(order), id(name) {}
  ~Tracer() { out.push_back(id); }
  std::vector<int>& out;
  int id;
};

Task<void> trace(Ctx& ctx, std::vector<int>& order, int id) {
  Tracer tracer(order, id);
  Result<Unit> slept = co_await sleep_for(ctx, 1_s);
  check(slept.ok());
}

TEST(Scope, AbandonDestroysTheYoungestFirst) {
  std::vector<int> order;
  LoopWorld world;
  for (int i = 1; i <= 3; ++i) world.scope.spawn(trace(world.scope.ctx(), order, i));
  world.scope.abandon();
  EXPECT_EQ(order, (std::vector<int>{3, 2, 1}));
}

Task<void> never_joined(Ctx& ctx) {
  int done = 0;
  int stopped = 0;
  Scope scope(ctx);
  scope.spawn(sleep_then_count(scope.ctx(), 1_s, done, stopped));
  co_return;
}

TEST(ScopeDeathTest, LeavingAScopeUnjoinedAborts) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        LoopWorld world;
        (void)world.run(never_joined(world.scope.ctx()));
      },
      "check failed");
}

}  // namespace
}  // namespace creel::test
