#pragma once
#include <coroutine>

#include "platform/base/list.h"

namespace creel {

// A suspended coroutine that may go on. Lives in the awaiting frame; unlinks itself when it dies.
struct Ready : ListNode {
  std::coroutine_handle<> handle;
};

// One loop's queue of runnable coroutines; the uv loop drains it in order, the simulator draws from
// it by its seed. Loop thread only.
class Executor {
 public:
  // Resumes `ready.handle` later on this loop, never from inside the call. No-op if already queued.
  virtual void post(Ready& ready) = 0;

 protected:
  ~Executor() = default;
};

}  // namespace creel
