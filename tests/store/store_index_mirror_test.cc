// Goal: the index is on several drives as the log is. Whichever of them goes, whatever a crash
// cuts, reads and writes go on with the right rows, and three folders hold the index again.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

std::vector<std::string> folders(std::size_t count) {
  const std::vector<std::string> all{"a", "b", "c", "d", "e"};
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
}

struct Box : StoreWorld {
  Box(std::uint64_t seed, std::size_t count) : StoreWorld(seed, folders(count)), random(seed) {
    options.size_bytes = 512 * MiB;
    options.adopt_blank = true;
    for (const std::string& dir : options.dirs) node.disk().drive(dir);
  }
  void put(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string key = std::to_string(random.below(300));
      const Bytes body = random.bytes(random.skewed_below(200));
      Result<store::Verdict> done = submit(toy_op('p', key, "", body));
      ASSERT_TRUE(done.ok()) << error_text(done.error());
      acked[key] = body;
    }
  }
  void expect_acked() {
    ASSERT_EQ(rows().size(), acked.size());
    for (const auto& [key, body] : acked) {
      Result<Bytes> back = read(key);
      ASSERT_TRUE(back.ok()) << key << ": " << error_text(back.error());
      ASSERT_TRUE(back.value() == body) << key;
    }
  }
  std::string indexes() {
    std::string all;
    for (const store::MirrorStatus& mirror : store->status().mirrors)
      if (mirror.has_index) all += mirror.dir;
    return all;
  }
  bool wait_for_indexes(std::size_t count = 3) {
    return world.run_until([&] { return indexes().size() == count; }, 600_s);
  }
  void expect_same_indexes() {
    Result<Unit> done = checkpoint();
    ASSERT_TRUE(done.ok()) << error_text(done.error());
    const store::MemImage* first = nullptr;
    for (const store::MirrorStatus& mirror : store->status().mirrors) {
      if (!mirror.has_index) continue;
      const store::MemImage& mine = images[mirror.dir + "/idx"];
      if (first == nullptr) first = &mine;
      EXPECT_EQ(mine.applied, first->applied) << mirror.dir;
      ASSERT_EQ(mine.rows.size(), first->rows.size()) << mirror.dir;
      EXPECT_TRUE(std::equal(mine.rows.begin(), mine.rows.end(), first->rows.begin(),
                             [](const auto& x, const auto& y) {
                               return x.first.key == y.first.key && x.second == y.second;
                             }))
          << mirror.dir;
    }
  }
  Result<Unit> checkpoint() {
    auto done = world.finish(node, store->checkpoint(node.ctx()));
    return done ? *done : fail(ErrorCode::kUnknown, "crashed");
  }
  void pull(const std::string& dir) {
    node.disk().make_unavailable(dir);
    store->drop_folder(dir, "pulled");
  }
  void push(const std::string& dir) {
    node.disk().make_available(dir);
    for (unsigned i = 0; i < options.dirs.size(); ++i)
      if (options.dirs[i] == dir) store->place_folder(i, dir);
  }

  TestRandom random;
  std::map<std::string, Bytes> acked;
};

TEST(StoreIndexMirror, TheFolderThatIsReadMayDieAndSoMayTheNext) {
  Box box(1, 5);
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.indexes(), "abc");
  ASSERT_NO_FATAL_FAILURE(box.put(300));
  box.pull("a");
  EXPECT_EQ(box.indexes(), "bc");
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_NO_FATAL_FAILURE(box.put(300));
  ASSERT_TRUE(box.wait_for_indexes());
  EXPECT_EQ(box.indexes(), "bcd");
  box.pull("b");
  ASSERT_NO_FATAL_FAILURE(box.put(300));
  ASSERT_TRUE(box.wait_for_indexes());
  EXPECT_EQ(box.indexes(), "cde");
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
  box.push("a");
  box.push("b");
  box.world.run_for(10_s);
  EXPECT_TRUE(box.store->status().mirrors_down.empty());
  box.pull("c");
  box.pull("d");
  ASSERT_TRUE(box.wait_for_indexes());
  EXPECT_EQ(box.indexes(), "abe");
  ASSERT_NO_FATAL_FAILURE(box.put(100));
  EXPECT_FALSE(box.store->status().read_only);
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
}

// Nobody told the store: it finds out by reading and at its next checkpoint.
TEST(StoreIndexMirror, AnIndexThatFailsUnseenIsGivenUp) {
  Box box(2, 3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(50));
  ASSERT_TRUE(box.checkpoint().ok());
  box.node.disk().faults("a").read_error = 1;
  EXPECT_EQ(box.rows().size(), box.acked.size());
  EXPECT_EQ(box.indexes(), "bc");
  EXPECT_TRUE(box.said("the index in a is given up"));
  box.node.disk().faults("a").read_error = 0;
  ASSERT_TRUE(box.wait_for_indexes());
  box.node.disk().faults("b").write_error = 1;
  ASSERT_NO_FATAL_FAILURE(box.put(200));
  EXPECT_EQ(box.indexes(), "ac");
  EXPECT_FALSE(box.store->status().read_only);
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
}

TEST(StoreIndexMirror, TheFurthestServesAndTheOthersAreMadeAgain) {
  Box box(3, 3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(100));
  ASSERT_TRUE(box.stop().ok());
  const store::MemImage old = box.images["a/idx"];
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(200));
  ASSERT_TRUE(box.checkpoint().ok());
  box.crash();
  box.images["a/idx"] = old;
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.indexes(), "bc");
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_TRUE(box.wait_for_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
  EXPECT_EQ(box.fresh_opened, 1);
  // It was copied, not only said to be whole.
  box.pull("b");
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
}

// Moved bytes have no position of their own: two indexes may be as far and yet differ.
TEST(StoreIndexMirror, OfIndexesAsFarAsEachOtherOnlyEqualOnesServe) {
  const auto miss_a_checkpoint = [](Box& box, const std::string& dir) {
    store::MemImage& image = box.images[dir + "/idx"];
    const store::RowName name = image.rows.begin()->first;
    store::MemBase base(image, false);
    ASSERT_TRUE(base.commit({{name.table, name.key, "an older place"}}, image.applied).ok());
  };
  Box box(7, 3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(100));
  ASSERT_TRUE(box.checkpoint().ok());
  box.crash();
  ASSERT_NO_FATAL_FAILURE(miss_a_checkpoint(box, "a"));
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.indexes(), "bc");
  ASSERT_TRUE(box.wait_for_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
  ASSERT_TRUE(box.stop().ok());
  // An orderly end says which one is right, even if it is alone.
  ASSERT_NO_FATAL_FAILURE(miss_a_checkpoint(box, "a"));
  ASSERT_NO_FATAL_FAILURE(miss_a_checkpoint(box, "b"));
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.indexes(), "c");
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_TRUE(box.wait_for_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  EXPECT_EQ(box.fresh_opened, 3);
}

TEST(StoreIndexMirror, ACopyThatWasCutNeverServes) {
  Box box(4, 3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(300));
  ASSERT_TRUE(box.checkpoint().ok());
  box.crash();
  // As if b and c had been lost while a was being filled.
  box.images["b/idx"] = {};
  box.images["c/idx"] = {};
  box.images["a/idx"].applied = {};
  box.images["a/idx"].rows.begin()->second = "half";
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_TRUE(box.wait_for_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
}

TEST(StoreIndexMirror, FullInOnePlaceIsMadeAgainAndFullInAllPlacesWaits) {
  Box box(5, 3);
  bool full[3] = {};
  const auto open = box.options.open_base;
  struct MayBeFull final : store::RowBase {
    MayBeFull(std::unique_ptr<RowBase> below, const bool& is_full)
        : base(std::move(below)), full(is_full) {}
    Result<std::optional<std::string>> find(store::Table table,
                                            std::string_view key) const override {
      return base->find(table, key);
    }
    Result<std::unique_ptr<store::RowCursor>> cursor(store::Table table) const override {
      return base->cursor(table);
    }
    store::Lsn applied() const override { return base->applied(); }
    Result<Unit> commit(const std::vector<store::RowEdit>& edits, store::Lsn applied) override {
      if (full) return fail(ErrorCode::kNoSpace, "no room for the index");
      return base->commit(edits, applied);
    }
    Result<Unit> load(const std::vector<store::RowEdit>& rows, store::Lsn applied) override {
      return base->load(rows, applied);
    }
    void publish() override { base->publish(); }
    store::StateHash state_hash() const override { return base->state_hash(); }
    Result<std::unique_ptr<store::RowSnapshot>> snapshot() const override {
      return base->snapshot();
    }
    std::uint64_t row_count() const override { return base->row_count(); }
    std::uint64_t bytes_used() const override { return base->bytes_used(); }
    std::unique_ptr<RowBase> base;
    const bool& full;
  };
  box.options.open_base = [&](const std::string& dir, const store::Uuid& uuid,
                              bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
    TRY(base, open(dir, uuid, fresh));
    return std::unique_ptr<store::RowBase>(new MayBeFull(std::move(base), full[dir[0] - 'a']));
  };
  ASSERT_TRUE(box.open().ok());
  full[0] = true;
  ASSERT_NO_FATAL_FAILURE(box.put(200));
  EXPECT_EQ(box.indexes(), "bc");
  full[1] = full[2] = true;
  ASSERT_NO_FATAL_FAILURE(box.put(200));
  EXPECT_EQ(box.indexes(), "bc");
  EXPECT_EQ(box.checkpoint().error().code, ErrorCode::kNoSpace);
  EXPECT_FALSE(box.store->status().read_only);
  full[0] = full[1] = full[2] = false;
  ASSERT_NO_FATAL_FAILURE(box.put(10));
  ASSERT_TRUE(box.wait_for_indexes());
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
  ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
}

TEST(StoreIndexMirror, WhenAllFailTheStoreStopsWritingAndStillReads) {
  Box box(6, 3);
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.put(20));
  for (const char* dir : {"a", "b", "c"}) box.node.disk().faults(dir).write_error = 1;
  ASSERT_FALSE(box.checkpoint().ok());
  EXPECT_TRUE(box.store->status().read_only);
  EXPECT_EQ(box.rows().size(), box.acked.size());
  for (const char* dir : {"a", "b", "c"}) box.node.disk().faults(dir).write_error = 0;
  box.crash();
  ASSERT_TRUE(box.open().ok());
  ASSERT_NO_FATAL_FAILURE(box.expect_acked());
}

TEST(StoreIndexMirror, NothingIsLostWhateverLeavesReturnsAndCrashes) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    Box box(seed.value, seed.value % 2 == 0 ? 3 : 5);
    ASSERT_TRUE(box.open().ok());
    const std::size_t may_leave = (box.options.dirs.size() - 1) / 2;
    std::vector<std::string> away;
    for (int round = 0; round < 12; ++round) {
      switch (box.random.below(5)) {
        case 0: {
          const std::string dir = box.random.pick(box.options.dirs);
          if (away.size() >= may_leave || !box.store->status().mirrors_down.empty()) break;
          box.pull(dir);
          away.push_back(dir);
          break;
        }
        case 1:
          for (const std::string& dir : away) {
            box.node.disk().make_available(dir);
            if (box.random.chance(0.3)) {
              box.node.disk().wipe(dir);
              box.images[dir + "/idx"] = {};
            }
            box.push(dir);
          }
          away.clear();
          break;
        case 2:
          box.crash(box.random.chance(0.5) ? SimCrash::kPowerLoss : SimCrash::kProcess);
          ASSERT_TRUE(box.open().ok());
          break;
        case 3:
          box.world.run_for(
              Duration{static_cast<std::int64_t>(box.random.below(40)) * 1'000'000'000});
          break;
        default: break;
      }
      ASSERT_NO_FATAL_FAILURE(box.put(static_cast<int>(box.random.below(120))));
      ASSERT_NO_FATAL_FAILURE(box.expect_acked());
    }
    for (const std::string& dir : away) box.push(dir);
    ASSERT_TRUE(box.wait_for_indexes());
    ASSERT_NO_FATAL_FAILURE(box.expect_acked());
    ASSERT_NO_FATAL_FAILURE(box.expect_same_indexes());
    EXPECT_TRUE(box.store->lost().empty());
  }
}

}  // namespace
}  // namespace creel::test
