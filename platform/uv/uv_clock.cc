#include "platform/uv/uv_clock.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "platform/base/check.h"

namespace creel {

namespace {

// uv_timer counts CLOCK_MONOTONIC, which stands still while the machine is suspended: after a
// resume a timer is late by at most this.
constexpr Duration kSleepMax = 10_s;

std::int64_t read_clock_ns(clockid_t id) {
  timespec time{};
  check(clock_gettime(id, &time) == 0);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Instant boot_time() {
#ifdef CLOCK_BOOTTIME
  return {read_clock_ns(CLOCK_BOOTTIME)};
#else
  return {read_clock_ns(CLOCK_MONOTONIC)};
#endif
}

}  // namespace

UvClock::UvClock(uv_loop_t& loop) : now_(boot_time()) { check(uv_timer_init(&loop, &alarm_) == 0); }

WallTime UvClock::wall() const { return {read_clock_ns(CLOCK_REALTIME)}; }

void UvClock::swap_slots(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  heap_[a]->slot = a;
  heap_[b]->slot = b;
}

void UvClock::sift_up(std::size_t slot) {
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / 2;
    if (!earlier(slot, parent)) return;
    swap_slots(slot, parent);
    slot = parent;
  }
}

void UvClock::sift_down(std::size_t slot) {
  for (;;) {
    std::size_t first = slot;
    for (std::size_t child = 2 * slot + 1; child <= 2 * slot + 2 && child < heap_.size(); ++child)
      if (earlier(child, first)) first = child;
    if (first == slot) return;
    swap_slots(slot, first);
    slot = first;
  }
}

void UvClock::arm(Timer& timer, Instant when) {
  check(timer.armed_by == nullptr);
  timer.due = when;
  timer.armed_by = this;
  timer.slot = heap_.size();
  heap_.push_back(&timer);
  sift_up(timer.slot);
}

void UvClock::disarm(Timer& timer) {
  if (timer.armed_by == nullptr) return;
  check(timer.armed_by == this && timer.slot < heap_.size() && heap_[timer.slot] == &timer);
  const std::size_t slot = timer.slot;
  const std::size_t last = heap_.size() - 1;
  if (slot != last) swap_slots(slot, last);
  heap_.pop_back();
  timer.armed_by = nullptr;
  if (slot == last) return;
  sift_up(slot);
  sift_down(slot);
}

void UvClock::begin_turn() {
  now_ = std::max(now_, boot_time());
  if (!heap_.empty()) fire_due();
}

void UvClock::fire_due() {
  // A timer armed by on_fire() waits for the next turn if all of today's have been fired.
  for (std::size_t left = heap_.size(); left > 0 && !heap_.empty(); --left) {
    Timer& timer = *heap_.front();
    if (timer.due > now_) return;
    disarm(timer);
    timer.on_fire();
  }
}

void UvClock::schedule_wakeup() {
  const Instant earliest = heap_.empty() ? Instant::never() : heap_.front()->due;
  if (earliest == Instant::never()) {
    if (alarm_due_ != Instant::never()) uv_timer_stop(&alarm_);
    alarm_due_ = Instant::never();
    return;
  }
  if (earliest == alarm_due_ && uv_is_active(reinterpret_cast<uv_handle_t*>(&alarm_))) return;
  alarm_due_ = earliest;
  uv_update_time(alarm_.loop);
  const Duration delay = std::clamp(earliest - boot_time(), 0_ns, kSleepMax);
  const auto delay_ms = static_cast<std::uint64_t>((delay + 999'999_ns).ms());  // Never early.
  check(uv_timer_start(&alarm_, [](uv_timer_t*) {}, delay_ms, 0) == 0);
}

void UvClock::close() { uv_close(reinterpret_cast<uv_handle_t*>(&alarm_), nullptr); }

}  // namespace creel
