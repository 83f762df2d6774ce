#pragma once
#include <coroutine>

#include "platform/async/executor.h"
#include "platform/base/list.h"

namespace creel::store {

// An Event whose waits ignore stop: for what ends by itself in bounded time, such as a flush under
// way. It has no memory: always `while (!condition) co_await signal.wait();`. One loop.
class Signal {
 public:
  explicit Signal(Executor& executor) : executor_(executor) {}

  class [[nodiscard]] Wait final : public ListNode {
   public:
    explicit Wait(Signal& signal) : signal_(signal) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
      ready_.handle = handle;
      signal_.waits_.push_back(*this);
    }
    void await_resume() const noexcept {}

   private:
    friend class Signal;
    Signal& signal_;
    Ready ready_;
  };

  Wait wait() { return Wait(*this); }
  // Those who wait now go on later, from the executor.
  void notify() {
    while (!waits_.empty()) executor_.post(waits_.pop_front().ready_);
  }

 private:
  Executor& executor_;
  List<Wait> waits_;
};

}  // namespace creel::store
