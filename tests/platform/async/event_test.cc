#include "platform/async/event.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "tests/platform/async/tiny_loop.h"

namespace creel::test {
namespace {

struct Outcome {
  int ok = 0;
  std::vector<ErrorCode> errors;
  void add(const Result<Unit>& result) {
    if (result.ok()) ++ok;
    else errors.push_back(result.error().code);
  }
};

Task<void> wait_once(Ctx& ctx, Event& event, Outcome& outcome) {
  Result<Unit> woken = co_await event.wait(ctx);
  outcome.add(woken);
}

TEST(Event, NotifyOneWakesTheFirstWaiterOnly) {
  LoopWorld world;
  Event event;
  Outcome first;
  Outcome second;
  world.scope.spawn(wait_once(world.scope.ctx(), event, first));
  world.scope.spawn(wait_once(world.scope.ctx(), event, second));
  event.notify_one();
  EXPECT_EQ(first.ok, 0);  // Never resumed from inside the call.
  world.loop.run();
  EXPECT_EQ(first.ok, 1);
  EXPECT_EQ(second.ok, 0);
  event.notify_all();
  event.notify_all();
  world.loop.run();
  EXPECT_EQ(second.ok, 1);
  EXPECT_EQ(world.scope.running(), 0u);
}

TEST(Event, StopWakesAWaiterWithStopped) {
  LoopWorld world;
  Event event;
  Outcome outcome;
  world.scope.spawn(wait_once(world.scope.ctx(), event, outcome));
  world.scope.request_stop();
  EXPECT_FALSE(event.has_waiters());
  world.loop.run();
  EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kStopped});
}

TEST(Event, WaitingUnderAStoppedCtxReturnsAtOnce) {
  LoopWorld world;
  Event event;
  Outcome outcome;
  world.scope.request_stop();
  EXPECT_TRUE(world.run(wait_once(world.scope.ctx(), event, outcome)));
  EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kStopped});
}

TEST(Event, NotifyAndStopInOneTurnResumeOnceAndTellTheStop) {
  for (bool stop_first : {false, true}) {
    LoopWorld world;
    Event event;
    Outcome outcome;
    world.scope.spawn(wait_once(world.scope.ctx(), event, outcome));
    if (stop_first) world.scope.request_stop();
    event.notify_one();
    if (!stop_first) world.scope.request_stop();
    world.loop.run();
    EXPECT_EQ(outcome.ok, 0);
    EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kStopped});
    EXPECT_EQ(world.scope.running(), 0u);
  }
}

Task<void> wait_with_deadline(Ctx& parent, Instant deadline, Event& event, Outcome& outcome) {
  Ctx ctx(parent, deadline);
  Result<Unit> woken = co_await event.wait(ctx);
  outcome.add(woken);
}

TEST(Ctx, ADeadlineEndsAWaitWithTimeout) {
  LoopWorld world;
  Event event;
  Outcome outcome;
  const Instant deadline = world.loop.now() + 5_s;
  EXPECT_TRUE(world.run(wait_with_deadline(world.scope.ctx(), deadline, event, outcome)));
  EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kTimeout});
  EXPECT_EQ(world.loop.now(), deadline);
}

TEST(Ctx, ADeadlineReachesTheChildrenWithItsReason) {
  LoopWorld world;
  Event event;
  Outcome outcome;
  Ctx parent(world.scope.ctx(), world.loop.now() + 1_s);
  Scope scope(parent);
  scope.spawn(wait_with_deadline(scope.ctx(), Instant::never(), event, outcome));
  world.loop.run();
  EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kTimeout});
}

TEST(Ctx, ANewDeadlineReplacesTheOldOneAndCanBeCleared) {
  LoopWorld world;
  Ctx ctx(world.scope.ctx(), world.loop.now() + 1_s);
  const Instant late = world.loop.now() + 9_s;
  ctx.set_deadline(late);
  EXPECT_EQ(world.loop.timers(), 1u);
  world.loop.run();
  EXPECT_TRUE(ctx.stopped());
  EXPECT_EQ(world.loop.now(), late);
  Ctx other(world.scope.ctx(), world.loop.now() + 1_s);
  other.clear_deadline();
  world.loop.run();
  EXPECT_FALSE(other.stopped());
}

TEST(Ctx, TheFirstReasonToStopStands) {
  LoopWorld world;
  Ctx ctx(world.scope.ctx());
  ctx.request_stop(ErrorCode::kTimeout);
  ctx.request_stop(ErrorCode::kStopped);
  EXPECT_EQ(ctx.stop_error().code, ErrorCode::kTimeout);
}

TEST(Ctx, AChildOfAStoppedParentIsBornStopped) {
  LoopWorld world;
  world.scope.request_stop();
  Ctx child(world.scope.ctx(), world.loop.now() + 1_s);
  EXPECT_TRUE(child.stopped());
  EXPECT_EQ(world.loop.timers(), 0u);
}

TEST(Ctx, StoppingAChildLeavesTheParentAlone) {
  LoopWorld world;
  Ctx child(world.scope.ctx());
  child.request_stop();
  EXPECT_FALSE(world.scope.ctx().stopped());
}

Task<void> sleep_once(Ctx& ctx, Instant when, Outcome& outcome) {
  Result<Unit> slept = co_await sleep_until(ctx, when);
  outcome.add(slept);
}

TEST(Sleep, EndsAtItsTimeAndEarlyWhenStopped) {
  LoopWorld world;
  Outcome outcome;
  const Instant when = world.loop.now() + 3_s;
  EXPECT_TRUE(world.run(sleep_once(world.scope.ctx(), when, outcome)));
  EXPECT_EQ(world.loop.now(), when);
  EXPECT_EQ(outcome.ok, 1);
  world.scope.spawn(sleep_once(world.scope.ctx(), when + 3_s, outcome));
  world.scope.request_stop();
  world.loop.run();
  EXPECT_EQ(outcome.errors, std::vector{ErrorCode::kStopped});
  EXPECT_EQ(world.loop.now(), when);
}

TEST(Sleep, InThePastEndsSoon) {
  LoopWorld world;
  Outcome outcome;
  EXPECT_TRUE(world.run(sleep_once(world.scope.ctx(), {0}, outcome)));
  EXPECT_EQ(outcome.ok, 1);
}

}  // namespace
}  // namespace creel::test
