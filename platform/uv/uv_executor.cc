#include "platform/uv/uv_executor.h"

#include "platform/base/check.h"

namespace creel {

UvExecutor::UvExecutor(uv_loop_t& loop) { check(uv_idle_init(&loop, &idle_) == 0); }

void UvExecutor::post(Ready& ready) {
  if (ready.linked()) return;
  queue_.push_back(ready);
  if (awake_) return;
  awake_ = true;
  check(uv_idle_start(&idle_, [](uv_idle_t*) {}) == 0);
}

void UvExecutor::drain() {
  ++turn_;
  for (int left = kResumesMax; left > 0 && !queue_.empty(); --left)
    queue_.pop_front().handle.resume();
  if (!awake_ || !queue_.empty()) return;
  awake_ = false;
  uv_idle_stop(&idle_);
}

void UvExecutor::close() { uv_close(reinterpret_cast<uv_handle_t*>(&idle_), nullptr); }

}  // namespace creel
