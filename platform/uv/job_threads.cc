#include "platform/uv/job_threads.h"

#include <pthread.h>
#include <signal.h>

#include <utility>

#include "platform/base/check.h"

namespace creel {

Completions::Completions(uv_loop_t& loop, Executor& executor) : executor_(executor) {
  signal_.data = this;
  const auto wake = [](uv_async_t* signal) { static_cast<Completions*>(signal->data)->drain(); };
  check(uv_async_init(&loop, &signal_, wake) == 0);
}

void Completions::push(Job& job) {
  Job* newest = done_.load(std::memory_order_relaxed);
  do {
    job.next_ = newest;
  } while (!done_.compare_exchange_weak(newest, &job, std::memory_order_release,
                                        std::memory_order_relaxed));
  // Whoever finds the list empty rings; the job itself may be gone by now.
  if (newest == nullptr) check(uv_async_send(&signal_) == 0);
}

void Completions::drain() {
  Job* newest = done_.exchange(nullptr, std::memory_order_acquire);
  Job* oldest = nullptr;
  while (newest != nullptr) {
    Job* next = newest->next_;
    newest->next_ = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    Job* next = oldest->next_;
    oldest->next_ = nullptr;
    oldest->on_done(executor_);
    oldest = next;
  }
}

void Completions::close() {
  drain();
  uv_close(reinterpret_cast<uv_handle_t*>(&signal_), nullptr);
}

JobThreads::JobThreads(Completions& completions, unsigned threads, std::string name)
    : completions_(completions), name_(std::move(name)) {
  check(threads > 0);
  // Signals belong to the loop's thread.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void JobThreads::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  filled_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void JobThreads::push(Job& job) {
  bool wake = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    check(!stopping_);
    (last_ != nullptr ? last_->next_ : first_) = &job;
    last_ = &job;
    wake = sleeping_ > 0;
  }
  if (wake) filled_.notify_one();
}

Job* JobThreads::pop() {
  std::unique_lock<std::mutex> lock(mutex_);
  ++sleeping_;
  filled_.wait(lock, [this] { return first_ != nullptr || stopping_; });
  --sleeping_;
  Job* job = first_;
  if (job == nullptr) return nullptr;
  first_ = job->next_;
  if (first_ == nullptr) last_ = nullptr;
  job->next_ = nullptr;
  return job;
}

void JobThreads::run() {
#ifdef __linux__
  pthread_setname_np(pthread_self(), name_.c_str());
#endif
  while (Job* job = pop()) {
    job->work();
    completions_.push(*job);
  }
}

}  // namespace creel
