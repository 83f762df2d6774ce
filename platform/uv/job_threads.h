#pragma once
#include <uv.h>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "platform/async/executor.h"

namespace creel {

// Work for another thread and its way back. Lives in the awaiting frame, so queues of jobs need no
// memory and no bound of their own: there is at most one per suspended caller.
class Job {
 public:
  virtual void work() = 0;                      // On a thread.
  virtual void on_done(Executor& executor) = 0;  // On the loop; the job may die in it.

 protected:
  ~Job() = default;

 private:
  friend class Completions;
  friend class JobThreads;
  Job* next_ = nullptr;
};

// Jobs done, on their way back to the loop: one wake-up for all that finish before it looks.
class Completions {
 public:
  Completions(uv_loop_t& loop, Executor& executor);
  void push(Job& job);  // Any thread.
  void close();         // After the last push.

 private:
  void drain();
  Executor& executor_;
  uv_async_t signal_;
  std::atomic<Job*> done_{nullptr};  // Newest first.
};

// Threads that run jobs first come, first served; one thread is a lane: strict order.
class JobThreads {
 public:
  // `name` shows in ps -L; at most 15 bytes.
  JobThreads(Completions& completions, unsigned threads, std::string name);
  ~JobThreads() { stop(); }
  void stop();  // Runs what is queued, then joins; no push() any more. Idempotent.
  JobThreads(const JobThreads&) = delete;
  JobThreads& operator=(const JobThreads&) = delete;
  void push(Job& job);  // Loop thread.

 private:
  void run();
  Job* pop();  // Null: stop.

  Completions& completions_;
  std::string name_;
  std::mutex mutex_;
  std::condition_variable filled_;
  Job* first_ = nullptr;  // Guarded by mutex_, like the three below.
  Job* last_ = nullptr;
  unsigned sleeping_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// `auto call = [&] {…}; co_return co_await result_on(threads, call);` Name the lambda on its own
// line. Resumes with what the call returned once it has, whatever happens meanwhile.
template <class Call>
class [[nodiscard]] ResultOn final : Job {
 public:
  using Value = std::invoke_result_t<Call&>;
  ResultOn(JobThreads& threads, Call& call) : threads_(threads), call_(call) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    ready_.handle = handle;
    threads_.push(*this);
  }
  Value await_resume() { return std::move(*value_); }

 private:
  void work() override { value_.emplace(call_()); }
  void on_done(Executor& executor) override { executor.post(ready_); }
  JobThreads& threads_;
  Call& call_;
  std::optional<Value> value_;
  Ready ready_;
};

template <class Call>
ResultOn<Call> result_on(JobThreads& threads, Call& call) {
  return ResultOn<Call>(threads, call);
}

}  // namespace creel
