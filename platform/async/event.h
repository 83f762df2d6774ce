#pragma once
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "platform/async/ctx.h"
#include "platform/async/task.h"

namespace creel {

// One suspended coroutine that a wake() or the stop of its Ctx resumes, through the executor.
// The base of every awaitable here; lives in the awaiting frame and unlinks itself when that dies.
class Waiter : public ListNode {
 public:
  explicit Waiter(Ctx& ctx) : ctx_(ctx), hook_(*this) {}
  // Remembers the coroutine. If the Ctx has stopped already, it is posted at once.
  void suspend(std::coroutine_handle<> handle);
  // Leaves the list it waits in and resumes later; further calls do nothing.
  void wake();
  // After resuming: kStopped or kTimeout if the Ctx stopped, also when woken at the same moment.
  Result<Unit> outcome() const;
  Ctx& ctx() const { return ctx_; }

 private:
  struct Hook final : StopHook {
    explicit Hook(Waiter& owner) : self(owner) {}
    void on_stop() override { self.wake(); }
    Waiter& self;
  };
  Ctx& ctx_;
  Hook hook_;
  Ready ready_;
  bool woken_ = false;
};

// A condition variable for one loop: wait for a notification, then look again. It has no memory, so
// always `while (!condition) CO_DO(co_await event.wait(ctx));`. Outlives its waiters.
class Event {
 public:
  class [[nodiscard]] Wait final : public Waiter {
   public:
    Wait(Event& event, Ctx& ctx) : Waiter(ctx), event_(event) {}
    bool await_ready() const { return ctx().stopped(); }
    void await_suspend(std::coroutine_handle<> handle) {
      event_.waiters_.push_back(*this);
      suspend(handle);
    }
    Result<Unit> await_resume() {
      // Stopped in the turn it was notified: somebody else must look instead.
      if (notified_ && ctx().stopped()) event_.notify_one();
      return outcome();
    }

   private:
    friend class Event;
    Event& event_;
    bool notified_ = false;
  };

  Wait wait(Ctx& ctx) { return Wait(*this, ctx); }
  // Wakes the first waiter; should that one stop in the same turn, the next.
  void notify_one() {
    if (waiters_.empty()) return;
    waiters_.front().notified_ = true;
    waiters_.front().wake();
  }
  void notify_all() {
    while (!waiters_.empty()) waiters_.front().wake();
  }
  bool has_waiters() const { return !waiters_.empty(); }

 private:
  List<Wait> waiters_;
};

// Resumes at or after `when` with ok, or early with kStopped/kTimeout once ctx stops.
class [[nodiscard]] SleepUntil final : public Waiter, Timer {
 public:
  SleepUntil(Ctx& ctx, Instant when) : Waiter(ctx), when_(when) {}
  bool await_ready() const { return ctx().stopped(); }
  void await_suspend(std::coroutine_handle<> handle) {
    ctx().clock().arm(*this, when_);
    suspend(handle);
  }
  Result<Unit> await_resume() {
    ctx().clock().disarm(*this);
    return outcome();
  }

 private:
  void on_fire() override { wake(); }
  Instant when_;
};

inline SleepUntil sleep_until(Ctx& ctx, Instant when) { return {ctx, when}; }
inline SleepUntil sleep_for(Ctx& ctx, Duration delay) { return {ctx, ctx.clock().now() + delay}; }

// Lets everything else that is ready run once.
class [[nodiscard]] YieldNow final : public Waiter {
 public:
  explicit YieldNow(Ctx& ctx) : Waiter(ctx) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    suspend(handle);
    wake();
  }
  void await_resume() const {}
};

// At most `capacity` items between producers and consumers on one loop, first in first out.
template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity) { check(capacity > 0); }

  // Waits for room. kClosed once closed; kStopped/kTimeout of ctx: the item was not taken.
  Task<Result<Unit>> push(Ctx& ctx, T item) {
    while (items_.size() >= capacity_ && !closed_) CO_DO(co_await room_.wait(ctx));
    if (closed_) co_return fail(ErrorCode::kClosed, "channel closed");
    items_.push_back(std::move(item));
    filled_.notify_one();
    co_return Unit{};
  }
  // Waits for an item; nullopt once closed and empty.
  Task<Result<std::optional<T>>> pop(Ctx& ctx) {
    while (items_.empty() && !closed_) CO_DO(co_await filled_.wait(ctx));
    if (items_.empty()) co_return std::optional<T>();
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    room_.notify_one();
    co_return std::move(item);
  }
  void close() {
    closed_ = true;
    room_.notify_all();
    filled_.notify_all();
  }
  std::size_t size() const { return items_.size(); }

 private:
  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  Event room_;
  Event filled_;
};

// `units` of something bounded: memory, connections, slots. First come, first served.
class Semaphore {
 public:
  explicit Semaphore(std::uint64_t units) : total_(units), free_(units) {}

  // Holds units until destroyed. Movable; an empty one holds nothing.
  class [[nodiscard]] Permit {
   public:
    Permit() = default;
    Permit(Semaphore& owner, std::uint64_t units) : owner_(&owner), units_(units) {}
    Permit(Permit&& from) noexcept
        : owner_(std::exchange(from.owner_, nullptr)), units_(from.units_) {}
    Permit& operator=(Permit&& from) noexcept {
      if (this != &from) {
        release();
        owner_ = std::exchange(from.owner_, nullptr);
        units_ = from.units_;
      }
      return *this;
    }
    ~Permit() { release(); }
    void release() {
      if (owner_ != nullptr) owner_->give_back(units_);
      owner_ = nullptr;
    }

   private:
    Semaphore* owner_ = nullptr;
    std::uint64_t units_ = 0;
  };

  // Waits until `units` are free and everybody who came earlier was served. `units` is at most what
  // the semaphore was made with. Errors: kStopped, kTimeout of ctx.
  Task<Result<Permit>> acquire(Ctx& ctx, std::uint64_t units);
  std::optional<Permit> try_acquire(std::uint64_t units);  // Does not overtake those who wait.
  std::uint64_t free_units() const { return free_; }

 private:
  struct Turn : ListNode {};
  bool is_first(const Turn& turn) { return &turns_.front() == &turn; }
  void give_back(std::uint64_t units);
  std::uint64_t total_;
  std::uint64_t free_;
  List<Turn> turns_;
  Event changed_;
};

}  // namespace creel
