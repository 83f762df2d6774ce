// Goal: the coroutine machinery survives what kills compilers: long runs of awaits without stack
// growth, deep chains, awaits inside every kind of statement, and frames destroyed where they
// stand. Method: counts and sums. Run it at -O0, -O2, under ASan+UBSan and TSan with every new
// compiler.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/platform/async/tiny_loop.h"

namespace creel::test {
namespace {

constexpr int kAwaits = 100'000;
constexpr int kDepth = 1'000;

Task<int> inline_value(int value) { co_return value; }

Task<int> suspended_value(Ctx& ctx, int value) {
  YieldNow yield(ctx);
  co_await yield;
  co_return value;
}

Task<void> sum_inline(long long& sum) {
  for (int i = 0; i < kAwaits; ++i) sum += co_await inline_value(i);
}

Task<void> sum_suspended(Ctx& ctx, long long& sum) {
  for (int i = 0; i < kAwaits; ++i) sum += co_await suspended_value(ctx, i);
}

constexpr long long kSum = static_cast<long long>(kAwaits) * (kAwaits - 1) / 2;

TEST(CoroutineCanary, HundredThousandInlineAwaitsDoNotGrowTheStack) {
  LoopWorld world;
  long long sum = 0;
  EXPECT_TRUE(world.run(sum_inline(sum)));
  EXPECT_EQ(sum, kSum);
}

TEST(CoroutineCanary, HundredThousandSuspendedAwaitsDoNotGrowTheStack) {
  LoopWorld world;
  long long sum = 0;
  EXPECT_TRUE(world.run(sum_suspended(world.scope.ctx(), sum)));
  EXPECT_EQ(sum, kSum);
}

Task<int> deep(Ctx& ctx, int depth, bool suspend) {
  if (depth == 0) {
    if (suspend) co_return co_await suspended_value(ctx, 1);
    co_return 1;
  }
  const int below = co_await deep(ctx, depth - 1, suspend);
  co_return below + 1;
}

Task<void> run_deep(Ctx& ctx, bool suspend, int& out) { out = co_await deep(ctx, kDepth, suspend); }

TEST(CoroutineCanary, AThousandDeepChainReturnsInlineAndAfterSuspending) {
  for (bool suspend : {false, true}) {
    LoopWorld world;
    int out = 0;
    EXPECT_TRUE(world.run(run_deep(world.scope.ctx(), suspend, out)));
    EXPECT_EQ(out, kDepth + 1);
  }
}

Task<bool> truth(Ctx& ctx, bool value, bool suspend) {
  if (suspend) {
    YieldNow yield(ctx);
    co_await yield;
  }
  co_return value;
}

Task<std::string> text(Ctx& ctx, std::string value) {
  YieldNow yield(ctx);
  co_await yield;
  co_return value;
}

Task<void> statements(Ctx& ctx, bool suspend, std::vector<std::string>& seen) {
  if (co_await truth(ctx, true, suspend)) seen.push_back("if");
  if (co_await truth(ctx, false, suspend)) seen.push_back("wrong");
  if (co_await truth(ctx, true, suspend) && co_await truth(ctx, true, suspend))
    seen.push_back("and");
  if (co_await truth(ctx, false, suspend) || co_await truth(ctx, true, suspend))
    seen.push_back("or");
  const int chosen =
      co_await truth(ctx, true, suspend) ? co_await inline_value(3) : co_await inline_value(4);
  switch (co_await inline_value(chosen)) {
    case 3: seen.push_back(co_await text(ctx, "switch")); break;
    default: seen.push_back("wrong");
  }
  int turns = 0;
  while (co_await truth(ctx, turns < 3, suspend)) ++turns;
  do ++turns;
  while (co_await truth(ctx, turns < 6, suspend));
  seen.push_back(std::to_string(turns));
  const std::vector<std::string> words{"a", "b"};
  for (const std::string& word : words) seen.push_back(co_await text(ctx, word + word));
  for (int i = co_await inline_value(0); i < co_await inline_value(2);
       i += co_await inline_value(1))
    seen.push_back(std::to_string(i));
}

TEST(CoroutineCanary, AwaitsWorkInsideEveryKindOfStatement) {
  for (bool suspend : {false, true}) {
    LoopWorld world;
    std::vector<std::string> seen;
    EXPECT_TRUE(world.run(statements(world.scope.ctx(), suspend, seen)));
    const std::vector<std::string> expected{"if", "and", "or", "switch", "6", "aa", "bb", "0", "1"};
    EXPECT_EQ(seen, expected);
  }
}

// Counts how often it lives and dies: a double free or a leak of a frame shows here on any build.
struct Counted {
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(Counted&& from) noexcept : alive(from.alive) { ++*alive; }
  Counted(const Counted&) = delete;
  ~Counted() { --*alive; }
  int* alive;
};

Task<Result<Counted>> make_counted(Ctx& ctx, int& count, bool good) {
  YieldNow yield(ctx);
  co_await yield;
  if (!good)
    co_return fail(ErrorCode::kInvalid, "a detail long enough to live on the heap, surely");
  Counted made(count);
  co_return std::move(made);
}

Task<Result<Unit>> use_counted(Ctx& ctx, int& count, bool good, Counted parameter) {
  CO_TRY(first, co_await make_counted(ctx, count, true));
  CO_TRY(second, co_await make_counted(ctx, count, good));
  check(first.alive == second.alive && parameter.alive == first.alive);
  co_return Unit{};
}

Task<void> count_all(Ctx& ctx, int& count, int& failures) {
  for (int i = 0; i < 1'000; ++i) {
    Counted parameter(count);
    Result<Unit> done = co_await use_counted(ctx, count, i % 2 == 0, std::move(parameter));
    if (!done.ok()) ++failures;
  }
}

TEST(CoroutineCanary, ValuesAndParametersAreDestroyedExactlyOnce) {
  LoopWorld world;
  int count = 0;
  int failures = 0;
  EXPECT_TRUE(world.run(count_all(world.scope.ctx(), count, failures)));
  EXPECT_EQ(count, 0);
  EXPECT_EQ(failures, 500);
}

TEST(CoroutineCanary, ATaskNeverAwaitedRunsNothingAndFreesItsParameters) {
  LoopWorld world;
  int count = 0;
  {
    Counted parameter(count);
    Task<Result<Unit>> idle = use_counted(world.scope.ctx(), count, true, std::move(parameter));
    EXPECT_EQ(count, 2);
  }
  EXPECT_EQ(count, 0);
}

Task<int> count_then_wait(Ctx& ctx, Event& event, int& count, int depth) {
  Counted held(count);
  if (depth > 0) {
    const int below = co_await count_then_wait(ctx, event, count, depth - 1);
    co_return below + 1;
  }
  Result<Unit> woken = co_await event.wait(ctx);
  co_return woken.ok() ? 1 : 0;
}

Task<void> ignore(Task<int> task) { co_await task; }

TEST(CoroutineCanary, AbandonDestroysDeepSuspendedChains) {
  int count = 0;
  Event event;
  {
    LoopWorld world;
    for (int i = 0; i < 10; ++i)
      world.scope.spawn(ignore(count_then_wait(world.scope.ctx(), event, count, kDepth)));
    world.loop.run();
    EXPECT_EQ(count, 10 * (kDepth + 1));
    EXPECT_TRUE(event.has_waiters());
    world.scope.abandon();
    EXPECT_EQ(count, 0);
    EXPECT_FALSE(event.has_waiters());
  }
  event.notify_all();
}

}  // namespace
}  // namespace creel::test
