// Goal: rows in several places read as one base, whichever of them fails, lags or is being filled.
#include "store/index/mirrored_base.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/store/base_contract.h"
#include "tests/support/drive_base.h"

namespace creel::store {
namespace {

using test::RowMap;
using test::Seed;
using test::seeds;
using test::TestRandom;

// Three places that can be made to fail.
struct Places {
  std::unique_ptr<RowBase> open_one(unsigned place, bool fresh) {
    if (!images[place]) images[place] = std::make_shared<MemImage>();
    auto fault = [this, place](bool commit) -> std::optional<Error> {
      return commit ? on_commit[place] : on_read[place];
    };
    return std::make_unique<test::DriveBase>(images[place], fresh, fault);
  }
  std::unique_ptr<MirroredBase> open(bool fresh, unsigned count = 3) {
    auto base = std::make_unique<MirroredBase>(
        [this](unsigned place, const Error& why) { gone[place] = why.detail; });
    for (unsigned place = 0; place < count; ++place) base->add(place, open_one(place, fresh));
    return base;
  }
  bool same(unsigned a, unsigned b) const {
    const auto equal = [](const auto& x, const auto& y) {
      return x.first.table == y.first.table && x.first.key == y.first.key && x.second == y.second;
    };
    return images[a]->applied == images[b]->applied &&
           std::equal(images[a]->rows.begin(), images[a]->rows.end(), images[b]->rows.begin(),
                      images[b]->rows.end(), equal);
  }

  std::array<std::shared_ptr<MemImage>, 5> images;
  std::array<std::optional<Error>, 5> on_read;
  std::array<std::optional<Error>, 5> on_commit;
  std::map<unsigned, std::string> gone;
};

const Error kBroken = fail(ErrorCode::kIo, "broken");
const Error kFull = fail(ErrorCode::kNoSpace, "full");

std::vector<RowEdit> one_row(const std::string& key, const std::string& value) {
  return {{Table::kObject, key, value}};
}
bool holds(const RowBase& base, const std::string& key, const std::string& value) {
  const auto found = base.find(Table::kObject, key);
  return found.ok() && found.value() == value;
}
using Numbers = std::vector<unsigned>;

struct OpenMirrored {
  std::unique_ptr<RowBase> operator()(bool fresh) { return places.open(fresh); }
  Places places;
};

TEST(MirroredBase, IsEmptyWhenFresh) {
  OpenMirrored open;
  test::expect_empty_when_fresh(open);
}

TEST(MirroredBase, ReadersMoveAtPublish) {
  OpenMirrored open;
  test::expect_readers_move_at_publish(open);
}

TEST(MirroredBase, EqualsAnOrderedMap) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenMirrored open;
    test::expect_equals_a_map(open, seed, 20);
    EXPECT_TRUE(open.places.same(0, 1));
    EXPECT_TRUE(open.places.same(0, 2));
  }
}

TEST(MirroredBase, SnapshotsStayAndLoadIntoAnEmptyOne) {
  for (Seed seed : seeds(10)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenMirrored open;
    test::expect_snapshots_and_loads(open, seed);
  }
}

TEST(MirroredBase, ASnapshotEndsWhenItsPlaceLeaves) {
  Places places;
  auto base = places.open(true);
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->publish();
  auto rows = base->snapshot();
  ASSERT_TRUE(rows.ok());
  base->leave(1, kBroken);
  EXPECT_TRUE(rows.value()->next().ok());
  base->leave(0, kBroken);
  EXPECT_EQ(rows.value()->next().error().code, ErrorCode::kIo);
}

TEST(MirroredBase, APlaceThatCannotBeReadLeavesAndAnotherAnswers) {
  Places places;
  auto base = places.open(true);
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->publish();
  places.on_read[0] = fail(ErrorCode::kCorrupt, "rotten");
  EXPECT_TRUE(holds(*base, "a", "1"));
  EXPECT_EQ(places.gone[0], "rotten");
  EXPECT_EQ(base->places(), (Numbers{1, 2}));
  places.on_read[1] = kBroken;
  EXPECT_TRUE(holds(*base, "a", "1"));
  // The last one stays, and what is wrong with it comes out.
  places.on_read[2] = kBroken;
  EXPECT_EQ(base->find(Table::kObject, "a").error().detail, "broken");
  EXPECT_EQ(base->places(), (Numbers{2}));
  EXPECT_FALSE(places.gone.contains(2));
  places.on_read[2].reset();
  EXPECT_TRUE(holds(*base, "a", "1"));
  EXPECT_EQ(base->take_left().size(), 2u);
}

TEST(MirroredBase, AWalkGoesOnInAnotherPlace) {
  Places places;
  auto base = places.open(true);
  std::vector<RowEdit> edits;
  for (char c = 'a'; c <= 'j'; ++c) edits.push_back({Table::kObject, std::string(1, c), "v"});
  ASSERT_TRUE(base->commit(edits, {1}).ok());
  base->publish();
  auto walk = base->cursor(Table::kObject);
  ASSERT_TRUE(walk.ok());
  std::string seen;
  auto more = walk.value()->seek("b");
  for (int step = 0; more.ok() && more.value(); ++step) {
    seen += walk.value()->key();
    if (step == 2) places.on_read[0] = kBroken;
    if (step == 4) places.on_read[1] = kBroken;
    more = walk.value()->next();
  }
  ASSERT_TRUE(more.ok());
  EXPECT_EQ(seen, "bcdefghij");
  EXPECT_EQ(base->places(), (Numbers{2}));
  places.on_read[2] = kBroken;
  EXPECT_FALSE(walk.value()->seek("a").ok());
}

TEST(MirroredBase, APlaceThatCannotBeCommittedToLeaves) {
  Places places;
  auto base = places.open(true);
  places.on_commit[0] = kBroken;
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  EXPECT_FALSE(holds(*base, "a", "1"));
  base->publish();
  EXPECT_TRUE(holds(*base, "a", "1"));
  EXPECT_EQ(base->places(), (Numbers{1, 2}));
  EXPECT_EQ(places.gone[0], "broken");
  // It never gets another commit, whatever it says now.
  places.on_commit[0].reset();
  ASSERT_TRUE(base->commit(one_row("b", "1"), {2}).ok());
  base->publish();
  EXPECT_EQ(places.images[0]->applied.value, 0u);
  EXPECT_TRUE(places.same(1, 2));
}

TEST(MirroredBase, WhenAllFailTheErrorComesOutAndTheOldRowsStand) {
  Places places;
  auto base = places.open(true);
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->publish();
  for (auto& error : places.on_commit) error = kBroken;
  EXPECT_EQ(base->commit(one_row("a", "2"), {2}).error().detail, "broken");
  EXPECT_TRUE(holds(*base, "a", "1"));
  EXPECT_EQ(base->applied().value, 1u);
}

TEST(MirroredBase, FullEverywhereIsNoReasonToLeaveAndFullInOnePlaceIs) {
  Places places;
  auto base = places.open(true);
  for (auto& error : places.on_commit) error = kFull;
  EXPECT_EQ(base->commit(one_row("a", "1"), {1}).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(base->places(), (Numbers{0, 1, 2}));
  places.on_commit[0].reset();
  places.on_commit[2].reset();
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->publish();
  EXPECT_EQ(base->places(), (Numbers{0, 2}));
  EXPECT_TRUE(holds(*base, "a", "1"));
}

// Its folder goes while the commit runs: whoever has not got it is never read.
TEST(MirroredBase, APlaceMayLeaveDuringACommit) {
  Places places;
  auto base = places.open(true, 2);
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->leave(0, kBroken);
  base->publish();
  EXPECT_EQ(base->places(), (Numbers{1}));
  EXPECT_TRUE(holds(*base, "a", "1"));
  // The only one that has the new rows leaves after they were counted as kept.
  base = places.open(true, 2);
  places.on_commit[1] = kBroken;
  ASSERT_TRUE(base->commit(one_row("a", "2"), {2}).ok());
  base->leave(0, kBroken);
  base->publish();
  EXPECT_TRUE(base->places().empty());
  EXPECT_TRUE(holds(*base, "a", "2"));
  EXPECT_EQ(base->take_left().size(), 1u);
}

// Any rows, any changes meanwhile, from a place that may fail on the way.
TEST(MirroredBase, ACopyEqualsWhatItWasMadeFrom) {
  for (Seed seed : seeds(50)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Places places;
    auto base = places.open(true, 2);
    constexpr Table kTables[] = {Table::kSys, Table::kObject, Table::kHeal};
    RowMap model;
    std::uint64_t lsn = 0;
    const auto change = [&](std::uint64_t rows) {
      std::map<std::pair<Table, std::string>, std::optional<std::string>> edits;
      for (std::uint64_t i = 0; i < rows; ++i) {
        const std::pair name{kTables[random.below(3)], random.text(1 + random.below(3), "abcd")};
        if (random.chance(0.4)) edits[name] = std::nullopt;
        else edits[name] = random.binary(random.below(9));
      }
      ASSERT_TRUE(base->commit(test::edits_of(edits), {++lsn}).ok());
      base->publish();
      for (const auto& [name, value] : edits) {
        if (value) model[name] = *value;
        else model.erase(name);
      }
    };
    change(random.below(200));
    base->begin_copy(2, places.open_one(2, true));
    EXPECT_EQ(base->copying_to(), 2u);
    for (;;) {
      const auto piece = base->next_to_copy(1 + random.below(9));
      ASSERT_TRUE(piece.ok());
      if (piece.value().empty()) break;
      ASSERT_TRUE(base->commit_copied(piece.value()).ok());
      EXPECT_EQ(places.images[2]->applied.value, 0u);
      if (random.chance(0.5)) change(random.below(20));
      if (random.chance(0.02)) places.on_read[0] = places.on_commit[0] = kBroken;
    }
    ASSERT_TRUE(base->complete_copy().ok());
    ASSERT_TRUE(base->adopt_copy());
    EXPECT_TRUE(places.same(1, 2));
    change(10);
    EXPECT_TRUE(places.same(1, 2));
    base->leave(0, kBroken);
    base->leave(1, kBroken);
    for (const Table table : kTables)
      ASSERT_NO_FATAL_FAILURE(test::expect_table(*base, model, table));
  }
}

TEST(MirroredBase, ACopyThatFailsIsNoPlace) {
  Places places;
  auto base = places.open(true, 2);
  base->begin_copy(2, places.open_one(2, true));
  places.on_commit[2] = kBroken;
  ASSERT_TRUE(base->commit(one_row("a", "1"), {1}).ok());
  base->publish();
  EXPECT_EQ(places.gone[2], "broken");
  EXPECT_FALSE(base->copying_to());
  EXPECT_FALSE(base->adopt_copy());
  EXPECT_EQ(base->places(), (Numbers{0, 1}));
  EXPECT_EQ(base->take_left().size(), 1u);
  places.on_commit[2].reset();
  base->begin_copy(2, places.open_one(2, true));
  base->leave(2, kBroken);
  EXPECT_FALSE(base->adopt_copy());
}

}  // namespace
}  // namespace creel::store
