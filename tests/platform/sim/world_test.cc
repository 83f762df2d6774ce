// The world itself: time, order, nodes, crashes.
#include "platform/sim/world.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/seeds.h"

namespace creel::test {
namespace {

Task<void> note_after(Ctx& ctx, Duration delay, std::vector<int>& order, int id) {
  Result<Unit> slept = co_await sleep_for(ctx, delay);
  if (slept.ok()) order.push_back(id);
}

Task<void> yield_then_note(Ctx& ctx, std::vector<int>& order, int id) {
  YieldNow yield(ctx);
  co_await yield;
  order.push_back(id);
}

TEST(SimWorld, TimeJumpsToTheNextTimer) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  std::vector<int> order;
  node.spawn(note_after(node.ctx(), 86'400_s, order, 2));
  node.spawn(note_after(node.ctx(), 3'600_s, order, 1));
  const Instant start = node.clock().now();
  world.run_for(86'400_s * 2);
  EXPECT_EQ(order, (std::vector{1, 2}));
  EXPECT_LT(world.steps(), 10u);
  EXPECT_EQ((node.clock().now() - start).ns, (86'400_s * 2).ns);
}

TEST(SimWorld, RunUntilStopsAtTheConditionAndAtTheLimit) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  std::vector<int> order;
  node.spawn(note_after(node.ctx(), 5_s, order, 1));
  EXPECT_FALSE(world.run_until([&] { return !order.empty(); }, 4_s));
  EXPECT_EQ(world.now(), Instant{} + 4_s);
  EXPECT_TRUE(world.run_until([&] { return !order.empty(); }, 4_s));
  EXPECT_EQ(world.now(), Instant{} + 5_s);
}

TEST(SimWorld, SeedsDrawDifferentOrdersAndEachIsFair) {
  std::set<std::vector<int>> orders;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimWorld world(seed);
    SimNode& node = world.add_node("a");
    std::vector<int> order;
    for (int i = 0; i < 3; ++i) node.spawn(yield_then_note(node.ctx(), order, i));
    world.run_for(1_s);
    ASSERT_EQ(order.size(), 3u);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 6u);
}

TEST(SimWorld, FinishGivesTheResultOrNothing) {
  struct Calls {
    static Task<Result<int>> answer(Ctx& ctx, Duration delay) {
      CO_DO(co_await sleep_for(ctx, delay));
      co_return 42;
    }
  };
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  std::optional<Result<int>> soon = world.finish(node, Calls::answer(node.ctx(), 1_s), 2_s);
  ASSERT_TRUE(soon && soon->ok());
  EXPECT_EQ(soon->value(), 42);
  EXPECT_FALSE(world.finish(node, Calls::answer(node.ctx(), 9_s), 2_s));
  world.at(1_s, [&] { node.crash(); });
  EXPECT_FALSE(world.finish(node, Calls::answer(node.ctx(), 9_s), 20_s));
}

TEST(SimClock, SkewAndOffsetsAreANodesOwn) {
  SimWorld world(7);
  SimNodeOptions fast;
  fast.skew_ppm = 1'000;
  fast.wall_offset = 5_s;
  SimNode& right = world.add_node("right");
  SimNode& wrong = world.add_node("wrong", fast);
  const Instant right_start = right.clock().now();
  const Instant wrong_start = wrong.clock().now();
  EXPECT_EQ(wrong.clock().wall().ns - right.clock().wall().ns, (5_s).ns);
  world.run_for(1'000_s);
  EXPECT_EQ((right.clock().now() - right_start).ns, (1'000_s).ns);
  EXPECT_EQ((wrong.clock().now() - wrong_start).ns, (1'001_s).ns);
  EXPECT_EQ(wrong.clock().wall().ns - right.clock().wall().ns, (6_s).ns);
}

TEST(SimClock, TimersOfASkewedClockNeverFireEarly) {
  for (std::int64_t ppm : {-200'000, -3, 3, 200'000}) {
    SimWorld world(3);
    SimNodeOptions options;
    options.skew_ppm = ppm;
    SimNode& node = world.add_node("a", options);
    std::vector<int> order;
    const Instant due = node.clock().now() + 10_s;
    node.spawn(note_after(node.ctx(), 10_s, order, 1));
    ASSERT_TRUE(world.run_until([&] { return !order.empty(); }, 100_s));
    EXPECT_GE(node.clock().now(), due);
    EXPECT_LT((node.clock().now() - due).ns, 1'000);
  }
}

Task<void> deep_sleep(Ctx& ctx, int depth, int& alive) {
  struct Count {
    explicit Count(int& n) : count(n) { ++count; }
    ~Count() { --count; }
    int& count;
  };
  Count count(alive);
  Scope scope(ctx);
  if (depth > 0) {
    scope.spawn(deep_sleep(scope.ctx(), depth - 1, alive));
    co_await deep_sleep(ctx, depth / 4 - 1, alive);
  } else {
    (void)co_await sleep_for(ctx, 1'000_s);
  }
  co_await scope.join();
}

TEST(SimNode, ACrashDestroysDeepNestsAndOpenScopes) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  int alive = 0;
  for (int i = 0; i < 3; ++i) node.spawn(deep_sleep(node.ctx(), 40, alive));
  world.run_for(1_s);
  EXPECT_GT(alive, 100);
  node.crash();
  EXPECT_EQ(alive, 0);
  EXPECT_FALSE(node.alive());
  world.run_for(2'000_s);
  node.restart();
  std::vector<int> order;
  node.spawn(note_after(node.ctx(), 1_s, order, 1));
  world.run_for(2_s);
  EXPECT_EQ(order, std::vector{1});
}

Task<void> crash_me(SimNode& node, bool& after) {
  node.crash();
  YieldNow yield(node.ctx());
  co_await yield;
  (void)co_await sleep_for(node.ctx(), 1_s);
  after = true;
}

TEST(SimNode, ATaskMayCrashItsOwnNode) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  bool after = false;
  node.spawn(crash_me(node, after));
  world.run_for(10_s);
  EXPECT_FALSE(node.alive());
  EXPECT_FALSE(after);
}

// What a service looks like: background work in a scope of its own, which a test holds by value.
struct Service {
  explicit Service(Ctx& ctx) : scope(ctx) { scope.spawn(beat()); }
  Task<void> beat() {
    while (!scope.ctx().stopped()) {
      Result<Unit> slept = co_await sleep_for(scope.ctx(), 1_s);
      if (slept.ok()) ++beats;
    }
  }
  int beats = 0;
  Scope scope;
};

TEST(SimNode, WhatATestHoldsSleepsAfterACrashAndDiesSafely) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  auto service = std::make_unique<Service>(node.ctx());
  world.run_for(5'500_ms);
  EXPECT_EQ(service->beats, 5);
  node.crash();
  node.restart();
  world.run_for(10_s);
  EXPECT_EQ(service->beats, 5);
  service.reset();
}

TEST(SimNode, ShutdownAsksAndWaits) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  std::vector<int> order;
  node.spawn(note_after(node.ctx(), 1'000_s, order, 1));
  EXPECT_TRUE(node.shutdown());
  EXPECT_FALSE(node.alive());
  EXPECT_EQ(order, std::vector<int>());
  EXPECT_LT(world.now().ns, (1_s).ns);
}

TEST(SimNode, EachProcessHasItsOwnLuck) {
  SimWorld world(1);
  SimNode& a = world.add_node("a");
  SimNode& b = world.add_node("b");
  const std::uint64_t first = a.platform().random.u64();
  EXPECT_NE(first, b.platform().random.u64());
  a.crash();
  a.restart();
  EXPECT_NE(first, a.platform().random.u64());
  SimWorld again(1);
  again.add_node("z");  // Another node shifts nobody's luck.
  EXPECT_EQ(first, again.add_node("a").platform().random.u64());
}

Task<void> offload_some(Ctx& ctx, Offload& offload, std::vector<int>& order) {
  for (int i = 0; i < 3; ++i) {
    auto work = [&order, i] { order.push_back(i); };
    co_await offload_call(ctx, offload, work);
  }
}

TEST(SimOffload, RunsJobsAfterAVirtualCostEvenWhenStopped) {
  SimWorld world(1);
  SimNode& node = world.add_node("a");
  std::vector<int> order;
  node.spawn(offload_some(node.ctx(), node.platform().offload, order));
  EXPECT_EQ(order, std::vector<int>());
  node.scope().request_stop();
  world.run_for(1_s);
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

Task<void> spin(Ctx& ctx) {
  while (true) {
    YieldNow yield(ctx);
    co_await yield;
  }
}

TEST(SimWorldDeathTest, ALivelockAbortsAndTellsTheSeed) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        SimWorld world(0x1234);
        world.set_steps_max(1'000);
        SimNode& node = world.add_node("a");
        node.spawn(spin(node.ctx()));
        world.run_for(1_s);
      },
      "livelock.*seed 0x0000000000001234");
}

}  // namespace
}  // namespace creel::test
