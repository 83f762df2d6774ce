// Goal: what was sealed reads back bit-exact with up to m drives missing, damaged or slow; with
// more the error names them; a write needs W drives and says so.
#include <gtest/gtest.h>

#include "tests/core/core_world.h"

namespace creel::core {
namespace {

using Random = test::TestRandom;
using test::Seed;

TEST(Core, OneToSixteenDrivesStoreAndReadBack) {
  for (unsigned drives : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 12u, 16u}) {
    SCOPED_TRACE(drives);
    CoreWorld world(drives, drives);
    const auto failed = world.start();
    ASSERT_FALSE(failed) << error_text(*failed);
    Random random(Seed{drives});
    for (std::uint64_t size :
         {std::uint64_t{0}, std::uint64_t{1}, 64 * KiB - 1, 64 * KiB, 64 * KiB + 1, 256 * KiB - 1,
          256 * KiB, 256 * KiB + 1, std::uint64_t{1'300'000}, 5 * MiB + 77}) {
      const bool tell = size % 2 == 0;
      auto stored = world.write(random.bytes(size), tell);
      ASSERT_TRUE(stored.ok()) << size << ": " << error_text(stored.error());
      auto back = world.read(stored.value());
      ASSERT_TRUE(back.ok()) << size << ": " << error_text(back.error());
      ASSERT_TRUE(back.value() == stored.value().bytes) << size;
      for (int i = 0; i < 5 && size > 0; ++i) {
        const std::uint64_t begin = random.below(size);
        const std::uint64_t bytes = random.between<std::uint64_t>(1, size - begin);
        auto part = world.read(stored.value().manifest, begin, bytes);
        ASSERT_TRUE(part.ok()) << error_text(part.error());
        ASSERT_TRUE(equal(part.value(), ByteView(stored.value().bytes).subspan(begin, bytes)));
      }
    }
    world.stop();
  }
}

class SixDrives : public testing::Test {
 protected:
  void SetUp() override {
    const auto failed = world.start();
    ASSERT_FALSE(failed) << error_text(*failed);
  }
  CoreWorld::Stored store(std::uint64_t size) {
    auto stored = world.write(random.bytes(size));
    EXPECT_TRUE(stored.ok()) << error_text(stored.error());
    return stored.ok() ? stored.take() : CoreWorld::Stored();
  }
  void expect_whole(const CoreWorld::Stored& stored) {
    auto back = world.read(stored);
    ASSERT_TRUE(back.ok()) << error_text(back.error());
    EXPECT_TRUE(back.value() == stored.bytes);
  }
  // Flips a bit in every large segment file of a drive's shards, wherever bytes were written.
  void damage(unsigned drive, std::uint64_t every) {
    for (const std::string& path :
         world.machine.disk().paths(CoreWorld::dir(drive) + "/shards/seg")) {
      const auto content = world.machine.disk().peek(path);
      if (!content) continue;
      for (std::uint64_t at = 4096 + random.below(every); at < content->size(); at += every)
        world.machine.disk().flip(path, at, static_cast<unsigned>(random.below(8)));
    }
  }
  CoreWorld world{66, 6};
  Random random{Seed{66}};
};

TEST_F(SixDrives, AnyTwoMayBePulledWhileServing) {
  std::vector<CoreWorld::Stored> all;
  for (std::uint64_t size : {std::uint64_t{9'000}, 300 * KiB, 3 * MiB + 5})
    all.push_back(store(size));
  for (unsigned a = 0; a < 6; ++a) {
    for (unsigned b = a + 1; b < 6; ++b) {
      SCOPED_TRACE(cat(a, " and ", b));
      world.pull(a);
      world.pull(b);
      for (const auto& stored : all) expect_whole(stored);  // Before anybody noticed,
      world.world.run_for(4_s);
      for (const auto& stored : all) expect_whole(stored);  // and after.
      world.push(a);
      world.push(b);
      ASSERT_TRUE(world.world.run_until([&] { return world.core->drives().up() == 0x3f; }, 120_s));
    }
  }
}

TEST_F(SixDrives, ThreeGoneIsAnErrorThatNamesThem) {
  const auto stored = store(3 * MiB);
  for (unsigned drive : {1u, 3u, 4u}) world.pull(drive);
  world.world.run_for(4_s);
  auto back = world.read(stored);
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().code, ErrorCode::kUnavailable);
  for (const char* name : {"d1", "d3", "d4"})
    EXPECT_NE(back.error().detail.find(name), std::string::npos) << back.error().detail;
  for (unsigned drive : {1u, 3u, 4u}) world.push(drive);
  ASSERT_TRUE(world.world.run_until([&] { return world.core->drives().up() == 0x3f; }, 120_s));
  expect_whole(stored);
}

TEST_F(SixDrives, DamageOnTwoDrivesReadsBackAndIsRepaired) {
  const auto stored = store(4 * MiB + 1'234);
  const ErasureManifest manifest = ErasureManifest::parse(stored.manifest).take();
  damage(manifest.seat[0], 20'000);
  damage(manifest.seat[2], 20'000);
  expect_whole(stored);
  EXPECT_GT(world.core->erasure().counters().bad_cells, 0u);
  ASSERT_TRUE(world.world.run_until(
      [&] { return world.core->healer().counters().read_repairs > 0; }, 120_s));
  // The repaired ones now stand in for two others.
  world.pull(manifest.seat[1]);
  world.pull(manifest.seat[3]);
  world.world.run_for(4_s);
  expect_whole(stored);
}

TEST_F(SixDrives, DamageOnThreeIsCorruptNotWrong) {
  const auto stored = store(2 * MiB);
  for (unsigned drive : {0u, 2u, 4u}) damage(drive, 5'000);
  auto back = world.read(stored);
  ASSERT_FALSE(back.ok());
  EXPECT_EQ(back.error().code, ErrorCode::kCorrupt) << back.error().detail;
}

TEST_F(SixDrives, SlowDrivesDoNotHoldUpReads) {
  const auto stored = store(2 * MiB);
  world.machine.disk().faults("d0").latency = 30_s;
  world.machine.disk().faults("d3").latency = 30_s;
  const Instant begun = world.world.now();
  expect_whole(stored);
  EXPECT_LT(world.world.now() - begun, 5_s);
  EXPECT_GT(world.core->erasure().counters().hedges, 0u);
}

TEST_F(SixDrives, WriteGoesOnWithOneSlowDriveAndIsHealedLater) {
  ASSERT_TRUE(world.create_bucket().ok());
  world.machine.disk().faults("d2").latency = 20_s;
  world.machine.disk().faults("d2").sync_latency = 20_s;
  const Instant begun = world.world.now();
  const auto stored = store(3 * MiB);
  EXPECT_LT(world.world.now() - begun, 15_s);
  EXPECT_TRUE(s3::is_degraded(stored.manifest));
  ASSERT_TRUE(world.put_object("slow", stored).ok());
  world.machine.disk().faults("d2") = SimDiskFaults();
  ASSERT_TRUE(world.world.run_until([&] { return world.core->status().heal_waiting == 0; }, 300_s));
  EXPECT_EQ(world.shards_of(world.manifest_of("slow")), 6u);
  EXPECT_FALSE(s3::is_degraded(world.manifest_of("slow")));
}

TEST_F(SixDrives, WritesNeedEnoughDrives) {
  world.pull(0);
  world.world.run_for(4_s);
  const auto one_down = store(2 * MiB);  // Five of six: W.
  EXPECT_TRUE(s3::is_degraded(one_down.manifest));
  expect_whole(one_down);
  world.pull(1);
  world.world.run_for(4_s);
  const auto two_down = store(2 * MiB);  // Four drives: two of them take two shards each.
  EXPECT_EQ(world.shards_of(two_down.manifest), 6u);
  EXPECT_TRUE(s3::is_degraded(two_down.manifest));
  expect_whole(two_down);
  // Two drives with three shards each: one more loss would leave fewer than k.
  world.pull(2);
  world.pull(3);
  world.world.run_for(4_s);
  auto refused = world.write(random.bytes(2 * MiB));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().detail.find("d2"), std::string::npos) << refused.error().detail;
}

TEST_F(SixDrives, ADriveThatDiesMidWriteIsLeftOut) {
  for (std::uint64_t n : {1u, 3u, 6u}) {
    world.machine.disk().fail_nth(SimDiskOp::kWrite, n, ErrorCode::kIo, "d4/shards");
    const auto stored = store(4 * MiB);
    expect_whole(stored);
    ASSERT_TRUE(world.world.run_until([&] { return world.core->drives().up() == 0x3f; }, 120_s));
  }
}

TEST(Core, FullDrivesRefuseWithNoSpace) {
  CoreWorld world(7, 3);
  world.store_bytes = 32 * MiB;
  const auto failed = world.start();
  ASSERT_FALSE(failed) << error_text(*failed);
  Random random(Seed{7});
  std::vector<CoreWorld::Stored> all;
  std::optional<Error> error;
  for (int i = 0; i < 100 && !error; ++i) {
    auto stored = world.write(random.bytes(1 * MiB));
    if (stored.ok()) all.push_back(stored.take());
    else error = stored.error();
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, ErrorCode::kNoSpace) << error->detail;
  EXPECT_NE(error->detail.find("full"), std::string::npos) << error->detail;
  for (const auto& stored : all) {
    auto back = world.read(stored);
    ASSERT_TRUE(back.ok()) << error_text(back.error());
    EXPECT_TRUE(back.value() == stored.bytes);
  }
}

}  // namespace
}  // namespace creel::core
