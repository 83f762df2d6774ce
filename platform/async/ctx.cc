#include "platform/async/ctx.h"

namespace creel {

Ctx::Ctx(Executor& executor, Clock& clock)
    : executor_(executor),
      clock_(clock),
      abandoned_(&own_abandoned_),
      parent_hook_(*this),
      deadline_(*this) {}

Ctx::Ctx(Ctx& parent)
    : executor_(parent.executor_),
      clock_(parent.clock_),
      trace_id_(parent.trace_id_),
      abandoned_(parent.abandoned_),
      parent_(&parent),
      parent_hook_(*this),
      deadline_(*this) {
  parent.add(parent_hook_);
}

Ctx::Ctx(Ctx& parent, Instant deadline) : Ctx(parent) { set_deadline(deadline); }

Ctx::~Ctx() = default;

Error Ctx::stop_error() const {
  check(stopped_);
  return fail(why_, why_ == ErrorCode::kTimeout ? "deadline passed" : "stopping");
}

void Ctx::request_stop(ErrorCode why) {
  if (stopped_) return;
  stopped_ = true;
  why_ = why;
  clear_deadline();
  while (!hooks_.empty()) hooks_.pop_front().on_stop();
}

void Ctx::set_deadline(Instant deadline) {
  clear_deadline();
  if (!stopped_ && deadline != Instant::never()) clock_.arm(deadline_, deadline);
}

void Ctx::clear_deadline() {
  if (deadline_.armed_by != nullptr) clock_.disarm(deadline_);
}

void Ctx::add(StopHook& hook) {
  if (stopped_) {
    hook.on_stop();
    return;
  }
  hooks_.push_back(hook);
}

void Ctx::ParentHook::on_stop() { self.request_stop(self.parent_->why_); }

}  // namespace creel
