#pragma once
#include <uv.h>

#include <cstdint>

#include "platform/async/executor.h"

namespace creel {

// The loop's queue of runnable coroutines. While it holds something an idle handle keeps the loop
// from sleeping. Loop thread only.
class UvExecutor final : public Executor {
 public:
  explicit UvExecutor(uv_loop_t& loop);
  void post(Ready& ready) override;

  // Resumes what is queued, at most kResumesMax coroutines so that sockets get their turn.
  void drain();
  // Grows with each drain: two equal values mean that the loop has not looked at I/O in between.
  std::uint64_t turn() const { return turn_; }
  void close();

 private:
  static constexpr int kResumesMax = 256;
  uv_idle_t idle_;
  bool awake_ = false;
  std::uint64_t turn_ = 0;
  List<Ready> queue_;
};

}  // namespace creel
