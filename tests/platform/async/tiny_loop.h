// The smallest loop that can run coroutines: a queue, timers, and a time that jumps.
#pragma once
#include <map>
#include <utility>

#include "platform/async/ctx.h"
#include "platform/async/executor.h"
#include "platform/async/scope.h"

namespace creel::test {

class TinyLoop final : public Executor, public Clock {
 public:
  ~TinyLoop() {
    for (auto& entry : timers_) entry.second->armed_by = nullptr;
  }
  void post(Ready& ready) override {
    if (!ready.linked()) ready_.push_back(ready);
  }
  Instant now() const override { return now_; }
  WallTime wall() const override { return {now_.ns}; }
  void arm(Timer& timer, Instant when) override {
    check(timer.armed_by == nullptr);
    timer.armed_by = this;
    timer.due = when;
    timer.slot = ++seq_;
    timers_[{when.ns, timer.slot}] = &timer;
  }
  void disarm(Timer& timer) override {
    if (timer.armed_by != this) return;
    timer.armed_by = nullptr;
    timers_.erase({timer.due.ns, timer.slot});
  }

  void run_ready() {
    while (!ready_.empty()) ready_.pop_front().handle.resume();
  }
  // Until nothing is ready and no timer armed; at most 10 million turns.
  void run() {
    for (int turns = 0; turns < 10'000'000; ++turns) {
      run_ready();
      if (timers_.empty()) return;
      Timer& timer = *timers_.begin()->second;
      if (timer.due > now_) now_ = timer.due;
      disarm(timer);
      timer.on_fire();
    }
    check(false);
  }
  std::size_t timers() const { return timers_.size(); }

 private:
  Instant now_{1'000};
  std::size_t seq_ = 0;
  List<Ready> ready_;
  std::map<std::pair<std::int64_t, std::size_t>, Timer*> timers_;
};

// A loop with a root and a scope, for tests that spawn a few tasks and run to the end.
struct LoopWorld {
  TinyLoop loop;
  Ctx root{loop, loop};
  Scope scope{root};

  // Runs one task to its end; false if it is still waiting for something.
  bool run(Task<void> task) {
    scope.spawn(std::move(task));
    loop.run();
    return scope.running() == 0;
  }
};

}  // namespace creel::test
