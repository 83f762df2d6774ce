#include "platform/async/event.h"

namespace creel {

void Waiter::suspend(std::coroutine_handle<> handle) {
  ready_.handle = handle;
  ctx_.add(hook_);
}

void Waiter::wake() {
  if (woken_) return;
  woken_ = true;
  unlink();
  hook_.unlink();
  ctx_.executor().post(ready_);
}

Result<Unit> Waiter::outcome() const {
  if (ctx_.stopped()) return ctx_.stop_error();
  return Unit{};
}

Task<Result<Semaphore::Permit>> Semaphore::acquire(Ctx& ctx, std::uint64_t units) {
  check(units <= total_);
  Turn turn;  // Leaves the queue with this frame, whatever ends it.
  turns_.push_back(turn);
  while (!is_first(turn) || free_ < units) {
    Result<Unit> waited = co_await changed_.wait(ctx);
    if (!waited.ok()) {
      turn.unlink();
      changed_.notify_all();
      co_return waited.error();
    }
  }
  turn.unlink();
  free_ -= units;
  changed_.notify_all();
  co_return Permit(*this, units);
}

std::optional<Semaphore::Permit> Semaphore::try_acquire(std::uint64_t units) {
  if (!turns_.empty() || free_ < units) return std::nullopt;
  free_ -= units;
  return Permit(*this, units);
}

void Semaphore::give_back(std::uint64_t units) {
  free_ += units;
  check(free_ <= total_);
  changed_.notify_all();
}

}  // namespace creel
