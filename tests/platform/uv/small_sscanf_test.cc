// What stands in for sscanf (toolchains/small_sscanf.c) answers as sscanf(3) does, for all that its
// callers ask: kernel versions, TZ, /proc/mounts. A build that links glibc's own must pass, too.
#include <gtest/gtest.h>

#include <cstdio>

namespace creel::test {
namespace {

struct Version {
  int stored = 0;
  unsigned a = 0, b = 0, c = 0;
};

Version scan(const char* text, const char* format) {
  Version found;
  found.stored = std::sscanf(text, format, &found.a, &found.b, &found.c);
  return found;
}

TEST(SmallSscanf, ReadsVersionsOfKernels) {
  const Version plain = scan("6.1.147-cloud", "%u.%u.%u");
  EXPECT_EQ(plain.stored, 3);
  EXPECT_EQ(plain.a, 6u);
  EXPECT_EQ(plain.b, 1u);
  EXPECT_EQ(plain.c, 147u);
  const Version ubuntu = scan("Ubuntu 5.4.0-150.1~x-generic 5.4.233", "Ubuntu %*s %u.%u.%u");
  EXPECT_EQ(ubuntu.stored, 3);
  EXPECT_EQ(ubuntu.c, 233u);
  EXPECT_EQ(scan("Debian 6.1.4-1", "Debian %u.%u.%u").stored, 3);
}

TEST(SmallSscanf, ReadsTimesOfTz) {
  const char* const format = "%hu%n:%hu%n:%hu%n";
  unsigned short hours = 0, minutes = 0, seconds = 0;
  int used = 0;
  EXPECT_EQ(std::sscanf("02:30,M10", format, &hours, &used, &minutes, &used, &seconds, &used), 2);
  EXPECT_EQ(hours, 2);
  EXPECT_EQ(minutes, 30);
  EXPECT_EQ(used, 5);
  unsigned short month = 0, week = 0, day = 0;
  EXPECT_EQ(std::sscanf("M3.5.0/2", "M%hu.%hu.%hu%n", &month, &week, &day, &used), 3);
  EXPECT_EQ(day, 0);
  EXPECT_EQ(used, 6);
}

TEST(SmallSscanf, ReadsTheNumbersOfAMount) {
  int dump = 7, pass = 7;
  EXPECT_EQ(std::sscanf(" 0 -2 ", " %d %d ", &dump, &pass), 2);
  EXPECT_EQ(dump, 0);
  EXPECT_EQ(pass, -2);
  EXPECT_EQ(std::sscanf("1", " %d %d ", &dump, &pass), 1);
  EXPECT_EQ(dump, 1);
}

TEST(SmallSscanf, StopsAtWhatDiffers) {
  EXPECT_EQ(scan("6.1", "%u.%u.%u").stored, 2);
  EXPECT_EQ(scan("Debian x.1.4", "Debian %u.%u.%u").stored, 0);
}

}  // namespace
}  // namespace creel::test
