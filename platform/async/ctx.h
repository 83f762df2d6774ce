#pragma once
#include <cstdint>

#include "platform/async/executor.h"
#include "platform/base/list.h"
#include "platform/base/result.h"
#include "platform/clock.h"

namespace creel {

// Told once when its Ctx stops. Lives in the waiting frame.
struct StopHook : ListNode {
  virtual void on_stop() = 0;  // Posts or cancels; never resumes a coroutine inline.

 protected:
  ~StopHook() = default;
};

// What every async call carries first: who may run it (executor), until when, whether it should
// stop, and the trace id of the request it belongs to. Cancelling is asking, then waiting: a
// stopped call still resumes, with kStopped or kTimeout. Outlives every call it was given to. One
// loop.
class Ctx {
 public:
  Ctx(Executor& executor, Clock& clock);  // A root: the process, or a simulated node.
  explicit Ctx(Ctx& parent);              // Stops when the parent stops.
  Ctx(Ctx& parent, Instant deadline);     // Also stops, with kTimeout, at the deadline.
  Ctx(const Ctx&) = delete;
  Ctx& operator=(const Ctx&) = delete;
  ~Ctx();

  bool stopped() const { return stopped_; }
  // kStopped or kTimeout, with text. Only if stopped().
  Error stop_error() const;
  void request_stop(ErrorCode why = ErrorCode::kStopped);
  void set_deadline(Instant deadline);  // Replaces an earlier deadline of this Ctx.
  void clear_deadline();

  Executor& executor() const { return executor_; }
  Clock& clock() const { return clock_; }
  std::uint64_t trace_id() const { return trace_id_; }
  void set_trace_id(std::uint64_t id) { trace_id_ = id; }

  void add(StopHook& hook);  // Called at once if already stopped. Removed when the hook dies.

  // Simulated crash: frames below this root may be destroyed while suspended. Simulator only.
  void mark_abandoned() { *abandoned_ = true; }
  bool abandoned() const { return *abandoned_; }

 private:
  struct ParentHook final : StopHook {
    explicit ParentHook(Ctx& owner) : self(owner) {}
    void on_stop() override;
    Ctx& self;
  };
  struct DeadlineTimer final : Timer {
    explicit DeadlineTimer(Ctx& owner) : self(owner) {}
    void on_fire() override { self.request_stop(ErrorCode::kTimeout); }
    Ctx& self;
  };

  Executor& executor_;
  Clock& clock_;
  std::uint64_t trace_id_ = 0;
  bool stopped_ = false;
  ErrorCode why_ = ErrorCode::kStopped;
  bool own_abandoned_ = false;
  bool* abandoned_;
  const Ctx* parent_ = nullptr;
  List<StopHook> hooks_;
  ParentHook parent_hook_;
  DeadlineTimer deadline_;
};

}  // namespace creel
