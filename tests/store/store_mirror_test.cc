// Goal: a log on three drives goes on with two, whichever they are, and never forgets what a
// majority flushed (core.md §7).
#include <gtest/gtest.h>

#include <map>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

std::vector<std::string> three() { return {"a", "b", "c"}; }

void put_some(StoreWorld& box, std::map<std::string, Bytes>& acked, TestRandom& random, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string key = std::to_string(random.below(200));
    const Bytes body = random.bytes(random.skewed_below(5'000));
    Result<store::Verdict> done = box.submit(toy_op('p', key, "", body));
    ASSERT_TRUE(done.ok()) << error_text(done.error());
    acked[key] = body;
  }
}

void expect_acked(StoreWorld& box, const std::map<std::string, Bytes>& acked) {
  ASSERT_EQ(box.rows().size(), acked.size());
  for (const auto& [key, body] : acked) {
    Result<Bytes> read = box.read(key);
    ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
    ASSERT_TRUE(read.value() == body) << key;
  }
}

TEST(StoreMirror, ThreeFoldersHoldTheSameBytes) {
  StoreWorld box(1, three());
  ASSERT_TRUE(box.open().ok());
  TestRandom random(1);
  std::map<std::string, Bytes> acked;
  put_some(box, acked, random, 100);
  ASSERT_TRUE(box.stop().ok());
  for (const std::string& path : box.node.disk().paths("a/seg")) {
    const std::string name = path.substr(1);
    EXPECT_TRUE(box.node.disk().peek_durable("a" + name) ==
                box.node.disk().peek_durable("b" + name));
    EXPECT_TRUE(box.node.disk().peek_durable("a" + name) ==
                box.node.disk().peek_durable("c" + name));
  }
  EXPECT_NE(*box.node.disk().peek("a/creel.drive"), *box.node.disk().peek("b/creel.drive"));
}

TEST(StoreMirror, AnyOneMayBeMissingAndAnyTwoMayNot) {
  for (const std::string& missing : three()) {
    StoreWorld box(2, three());
    for (const std::string& dir : three()) box.node.disk().drive(dir);
    ASSERT_TRUE(box.open().ok());
    TestRandom random(2);
    std::map<std::string, Bytes> acked;
    put_some(box, acked, random, 50);
    box.crash();
    box.node.disk().make_unavailable(missing);
    Result<Unit> opened = box.open();
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    ASSERT_EQ(box.store->status().mirrors_down.size(), 1u);
    EXPECT_EQ(box.store->status().mirrors_down[0].substr(0, 1), missing);
    ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
    ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, 50));
    box.crash();
    const std::string second = missing == "a" ? "b" : "a";
    box.node.disk().make_unavailable(second);
    opened = box.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
    EXPECT_NE(opened.error().detail.find(missing + ":"), std::string::npos)
        << opened.error().detail;
    EXPECT_NE(opened.error().detail.find(second + ":"), std::string::npos) << opened.error().detail;
    // The stale one comes back: it alone never serves, but it is brought up to date.
    box.node.disk().make_available(missing);
    box.node.disk().make_available(second);
    box.crash();
    ASSERT_TRUE(box.open().ok());
    EXPECT_TRUE(box.store->status().mirrors_down.empty());
    ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
    box.crash();
    // Now it counts as much as the others.
    box.node.disk().make_unavailable(second);
    ASSERT_TRUE(box.open().ok());
    ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
  }
}

TEST(StoreMirror, AFailingFolderLeavesAndWritingGoesOn) {
  StoreWorld box(3, three());
  for (const std::string& dir : three()) box.node.disk().drive(dir);
  ASSERT_TRUE(box.open().ok());
  TestRandom random(3);
  std::map<std::string, Bytes> acked;
  put_some(box, acked, random, 20);
  box.node.disk().faults("b").sync_error = 1;
  ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, 20));
  box.world.run_for(1_s);
  ASSERT_EQ(box.store->status().mirrors_down.size(), 1u);
  EXPECT_FALSE(box.store->status().read_only);
  box.node.disk().faults("c").write_error = 1;
  Result<store::Verdict> done = box.submit(toy_op('s', "x", "v"));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::kUnknown);
  EXPECT_TRUE(box.store->status().read_only);
  EXPECT_EQ(box.submit(toy_op('s', "x", "v")).error().code, ErrorCode::kReadOnly);
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
  box.node.disk().clear_faults();
  box.crash();
  ASSERT_TRUE(box.open().ok());
  acked["x"] = to_bytes("v");
  if (!box.rows().contains("x")) acked.erase("x");
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
}

TEST(StoreMirror, ALaggingFolderDoesNotSlowTheOthersAndLeavesAtItsBound) {
  StoreWorld box(4, three());
  for (const std::string& dir : three()) box.node.disk().drive(dir);
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  box.node.disk().faults("c").sync_latency = 3_s;
  const Instant begun = box.world.now();
  TestRandom random(4);
  std::map<std::string, Bytes> acked;
  ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, 40));
  EXPECT_LT((box.world.now() - begun).ms(), 1'000);
  EXPECT_TRUE(box.store->status().mirrors_down.empty());
  for (int i = 0; i < 30; ++i) {
    ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, 1));
    box.world.run_for(1_s);
  }
  ASSERT_EQ(box.store->status().mirrors_down.size(), 1u);
  EXPECT_NE(box.store->status().mirrors_down[0].find("lags"), std::string::npos);
  box.node.disk().clear_faults();
  box.crash();
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
}

TEST(StoreMirror, DamageInOneFolderIsRepairedFromAnother) {
  StoreWorld box(5, three());
  ASSERT_TRUE(box.open().ok());
  TestRandom random(5);
  std::map<std::string, Bytes> acked;
  put_some(box, acked, random, 60);
  box.crash(SimCrash::kProcess);
  const Bytes good = *box.node.disk().peek("b/seg/00000001.seg");
  for (const std::uint64_t at : {4'096u + 3u, 4'096u + 70u, 4'096u * 9 - 20})
    ASSERT_TRUE(box.node.disk().flip("a/seg/00000001.seg", at));
  box.images.clear();
  ASSERT_TRUE(box.open().ok());
  EXPECT_TRUE(box.store->lost().empty());
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
  EXPECT_TRUE(box.said("repaired"));
  const Bytes mended = *box.node.disk().peek("a/seg/00000001.seg");
  EXPECT_TRUE(equal(ByteView(mended).first(100'000), ByteView(good).first(100'000)));
  // A body that goes bad later is read from another folder.
  store::Extent extent;
  for (const auto& [key, row] : box.rows())
    if (!toy_extents(row).empty()) extent = toy_extents(row).front();
  ASSERT_GT(extent.length, 0u);
  ASSERT_TRUE(box.node.disk().flip("a/seg/00000001.seg", extent.offset));
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
}

TEST(StoreMirror, ABlankFolderIsFilledOnlyWhenAsked) {
  StoreWorld box(6, three());
  for (const std::string& dir : three()) box.node.disk().drive(dir);
  ASSERT_TRUE(box.open().ok());
  TestRandom random(6);
  std::map<std::string, Bytes> acked;
  put_some(box, acked, random, 60);
  box.crash();
  box.node.disk().wipe("b");
  ASSERT_TRUE(box.open().ok());
  ASSERT_EQ(box.store->status().mirrors_down.size(), 1u);
  EXPECT_NE(box.store->status().mirrors_down[0].find("blank"), std::string::npos);
  box.crash();
  box.options.adopt_blank = true;
  ASSERT_TRUE(box.open().ok());
  EXPECT_TRUE(box.store->status().mirrors_down.empty());
  ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, 10));
  box.crash();
  box.options.adopt_blank = false;
  box.node.disk().make_unavailable("a");
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
}

TEST(StoreMirror, FoldersOfDifferentStoresAreRefusedByName) {
  StoreWorld box(7, three());
  ASSERT_TRUE(box.open().ok());
  box.crash(SimCrash::kProcess);
  StoreWorld other(8, three());
  ASSERT_TRUE(other.open().ok());
  ASSERT_TRUE(box.node.disk().put("c/creel.drive", *other.node.disk().peek("c/creel.drive")));
  Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(box.node.disk().put("c/creel.drive", *box.node.disk().peek("b/creel.drive")));
  opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().detail.find("twice"), std::string::npos) << opened.error().detail;
  box.options.dirs = {"a"};
  opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
}

// Every round another drive is away, stale, torn or comes back; acked operations stay.
TEST(StoreMirror, AckedSurvivesAnyOrderOfAbsences) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    StoreWorld box(seed.value, three());
    for (const std::string& dir : three()) box.node.disk().drive(dir);
    std::map<std::string, Bytes> acked;
    std::map<std::string, std::vector<Bytes>> maybe;
    std::string away;
    for (int round = 0; round < 6; ++round) {
      if (!away.empty()) box.node.disk().make_available(away);
      away = random.chance(0.7) && round > 0 ? random.pick(box.options.dirs) : "";
      if (!away.empty()) box.node.disk().make_unavailable(away);
      Result<Unit> opened = box.open();
      ASSERT_TRUE(opened.ok()) << error_text(opened.error());
      const auto rows = box.rows();
      for (auto& [key, bodies] : maybe) {
        if (!rows.contains(key)) continue;
        Result<Bytes> read = box.read(key);
        ASSERT_TRUE(read.ok()) << error_text(read.error());
        for (const Bytes& body : bodies)
          if (read.value() == body) acked[key] = body;
      }
      maybe.clear();
      ASSERT_NO_FATAL_FAILURE(expect_acked(box, acked));
      ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, static_cast<int>(random.below(30))));
      // A drive goes under way; then some whose answer nobody hears.
      if (away.empty() && random.chance(0.5)) {
        away = random.pick(box.options.dirs);
        box.node.disk().make_unavailable(away);
        ASSERT_NO_FATAL_FAILURE(put_some(box, acked, random, static_cast<int>(random.below(10))));
      }
      struct Deaf {
        static Task<void> put(Ctx& ctx, store::Store& store, store::Op op) {
          (void)co_await store.submit(ctx, std::move(op));
        }
      };
      for (int i = 0; i < 3; ++i) {
        const std::string key = "deaf" + std::to_string(random.below(3));
        maybe[key].push_back(random.bytes(random.below(3'000)));
        box.node.spawn(
            Deaf::put(box.node.ctx(), *box.store, toy_op('p', key, "", maybe[key].back())));
      }
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(5'000'000))});
      box.crash();
    }
  }
}

}  // namespace
}  // namespace creel::test
