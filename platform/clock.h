#pragma once
#include <cstddef>

#include "platform/base/units.h"

namespace creel {

class Clock;

// One alarm, living in its user's object or frame. Disarms itself when destroyed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual void on_fire() = 0;  // On the loop. Posts or sets flags; never resumes a coroutine
                               // inline.

  // For Clock implementations only.
  Instant due;
  Clock* armed_by = nullptr;
  std::size_t slot = 0;

 protected:
  ~Timer();  // Disarms.
};

// The only source of "now" outside platform/. Callers borrow it; app/ or the simulator owns it.
class Clock {
 public:
  // Elapsed nanoseconds from an arbitrary origin. Never goes backwards; counts time spent suspended
  // (CLOCK_BOOTTIME on Linux); frozen for one loop turn. For deadlines, timeouts and rates.
  virtual Instant now() const = 0;
  // Nanoseconds since 1970-01-01 UTC. May jump either way, so never subtract two of these.
  virtual WallTime wall() const = 0;
  // Calls timer.on_fire() once, at or after `when`. The timer must not be armed already.
  virtual void arm(Timer& timer, Instant when) = 0;
  virtual void disarm(Timer& timer) = 0;  // No-op if not armed.

 protected:
  ~Clock() = default;
};

inline Timer::~Timer() {
  if (armed_by != nullptr) armed_by->disarm(*this);
}

}  // namespace creel
