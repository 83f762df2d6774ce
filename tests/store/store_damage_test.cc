// Goal: a torn tail is cut, damage in the middle is reported and gone around, and no flipped bit is
// ever served as data (store.md R3, R4).
#include <gtest/gtest.h>

#include <map>

#include "store/log/format.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

constexpr const char* kFirst = "d/seg/00000001.seg";

// Forty small operations, one a batch, in the first segment; then stopped in order.
std::map<std::string, Bytes> fill(StoreWorld& box) {
  std::map<std::string, Bytes> all;
  check(box.open().ok());
  TestRandom random(5);
  for (int i = 1; i <= 40; ++i) {
    const std::string key = std::to_string(i);
    all[key] = random.bytes(2'000);
    check(box.submit(toy_op('p', key, "", all[key])).ok());
  }
  return all;
}

// Every key has its bytes, or fails as corrupt; returns how many are absent or corrupt.
int count_missing(StoreWorld& box, const std::map<std::string, Bytes>& all) {
  int missing = 0;
  const auto rows = box.rows();
  for (const auto& [key, body] : all) {
    if (!rows.contains(key)) {
      ++missing;
      continue;
    }
    Result<Bytes> read = box.read(key);
    if (!read.ok()) {
      EXPECT_EQ(read.error().code, ErrorCode::kCorrupt) << error_text(read.error());
      ++missing;
    } else {
      EXPECT_TRUE(read.value() == body) << key;
    }
  }
  return missing;
}

TEST(StoreDamage, ATornTailIsCutWithoutAWord) {
  for (Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    const auto all = fill(box);
    box.crash();
    Bytes file = *box.node.disk().peek(kFirst);
    // A batch that was never acknowledged, cut anywhere: here the last one's bytes, one place on.
    const std::size_t batch = 4'096 + 39 * 4'096;
    const std::size_t keep = random.below(4'096);
    for (std::size_t i = 0; i < keep; ++i) file[batch + 4'096 + i] = file[batch + i] ^ 0x5a;
    ASSERT_TRUE(box.node.disk().put(kFirst, file));
    ASSERT_TRUE(box.open().ok());
    EXPECT_EQ(box.store->status().damaged_ranges, 0u);
    EXPECT_EQ(box.store->status().last.value, 40u);
    EXPECT_EQ(count_missing(box, all), 0);
    ASSERT_TRUE(box.submit(toy_op('s', "next", "v")).ok());
    box.crash();
    ASSERT_TRUE(box.open().ok());
    EXPECT_EQ(box.store->status().last.value, 41u);
    EXPECT_EQ(box.store->status().damaged_ranges, 0u);
  }
}

// One bit anywhere in an earlier batch; the index is lost, so the log has to tell everything.
TEST(StoreDamage, ADamagedMiddleIsReportedAndTheRestIsServed) {
  int lost_ops = 0;
  for (Seed seed : seeds(120)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    const auto all = fill(box);
    ASSERT_TRUE(box.stop().ok());
    const std::uint64_t at = 4'096 + random.below(39 * 4'096);
    ASSERT_TRUE(box.node.disk().flip(kFirst, at, static_cast<unsigned>(random.below(8))));
    box.images.clear();
    Result<Unit> opened = box.open();
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    const int missing = count_missing(box, all);
    EXPECT_LE(missing, 1);
    const store::Status status = box.store->status();
    EXPECT_EQ(status.last.value, 40u);
    std::vector<store::LostRange> lost = box.store->lost();
    if (missing > 0) {
      EXPECT_GE(status.damaged_ranges, 1u);
      ASSERT_FALSE(status.damage.empty());
      EXPECT_NE(status.damage.front().find("segment 1"), std::string::npos);
    }
    // Still writing, and the next start still tells.
    ASSERT_TRUE(box.submit(toy_op('s', "next", "v")).ok());
    EXPECT_EQ(box.store->status().last.value, 41u);
    ASSERT_TRUE(box.stop().ok());
    ASSERT_TRUE(box.open().ok());
    EXPECT_EQ(box.store->lost(), lost);
    if (!lost.empty()) {
      ++lost_ops;
      ASSERT_EQ(lost.size(), 1u);
      EXPECT_EQ(lost[0].first, lost[0].last);
      EXPECT_FALSE(box.store->status().damage.empty());
      // Replication is told, and goes on behind.
      const store::Lsn before{lost[0].first.value - 1};
      auto ops =
          box.world.finish(box.node, box.store->read_log(box.node.ctx(), before, 1 * MiB, false));
      ASSERT_TRUE(ops.has_value());
      ASSERT_FALSE(ops->ok());
      EXPECT_EQ(ops->error().code, ErrorCode::kCorrupt);
      ops = box.world.finish(box.node,
                             box.store->read_log(box.node.ctx(), lost[0].last, 1 * MiB, false));
      ASSERT_TRUE(ops && ops->ok());
      EXPECT_EQ(ops->value().size(), 41 - lost[0].last.value);
    }
  }
  EXPECT_GT(lost_ops, 0);
}

TEST(StoreDamage, RowsOfADamagedLogAreStillServedFromTheIndex) {
  StoreWorld box(1);
  const auto all = fill(box);
  ASSERT_TRUE(box.stop().ok());
  ASSERT_TRUE(box.node.disk().flip(kFirst, 4'096 + 20 * 4'096 + 3));  // A batch header.
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(count_missing(box, all), 0);
}

TEST(StoreDamage, ALogThatEndsBelowTheIndexRaisesTheEpoch) {
  StoreWorld box(2);
  fill(box);
  auto done = box.world.finish(box.node, box.store->checkpoint(box.node.ctx()));
  ASSERT_TRUE(done && done->ok());
  box.crash();
  Bytes file = *box.node.disk().peek(kFirst);
  std::fill(file.begin() + 4'096 + 37 * 4'096, file.end(),
            0);  // The drive lied about the last three.
  ASSERT_TRUE(box.node.disk().put(kFirst, file));
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.store->epoch(), 2u);
  EXPECT_EQ(box.store->status().last.value, 40u);
  ASSERT_EQ(box.store->lost().size(), 1u);
  EXPECT_EQ(box.store->lost()[0].first.value, 38u);
  EXPECT_EQ(box.store->lost()[0].last.value, 40u);
  ASSERT_TRUE(box.submit(toy_op('s', "next", "v")).ok());
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.store->epoch(), 2u);
  EXPECT_EQ(box.rows().size(), 41u);
}

TEST(StoreDamage, ADamagedSegmentHeaderDoesNotHideTheSegment) {
  for (const std::uint64_t at : {0, 20, 33, 50, 509}) {
    StoreWorld box(at + 1);
    const auto all = fill(box);
    box.crash();
    ASSERT_TRUE(box.node.disk().flip(kFirst, at));
    Result<Unit> opened = box.open();
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    EXPECT_EQ(count_missing(box, all), 0);
    EXPECT_TRUE(box.said("header is damaged"));
    ASSERT_TRUE(box.submit(toy_op('s', "next", "v")).ok());
  }
}

// Any one bit in any file: right bytes, or an error, or a loss that is told. Never wrong bytes.
TEST(StoreDamage, NoFlippedBitIsServed) {
  for (Seed seed : seeds(400)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    auto all = fill(box);
    const Bytes large = random.bytes(150'000);
    Result<std::vector<store::Extent>> extents = box.write_body(large, large.size());
    ASSERT_TRUE(extents.ok());
    ASSERT_TRUE(box.submit(toy_body_op("large", extents.value())).ok());
    all["large"] = large;
    // After a kill the very last batch is ambiguous: it may count as torn.
    const bool clean = random.chance(0.5);
    if (clean) {
      ASSERT_TRUE(box.stop().ok());
    } else {
      box.crash(SimCrash::kProcess);
    }
    std::vector<std::string> files;
    for (const std::string& path : box.node.disk().paths("d")) {
      const auto content = box.node.disk().peek(path);
      if (content && !content->empty() && path != "d/lock") files.push_back(path);
    }
    const std::string path = random.pick(files);
    const std::size_t size = box.node.disk().peek(path)->size();
    const std::uint64_t at = random.chance(0.7) ? random.below(std::min<std::size_t>(size, 180'000))
                                                : random.below(size);
    ASSERT_TRUE(box.node.disk().flip(path, at, static_cast<unsigned>(random.below(8))));
    if (random.chance(0.5)) box.images.clear();
    Result<Unit> opened = box.open();
    if (!opened.ok()) {
      EXPECT_TRUE(path == "d/creel.drive" || opened.error().code == ErrorCode::kInvalid)
          << path << " at " << at << ": " << error_text(opened.error());
      continue;
    }
    const int missing = count_missing(box, all);
    EXPECT_LE(missing, 1) << path << " at " << at;
    if (missing > 0 && clean) {
      EXPECT_FALSE(box.store->status().damage.empty()) << path << " at " << at;
    }
    EXPECT_TRUE(box.submit(toy_op('s', "next", "v")).ok());
  }
}

}  // namespace
}  // namespace creel::test
