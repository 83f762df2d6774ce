#pragma once
#include "platform/offload.h"
#include "platform/uv/job_threads.h"

namespace creel {

class UvOffload final : public Offload {
 public:
  UvOffload(Completions& completions, unsigned threads)
      : threads_(completions, threads, "creel-offload") {}
  Task<void> run(Ctx&, OffloadJob& job) override {
    auto call = [&job] {
      job.work();
      return Unit();
    };
    co_await result_on(threads_, call);
  }

 private:
  JobThreads threads_;
};

}  // namespace creel
