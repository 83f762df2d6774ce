// Goal: the drive that the operation log's index is read from is like any other: it may go while
// clients write, and so may the next one.
#include <gtest/gtest.h>

#include "tests/core/core_world.h"

namespace creel::core {
namespace {

class LogIndex : public testing::Test {
 protected:
  void SetUp() override {
    const auto failed = world.start();
    ASSERT_FALSE(failed) << error_text(*failed);
    ASSERT_TRUE(world.create_bucket().ok());
  }
  void put(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = cat("k", random.below(30));
      auto stored = world.write(random.bytes(random.skewed_below(100'000) + 1));
      ASSERT_TRUE(stored.ok()) << error_text(stored.error());
      auto named = world.put_object(key, stored.value());
      ASSERT_TRUE(named.ok()) << error_text(named.error());
      truth[key] = stored.value().bytes;
    }
  }
  void erase_one() {
    const std::string key = truth.begin()->first;
    auto done = world.delete_object(key);
    ASSERT_TRUE(done.ok()) << error_text(done.error());
    truth.erase(key);
  }
  void expect_all() {
    for (const auto& [key, bytes] : truth) {
      auto back = world.get_object(key);
      ASSERT_TRUE(back.ok()) << key << ": " << error_text(back.error());
      ASSERT_TRUE(back.value() == bytes) << key;
    }
  }
  std::vector<unsigned> drives_with_index() {
    std::vector<unsigned> all;
    for (const store::MirrorStatus& mirror : world.core->log_store().status().mirrors)
      if (mirror.has_index) all.push_back(static_cast<unsigned>(mirror.dir[1] - '0'));
    return all;
  }
  void wait_for_three() {
    ASSERT_TRUE(world.world.run_until([&] { return drives_with_index().size() == 3; }, 300_s));
  }
  Result<Unit> checkpoint() {
    auto done =
        world.world.finish(world.machine, world.core->log_store().checkpoint(world.machine.ctx()));
    return done ? *done : fail(ErrorCode::kTimeout, "checkpoint never ended");
  }
  CoreWorld world{11, 6};
  test::TestRandom random{test::Seed{11}};
  std::map<std::string, Bytes> truth;
};

TEST_F(LogIndex, ItsDrivesMayDieWhileClientsWrite) {
  ASSERT_NO_FATAL_FAILURE(put(20));
  const std::vector<unsigned> first = drives_with_index();
  ASSERT_EQ(first.size(), 3u);
  world.pull(first[0]);
  // Nobody has noticed yet: a checkpoint and the next requests do.
  ASSERT_TRUE(checkpoint().ok());
  ASSERT_NO_FATAL_FAILURE(put(10));
  ASSERT_NO_FATAL_FAILURE(expect_all());
  ASSERT_NO_FATAL_FAILURE(wait_for_three());
  EXPECT_EQ(world.core->log_store().status().mirrors_down.size(), 1u);
  world.pull(first[1]);
  ASSERT_NO_FATAL_FAILURE(erase_one());
  ASSERT_TRUE(checkpoint().ok());
  world.world.run_for(4_s);  // Until it is noticed, a body may find too few drives.
  ASSERT_NO_FATAL_FAILURE(put(10));
  ASSERT_NO_FATAL_FAILURE(expect_all());
  ASSERT_NO_FATAL_FAILURE(wait_for_three());
  for (const unsigned drive : drives_with_index()) {
    EXPECT_NE(drive, first[0]);
    EXPECT_NE(drive, first[1]);
  }
  ASSERT_NO_FATAL_FAILURE(put(10));
  world.push(first[0]);
  world.replace(first[1]);
  world.world.run_for(30_s);
  auto healed = world.heal();
  ASSERT_TRUE(healed.ok()) << error_text(healed.error());
  ASSERT_TRUE(world.world.run_until(
      [&] { return world.core->log_store().status().mirrors_down.empty(); }, 300_s));
  // Those that were away take it over when the others go.
  const std::vector<unsigned> now = drives_with_index();
  world.pull(now[0]);
  world.pull(now[1]);
  ASSERT_NO_FATAL_FAILURE(erase_one());
  world.world.run_for(4_s);
  ASSERT_NO_FATAL_FAILURE(put(10));
  ASSERT_NO_FATAL_FAILURE(wait_for_three());
  ASSERT_NO_FATAL_FAILURE(expect_all());
  EXPECT_FALSE(world.core->log_store().status().read_only);
  world.crash();
  const auto failed = world.start();
  ASSERT_FALSE(failed) << error_text(*failed);
  ASSERT_NO_FATAL_FAILURE(expect_all());
}

}  // namespace
}  // namespace creel::core
