// Goal: the walk over LMDB's pages passes every file that LMDB writes, and a flipped, torn, swapped
// or zeroed page is found before LMDB sees it; a fault in the map marks the index and names itself.
#include "store/index/lmdb_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "store/index/lmdb_base.h"
#include "store/log/state_slots.h"
#include "tests/support/seeds.h"

namespace creel::store {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

constexpr Uuid kStore = {7};
constexpr std::uint64_t kMap = 64 * MiB;

struct Drive {
  Drive() {
    // In memory if it can be: nothing here asks what a flush is worth.
    std::string name =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm/creel-pages-XXXXXX" : "/tmp/creel-pages-XXXXXX";
    check(mkdtemp(name.data()) != nullptr);
    dir = name;
    check(mkdir(idx().c_str(), 0700) == 0);
  }
  ~Drive() {
    for (const char* file : {"/idx/data.mdb", "/idx/lock.mdb", "/state"})
      unlink((dir + file).c_str());
    rmdir(idx().c_str());
    rmdir(dir.c_str());
  }
  std::string idx() const { return dir + "/idx"; }
  std::string data() const { return dir + "/idx/data.mdb"; }
  std::string dir;
};

Bytes load(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  check(fd >= 0);
  Bytes all(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)));
  check(::pread(fd, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()));
  ::close(fd);
  return all;
}
void save(const std::string& path, const Bytes& all) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  check(fd >= 0 && ::write(fd, all.data(), all.size()) == static_cast<ssize_t>(all.size()));
  ::close(fd);
}

Result<std::unique_ptr<RowBase>> open_base(const Drive& drive) {
  LmdbOptions options;
  options.map_bytes = kMap;
  return open_lmdb(drive.idx(), kStore, options);
}

using Model = std::map<std::string, std::string>;

// Keys with long common parts so that branches get long separators, some of two layers.
std::string some_key(TestRandom& random) {
  std::string key = cat("bucket/", random.below(40), '/', random.below(50));
  if (random.below(6) == 0) key += std::string(200 + random.below(500), 'k');
  return key;
}

void change(RowBase& base, Model& model, TestRandom& random, std::size_t count, Lsn applied) {
  std::map<std::string, std::optional<std::string>> edits;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = some_key(random);
    if (random.below(3) == 0) edits[key] = std::nullopt;
    else edits[key] = std::string(20 + random.below(400), static_cast<char>('a' + i % 26));
  }
  std::vector<RowEdit> sorted;
  for (const auto& [key, value] : edits) {
    if (value) model[key] = *value;
    else model.erase(key);
    sorted.push_back({Table::kObject, key, value});
  }
  check(base.commit(sorted, applied).ok());
  base.publish();
}

// Everything the rows say; nullopt on any error.
std::optional<Model> read_all(const RowBase& base) {
  Model all;
  auto cursor = base.cursor(Table::kObject);
  if (!cursor.ok()) return std::nullopt;
  auto more = cursor.value()->seek("");
  for (; more.ok() && more.value(); more = cursor.value()->next())
    all.emplace(cursor.value()->key(), cursor.value()->value());
  if (!more.ok()) return std::nullopt;
  return all;
}

struct Nothing final : PageVisitor {
  void entry(std::string_view, std::string_view) override { ++entries; }
  std::uint64_t entries = 0;
};

TEST(LmdbPages, EveryFileThatLmdbWritesPasses) {
  for (const Seed seed : seeds(6)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Drive drive;
    Model model;
    auto base = open_base(drive);
    ASSERT_TRUE(base.ok());
    for (std::uint64_t round = 1; round <= 30; ++round) {
      change(*base.value(), model, random, 1 + random.below(round == 20 ? 3'000 : 60), Lsn{round});
      Nothing nothing;
      const auto report = walk_lmdb_pages(drive.data(), kMap, nothing);
      ASSERT_TRUE(report.ok()) << error_text(report.error());
      EXPECT_EQ(report.value().entries, nothing.entries);
      if (random.below(5) == 0) {
        base.value().reset();
        base = open_base(drive);
        ASSERT_TRUE(base.ok()) << error_text(base.error());
      }
      ASSERT_TRUE(read_all(*base.value()) == model);
    }
  }
}

TEST(LmdbPages, AMissingAnEmptyAndAFreshFilePass) {
  Drive drive;
  Nothing nothing;
  EXPECT_TRUE(walk_lmdb_pages(drive.data(), kMap, nothing).ok());
  save(drive.data(), Bytes());
  EXPECT_TRUE(walk_lmdb_pages(drive.data(), kMap, nothing).ok());
  ASSERT_TRUE(open_base(drive).ok());
  const auto report = walk_lmdb_pages(drive.data(), kMap, nothing);
  ASSERT_TRUE(report.ok()) << error_text(report.error());
  EXPECT_EQ(report.value().entries, 0u);
}

// The page that holds the list of free pages, by the newer meta page.
std::size_t free_root(const Bytes& file) {
  constexpr std::size_t kWord = sizeof(std::size_t);
  constexpr std::size_t kRoot = kWord + 8 + 8 + 2 * kWord + 8 + 4 * kWord;
  constexpr std::size_t kTransaction = kRoot + kWord + 8 + 5 * kWord + kWord;
  const auto word = [&file](std::size_t at) { return load_le<std::size_t>(file, at); };
  const std::size_t meta = word(kTransaction) < word(4'096 + kTransaction) ? 4'096 : 0;
  return word(meta + kRoot);
}

// A damaged file either does not open, or behaves as if it had not been: now and after
// more commits.
void expect_found_or_harmless(Drive& drive, const Model& model, const Bytes& harmed,
                              TestRandom& random, int& found) {
  save(drive.data(), harmed);
  auto base = open_base(drive);
  if (!base.ok()) {
    EXPECT_TRUE(base.error().code == ErrorCode::kCorrupt ||
                base.error().code == ErrorCode::kInvalid)
        << error_text(base.error());
    ++found;
    return;
  }
  Model now = model;
  ASSERT_TRUE(read_all(*base.value()) == now);
  change(*base.value(), now, random, 50, Lsn{1'000});
  ASSERT_TRUE(read_all(*base.value()) == now);
  for (const auto& [key, value] : now) {
    const auto row = base.value()->find(Table::kObject, key);
    ASSERT_TRUE(row.ok() && row.value() == value);
  }
}

TEST(LmdbPages, AFlippedTornSwappedOrZeroedPageIsFoundOrHarmless) {
  TestRandom random(Seed{17});
  Drive drive;
  Model model;
  {
    auto base = open_base(drive);
    for (std::uint64_t round = 1; round <= 12; ++round)
      change(*base.value(), model, random, 250, Lsn{round});
  }
  const Bytes good = load(drive.data());
  const std::size_t pages = good.size() / 4'096;
  ASSERT_GT(pages, 60u);
  int found = 0;
  int tried = 0;
  for (const Seed seed : seeds(160)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom chance(seed);
    Bytes harmed = good;
    ++tried;
    const auto page = [&](std::size_t index) {
      return harmed.begin() + static_cast<std::ptrdiff_t>(index * 4'096);
    };
    const std::size_t a = chance.below(pages);
    const std::size_t b = chance.below(pages);
    switch (chance.below(9)) {
      case 0: std::fill_n(page(a), 4'096, std::uint8_t{0}); break;
      case 1: std::swap_ranges(page(a), page(a) + 4'096, page(b)); break;
      case 2: std::copy_n(page(a), 4'096, page(b)); break;
      case 3: std::copy_n(page(a), 512 * (1 + chance.below(7)), page(b)); break;
      case 4: std::fill_n(page(a), 512 * (1 + chance.below(7)), std::uint8_t{0}); break;
      case 5: {  // Heads of pages and meta pages, where a flip hurts most.
        const std::size_t at = a * 4'096 + chance.below(160);
        harmed[at] = static_cast<std::uint8_t>(harmed[at] ^ (1U << chance.below(8)));
        break;
      }
      case 6: {  // The list of free pages.
        const std::size_t at = free_root(good) * 4'096 + chance.below(4'096);
        harmed[at] = static_cast<std::uint8_t>(harmed[at] ^ (1U << chance.below(8)));
        break;
      }
      default: {
        const std::size_t at = chance.below(harmed.size());
        harmed[at] = static_cast<std::uint8_t>(harmed[at] ^ (1U << chance.below(8)));
      }
    }
    expect_found_or_harmless(drive, model, harmed, chance, found);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(found * 8, tried);
}

// Reads rows of a file that shrinks under the map.
void read_a_file_cut_short(const Drive& drive) {
  auto base = open_base(drive);
  check(base.ok());
  check(::truncate(drive.data().c_str(), 8'192) == 0);
  (void)read_all(*base.value());
}

TEST(LmdbPages, AFaultInTheMapMarksTheIndexAndNamesTheFile) {
  Drive drive;
  Model model;
  TestRandom random(Seed{3});
  {
    auto base = open_base(drive);
    change(*base.value(), model, random, 500, Lsn{1});
  }
  Bytes state = encode_state_slot(DriveState());
  state.resize(kStateBytes);
  save(drive.dir + "/state", state);
  EXPECT_FALSE(parse_state(load(drive.dir + "/state"))->index_suspect);
  EXPECT_EXIT(read_a_file_cut_short(drive), testing::KilledBySignal(SIGBUS),
              "idx/data.mdb: cannot be read at offset [0-9]+; the next start rebuilds the index");
  EXPECT_TRUE(parse_state(load(drive.dir + "/state"))->index_suspect);
}

}  // namespace
}  // namespace creel::store
