#pragma once
#include <uv.h>

#include <vector>

#include "platform/clock.h"

namespace creel {

// CLOCK_BOOTTIME read once a turn, and one uv_timer for the earliest of a heap of Timers.
// Loop thread only.
class UvClock final : public Clock {
 public:
  explicit UvClock(uv_loop_t& loop);
  Instant now() const override { return now_; }
  WallTime wall() const override;
  void arm(Timer& timer, Instant when) override;
  void disarm(Timer& timer) override;

  void begin_turn();       // Reads the clock and fires what is due.
  void schedule_wakeup();  // Before the loop sleeps: no longer than until the earliest timer.
  void close();

 private:
  void fire_due();
  bool earlier(std::size_t a, std::size_t b) const { return heap_[a]->due < heap_[b]->due; }
  void swap_slots(std::size_t a, std::size_t b);
  void sift_up(std::size_t slot);
  void sift_down(std::size_t slot);

  uv_timer_t alarm_;
  Instant alarm_due_ = Instant::never();
  Instant now_;
  std::vector<Timer*> heap_;  // Binary heap by due; heap_[t->slot] == t.
};

}  // namespace creel
