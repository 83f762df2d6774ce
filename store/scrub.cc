#include <algorithm>

#include "platform/async/event.h"
#include "platform/base/text.h"
#include "store/engine.h"

namespace creel::store {

void Engine::start_check() {
  if (check_asked_) return;
  check_asked_ = true;
  checker_.begin();
  check_wanted_.notify_all();
}

Task<void> Engine::check_when_asked(Ctx& ctx) {
  while (!ctx.stopped()) {
    if (check_asked_) {
      co_await checker_.check_all(ctx);
      check_asked_ = false;
      continue;
    }
    [[maybe_unused]] const Result<Unit> woken = co_await check_wanted_.wait(ctx);
  }
}

// A quarter faster than it must be, so that a machine that is off at times gets through.
std::uint64_t Engine::scrub_rate() const {
  constexpr std::uint64_t kLeast = 64 * KiB;
  const auto seconds = static_cast<std::uint64_t>(
      std::max<std::int64_t>(options_.scrub_every.ns / 1'000'000'000, 1));
  const std::uint64_t all = volume_.segments.size() * volume_.segment_bytes;
  return std::min(options_.scrub_bytes_per_second, std::max(kLeast, all / seconds * 5 / 4));
}

Task<void> Engine::scrub_when_due(Ctx& ctx) {
  constexpr Duration kQuiet = 10_min;  // After a start there is other work.
  constexpr Duration kLook = 1_min;
  if (options_.scrub_every <= Duration()) co_return;
  Result<Unit> slept = co_await sleep_for(ctx, kQuiet);
  while (slept.ok()) {
    const std::int64_t now = platform_.clock.wall().ms();
    const std::int64_t since = now - scrub_completed_ms_;
    const bool under_way = scrubber_.place().table != Table::kSys;
    if (under_way || scrub_completed_ms_ == 0 || since < 0 || since >= options_.scrub_every.ms()) {
      const bool whole = co_await scrubber_.scrub(ctx, scrub_rate());
      if (whole) {
        scrub_completed_ms_ = platform_.clock.wall().ms();
        scrub_saved_ = Instant();
        volume_.changed.notify_all();
      }
    }
    slept = co_await sleep_for(ctx, kLook);
  }
}

// Its place is worth writing down: at its end, and every ten minutes.
bool Engine::scrub_moved() {
  constexpr Duration kKeep = 10_min;
  const Instant now = platform_.clock.now();
  const bool ended = scrub_saved_ == Instant() && scrub_completed_ms_ != 0;
  if (!ended && (!scrubber_.progress().running || now - scrub_saved_ < kKeep)) return false;
  scrub_saved_ = now;
  return true;
}

}  // namespace creel::store
