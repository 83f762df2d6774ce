// Goal: when a drive can no longer give back pages of an index that others hold too, no answer is
// wrong and the process lives, wherever the pages lie and whatever is being done.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <map>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "store/index/lmdb_base.h"
#include "store/index/mirrored_base.h"
#include "tests/support/seeds.h"

namespace creel::store {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

constexpr Uuid kStore = {1, 2, 3};
constexpr off_t kPage = 4096;

struct Folder {
  Folder() {
    std::string name = "/tmp/creel-lost-XXXXXX";
    check(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    for (const char* file : {"/data.mdb", "/lock.mdb"}) unlink((path + file).c_str());
    rmdir(path.c_str());
  }
  std::unique_ptr<RowBase> open() const {
    LmdbOptions options;
    options.map_bytes = 64 * MiB;
    options.may_be_lost = true;
    Result<std::unique_ptr<RowBase>> base = open_lmdb(path, kStore, options);
    check(base.ok());
    return base.take();
  }
  // What lies behind is read as from a drive that is gone.
  void lose_from(off_t page) const {
    ASSERT_EQ(truncate((path + "/data.mdb").c_str(), page * kPage), 0);
  }
  std::string path;
};

using Rows = std::map<std::string, std::string>;

std::vector<RowEdit> some_edits(TestRandom& random, Rows& rows, int count) {
  Rows changed;
  for (int i = 0; i < count; ++i)
    changed[cat("k", random.below(400))] = std::string(random.below(300), 'v');
  std::vector<RowEdit> edits;
  for (auto& [key, value] : changed) {
    edits.push_back({Table::kObject, key, value});
    rows[key] = value;
  }
  return edits;
}

Result<Rows> scan(const RowBase& base) {
  Rows rows;
  TRY(cursor, base.cursor(Table::kObject));
  TRY(more, cursor->seek(""));
  while (more) {
    rows.emplace(cursor->key(), cursor->value());
    TRY(next, cursor->next());
    more = next;
  }
  return rows;
}

Result<Rows> walk(const RowBase& base) {
  Rows rows;
  TRY(snapshot, base.snapshot());
  for (;;) {
    TRY(more, snapshot->next());
    if (!more) return rows;
    rows.emplace(snapshot->key(), snapshot->value());
  }
}

void expect_right_or_lost(const RowBase& base, const Rows& rows, TestRandom& random) {
  for (int i = 0; i < 20; ++i) {
    const std::string key = cat("k", random.below(400));
    const auto found = base.find(Table::kObject, key);
    if (!found.ok()) {
      EXPECT_EQ(found.error().code, ErrorCode::kIo);
      continue;
    }
    const auto row = rows.find(key);
    const bool here = row != rows.end();
    EXPECT_EQ(found.value(), here ? std::optional<std::string>(row->second) : std::nullopt);
  }
  for (const Result<Rows>& all : {scan(base), walk(base)}) {
    EXPECT_TRUE(all.ok() ? all.value() == rows : all.error().code == ErrorCode::kIo);
  }
}

TEST(LostPages, AreAnErrorAndNeverAWrongAnswer) {
  std::uint64_t lost = 0;
  for (const Seed seed : seeds(2)) {
    SCOPED_TRACE(seed.replay_hint());
    for (const bool write_first : {false, true}) {
      for (off_t page = 0; page < 60; page += 1 + page / 3) {
        TestRandom random(seed);
        Folder folder;
        Rows rows;
        const auto base = folder.open();
        for (std::uint64_t round = 1; round <= 4; ++round) {
          ASSERT_TRUE(base->commit(some_edits(random, rows, 150), Lsn{round}).ok());
          base->publish();
        }
        ASSERT_NO_FATAL_FAILURE(folder.lose_from(page));
        if (!write_first) expect_right_or_lost(*base, rows, random);
        Rows changed = rows;
        const Result<Unit> done = base->commit(some_edits(random, changed, 50), Lsn{5});
        lost += done.ok() ? 0 : 1;
        if (done.ok()) {
          base->publish();
          rows = changed;
        }
        expect_right_or_lost(*base, rows, random);
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(lost, 20u);
}

TEST(LostPages, AnotherPlaceServesAndTakesWhatIsWritten) {
  for (const Seed seed : seeds(4)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Folder first;
    Folder second;
    std::vector<unsigned> left;
    MirroredBase base([&](unsigned place, const Error&) { left.push_back(place); });
    base.add(0, first.open());
    base.add(1, second.open());
    Rows rows;
    for (std::uint64_t round = 1; round <= 4; ++round) {
      ASSERT_TRUE(base.commit(some_edits(random, rows, 150), Lsn{round}).ok());
      base.publish();
    }
    const auto cursor = base.cursor(Table::kObject);
    ASSERT_TRUE(cursor.ok() && cursor.value()->seek("").ok());
    ASSERT_NO_FATAL_FAILURE(first.lose_from(static_cast<off_t>(random.below(4))));
    Rows seen;
    for (Result<bool> more = true; more.ok() && more.value(); more = cursor.value()->next())
      seen.emplace(cursor.value()->key(), cursor.value()->value());
    EXPECT_EQ(seen, rows);
    EXPECT_EQ(left, std::vector<unsigned>{0});
    ASSERT_TRUE(base.commit(some_edits(random, rows, 50), Lsn{5}).ok());
    base.publish();
    EXPECT_EQ(scan(base).value(), rows);
    EXPECT_EQ(base.take_left().size(), 1u);
    EXPECT_EQ(walk(base).value(), rows);
    EXPECT_TRUE(base.verify().ok());
  }
}

}  // namespace
}  // namespace creel::store
