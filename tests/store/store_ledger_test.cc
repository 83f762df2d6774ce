// Goal: the store knows how many bytes of each segment rows name, exactly, whatever happened.
// Method: the figures against the sum over all rows, after writes, overwrites and deletes, crashes
// between checkpoints, a clean restart, and an index that was thrown away.
#include <gtest/gtest.h>

#include "store/reclaim/ledger.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

std::uint64_t sum_of_rows(StoreWorld& box) {
  std::uint64_t sum = 0;
  for (const auto& [key, row] : box.rows())
    if (row[0] == 'p' || row[0] == 'b')
      for (const store::Extent& extent : toy_extents(row)) sum += store::footprint(extent);
  return sum;
}

void work(StoreWorld& box, TestRandom& random, int ops) {
  for (int i = 0; i < ops; ++i) {
    const std::string key = std::to_string(random.below(20));
    if (random.chance(0.2)) {
      (void)box.submit(toy_op('d', key));
    } else if (random.chance(0.2)) {
      auto extents = box.write_body(random.bytes(1 + random.below(400'000)));
      ASSERT_TRUE(extents.ok());
      ASSERT_TRUE(box.submit(toy_body_op(key, extents.value())).ok());
    } else {
      ASSERT_TRUE(box.submit(toy_op('p', key, "", random.bytes(random.below(20'000)))).ok());
    }
  }
}

TEST(StoreLedger, LiveBytesAreTheSumOverTheRowsAfterAnything) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    ASSERT_TRUE(box.open().ok());
    for (int round = 0; round < 4; ++round) {
      ASSERT_NO_FATAL_FAILURE(work(box, random, 30));
      ASSERT_EQ(box.store->status().space.live, sum_of_rows(box));
      if (random.chance(0.3)) {
        ASSERT_TRUE(box.stop().ok());
      } else {
        box.crash(random.chance(0.5) ? SimCrash::kProcess : SimCrash::kPowerLoss);
      }
      if (random.chance(0.3)) box.images.clear();  // Rebuilt from the log.
      ASSERT_TRUE(box.open().ok());
      ASSERT_EQ(box.store->status().space.live, sum_of_rows(box));
    }
  }
}

TEST(StoreLedger, AnIndexWithoutFiguresIsCountedOnce) {
  StoreWorld box(5);
  ASSERT_TRUE(box.open().ok());
  TestRandom random(Seed{5});
  ASSERT_NO_FATAL_FAILURE(work(box, random, 60));
  ASSERT_TRUE(box.stop().ok());
  store::MemImage& image = box.images.begin()->second;
  std::erase_if(image.rows,
                [](const auto& row) { return row.first.table == store::Table::kSegment; });
  ASSERT_TRUE(box.open().ok());
  EXPECT_GT(box.store->status().space.live, 0u);
  EXPECT_EQ(box.store->status().space.live, sum_of_rows(box));
}

TEST(StoreLedger, ABodyThatIsNotHereCannotBeNamed) {
  StoreWorld box(6);
  ASSERT_TRUE(box.open().ok());
  store::Extent gone;
  gone.segment = 4'000;
  gone.generation = 1;
  gone.offset = 4'096;
  gone.length = 10;
  Result<store::Verdict> verdict = box.submit(toy_body_op("k", {gone}));
  ASSERT_TRUE(verdict.ok());
  EXPECT_FALSE(verdict.value().accepted);
  EXPECT_TRUE(box.rows().empty());
}

}  // namespace
}  // namespace creel::test
