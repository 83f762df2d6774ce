#include "app/drive_life.h"

#include <gtest/gtest.h>

namespace creel::app {
namespace {

DriveCounters card() {
  DriveCounters counters;
  counters.device = "mmcblk0";
  counters.capacity_bytes = 32'000'000'000;
  counters.written_bytes = 240'000'000'000;
  counters.up = 1_s * (10 * 86'400);
  return counters;
}

TEST(DriveLife, IsCapacityTimesCyclesByBytesADay) {
  const auto life = drive_life(card(), 3'000);
  ASSERT_TRUE(life);
  EXPECT_EQ(life->bytes_per_day, 24'000'000'000u);
  // 32 GB × 3,000 ÷ (24 GB × 1.5) = 2,666.7 days.
  EXPECT_NEAR(life->years, 2'666.67 / 365.25, 0.01);
}

TEST(DriveLife, SaysNothingAfterMinutesOrWithoutWrites) {
  DriveCounters counters = card();
  counters.up = 59_min;
  EXPECT_FALSE(drive_life(counters, 3'000));
  counters = card();
  counters.written_bytes = 0;
  EXPECT_FALSE(drive_life(counters, 3'000));
}

TEST(DriveLife, AnIdleDriveLastsNoLongerThanTheBound) {
  DriveCounters counters = card();
  counters.written_bytes = 1;
  EXPECT_EQ(drive_life(counters, 3'000)->years, kYearsMax);
}

}  // namespace
}  // namespace creel::app
