#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "store/space.h"
#include "store/types.h"

namespace creel::store {

// The tables of the index (store.md §4). Numbers are on disk: never reuse one.
enum class Table : std::uint8_t {
  kSys = 1,
  kBucket = 2,
  kConf = 3,
  kObject = 4,
  kVersion = 5,
  kUpload = 6,
  kPart = 7,
  kBlob = 8,
  kManifest = 9,
  kSegment = 10,
  kRepl = 11,
  kPark = 12,
  kFilter = 13,
  kIam = 14,
  kShard = 15,   // core drive stores: (blob id, slot) → shard
  kHeal = 16,    // core: durable repair queue
};
inline constexpr std::uint8_t kTableLast = 16;

// A row's name: table and key bytes, at most kRowKeyBytesMax. Order is byte order inside a table.
inline constexpr std::size_t kRowKeyBytesMax = 1'100;
inline constexpr std::size_t kRowValueBytesMax =
    1'000;  // Longer documents are split by their owner.

// The sum, modulo 2^128, of what each row adds (state_hash.h): two indexes with the same one hold
// the same rows. Not secret: it finds damage and mistakes, not malice.
struct StateHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  void add(const StateHash& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
  }
  void subtract(const StateHash& other) {
    high -= other.high + (low < other.low ? 1 : 0);
    low -= other.low;
  }
  bool operator==(const StateHash&) const = default;
};

// One change of a row: value absent = erased.
struct RowEdit {
  Table table;
  std::string key;
  std::optional<std::string> value;
};

// Walks one table in key order. Lives inside one step of one request: never across co_await, never
// across an apply(). Views are valid until the next call.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  virtual Result<bool> seek(std::string_view key) = 0;  // First row ≥ key; false if none.
  virtual Result<bool> next() = 0;                      // False at the end.
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

// Reads rows of one consistent state. Errors: kCorrupt (a row's checksum: rebuild from the log),
// kIo.
class RowReader {
 public:
  virtual Result<std::optional<std::string>> find(Table table, std::string_view key) const = 0;
  virtual Result<std::unique_ptr<RowCursor>> cursor(Table table) const = 0;

 protected:
  ~RowReader() = default;
};

// Where bodies lie in rows, told by whoever gives rows their meaning: so the store counts what is
// alive and can move bytes without knowing what a row is.
class ExtentFinder {
 public:
  // Appends the position in `value` of each extent that this row names: kExtentBytes each, in the
  // form of append_extent(). A function of its arguments alone; nothing for other tables than those
  // of may_hold_extents().
  virtual void find_extents(Table table, std::string_view key, std::string_view value,
                            std::vector<std::size_t>& at) const = 0;

 protected:
  ~ExtentFinder() = default;
};
inline constexpr Table kExtentTables[] = {Table::kObject, Table::kVersion, Table::kBlob,
                                          Table::kManifest, Table::kShard};
constexpr bool may_hold_extents(Table table) {
  for (const Table one : kExtentTables)
    if (one == table) return true;
  return false;
}

// What decide() sees and changes: the index plus every edit staged so far in this batch.
class StagedRows : public RowReader {
 public:
  virtual void put(Table table, std::string_view key, std::string_view value) = 0;
  virtual void erase(Table table, std::string_view key) = 0;

 protected:
  ~StagedRows() = default;
};

// All rows of a base as they were at one moment, table after table, whatever is committed
// meanwhile. Any thread, one at a time; dies before its base. A long-lived one keeps the file from
// reusing room, so they are few (an image, a check, a scrub) and not for long.
class RowSnapshot {
 public:
  virtual ~RowSnapshot() = default;
  virtual Lsn applied() const = 0;
  virtual StateHash state_hash() const = 0;  // As kept with that state, not recomputed.
  virtual Result<bool> next() = 0;  // The first call: the first row. False at the end.
  virtual Table table() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
};

// The ordered rows below the overlay: LmdbBase in production, MemBase in the simulator; both pass
// tests/store/base_contract.h. Derived from the log: may be thrown away and rebuilt.
class RowBase : public RowReader {
 public:
  virtual ~RowBase() = default;
  // Position of the log that these rows are the fold of. 0 and rows: a load() that was cut.
  virtual Lsn applied() const = 0;
  virtual StateHash state_hash() const = 0;  // Of those rows.
  // Writes the edits (sorted by table, then key; one per row) and the position in one transaction.
  // Runs on an offload thread while the loop keeps reading: readers see old or new, whole. Durable
  // when ok. Errors: kNoSpace, kIo; the old rows stand.
  virtual Result<Unit> commit(const std::vector<RowEdit>& edits, Lsn applied) = 0;
  // As commit(), for rows that sort behind all there are: fills an empty base from an image. The
  // position is 0 in all calls but the last.
  virtual Result<Unit> load(const std::vector<RowEdit>& rows, Lsn applied) = 0;
  // Called on the loop after commit() returned: readers move to the committed state.
  virtual void publish() = 0;
  // The published state; called on the loop while no commit() runs.
  virtual Result<std::unique_ptr<RowSnapshot>> snapshot() const = 0;
  // Is the file that holds the rows still as it was committed? Any thread, while others read and
  // commit. Errors: kCorrupt, with the place; kIo.
  virtual Result<Unit> verify() const { return Unit{}; }
  virtual std::uint64_t row_count() const = 0;
  virtual std::uint64_t bytes_used() const = 0;
  virtual std::string describe() const { return {}; }  // For the log at start; may be empty.
  // As of the last publish(). Zeros: no bound is known.
  virtual IndexRoom room() const { return {}; }
  // Allocates the file up to that size, so that commits inside of it cannot meet kNoSpace. Like
  // commit() on an offload thread, and never beside one. Errors: kNoSpace, kIo; nothing is lost.
  virtual Result<Unit> allocate(std::uint64_t bytes) {
    (void)bytes;
    return Unit{};
  }
};

}  // namespace creel::store
