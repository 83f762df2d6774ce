// Executor, clock, offload, random and signals of the real loop.
#include <signal.h>

#include <algorithm>
#include <set>
#include <thread>
#include <vector>

#include "platform/async/event.h"
#include "tests/platform/uv/world_fixture.h"

namespace creel::test {
namespace {

using UvLoop = UvTest;

TEST_F(UvLoop, SleepsAtLeastAsLongAsAskedInOrderOfDueTime) {
  std::vector<int> order;
  run([&](Ctx& ctx) -> Task<void> {
    Scope scope(ctx);
    const Instant start = ctx.clock().now();
    const auto sleeper = [](Ctx& ctx, int ms, std::vector<int>& order) -> Task<void> {
      const Instant due = ctx.clock().now() + Duration{ms * 1'000'000LL};
      Result<Unit> slept = co_await sleep_until(ctx, due);
      EXPECT_TRUE(slept.ok());
      EXPECT_GE(ctx.clock().now(), due);
      order.push_back(ms);
    };
    for (const int ms : {9, 3, 6, 1}) scope.spawn(sleeper(scope.ctx(), ms, order));
    co_await scope.join();
    EXPECT_GE(ctx.clock().now() - start, 9_ms);
  });
  EXPECT_EQ(order, (std::vector<int>{1, 3, 6, 9}));
}

TEST_F(UvLoop, NowIsFrozenWithinOneTurn) {
  run([&](Ctx& ctx) -> Task<void> {
    co_await YieldNow(ctx);
    const Instant before = ctx.clock().now();
    const WallTime wall = ctx.clock().wall();
    while (ctx.clock().wall() == wall) {
    }
    EXPECT_EQ(before, ctx.clock().now());
  });
}

TEST_F(UvLoop, StopEndsASleepWithItsReason) {
  run([&](Ctx& ctx) -> Task<void> {
    Ctx child(ctx, ctx.clock().now() + 2_ms);
    Result<Unit> slept = co_await sleep_for(child, 3600_s);
    EXPECT_FALSE(slept.ok());
    EXPECT_EQ(slept.error().code, ErrorCode::kTimeout);
  });
}

// Timers armed and disarmed in random order fire once each, never early, in order.
struct CountingTimer final : Timer {
  Clock* clock = nullptr;
  std::vector<Instant>* fired = nullptr;
  int count = 0;
  void on_fire() override {
    ++count;
    EXPECT_GE(clock->now(), due);
    fired->push_back(due);
  }
};

TEST_F(UvLoop, ManyTimersFireOnceEachInOrder) {
  std::vector<Instant> fired;
  std::vector<std::unique_ptr<CountingTimer>> timers;
  std::size_t expected = 0;
  run([&](Ctx& ctx) -> Task<void> {
    std::uint32_t state = 12345;
    for (int i = 0; i < 500; ++i) {
      state = state * 1664525u + 1013904223u;
      auto timer = std::make_unique<CountingTimer>();
      timer->clock = &ctx.clock();
      timer->fired = &fired;
      ctx.clock().arm(*timer, ctx.clock().now() + Duration{state % 5'000'000});
      timers.push_back(std::move(timer));
    }
    for (std::size_t i = 0; i < timers.size(); i += 3) ctx.clock().disarm(*timers[i]);
    for (std::size_t i = 1; i < timers.size(); i += 3) timers[i].reset();
    expected = timers.size() / 3;
    CO_ASSERT((co_await sleep_for(ctx, 20_ms)).ok());
  });
  EXPECT_EQ(fired.size(), expected);
  EXPECT_TRUE(std::is_sorted(fired.begin(), fired.end()));
}

TEST_F(UvLoop, YieldingCoroutinesDoNotStarveTimers) {
  run([&](Ctx& ctx) -> Task<void> {
    bool stop = false;
    Scope scope(ctx);
    const auto spin = [](Ctx& ctx, bool& stop) -> Task<void> {
      while (!stop) co_await YieldNow(ctx);
    };
    for (int i = 0; i < 1000; ++i) scope.spawn(spin(scope.ctx(), stop));
    EXPECT_TRUE((co_await sleep_for(ctx, 5_ms)).ok());
    stop = true;
    co_await scope.join();
  });
}

TEST_F(UvLoop, OffloadRunsElsewhereAndComesBack) {
  const std::thread::id loop_thread = std::this_thread::get_id();
  run([&](Ctx& ctx) -> Task<void> {
    Scope scope(ctx);
    int done = 0;
    const auto job = [](Ctx& ctx, Offload& offload, std::thread::id loop, int& done) -> Task<void> {
      std::thread::id ran;
      auto work = [&] { ran = std::this_thread::get_id(); };
      co_await offload_call(ctx, offload, work);
      EXPECT_TRUE(ran != loop);
      EXPECT_TRUE(std::this_thread::get_id() == loop);
      ++done;
    };
    for (int i = 0; i < 500; ++i) scope.spawn(job(scope.ctx(), doors().offload, loop_thread, done));
    co_await scope.join();
    EXPECT_EQ(done, 500);
  });
}

TEST_F(UvLoop, AnOffloadedJobEndsEvenIfItsCallerWasStopped) {
  run([&](Ctx& ctx) -> Task<void> {
    Ctx child(ctx);
    child.request_stop();
    bool worked = false;
    auto work = [&] { worked = true; };
    co_await offload_call(child, doors().offload, work);
    EXPECT_TRUE(worked);
  });
}

TEST_F(UvLoop, RandomBytesDiffer) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(doors().random.u64());
  EXPECT_EQ(seen.size(), 1000u);
  Bytes large(70'000);
  doors().random.fill(large);
  EXPECT_NE(std::count(large.begin(), large.end(), 0), 70'000);
}

TEST_F(UvLoop, SignalsCallBackOnTheLoop) {
  int terms = 0;
  int hups = 0;
  world_->on_signal(SIGTERM, [&] { ++terms; });
  world_->on_signal(SIGHUP, [&] { ++hups; });
  ::raise(SIGTERM);
  world_->run_until([&] { return terms == 1; });
  ::raise(SIGHUP);
  world_->run_until([&] { return hups == 1; });
  EXPECT_EQ(terms, 1);
}

}  // namespace
}  // namespace creel::test
