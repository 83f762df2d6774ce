#include "platform/async/scope.h"

namespace creel {

struct Scope::Driver {
  struct promise_type {
    Child child;
    promise_type(Scope& scope, Task<void>&) {
      child.frame = std::coroutine_handle<promise_type>::from_promise(*this);
      scope.children_.push_back(child);
    }
    Driver get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }  // The frame frees itself.
    void unhandled_exception() const noexcept { std::abort(); }
    void return_void() const noexcept {}
  };
};

Scope::Driver Scope::drive(Scope& scope, Task<void> task) {
  co_await task;
  --scope.running_;
  if (scope.running_ == 0 && scope.joiner_.handle) scope.ctx_.executor().post(scope.joiner_);
}

void Scope::spawn(Task<void> task) {
  ++running_;
  drive(*this, std::move(task));
}

namespace {
struct SuspendInto {
  Ready& ready;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const { ready.handle = handle; }
  void await_resume() const noexcept { ready.handle = nullptr; }
};
}  // namespace

Task<void> Scope::join() {
  while (running_ > 0) {
    SuspendInto wait{joiner_};
    co_await wait;
  }
}

void Scope::destroy_children() {
  while (!children_.empty()) {  // The youngest first: it may borrow what an elder owns.
    Child& child = children_.pop_back();
    child.frame.destroy();
  }
  running_ = 0;
}

void Scope::abandon() {
  ctx_.mark_abandoned();
  destroy_children();
}

Scope::~Scope() {
  if (running_ > 0) {
    check(ctx_.abandoned());
    destroy_children();
  }
}

}  // namespace creel
