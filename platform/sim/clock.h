#pragma once
#include <cstdint>
#include <map>
#include <utility>

#include "platform/clock.h"
#include "platform/sim/queue.h"

namespace creel {

class SimWorld;

// One node's clock: runs `skew_ppm` faster than true time, from an origin of its own, and tells a
// wall time that may be off.
class SimClock final : public Clock {
 public:
  SimClock(SimWorld& world, Instant origin);
  ~SimClock();

  Instant now() const override;
  WallTime wall() const override;
  void arm(Timer& timer, Instant when) override;
  void disarm(Timer& timer) override;

  void set_skew_ppm(std::int64_t ppm);  // From now on; now() does not jump.
  void set_wall_offset(Duration offset) { wall_offset_ = offset; }  // wall() jumps.
  void kill();                          // No timer fires any more.

 private:
  struct Alarm final : SimEvent {
    explicit Alarm(SimClock& owner) : self(owner) {}
    void fire() override { self.ring(); }
    SimClock& self;
  };
  void ring();
  void set_alarm();

  SimWorld& world_;
  Instant base_;        // now() at the true time base_true_.
  Instant base_true_;
  std::int64_t skew_ppm_ = 0;
  Duration wall_offset_;
  bool dead_ = false;
  std::size_t seq_ = 0;
  std::map<std::pair<std::int64_t, std::size_t>, Timer*> timers_;
  Alarm alarm_;
};

}  // namespace creel
