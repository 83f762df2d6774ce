// What every RowBase promises (store/index/rows.h), as functions any implementation's test calls.
// `Open` is a callable: bool fresh → std::unique_ptr<store::RowBase>, on the same storage each
// time. A base is destroyed before the next one is opened.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/index/rows.h"
#include "store/index/state_hash.h"
#include "tests/support/seeds.h"

namespace creel::test {

using RowMap = std::map<std::pair<store::Table, std::string>, std::string>;

inline std::vector<store::RowEdit> edits_of(
    const std::map<std::pair<store::Table, std::string>, std::optional<std::string>>& edits) {
  std::vector<store::RowEdit> all;
  for (const auto& [name, value] : edits) all.push_back({name.first, name.second, value});
  return all;
}

inline void expect_table(const store::RowBase& base, const RowMap& model, store::Table table) {
  auto cursor = base.cursor(table);
  ASSERT_TRUE(cursor.ok());
  auto expected = model.lower_bound({table, ""});
  auto more = cursor.value()->seek("");
  for (;;) {
    ASSERT_TRUE(more.ok());
    const bool want = expected != model.end() && expected->first.first == table;
    ASSERT_EQ(more.value(), want);
    if (!want) break;
    ASSERT_EQ(cursor.value()->key(), expected->first.second);
    ASSERT_EQ(cursor.value()->value(), expected->second);
    ++expected;
    more = cursor.value()->next();
  }
}

template <class Open>
void expect_empty_when_fresh(Open& open) {
  std::unique_ptr<store::RowBase> base = open(true);
  ASSERT_TRUE(base);
  EXPECT_EQ(base->applied().value, 0u);
  EXPECT_EQ(base->row_count(), 0u);
  auto found = base->find(store::Table::kObject, "k");
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(found.value().has_value());
  auto cursor = base->cursor(store::Table::kObject);
  ASSERT_TRUE(cursor.ok());
  EXPECT_FALSE(cursor.value()->seek("").value());
}

// Readers move on at publish(), not before; the next process sees what was committed.
template <class Open>
void expect_readers_move_at_publish(Open& open) {
  using store::Table;
  std::unique_ptr<store::RowBase> base = open(true);
  const std::vector<store::RowEdit> first{{Table::kObject, "a", "1"}, {Table::kObject, "b", "2"}};
  ASSERT_TRUE(base->commit(first, {7}).ok());
  EXPECT_FALSE(base->find(Table::kObject, "a").value().has_value());
  base->publish();
  EXPECT_EQ(base->find(Table::kObject, "a").value(), "1");
  EXPECT_EQ(base->applied().value, 7u);
  EXPECT_EQ(base->row_count(), 2u);
  const std::vector<store::RowEdit> second{{Table::kObject, "a", std::nullopt}};
  ASSERT_TRUE(base->commit(second, {9}).ok());
  EXPECT_EQ(base->find(Table::kObject, "a").value(), "1");
  base.reset();  // As a crash after the commit.
  base = open(false);
  EXPECT_EQ(base->applied().value, 9u);
  EXPECT_FALSE(base->find(Table::kObject, "a").value().has_value());
  EXPECT_EQ(base->find(Table::kObject, "b").value(), "2");
  // A position without rows is kept, too; erasing what is not there is no error.
  const std::vector<store::RowEdit> nothing{{Table::kBlob, "none", std::nullopt}};
  ASSERT_TRUE(base->commit(nothing, {12}).ok());
  base->publish();
  base.reset();
  EXPECT_EQ(open(false)->applied().value, 12u);
  EXPECT_EQ(open(true)->applied().value, 0u);
}

inline store::StateHash hash_of(const RowMap& model) {
  store::StateHash hash;
  for (const auto& [name, value] : model) hash.add(row_hash(name.first, name.second, value));
  return hash;
}

inline void expect_snapshot(store::RowSnapshot& snapshot, const RowMap& model) {
  EXPECT_EQ(snapshot.state_hash(), hash_of(model));
  for (const auto& [name, value] : model) {
    auto more = snapshot.next();
    ASSERT_TRUE(more.ok() && more.value());
    ASSERT_EQ(snapshot.table(), name.first);
    ASSERT_EQ(snapshot.key(), name.second);
    ASSERT_EQ(snapshot.value(), value);
  }
  auto more = snapshot.next();
  ASSERT_TRUE(more.ok());
  ASSERT_FALSE(more.value());
}

// A snapshot stays as it was; loaded into an empty base it gives the same rows and hash.
template <class Open>
void expect_snapshots_and_loads(Open& open, Seed seed) {
  using store::Table;
  TestRandom random(seed);
  std::unique_ptr<store::RowBase> base = open(true);
  RowMap model;
  std::map<std::pair<Table, std::string>, std::optional<std::string>> edits;
  for (int i = 0; i < 300; ++i) {
    const Table table = random.chance(0.5) ? Table::kObject : Table::kHeal;
    std::string key = random.binary(1 + random.skewed_below(random.chance(0.1) ? 1'100 : 200));
    model[{table, key}] = *(edits[{table, key}] = random.binary(random.below(300)));
  }
  ASSERT_TRUE(base->commit(edits_of(edits), {1}).ok());
  base->publish();
  EXPECT_EQ(base->state_hash(), hash_of(model));
  auto taken = base->snapshot();
  ASSERT_TRUE(taken.ok());
  EXPECT_EQ(taken.value()->applied().value, 1u);
  const RowMap before = model;
  edits.clear();
  for (const auto& [name, value] : before)
    if (random.chance(0.3)) {
      edits[name] = random.chance(0.5) ? std::optional<std::string>("new") : std::nullopt;
      if (edits[name]) model[name] = *edits[name];
      else model.erase(name);
    }
  edits[{Table::kSegment, "1"}] = "an account";  // No part of the state.
  ASSERT_TRUE(base->commit(edits_of(edits), {2}).ok());
  base->publish();
  EXPECT_EQ(base->state_hash(), hash_of(model));
  ASSERT_NO_FATAL_FAILURE(expect_snapshot(*taken.value(), before));
  taken.value().reset();
  base.reset();
  base = open(false);
  EXPECT_EQ(base->state_hash(), hash_of(model));

  base.reset();
  base = open(true);
  std::vector<store::RowEdit> piece;
  for (const auto& [name, value] : before) {
    piece.push_back({name.first, name.second, value});
    if (piece.size() < 100) continue;
    ASSERT_TRUE(base->load(piece, {}).ok());
    base->publish();
    EXPECT_EQ(base->applied().value, 0u);
    piece.clear();
  }
  const std::uint64_t loaded = base->row_count();
  base.reset();  // Cut here, it shows.
  base = open(false);
  EXPECT_EQ(base->applied().value, 0u);
  EXPECT_EQ(base->row_count(), loaded);
  EXPECT_GT(loaded, 0u);
  ASSERT_TRUE(base->load(piece, {5}).ok());
  base->publish();
  EXPECT_EQ(base->state_hash(), hash_of(before));
  EXPECT_EQ(base->row_count(), before.size());
  auto again = base->snapshot();
  ASSERT_TRUE(again.ok());
  ASSERT_NO_FATAL_FAILURE(expect_snapshot(*again.value(), before));
  again.value().reset();
  base.reset();
  EXPECT_EQ(open(false)->applied().value, 5u);
}

// Random tables, keys of 0 to 1,100 bytes with long shared beginnings, values of 0 to 1,000 bytes.
template <class Open>
void expect_equals_a_map(Open& open, Seed seed, int rounds) {
  using store::Table;
  constexpr Table kTables[] = {Table::kSys,     Table::kBucket, Table::kObject,
                               Table::kVersion, Table::kIam,    Table::kHeal};
  TestRandom random(seed);
  std::unique_ptr<store::RowBase> base = open(true);
  RowMap model;
  std::vector<std::string> stems{"",
                                 "x",
                                 std::string(470, 'p'),
                                 std::string(955, 'q'),
                                 std::string(1, '\0'),
                                 std::string(479, '\xff')};
  std::uint64_t lsn = 0;
  for (int round = 0; round < rounds; ++round) {
    std::map<std::pair<Table, std::string>, std::optional<std::string>> edits;
    for (std::uint64_t i = random.below(60); i > 0; --i) {
      std::string key = random.pick(stems) + random.text(random.skewed_below(24), "ab\x01\xfe");
      if (random.chance(0.1)) key = random.binary(random.skewed_below(1'101));
      if (key.empty()) key = "k";
      const std::pair<Table, std::string> name{kTables[random.below(6)], key};
      if (random.chance(0.3)) edits[name] = std::nullopt;
      else edits[name] = random.binary(random.skewed_below(1'001));
    }
    ASSERT_TRUE(base->commit(edits_of(edits), {++lsn}).ok());
    base->publish();
    for (const auto& [name, value] : edits) {
      if (value) model[name] = *value;
      else model.erase(name);
    }
    if (random.chance(0.2)) {
      base.reset();
      base = open(false);
    }
    ASSERT_EQ(base->applied().value, lsn);
    ASSERT_EQ(base->row_count(), model.size());
    for (const auto& [name, value] : edits) {
      auto found = base->find(name.first, name.second);
      ASSERT_TRUE(found.ok());
      ASSERT_EQ(found.value().has_value(), value.has_value());
      if (value) {
        ASSERT_EQ(*found.value(), *value);
      }
    }
    // From anywhere, a cursor goes on as the map does.
    const Table table = kTables[random.below(6)];
    const std::string from = random.pick(stems) + random.text(random.below(4), "ab\x01\xfe");
    auto cursor = base->cursor(table);
    ASSERT_TRUE(cursor.ok());
    auto more = cursor.value()->seek(from);
    auto expected = model.lower_bound({table, from});
    for (int step = 0; step < 10; ++step) {
      ASSERT_TRUE(more.ok());
      const bool want = expected != model.end() && expected->first.first == table;
      ASSERT_EQ(more.value(), want);
      if (!want) break;
      ASSERT_EQ(cursor.value()->key(), expected->first.second);
      ASSERT_EQ(cursor.value()->value(), expected->second);
      ++expected;
      more = cursor.value()->next();
    }
  }
  for (const Table table : kTables) ASSERT_NO_FATAL_FAILURE(expect_table(*base, model, table));
}

}  // namespace creel::test
