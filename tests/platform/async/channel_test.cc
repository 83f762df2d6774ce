// Channels and semaphores: order, bounds, closing, stopping, and no lost wake-ups.
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "platform/async/event.h"
#include "tests/platform/async/tiny_loop.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

Task<void> produce(Ctx& ctx, Channel<int>& channel, int first, int count, int& pushed) {
  for (int i = 0; i < count; ++i) {
    Result<Unit> done = co_await channel.push(ctx, first + i);
    if (!done.ok()) co_return;
    ++pushed;
  }
}

Task<void> consume(Ctx& ctx, Channel<int>& channel, std::vector<int>& got, Duration pause) {
  while (true) {
    Result<std::optional<int>> item = co_await channel.pop(ctx);
    if (!item.ok() || !item.value()) co_return;
    got.push_back(*item.value());
    if (pause.ns > 0) (void)co_await sleep_for(ctx, pause);
  }
}

TEST(Channel, KeepsOrderAndItsBound) {
  LoopWorld world;
  Channel<int> channel(3);
  int pushed = 0;
  std::vector<int> got;
  world.scope.spawn(produce(world.scope.ctx(), channel, 0, 100, pushed));
  world.loop.run();
  EXPECT_EQ(pushed, 3);
  EXPECT_EQ(channel.size(), 3u);
  world.scope.spawn(consume(world.scope.ctx(), channel, got, 1_ms));
  world.loop.run();
  EXPECT_EQ(pushed, 100);
  ASSERT_EQ(got.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], i);
  channel.close();
  world.loop.run();
  EXPECT_EQ(world.scope.running(), 0u);
}

TEST(Channel, ManyProducersAndConsumersLoseNothing) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    LoopWorld world;
    Channel<int> channel(1 + random.below(4));
    int pushed = 0;
    std::vector<int> got;
    for (int i = 0; i < 5; ++i) {
      world.scope.spawn(produce(world.scope.ctx(), channel, i * 1'000, 50, pushed));
      const Duration pause{static_cast<std::int64_t>(random.below(3) * 500)};
      world.scope.spawn(consume(world.scope.ctx(), channel, got, pause));
    }
    world.loop.run();
    EXPECT_EQ(pushed, 250);
    EXPECT_EQ(got.size(), 250u);
    channel.close();
    world.loop.run();
    EXPECT_EQ(world.scope.running(), 0u);
  }
}

Task<void> push_result(Ctx& ctx, Channel<int>& channel, std::optional<ErrorCode>& out) {
  Result<Unit> done = co_await channel.push(ctx, 7);
  if (!done.ok()) out = done.error().code;
}

TEST(Channel, ClosingEndsAPushThatWaitsAndPopsDrainFirst) {
  LoopWorld world;
  Channel<int> channel(1);
  int pushed = 0;
  std::optional<ErrorCode> error;
  std::vector<int> got;
  world.scope.spawn(produce(world.scope.ctx(), channel, 1, 1, pushed));
  world.scope.spawn(push_result(world.scope.ctx(), channel, error));
  channel.close();
  world.loop.run();
  EXPECT_EQ(error, ErrorCode::kClosed);
  EXPECT_TRUE(world.run(consume(world.scope.ctx(), channel, got, {0})));
  EXPECT_EQ(got, std::vector{1});
}

TEST(Channel, StopEndsAPushThatWaitsWithoutTakingTheItem) {
  LoopWorld world;
  Channel<int> channel(1);
  int pushed = 0;
  std::optional<ErrorCode> error;
  world.scope.spawn(produce(world.scope.ctx(), channel, 1, 1, pushed));
  world.scope.spawn(push_result(world.scope.ctx(), channel, error));
  world.scope.request_stop();
  world.loop.run();
  EXPECT_EQ(error, ErrorCode::kStopped);
  EXPECT_EQ(channel.size(), 1u);
}

// A wake-up given to a waiter that stops in the same turn must not be lost for the next one.
TEST(Channel, AStoppedConsumerPassesItsWakeUpOn) {
  LoopWorld world;
  Channel<int> channel(4);
  std::vector<int> first;
  std::vector<int> second;
  int pushed = 0;
  Ctx impatient(world.scope.ctx());
  world.scope.spawn(consume(impatient, channel, first, {0}));
  world.scope.spawn(consume(world.scope.ctx(), channel, second, {0}));
  world.scope.spawn(produce(world.scope.ctx(), channel, 5, 1, pushed));  // Wakes the first.
  impatient.request_stop();
  world.loop.run();
  EXPECT_EQ(first, std::vector<int>());
  EXPECT_EQ(second, std::vector{5});
  channel.close();
  world.loop.run();
}

TEST(Channel, AStoppedProducerPassesItsWakeUpOn) {
  LoopWorld world;
  Channel<int> channel(1);
  int pushed = 0;
  int late = 0;
  std::vector<int> got;
  std::optional<ErrorCode> error;
  Ctx impatient(world.scope.ctx());
  world.scope.spawn(produce(world.scope.ctx(), channel, 1, 1, pushed));
  world.scope.spawn(push_result(impatient, channel, error));
  world.scope.spawn(produce(world.scope.ctx(), channel, 2, 1, late));
  Ctx once(world.scope.ctx());
  world.scope.spawn(consume(once, channel, got, 1_s));  // Takes one; wakes the impatient one.
  impatient.request_stop();
  world.loop.run_ready();
  EXPECT_EQ(late, 1);
  channel.close();
  world.loop.run();
}

Task<void> hold(Ctx& ctx, Semaphore& semaphore, std::uint64_t units, Duration how_long,
                std::uint64_t& held, std::uint64_t& most, std::vector<int>& order, int id) {
  Result<Semaphore::Permit> permit = co_await semaphore.acquire(ctx, units);
  if (!permit.ok()) co_return;
  order.push_back(id);
  held += units;
  if (held > most) most = held;
  (void)co_await sleep_for(ctx, how_long);
  held -= units;
}

TEST(Semaphore, ServesInOrderAndNeverGivesTooMuch) {
  for (Seed seed : seeds(30)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    LoopWorld world;
    Semaphore semaphore(10);
    std::uint64_t held = 0;
    std::uint64_t most = 0;
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) {
      const Duration how_long{static_cast<std::int64_t>(random.below(2'000))};
      world.scope.spawn(
          hold(world.scope.ctx(), semaphore, 1 + random.below(10), how_long, held, most, order, i));
    }
    world.loop.run();
    ASSERT_EQ(order.size(), 100u);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
    EXPECT_LE(most, 10u);
    EXPECT_EQ(semaphore.free_units(), 10u);
    EXPECT_EQ(world.scope.running(), 0u);
  }
}

TEST(Semaphore, AStoppedWaiterLetsTheNextOnePass) {
  LoopWorld world;
  Semaphore semaphore(4);
  std::uint64_t held = 0;
  std::uint64_t most = 0;
  std::vector<int> order;
  std::optional<Semaphore::Permit> mine = semaphore.try_acquire(2);
  ASSERT_TRUE(mine);
  Ctx impatient(world.scope.ctx());
  world.scope.spawn(
      hold(impatient, semaphore, 4, 1_ms, held, most, order, 1));  // Blocks the queue.
  world.scope.spawn(hold(world.scope.ctx(), semaphore, 2, 1_ms, held, most, order, 2));
  world.loop.run();
  EXPECT_EQ(order, std::vector<int>());
  EXPECT_FALSE(semaphore.try_acquire(1)) << "must not overtake";
  impatient.request_stop();
  world.loop.run();
  EXPECT_EQ(order, std::vector{2});
  mine->release();
  EXPECT_EQ(semaphore.free_units(), 4u);
}

TEST(Semaphore, APermitMovesAndGivesBackOnce) {
  Semaphore semaphore(3);
  std::optional<Semaphore::Permit> first = semaphore.try_acquire(2);
  ASSERT_TRUE(first);
  Semaphore::Permit second = std::move(*first);
  first.reset();
  EXPECT_EQ(semaphore.free_units(), 1u);
  second = Semaphore::Permit();
  EXPECT_EQ(semaphore.free_units(), 3u);
}

}  // namespace
}  // namespace creel::test
