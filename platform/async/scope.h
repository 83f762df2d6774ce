#pragma once
#include <cstddef>

#include "platform/async/ctx.h"
#include "platform/async/event.h"
#include "platform/async/task.h"

namespace creel {

// Side-by-side work that ends before its parent does: spawn children, then `co_await join()`.
// There are no detached tasks. One loop.
class Scope {
 public:
  explicit Scope(Ctx& parent) : ctx_(parent) {}
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();  // Checks that join() was awaited, unless the simulator abandoned the node.

  // The children's context: stops with the parent, or by request_stop().
  Ctx& ctx() { return ctx_; }
  // Starts `task` now, up to its first suspension. Its result is its own business: a child reports
  // through what it captured.
  void spawn(Task<void> task);
  void request_stop() { ctx_.request_stop(); }
  // Resumes when every child has ended. Ignores stop: asking is request_stop(), this is waiting.
  Task<void> join();
  std::size_t running() const { return running_; }

  // Simulated crash: destroys the suspended frames of all children. Simulator only.
  void abandon();

 private:
  struct Driver;
  struct Child : ListNode {
    std::coroutine_handle<> frame;
  };
  static Driver drive(Scope& scope, Task<void> task);
  void destroy_children();

  Ctx ctx_;
  std::size_t running_ = 0;
  List<Child> children_;
  Ready joiner_;
};

}  // namespace creel
