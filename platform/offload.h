#pragma once
#include <utility>

#include "platform/async/ctx.h"
#include "platform/async/task.h"

namespace creel {

// CPU work that would hold up a loop: hashing, erasure coding, filters, checkpoints.
struct OffloadJob {
  virtual void work() = 0;  // On a pool thread; touches only what the awaiting frame lent it.

 protected:
  ~OffloadJob() = default;
};

// A bounded thread pool behind uv/; inline, after a virtual cost, in sim/.
class Offload {
 public:
  // Runs the job to its end, even if ctx stops meanwhile: the job's memory is the caller's frame.
  virtual Task<void> run(Ctx& ctx, OffloadJob& job) = 0;

 protected:
  ~Offload() = default;
};

// `auto work = [&] {…}; co_await offload_call(ctx, offload, work);` Name the lambda on its own
// line.
template <class Work>
Task<void> offload_call(Ctx& ctx, Offload& offload, Work& work) {
  struct Job final : OffloadJob {
    explicit Job(Work& w) : call(w) {}
    void work() override { call(); }
    Work& call;
  };
  Job job(work);
  co_await offload.run(ctx, job);
}

}  // namespace creel
