#include "platform/uv/drive_counters.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace creel {
namespace {

// A small sysfs: one eMMC with a partition, one drive that tells nothing of its wear.
class Sysfs : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(root_), nullptr);
    for (const char* dir :
         {"/dev", "/dev/block", "/devices", "/devices/mmcblk0", "/devices/mmcblk0/device",
          "/devices/mmcblk0/mmcblk0p2", "/devices/sda", "/devices/odd"})
      ASSERT_EQ(mkdir((root() + dir).c_str(), 0700), 0);
    put("/devices/mmcblk0/size", "62333952\n");
    put("/devices/mmcblk0/stat",
        "    1000   10  5000 40   2000  20  409600   90 0 100 130 0 0 0 0 77 5\n");
    put("/devices/mmcblk0/device/life_time", "0x01 0x03\n");
    put("/devices/mmcblk0/mmcblk0p2/partition", "2\n");
    put("/devices/sda/size", "1000\n");
    put("/devices/sda/stat", "1 2 3 4 5 6 8 8 9\n");
    put("/devices/odd/size", "many\n");
    put("/devices/odd/stat", "1 2 3\n");
    link("../../devices/mmcblk0/mmcblk0p2", "/dev/block/179:2");
    link("../../devices/sda", "/dev/block/8:0");
    link("../../devices/odd", "/dev/block/9:9");
  }
  void TearDown() override {
    const std::string command = "rm -rf '" + root() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  std::string root() const { return root_; }
  void put(const std::string& path, const char* text) {
    std::FILE* file = std::fopen((root() + path).c_str(), "w");
    ASSERT_NE(file, nullptr);
    std::fputs(text, file);
    std::fclose(file);
  }
  void link(const char* to, const std::string& path) {
    ASSERT_EQ(symlink(to, (root() + path).c_str()), 0);
  }
  char root_[32] = "/tmp/creel-sysfs-XXXXXX";
};

TEST_F(Sysfs, APartitionTellsOfItsWholeDrive) {
  const Result<DriveCounters> found = device_counters(179, 2, root());
  ASSERT_TRUE(found.ok()) << error_text(found.error());
  EXPECT_EQ(found.value().device, "mmcblk0");
  EXPECT_EQ(found.value().capacity_bytes, 62333952u * 512ull);
  EXPECT_EQ(found.value().written_bytes, 409600u * 512ull);
  EXPECT_EQ(found.value().worn_percent, 30u);
  EXPECT_GT(found.value().up.ns, 0);
}

TEST_F(Sysfs, WearIsToldOnlyByThoseThatKnow) {
  const Result<DriveCounters> found = device_counters(8, 0, root());
  ASSERT_TRUE(found.ok()) << error_text(found.error());
  EXPECT_EQ(found.value().written_bytes, 8u * 512ull);
  EXPECT_FALSE(found.value().worn_percent);
}

TEST_F(Sysfs, WhatMakesNoSenseIsUnsupported) {
  for (const auto& [major, minor] : {std::pair{9u, 9u}, std::pair{0u, 41u}}) {
    const Result<DriveCounters> found = device_counters(major, minor, root());
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ErrorCode::kUnsupported);
  }
  EXPECT_EQ(drive_counters(root() + "/absent").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace creel
