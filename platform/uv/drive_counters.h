#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel {

// What the kernel and the drive itself tell of the block device under a folder.
struct DriveCounters {
  std::string device;  // "mmcblk0"; of a partition the whole drive.
  std::uint64_t capacity_bytes = 0;
  std::uint64_t written_bytes = 0;  // By everybody, since the machine started.
  Duration up;                      // How long ago that was.
  // An eMMC's own estimate of its wear, in steps of ten (JESD84-B51, DEVICE_LIFE_TIME_EST_TYP);
  // other drives do not tell without privileges.
  std::optional<unsigned> worn_percent;
};

// Reads a few small files of sysfs: microseconds, but a blocking call; any thread. `sysfs` is where
// that is mounted. Errors: kNotFound (no such folder), kUnsupported (the folder lies on no block
// device of its own: overlay, tmpfs, btrfs, a network).
Result<DriveCounters> drive_counters(const std::string& dir, const std::string& sysfs = "/sys");
// The same for a device number.
Result<DriveCounters> device_counters(unsigned major, unsigned minor, const std::string& sysfs);

}  // namespace creel
