#pragma once
#include <string>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/platform.h"
#include "platform/uv/drive_counters.h"

namespace creel::app {

// How long a flash drive lasts at the rate it is being written to (store.md §12):
// capacity × cycles ÷ (bytes a day × 1.5). The 1.5 is what its controller adds, an estimate.
struct DriveLife {
  std::uint64_t bytes_per_day = 0;
  double years = 0;  // Of all its life, not of what is left; at most kYearsMax.
};
inline constexpr double kYearsMax = 1'000;
// Absent: the machine is up for less than an hour, which says nothing, or nothing was written.
std::optional<DriveLife> drive_life(const DriveCounters& counters, unsigned cycles);

// A JSON array, one object a folder: what is known of the drive under it.
Task<std::string> drive_life_json(Ctx& ctx, Platform& platform,
                                  const std::vector<std::string>& folders, unsigned cycles);

}  // namespace creel::app
