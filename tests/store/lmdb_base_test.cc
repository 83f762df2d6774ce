#include "store/index/lmdb_base.h"

#include <gtest/gtest.h>
#include <lmdb.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <map>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "store/index/lmdb_template.h"
#include "tests/store/base_contract.h"
#include "tests/support/seeds.h"

namespace creel::store {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

constexpr Uuid kStore = {1, 2, 3};

struct Folder {
  Folder() {
    std::string name = "/tmp/creel-lmdb-XXXXXX";
    check(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    for (const char* file : {"/data.mdb", "/lock.mdb"}) unlink((path + file).c_str());
    rmdir(path.c_str());
  }
  std::string path;
};

std::unique_ptr<RowBase> open_ok(const Folder& folder, bool fresh = false) {
  LmdbOptions options;
  options.map_bytes = 64 * MiB;
  options.fresh = fresh;
  Result<std::unique_ptr<RowBase>> base = open_lmdb(folder.path, kStore, options);
  if (!base.ok()) ADD_FAILURE() << error_text(base.error());
  return base.take();
}

using Model = std::map<std::pair<Table, std::string>, std::string>;

// Keys around the lengths where a layer begins, sharing long prefixes so that layers fill up.
std::string layered_key(TestRandom& random) {
  const std::size_t around[] = {0, 1, 479, 480, 481, 500, 959, 960, 961, 1024, kRowKeyBytesMax};
  std::string key(around[random.below(11)], 'a');
  for (int i = 0; i < 3 && !key.empty(); ++i)
    key[random.below(key.size())] = static_cast<char>(random.between(0, 3) * 85);
  return key;
}

std::vector<RowEdit> random_edits(TestRandom& random, Model& model) {
  std::map<std::pair<Table, std::string>, std::optional<std::string>> edits;
  for (std::size_t i = 0; i < 40; ++i) {
    const Table table = random.between(0, 1) == 0 ? Table::kObject : Table::kManifest;
    std::string key = layered_key(random);
    if (random.between(0, 3) == 0 && !model.empty()) {
      auto it = model.begin();
      std::advance(it, static_cast<long>(random.below(model.size())));
      edits[it->first] = std::nullopt;
      continue;
    }
    edits[{table, std::move(key)}] = std::string(random.below(kRowValueBytesMax + 1), 'v');
  }
  std::vector<RowEdit> out;
  for (auto& [name, value] : edits) {
    if (value) model[name] = *value;
    else model.erase(name);
    out.push_back({name.first, name.second, std::move(value)});
  }
  return out;
}

void expect_same(const RowBase& base, const Model& model) {
  EXPECT_EQ(base.row_count(), model.size());
  for (const Table table : {Table::kObject, Table::kManifest}) {
    auto want = model.lower_bound({table, ""});
    auto cursor = base.cursor(table);
    ASSERT_TRUE(cursor.ok());
    Result<bool> more = cursor.value()->seek("");
    for (; more.ok() && more.value(); more = cursor.value()->next(), ++want) {
      ASSERT_TRUE(want != model.end() && want->first.first == table);
      ASSERT_EQ(cursor.value()->key(), want->first.second);
      ASSERT_EQ(cursor.value()->value(), want->second);
    }
    ASSERT_TRUE(more.ok()) << error_text(more.error());
    EXPECT_TRUE(want == model.end() || want->first.first != table);
  }
}

TEST(LmdbBase, EqualsAnOrderedMapForLayeredKeys) {
  for (const Seed seed : seeds(12)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Folder folder;
    Model model;
    std::unique_ptr<RowBase> base = open_ok(folder);
    for (std::uint64_t round = 1; round <= 8; ++round) {
      const std::vector<RowEdit> edits = random_edits(random, model);
      ASSERT_TRUE(base->commit(edits, Lsn{round}).ok());
      base->publish();
      expect_same(*base, model);
      for (int i = 0; i < 20; ++i) {  // Seeks to keys that may or may not be there.
        const std::string probe = layered_key(random);
        auto cursor = base->cursor(Table::kObject);
        const auto want = model.lower_bound({Table::kObject, probe});
        const bool exists = want != model.end() && want->first.first == Table::kObject;
        ASSERT_EQ(cursor.value()->seek(probe).value(), exists);
        if (exists) {
          ASSERT_EQ(cursor.value()->key(), want->first.second);
        }
        const auto row = base->find(Table::kObject, probe);
        ASSERT_EQ(row.value().has_value(), model.contains({Table::kObject, probe}));
      }
    }
    base.reset();
    base = open_ok(folder);
    EXPECT_EQ(base->applied(), Lsn{8});
    expect_same(*base, model);
  }
}

struct OpenLmdb {
  std::unique_ptr<RowBase> operator()(bool fresh) { return open_ok(folder, fresh); }
  Folder folder;
};

TEST(LmdbBase, KeepsTheContractOfABase) {
  OpenLmdb open;
  test::expect_empty_when_fresh(open);
  test::expect_readers_move_at_publish(open);
}

TEST(LmdbBase, EqualsAnOrderedMapOfRandomRows) {
  for (const Seed seed : seeds(4)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenLmdb open;
    test::expect_equals_a_map(open, seed, 10);
  }
}

TEST(LmdbBase, SnapshotsStayAndLoadIntoAnEmptyOne) {
  for (const Seed seed : seeds(10)) {
    SCOPED_TRACE(seed.replay_hint());
    OpenLmdb open;
    test::expect_snapshots_and_loads(open, seed);
  }
}

TEST(LmdbBase, ItsTemplateIsWhatLmdbItselfMakes) {
  Folder folder;
  const std::string path = folder.path + "/data.mdb";
  MDB_env* env = nullptr;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_mapsize(env, 64 * MiB), 0);
  ASSERT_EQ(mdb_env_open(env, folder.path.c_str(), MDB_NOTLS | MDB_NORDAHEAD, 0600), 0);
  mdb_env_close(env);
  Bytes made(1 * MiB);
  std::FILE* file = std::fopen(path.c_str(), "rb");
  made.resize(std::fread(made.data(), 1, made.size(), file));
  std::fclose(file);
  const auto kernel = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  Bytes ours = lmdb_template(64 * MiB);
  // LMDB takes the kernel's page size: elsewhere only the meta data themselves are the same.
  const std::size_t page = std::min<std::size_t>(kernel, 64 * KiB);
  if (page != kLmdbPageBytes) GTEST_SKIP() << "the kernel's pages have " << page << " bytes";
  EXPECT_TRUE(made == ours);
}

TEST(LmdbBase, AFileOfAnotherWordSizeIsForeignNotDamaged) {
  Folder folder;
  const bool wide = sizeof(void*) == 8;
  Bytes pages(8'192);
  pages[wide ? 6 : 10] = 8;  // A meta page, as the other build writes it.
  store_le<std::uint32_t>(pages, wide ? 12 : 16, 0xbeefc0de);
  std::FILE* file = std::fopen((folder.path + "/data.mdb").c_str(), "wb");
  std::fwrite(pages.data(), 1, pages.size(), file);
  std::fclose(file);
  LmdbOptions options;
  options.map_bytes = 64 * MiB;
  const auto opened = open_lmdb(folder.path, kStore, options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().detail.find(wide ? "32 bits" : "64 bits"), std::string::npos);
}

TEST(LmdbBase, AFileCutBeforeItsFirstPageIsMadeAgain) {
  Folder folder;
  std::fclose(std::fopen((folder.path + "/data.mdb").c_str(), "wb"));
  const std::unique_ptr<RowBase> base = open_ok(folder);
  ASSERT_TRUE(base->commit({{Table::kObject, "k", "v"}}, Lsn{1}).ok());
  EXPECT_NE(base->describe().find("with pages of 4096 bytes"), std::string::npos);
}

TEST(LmdbBase, ReadersSeeTheOldStateUntilPublish) {
  Folder folder;
  std::unique_ptr<RowBase> base = open_ok(folder);
  ASSERT_TRUE(base->commit({{Table::kObject, "k", "new"}}, Lsn{1}).ok());
  EXPECT_FALSE(base->find(Table::kObject, "k").value().has_value());
  base->publish();
  EXPECT_EQ(base->find(Table::kObject, "k").value(), "new");
}

Result<std::unique_ptr<RowBase>> open_again(const Folder& folder) {
  LmdbOptions options;
  options.map_bytes = 64 * MiB;
  return open_lmdb(folder.path, kStore, options);
}

// Flips one bit in each copy of `needle` in data.mdb; how many there were.
std::size_t flip_behind(const Folder& folder, std::string_view needle, std::size_t behind) {
  const std::string path = folder.path + "/data.mdb";
  std::FILE* file = std::fopen(path.c_str(), "r+b");
  std::string content(1 << 20, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file));
  std::size_t hits = 0;
  for (std::size_t at = content.find(needle); at != std::string::npos;
       at = content.find(needle, at + needle.size()), ++hits) {
    std::fseek(file, static_cast<long>(at + behind), SEEK_SET);
    std::fputc(content[at + behind] ^ 1, file);
  }
  std::fclose(file);
  return hits;
}

TEST(LmdbBase, AFlippedBitInAKeyIsFoundAtOpen) {
  Folder folder;
  open_ok(folder)->commit({{Table::kObject, "needle-key", "value"}}, Lsn{1}).value();
  ASSERT_GT(flip_behind(folder, "needle-key", 3), 0u);
  const auto opened = open_again(folder);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

TEST(LmdbBase, ADamagedRowIsNeverServed) {
  Folder folder;
  std::unique_ptr<RowBase> base = open_ok(folder);
  base->commit({{Table::kObject, "needle-key", std::string(300, 'x')}}, Lsn{1}).value();
  base->publish();
  const std::string path = folder.path + "/data.mdb";
  std::FILE* file = std::fopen(path.c_str(), "r+b");
  std::string content(1 << 20, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file));
  std::size_t hits = 0;
  for (std::size_t at = content.find("xxxxxx"); at != std::string::npos;
       at = content.find("xxxxxx", at + 400), ++hits) {
    std::fseek(file, static_cast<long>(at + 10), SEEK_SET);
    std::fputc('y', file);
  }
  std::fclose(file);
  ASSERT_GT(hits, 0u);
  const auto row = base->find(Table::kObject, "needle-key");
  ASSERT_FALSE(row.ok());
  EXPECT_EQ(row.error().code, ErrorCode::kCorrupt);
  base.reset();
  const auto opened = open_again(folder);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

TEST(LmdbBase, AForeignStoreIsRefusedAndFreshStartsEmpty) {
  Folder folder;
  open_ok(folder)->commit({{Table::kObject, "k", "v"}}, Lsn{7}).value();
  LmdbOptions options;
  options.map_bytes = 64 * MiB;
  const auto foreign = open_lmdb(folder.path, Uuid{9}, options);
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalid);
  const std::unique_ptr<RowBase> fresh = open_ok(folder, true);
  EXPECT_EQ(fresh->applied(), Lsn{0});
  EXPECT_EQ(fresh->row_count(), 0u);
}

}  // namespace
}  // namespace creel::store
