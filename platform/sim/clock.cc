#include "platform/sim/clock.h"

#include "platform/base/check.h"
#include "platform/sim/world.h"

namespace creel {

namespace {
constexpr std::int64_t kMillion = 1'000'000;
constexpr std::int64_t kFarNs = INT64_MAX / 4;  // 73 years: a timer due later never fires.
// 2026-01-02T03:04:05Z: what an honest wall clock says when a world begins.
constexpr std::int64_t kWallStartNs = 1'767'323'045'000'000'000;

// span · ppm / 10⁶ without overflow.
std::int64_t parts(std::int64_t span, std::int64_t ppm) {
  return span / kMillion * ppm + span % kMillion * ppm / kMillion;
}
}  // namespace

SimClock::SimClock(SimWorld& world, Instant origin)
    : world_(world), base_(origin), base_true_(world.now()), alarm_(*this) {}

SimClock::~SimClock() {
  for (auto& entry : timers_) entry.second->armed_by = nullptr;
}

Instant SimClock::now() const {
  const std::int64_t span = (world_.now() - base_true_).ns;
  return {base_.ns + span + parts(span, skew_ppm_)};
}

WallTime SimClock::wall() const {
  const std::int64_t true_ns = world_.now().ns;
  return {kWallStartNs + true_ns + parts(true_ns, skew_ppm_) + wall_offset_.ns};
}

void SimClock::set_skew_ppm(std::int64_t ppm) {
  check(ppm > -kMillion / 2 && ppm < kMillion / 2);
  base_ = now();
  base_true_ = world_.now();
  skew_ppm_ = ppm;
  set_alarm();
}

void SimClock::arm(Timer& timer, Instant when) {
  check(timer.armed_by == nullptr);
  timer.armed_by = this;
  timer.due = when;
  timer.slot = ++seq_;
  timers_.emplace(std::pair(when.ns, timer.slot), &timer);
  set_alarm();
}

void SimClock::disarm(Timer& timer) {
  if (timer.armed_by != this) return;
  timer.armed_by = nullptr;
  timers_.erase({timer.due.ns, timer.slot});
  set_alarm();
}

void SimClock::kill() {
  dead_ = true;
  alarm_.cancel();
}

void SimClock::set_alarm() {
  if (dead_ || timers_.empty()) {
    alarm_.cancel();
    return;
  }
  const std::int64_t due = timers_.begin()->first.first;
  const std::int64_t wait = due > now().ns ? due - now().ns : 0;
  if (wait > kFarNs) {  // Instant::never() and its like.
    alarm_.cancel();
    return;
  }
  // Rounded up; ring() looks again, should the skew make this early.
  const std::int64_t true_wait = wait - parts(wait, skew_ppm_) + (wait > 0 && skew_ppm_ != 0);
  world_.queue().schedule(alarm_, world_.now() + Duration{true_wait});
}

void SimClock::ring() {
  // One timer a ring: each is a step of its own, drawn among whatever else is ready.
  if (!timers_.empty() && timers_.begin()->first.first <= now().ns) {
    Timer& timer = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    timer.armed_by = nullptr;
    world_.note(SimWorld::kTimer, static_cast<std::uint64_t>(timer.due.ns));
    timer.on_fire();
  }
  set_alarm();
}

}  // namespace creel
