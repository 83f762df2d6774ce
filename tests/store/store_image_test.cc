// Goal: image + log above it, the whole log and the live index give the same rows and one hash; an
// image that was cut or damaged is never used, an older one or the whole log is (store.md §9).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "store/image/image_format.h"
#include "store/index/state_hash.h"
#include "store/log/format.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

store::StateHash hash_of(const std::map<store::RowName, std::string, store::RowNameLess>& rows) {
  store::StateHash hash;
  for (const auto& [name, value] : rows) hash.add(row_hash(name.table, name.key, value));
  return hash;
}

void write_some(StoreWorld& box, TestRandom& random, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string key = random.text(1 + random.below(40), "abc/");
    const bool erase = random.chance(0.2) && box.rows().contains(key);
    const std::string value = random.text(random.below(600), "0123456789abcdef");
    ASSERT_TRUE(box.submit(toy_op(erase ? 'd' : 's', key, value)).ok());
  }
}

Result<Unit> make_image(StoreWorld& box) {
  auto done = box.world.finish(box.node, box.store->make_image(box.node.ctx()));
  return done ? *done : fail(ErrorCode::kUnknown, "crashed");
}

// The files of segments of that stream, oldest first.
std::vector<std::string> segments_of(StoreWorld& box, store::StreamKind stream) {
  std::vector<std::string> found;
  for (const std::string& path : box.node.disk().paths("d/seg")) {
    const std::optional<Bytes> bytes = box.node.disk().peek(path);
    if (bytes && bytes->size() > 10 && (*bytes)[10] == static_cast<std::uint8_t>(stream))
      found.push_back(path);
  }
  return found;
}

std::uint64_t state_rows(StoreWorld& box) {
  std::uint64_t count = 0;
  for (const auto& [name, value] : box.images["d/idx"].rows) count += store::is_state(name.table);
  return count;
}

void remove_file(StoreWorld& box, const std::string& path) {
  auto removed = box.world.finish(box.node, box.node.platform().disk.remove(box.node.ctx(), path));
  ASSERT_TRUE(removed && removed->ok());
}

TEST(StoreImage, ARebuildStartsFromTheImage) {
  StoreWorld box(1);
  TestRandom random(1);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 300));
  EXPECT_EQ(box.store->image_lsn().value, 0u);
  ASSERT_TRUE(make_image(box).ok());
  EXPECT_EQ(box.store->image_lsn(), box.store->status().last);
  EXPECT_EQ(box.store->status().image_rows, state_rows(box));
  EXPECT_GT(box.store->status().image_bytes, 0u);
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 100));
  const auto rows = box.rows();
  ASSERT_TRUE(box.stop().ok());
  const store::StateHash hash = box.images["d/idx"].hash;
  EXPECT_EQ(hash, hash_of(box.images["d/idx"].rows));
  box.images.clear();
  const std::uint64_t decided = box.decider.decided;
  ASSERT_TRUE(box.open().ok());
  EXPECT_TRUE(box.said("filled from the image of operation 300"));
  EXPECT_EQ(box.decider.decided - decided, 100u);
  EXPECT_EQ(box.rows(), rows);
  EXPECT_EQ(box.images["d/idx"].hash, hash);
  EXPECT_EQ(box.store->image_lsn().value, 300u);
  EXPECT_EQ(box.store->status().damaged_ranges, 0u);
  EXPECT_FALSE(box.said("differs"));
}

TEST(StoreImage, TheNewestStaysAndOlderOnesGo) {
  StoreWorld box(2);
  TestRandom random(2);
  ASSERT_TRUE(box.open().ok());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_NO_FATAL_FAILURE(write_some(box, random, 50));
    ASSERT_TRUE(make_image(box).ok());
    EXPECT_EQ(box.store->image_lsn().value, 50u * static_cast<unsigned>(i));
    ASSERT_TRUE(make_image(box).ok());  // Nothing new: no second one.
    box.world.run_for(20_s);
  }
  // Files of older ones are used anew; until then their headers stay.
  EXPECT_LE(segments_of(box, store::StreamKind::kImage).size(), 3u);
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.store->image_lsn().value, 150u);
  EXPECT_EQ(box.store->status().image_rows, state_rows(box));
}

TEST(StoreImage, ItIsMadeWithoutBeingAskedAfterAMillionOperations) {
  StoreWorld box(3);
  box.options.image_ops = 200;
  TestRandom random(3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 150));
  box.world.run_for(20_s);
  EXPECT_EQ(box.store->image_lsn().value, 0u);
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 100));
  box.world.run_for(20_s);
  EXPECT_GE(box.store->image_lsn().value, 200u);
}

TEST(StoreImage, ItsParsersTakeAnyBytes) {
  for (Seed seed : seeds(500)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Bytes bytes = random.bytes(random.skewed_below(3'000));
    for (std::size_t at = 0; at < bytes.size();)
      if (!store::parse_image_row(bytes, at).ok()) break;
    if (bytes.size() >= 8) bytes[0] = 1, bytes[1] = bytes[2] = bytes[3] = 0;  // A known format.
    store::RecordView record;
    record.meta = bytes;
    for (const store::RecordType type :
         {store::RecordType::kImageBegin, store::RecordType::kRows, store::RecordType::kImageEnd}) {
      record.head.type = type;
      (void)store::parse_image_begin(record).ok();
      (void)store::parse_image_rows(record).ok();
      Result<store::ImageInfo> info = store::parse_image_end(record);
      if (info.ok()) {
        EXPECT_LE(info.value().parts.size(), store::kImagePartsMax);
      }
    }
  }
}

// Many segments, and operations while it is being written: it is of one moment all the same.
TEST(StoreImage, IsOfOneMomentAndMaySpanSegments) {
  StoreWorld box(4);
  box.options.segment_bytes = 32 * KiB;
  box.options.batch_bytes_max = 16 * KiB;
  box.options.inline_bytes_max = 8 * KiB;
  TestRandom random(4);
  ASSERT_TRUE(box.open().ok());
  for (int i = 0; i < 600; ++i)
    ASSERT_TRUE(box.submit(toy_op('s', std::to_string(i), random.binary(400))).ok());
  bool ended = false;
  struct Make {
    static Task<void> one(Ctx& ctx, store::Store& store, bool& ended) {
      auto made = co_await store.make_image(ctx);
      EXPECT_TRUE(made.ok());
      ended = true;
    }
  };
  box.node.spawn(Make::one(box.node.ctx(), *box.store, ended));
  for (int i = 0; !ended; ++i)
    ASSERT_TRUE(box.submit(toy_op('s', std::to_string(i % 700), random.binary(400))).ok());
  EXPECT_GT(segments_of(box, store::StreamKind::kImage).size(), 5u);
  const auto rows = box.rows();
  box.crash();
  box.images.clear();
  ASSERT_TRUE(box.open().ok());
  EXPECT_TRUE(box.said("filled from the image of operation 600"));
  EXPECT_EQ(box.rows(), rows);
}

TEST(StoreImage, StandsInForALogThatBeginsLater) {
  StoreWorld box(5);
  box.options.segment_bytes = 64 * KiB;
  TestRandom random(5);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 100));
  ASSERT_TRUE(make_image(box).ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 50));
  const auto rows = box.rows();
  ASSERT_TRUE(box.stop().ok());
  ASSERT_NO_FATAL_FAILURE(remove_file(box, segments_of(box, store::StreamKind::kLog).front()));
  const auto index = box.images;
  box.images.clear();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows(), rows);
  // Without the image nothing can be rebuilt, and the index that is still there is not touched.
  ASSERT_TRUE(box.stop().ok());
  ASSERT_NO_FATAL_FAILURE(remove_file(box, segments_of(box, store::StreamKind::kImage).front()));
  box.images.clear();
  Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().detail.find("log begins with operation"), std::string::npos)
      << opened.error().detail;
  EXPECT_NE(opened.error().detail.find("no whole image"), std::string::npos);
  box.images = index;
  EXPECT_TRUE(box.open().ok());
}

// The power goes while images are being made, several times; then the index is lost too.
TEST(StoreImage, CutAnywhereTheStateIsTheSame) {
  int used = 0;
  for (Seed seed : seeds(80)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    box.options.segment_bytes = 32 * KiB;  // Images of several segments.
    box.options.batch_bytes_max = 16 * KiB;
    box.options.inline_bytes_max = 8 * KiB;
    ASSERT_TRUE(box.open().ok());
    for (int round = 0; round < 3; ++round) {
      ASSERT_NO_FATAL_FAILURE(write_some(box, random, static_cast<int>(random.below(80))));
      const auto rows = box.rows();
      const store::Lsn last = box.store->status().last;
      SimNode& node = box.node;
      const std::uint64_t life = node.life_number();
      box.world.at(Duration{static_cast<std::int64_t>(random.below(40'000'000))}, [&node, life] {
        if (node.alive() && node.life_number() == life) node.crash();
      });
      Result<Unit> made = make_image(box);
      ASSERT_TRUE(made.ok() || made.error().code == ErrorCode::kUnknown)
          << error_text(made.error());
      if (made.ok())
        box.world.run_for(Duration{static_cast<std::int64_t>(random.below(40'000'000))});
      box.crash();
      if (random.chance(0.5)) box.images.clear();
      ASSERT_TRUE(box.open().ok());
      ASSERT_FALSE(box.said("not used"));  // What has an end is whole.
      if (made.ok()) {
        ASSERT_GE(box.store->image_lsn(), last);
      }
      ASSERT_EQ(box.rows(), rows);
      ASSERT_EQ(box.store->status().damaged_ranges, 0u);
      box.world.run_for(6_s);  // Files of what was cut are spares.
      const store::Status status = box.store->status();
      ASSERT_LE(box.node.disk().paths("d/seg").size(), status.segments + 32);
    }
    used += box.said("filled from the image") ? 1 : 0;
  }
  if (seeds(80).size() >= 80) {
    EXPECT_GT(used, 10);
  }
}

// One bit anywhere in the newest image while its index is lost.
TEST(StoreImage, ADamagedOneIsNotUsed) {
  int refused = 0;
  for (Seed seed : seeds(80)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    box.options.segment_bytes = 64 * KiB;
    ASSERT_TRUE(box.open().ok());
    ASSERT_NO_FATAL_FAILURE(write_some(box, random, 60));
    ASSERT_TRUE(make_image(box).ok());
    ASSERT_NO_FATAL_FAILURE(write_some(box, random, 20));
    const auto rows = box.rows();
    box.crash();
    const std::vector<std::string> files = segments_of(box, store::StreamKind::kImage);
    const std::string& path = random.pick(files);
    ASSERT_TRUE(
        box.node.disk().flip(path, random.below(40 * KiB), static_cast<unsigned>(random.below(8))));
    box.images.clear();
    ASSERT_TRUE(box.open().ok());
    ASSERT_EQ(box.rows(), rows);
    refused += box.said("filled from the image") ? 0 : 1;
  }
  if (seeds(80).size() >= 80) {
    EXPECT_GT(refused, 8);
  }
}

// Random work with images, crashes (also while rebuilding) and lost indexes: whatever way the rows
// came about, they and their hash are those of the whole log.
TEST(StoreImage, EveryWayToTheStateGivesOneHash) {
  for (Seed seed : seeds(30)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value);
    box.options.checkpoint_rows = 16;
    // The whole log stays.
    box.options.log_read_upto = [](const store::Store&) { return store::Lsn(); };
    ASSERT_TRUE(box.open().ok());
    for (int round = 0; round < 4; ++round) {
      ASSERT_NO_FATAL_FAILURE(write_some(box, random, static_cast<int>(random.below(60))));
      if (random.chance(0.6)) {
        ASSERT_TRUE(make_image(box).ok());
      }
      ASSERT_NO_FATAL_FAILURE(write_some(box, random, static_cast<int>(random.below(60))));
      const auto rows = box.rows();
      if (random.chance(0.5)) box.crash();
      else ASSERT_TRUE(box.stop().ok());
      if (random.chance(0.7)) box.images.clear();
      for (int cuts = static_cast<int>(random.below(3)); cuts > 0; --cuts) {
        SimNode& node = box.node;
        const std::uint64_t life = node.life_number();
        box.world.at(Duration{static_cast<std::int64_t>(random.below(40'000'000))}, [&node, life] {
          if (node.alive() && node.life_number() == life) node.crash();
        });
        Result<Unit> opened = box.open();
        ASSERT_TRUE(opened.ok() || opened.error().code == ErrorCode::kUnknown)
            << error_text(opened.error());
        box.crash();
      }
      ASSERT_TRUE(box.open().ok());
      ASSERT_EQ(box.rows(), rows);
    }
    ASSERT_TRUE(box.stop().ok());
    const store::MemImage live = box.images["d/idx"];
    const std::uint64_t rows_of_state = state_rows(box);
    ASSERT_EQ(live.hash, hash_of(live.rows));
    box.images.clear();
    ASSERT_TRUE(box.open().ok());
    ASSERT_TRUE(box.stop().ok());
    ASSERT_EQ(box.images["d/idx"].hash, live.hash);
    for (const std::string& path : segments_of(box, store::StreamKind::kImage))
      ASSERT_NO_FATAL_FAILURE(remove_file(box, path));
    box.images.clear();
    ASSERT_TRUE(box.open().ok());
    ASSERT_TRUE(box.stop().ok());
    ASSERT_EQ(box.images["d/idx"].hash, live.hash);
    ASSERT_EQ(state_rows(box), rows_of_state);
    ASSERT_FALSE(box.said("differs"));
  }
}

// Every folder of a mirrored log has it, also one that was away while it was made.
TEST(StoreImage, IsInEveryFolderOfAMirroredLog) {
  for (Seed seed : seeds(10)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value, {"a", "b", "c"});
    ASSERT_TRUE(box.open().ok());
    for (int i = 0; i < 100; ++i)
      ASSERT_TRUE(box.submit(toy_op('s', std::to_string(i), random.text(200, "abc"))).ok());
    const bool away = random.chance(0.5);
    if (away) box.store->drop_folder("b", "a test");
    ASSERT_TRUE(make_image(box).ok());
    for (int i = 0; i < 50; ++i)
      ASSERT_TRUE(box.submit(toy_op('s', std::to_string(i), random.text(200, "def"))).ok());
    if (away) box.world.run_for(60_s);
    ASSERT_TRUE(box.store->status().mirrors_down.empty());
    const auto rows = box.rows();
    box.crash();
    const char* lost[] = {"a", "c"};
    box.node.disk().wipe(lost[random.below(2)]);
    box.images.clear();
    ASSERT_TRUE(box.open().ok());
    EXPECT_TRUE(box.said("filled from the image of operation 100"));
    EXPECT_EQ(box.rows(), rows);
    EXPECT_EQ(box.store->image_lsn().value, 100u);
  }
}

TEST(StoreImage, AFullDriveKeepsTheOlderOne) {
  StoreWorld box(8);
  TestRandom random(8);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 40));
  ASSERT_TRUE(make_image(box).ok());
  ASSERT_NO_FATAL_FAILURE(write_some(box, random, 40));
  box.world.run_for(20_s);
  for (int i = 0; i < 20; ++i)
    box.node.disk().fail_nth(SimDiskOp::kAllocate, 1, ErrorCode::kNoSpace);
  box.node.disk().faults().no_space_at = 0;
  for (int i = 0; i < 4; ++i) {
    Result<Unit> made = make_image(box);
    if (made.ok()) continue;
    EXPECT_EQ(made.error().code, ErrorCode::kNoSpace) << error_text(made.error());
  }
  EXPECT_FALSE(box.store->status().read_only) << box.store->status().reason;
  EXPECT_GE(box.store->image_lsn().value, 40u);
}

}  // namespace
}  // namespace creel::test
