#pragma once
#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

#include "platform/base/check.h"
#include "platform/base/result.h"

namespace creel {

// A lazy coroutine with one awaiter on one loop. It starts when awaited and its frame dies with the
// Task. No symmetric transfer: g++ 12.2 overflows the stack with it at -O0, under ASan and TSan.
// Instead await_suspend resumes the child itself and says afterwards whether to suspend at all.
// Stack depth equals call depth; see tests/platform/async/canary_test.cc.
template <class T>
class [[nodiscard]] Task;

struct TaskPromiseBase {
  std::coroutine_handle<> waiter;
  bool starting = false;
  bool finished = false;

  struct Final {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      TaskPromiseBase& promise = self.promise();
      promise.finished = true;
      const bool resume_waiter = !promise.starting;
      const std::coroutine_handle<> waiter = promise.waiter;
      if (resume_waiter && waiter) waiter.resume();  // May destroy this frame: touch nothing after.
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  Final final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { std::abort(); }
};

template <class T>
class [[nodiscard]] Task {
 public:
  using Value = T;
  struct promise_type : TaskPromiseBase {
    std::optional<T> value;
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    template <class U>
    void return_value(U&& from) {
      value.emplace(std::forward<U>(from));
    }
  };

  Task(Task&& from) noexcept : handle_(std::exchange(from.handle_, nullptr)) {}
  Task& operator=(Task&& from) noexcept {
    if (this != &from) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(from.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    auto& promise = handle_.promise();
    promise.waiter = waiter;
    promise.starting = true;
    handle_.resume();
    promise.starting = false;
    return !promise.finished;
  }
  T await_resume() {
    check(handle_.promise().value.has_value());
    return std::move(*handle_.promise().value);
  }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  using Value = void;
  struct promise_type : TaskPromiseBase {
    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    void return_void() const noexcept {}
  };

  Task(Task&& from) noexcept : handle_(std::exchange(from.handle_, nullptr)) {}
  Task& operator=(Task&& from) noexcept {
    if (this != &from) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(from.handle_, nullptr);
    }
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter) {
    auto& promise = handle_.promise();
    promise.waiter = waiter;
    promise.starting = true;
    handle_.resume();
    promise.starting = false;
    return !promise.finished;
  }
  void await_resume() const noexcept { check(handle_.promise().finished); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace creel
