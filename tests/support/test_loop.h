// One loop under virtual time for tests of a single room: runs what is ready in order, and when
// nothing is, jumps to the next timer. Whole fleets with faults are platform/sim's business.
#pragma once
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/scope.h"
#include "platform/async/task.h"
#include "platform/clock.h"

namespace creel::test {

class TestLoop final : public Executor, public Clock {
 public:
  void post(Ready& ready) override {
    if (!ready.linked()) ready_.push_back(ready);
  }
  Instant now() const override { return now_; }
  WallTime wall() const override {
    return {1'767'323'045'000'000'000 + now_.ns};
  }  // 2026-01-02T03:04:05Z
  void arm(Timer& timer, Instant when) override {
    timer.due = when;
    timer.armed_by = this;
    timers_.push_back(&timer);
  }
  void disarm(Timer& timer) override {
    if (timer.armed_by != this) return;
    timer.armed_by = nullptr;
    std::erase(timers_, &timer);
  }

  // One step; false if nothing will ever happen again.
  bool step() {
    if (!ready_.empty()) {
      ready_.pop_front().handle.resume();
      return true;
    }
    if (timers_.empty()) return false;
    const auto first = std::min_element(timers_.begin(), timers_.end(),
                                        [](Timer* a, Timer* b) { return a->due < b->due; });
    Timer& timer = **first;
    now_ = std::max(now_, timer.due);
    disarm(timer);
    timer.on_fire();
    return true;
  }
  // Runs what can run without time passing.
  void settle() {
    while (!ready_.empty()) ready_.pop_front().handle.resume();
  }
  // Runs a task to its end and returns its result; nullopt if it waits for something that never
  // comes.
  template <class T>
  std::optional<T> run(Task<T> task) {
    std::optional<T> result;
    Ctx ctx(*this, *this);
    Scope scope(ctx);
    scope.spawn(store(result, std::move(task)));
    while (!result && step()) {
    }
    check(result.has_value());  // Else the task is stuck: a bug of the code under test.
    return result;
  }

 private:
  template <class T>
  static Task<void> store(std::optional<T>& into, Task<T> task) {
    T value = co_await task;
    into.emplace(std::move(value));
  }

  Instant now_{1'000'000'000};
  List<Ready> ready_;
  std::vector<Timer*> timers_;
};

}  // namespace creel::test
