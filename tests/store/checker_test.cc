// Goal: a check and a scrub read back everything, name what is damaged by what people call it, and
// take a name off the list once its bytes are right again.
#include "store/checker.h"

#include <gtest/gtest.h>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

constexpr const char* kFirst = "d/seg/00000001.seg";

// The last check, once it has ended.
store::CheckProgress check_all(StoreWorld& box) {
  box.store->start_check();
  box.world.run_until([&] { return !box.store->check_progress().running; }, 60_s);
  return box.store->check_progress();
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + "\n";
  return all;
}

// Small and large bodies, some of them replaced.
void fill(StoreWorld& box) {
  TestRandom random(9);
  for (int i = 0; i < 30; ++i)
    ASSERT_TRUE(
        box.submit(toy_op('p', "key" + std::to_string(i % 20), "", random.bytes(3'000))).ok());
  const auto extents = box.write_body(random.bytes(150'000));
  ASSERT_TRUE(extents.ok());
  ASSERT_TRUE(box.submit(toy_body_op("large", extents.value())).ok());
}

// Where the body of a key lies.
store::Extent extent_of(StoreWorld& box, const std::string& key) {
  return toy_extents(box.rows().find(key)->second).front();
}
std::string file_of(const store::Extent& extent) {
  char name[40];
  std::snprintf(name, sizeof name, "d/seg/%08u.seg", extent.segment);
  return name;
}

TEST(Checker, FindsNothingInASoundStoreAndReadsItAll) {
  StoreWorld box(1);
  ASSERT_TRUE(box.open().ok());
  fill(box);
  const store::CheckProgress progress = check_all(box);
  EXPECT_TRUE(progress.whole);
  EXPECT_EQ(progress.damaged, 0u) << joined(progress.findings);
  EXPECT_EQ(progress.bodies, 21u);
  EXPECT_EQ(progress.log_operations, 31u);
  EXPECT_GE(progress.bytes, 20u * 3'000 + 150'000);
}

TEST(Checker, NamesADamagedBodyAndForgetsItOnceItIsReplaced) {
  for (const char* key : {"key7", "large"}) {
    StoreWorld box(2);
    ASSERT_TRUE(box.open().ok());
    fill(box);
    const store::Extent extent = extent_of(box, key);
    const std::uint64_t inside = extent.kind == store::Extent::Kind::kChunks ? 4'096 + 99 : 99;
    ASSERT_TRUE(box.node.disk().flip(file_of(extent), extent.offset + inside));
    store::CheckProgress progress = check_all(box);
    EXPECT_TRUE(progress.whole);
    EXPECT_GE(progress.damaged, 1u);
    EXPECT_NE(joined(progress.findings).find(key), std::string::npos);
    const store::Status status = box.store->status();
    EXPECT_EQ(status.damaged_objects, 1u);
    ASSERT_EQ(status.damaged_names.size(), 1u);
    EXPECT_EQ(status.damaged_names[0].find(key), 0u);
    EXPECT_TRUE(box.said(key));
    ASSERT_TRUE(box.submit(toy_op('p', key, "", Bytes(100, 1))).ok());
    check_all(box);
    EXPECT_EQ(box.store->status().damaged_objects, 0u);
  }
}

TEST(Checker, FindsDamageInABodyThatNobodyNamesAnyMore) {
  StoreWorld box(3);
  ASSERT_TRUE(box.open().ok());
  fill(box);
  const store::Extent dead = extent_of(box, "key3");
  ASSERT_TRUE(box.submit(toy_op('s', "key3", "small now")).ok());
  ASSERT_TRUE(box.node.disk().flip(kFirst, dead.offset + 50));
  const store::CheckProgress progress = check_all(box);
  EXPECT_TRUE(progress.whole);
  EXPECT_EQ(progress.damaged, 1u) << joined(progress.findings);
  EXPECT_EQ(box.store->status().damaged_objects, 0u);
}

TEST(Checker, ScrubsByItselfAtItsPaceAndGoesOnWhereItWas) {
  StoreWorld box(4);
  box.options.scrub_every = 60_min;
  box.options.scrub_bytes_per_second = 1'000;
  ASSERT_TRUE(box.open().ok());
  fill(box);
  const store::Extent extent = extent_of(box, "key9");
  ASSERT_TRUE(box.node.disk().flip(file_of(extent), extent.offset + 10));
  // 210 KB at 1,000 B/s: not done within two minutes of its start, but within eight.
  box.world.run_until([&] { return box.store->status().scrub.running; }, 20_min);
  ASSERT_TRUE(box.store->status().scrub.running);
  const bool early = box.world.run_until([&] { return !box.store->status().scrub.running; }, 2_min);
  EXPECT_FALSE(early);
  const std::uint64_t bodies = box.store->status().scrub.bodies;
  EXPECT_GT(bodies, 0u);
  ASSERT_TRUE(box.stop().ok());
  ASSERT_TRUE(box.open().ok());
  box.world.run_until([&] { return box.store->status().scrub.running; }, 20_min);
  box.world.run_until([&] { return !box.store->status().scrub.running; }, 8_min);
  const store::ScrubStatus done = box.store->status().scrub;
  EXPECT_FALSE(done.running);
  EXPECT_GT(done.completed_wall_ms, 0);
  EXPECT_EQ(done.bodies + bodies, 21u);
  EXPECT_TRUE(box.said("damaged object key9"));
  // The next one comes when it is due, not before.
  const bool again = box.world.run_until([&] { return box.store->status().scrub.running; }, 40_min);
  EXPECT_FALSE(again);
  box.world.run_until([&] { return box.store->status().scrub.running; }, 40_min);
  EXPECT_TRUE(box.store->status().scrub.running);
}

}  // namespace
}  // namespace creel::test
