// Goal: what is missing comes back by itself or by `creel heal`; drives that are new, stale,
// foreign or copies are told apart; what nobody names goes.
#include <gtest/gtest.h>

#include "tests/core/core_world.h"

namespace creel::core {
namespace {

using Random = test::TestRandom;
using test::Seed;

class Healing : public testing::Test {
 protected:
  void SetUp() override {
    start();
    ASSERT_TRUE(world.create_bucket().ok());
  }
  void start() {
    const auto failed = world.start();
    ASSERT_FALSE(failed) << error_text(*failed);
  }
  void put(const std::string& key, std::uint64_t size) {
    auto stored = world.write(random.bytes(size));
    ASSERT_TRUE(stored.ok()) << error_text(stored.error());
    auto named = world.put_object(key, stored.value());
    ASSERT_TRUE(named.ok()) << error_text(named.error());
    truth[key] = stored.value().bytes;
  }
  void expect_all() {
    for (const auto& [key, bytes] : truth) {
      auto back = world.get_object(key);
      ASSERT_TRUE(back.ok()) << key << ": " << error_text(back.error());
      ASSERT_TRUE(back.value() == bytes) << key;
    }
  }
  void wait_up(std::uint32_t seats = 0x3f) {
    ASSERT_TRUE(world.world.run_until([&] { return world.core->drives().up() == seats; }, 120_s));
  }
  CoreWorld world{77, 6};
  Random random{Seed{77}};
  std::map<std::string, Bytes> truth;
};

TEST_F(Healing, TwoReplacedDrivesAreRebuiltWhileServing) {
  for (int i = 0; i < 12; ++i) put(cat("k", i), random.skewed_below(3 * MiB) + 5'000);
  for (unsigned drive : {1u, 4u}) world.pull(drive);
  world.world.run_for(4_s);
  put("while-two-are-away", 700'000);
  for (unsigned drive : {1u, 4u}) world.replace(drive);
  world.world.run_for(4_s);
  EXPECT_EQ(world.core->status().drives[1].state, DriveState::kBlank);
  expect_all();
  auto healed = world.heal();
  ASSERT_TRUE(healed.ok()) << error_text(healed.error());
  EXPECT_EQ(healed.value().blobs_failed, 0u) << healed.value().last_error;
  EXPECT_EQ(healed.value().blobs_incomplete, 0u);
  EXPECT_EQ(healed.value().blobs_done, 13u);
  wait_up();
  for (const auto& [key, bytes] : truth) {
    const std::string manifest = world.manifest_of(key);
    EXPECT_EQ(world.shards_of(manifest), ErasureManifest::parse(manifest).value().layout.slots());
    EXPECT_FALSE(s3::is_degraded(manifest)) << key;
  }
  // The new ones carry their share: two others may go now.
  for (unsigned drive : {0u, 5u}) world.pull(drive);
  world.world.run_for(4_s);
  expect_all();
}

TEST_F(Healing, ADriveWhoseSeatWasTakenIsStaleWhenItReturns) {
  put("a", 900'000);
  const SimDiskImage old = world.machine.disk().snapshot("d3");
  world.pull(3);
  world.world.run_for(4_s);
  world.replace(3);
  world.world.run_for(4_s);
  ASSERT_TRUE(world.heal().ok());
  wait_up();
  put("b", 900'000);
  world.pull(3);
  world.world.run_for(4_s);
  world.machine.disk().make_available("d3");
  world.machine.disk().restore("d3", old);
  world.world.run_for(30_s);
  EXPECT_EQ(world.core->status().drives[3].state, DriveState::kStale);
  expect_all();
  world.crash();
  start();
  EXPECT_EQ(world.core->status().drives[3].state, DriveState::kStale);
  expect_all();
}

TEST_F(Healing, ADriveThatWasAwayGetsWhatItMissed) {
  put("before", 500'000);
  world.pull(2);
  world.world.run_for(4_s);
  for (int i = 0; i < 5; ++i) put(cat("missed", i), 400'000);
  ASSERT_TRUE(world.delete_object("before").ok());
  truth.erase("before");
  EXPECT_EQ(world.core->status().heal_waiting, 5u);
  world.push(2);
  wait_up();
  ASSERT_TRUE(world.world.run_until(
      [&] {
        const CoreStatus status = world.core->status();
        return status.heal_waiting == 0 && status.dead_waiting == 0;
      },
      600_s));
  EXPECT_EQ(world.shards_total(), 5u * 6);
  expect_all();
}

TEST_F(Healing, StartsWithTwoDrivesMissingAndServes) {
  for (int i = 0; i < 4; ++i) put(cat("k", i), 300'000 * (i + 1));
  for (auto [a, b] : {std::pair{0u, 1u}, std::pair{2u, 5u}, std::pair{4u, 5u}}) {
    SCOPED_TRACE(cat(a, " and ", b));
    world.crash();
    world.pull(a);
    world.pull(b);
    start();
    expect_all();
    put(cat("with-", a, b, "-away"), 500'000);
    world.crash();
    world.push(a);
    world.push(b);
    start();
    expect_all();
    ASSERT_TRUE(
        world.world.run_until([&] { return world.core->status().heal_waiting == 0; }, 600_s));
  }
  world.crash();
  for (unsigned drive : {0u, 1u, 2u}) world.pull(drive);
  const auto failed = world.start();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kUnavailable);
  EXPECT_NE(failed->detail.find("4 are needed"), std::string::npos) << failed->detail;
}

TEST_F(Healing, ShardsWithoutAnOperationGoAfterTheNextStart) {
  put("named", 600'000);
  auto unnamed = world.write(random.bytes(800'000));
  ASSERT_TRUE(unnamed.ok());
  EXPECT_EQ(world.shards_total(), 12u);
  world.crash(SimCrash::kProcess);
  start();
  ASSERT_TRUE(
      world.world.run_until([&] { return world.core->healer().counters().orphans == 6; }, 120_s));
  EXPECT_EQ(world.shards_total(), 6u);
  expect_all();
}

TEST_F(Healing, DeletedBlobsAreReapedAfterTheirGrace) {
  put("a", 600'000);
  put("b", 20'000);
  ASSERT_TRUE(world.delete_object("a").ok());
  ASSERT_TRUE(world.delete_object("b").ok());
  truth.clear();
  world.world.run_for(20_s);
  EXPECT_EQ(world.shards_total(), 9u);
  ASSERT_TRUE(world.world.run_until([&] { return world.core->status().dead_waiting == 0; }, 300_s));
  EXPECT_EQ(world.shards_total(), 0u);
}

TEST_F(Healing, DamageIsFoundByHealBeforeAnybodyReads) {
  put("a", 3 * MiB);
  for (const std::string& path : world.machine.disk().paths("d1/shards/seg")) {
    const auto content = world.machine.disk().peek(path);
    for (std::uint64_t at = 5'000; content && at < content->size(); at += 30'000)
      world.machine.disk().flip(path, at);
  }
  auto healed = world.heal();
  ASSERT_TRUE(healed.ok());
  EXPECT_EQ(healed.value().shards_rebuilt, 1u);
  healed = world.heal();
  ASSERT_TRUE(healed.ok());
  EXPECT_EQ(healed.value().shards_rebuilt, 0u);
}

TEST(Drives, ForeignAndCopiedDrivesAreRefusedByName) {
  CoreWorld world(5, 4), other(6, 4);
  ASSERT_FALSE(world.start());
  ASSERT_FALSE(other.start());
  world.stop();
  const SimDiskImage own = world.machine.disk().snapshot("d1");
  world.machine.disk().restore("d1", other.machine.disk().snapshot("d1"));
  auto failed = world.start();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kInvalid);
  EXPECT_NE(failed->detail.find("d1"), std::string::npos) << failed->detail;
  world.machine.disk().restore("d1", world.machine.disk().snapshot("d2"));
  failed = world.start();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kInvalid);
  EXPECT_NE(failed->detail.find("same drive"), std::string::npos) << failed->detail;
  world.machine.disk().restore("d1", own);
  EXPECT_FALSE(world.start());
}

TEST(Drives, AFolderWithOtherFilesIsRefused) {
  CoreWorld world(8, 3);
  world.machine.disk().put("d1/holiday.jpg", as_bytes("x"));
  const auto failed = world.start();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->code, ErrorCode::kInvalid);
  EXPECT_NE(failed->detail.find("holiday.jpg"), std::string::npos) << failed->detail;
  EXPECT_EQ(world.machine.disk().peek("d0/creel.drive"), std::nullopt);
}

TEST(Drives, FirstStartMayBeCutAnywhere) {
  for (std::uint64_t cut = 1; cut < 60; cut += 3) {
    SCOPED_TRACE(cut);
    CoreWorld world(100 + cut, 4);
    bool armed = true;
    world.world.at(Duration{static_cast<std::int64_t>(cut) * 4'000'000}, [&] {
      if (armed && world.machine.alive()) world.machine.crash(SimCrash::kPowerLoss);
    });
    (void)world.start();
    armed = false;
    if (world.machine.alive()) world.crash();
    const auto failed = world.start();
    ASSERT_FALSE(failed) << error_text(*failed);
    ASSERT_TRUE(world.create_bucket().ok());
  }
}

}  // namespace
}  // namespace creel::core
