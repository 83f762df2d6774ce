#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
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

// A row's name: table and key bytes, at most kRowKeyBytesMax. Order is byte order inside a table.
inline constexpr std::size_t kRowKeyBytesMax = 1'100;
inline constexpr std::size_t kRowValueBytesMax =
    1'000;  // Longer documents are split by their owner.

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

// What decide() sees and changes: the index plus every edit staged so far in this batch.
class StagedRows : public RowReader {
 public:
  virtual void put(Table table, std::string_view key, std::string_view value) = 0;
  virtual void erase(Table table, std::string_view key) = 0;

 protected:
  ~StagedRows() = default;
};

// The ordered rows below the overlay: LmdbBase in production, MemBase in the simulator; both pass
// tests/store/base_contract.h. Derived from the log: may be thrown away and rebuilt.
class RowBase : public RowReader {
 public:
  virtual ~RowBase() = default;
  // Position of the log that these rows are the fold of.
  virtual Lsn applied() const = 0;
  // Writes the edits (sorted by table, then key; one per row) and the position in one transaction.
  // Runs on an offload thread while the loop keeps reading: readers see old or new, whole. Durable
  // when ok. Errors: kNoSpace, kIo; the old rows stand.
  virtual Result<Unit> commit(const std::vector<RowEdit>& edits, Lsn applied) = 0;
  // Called on the loop after commit() returned: readers move to the committed state.
  virtual void publish() = 0;
  virtual std::uint64_t row_count() const = 0;
  virtual std::uint64_t bytes_used() const = 0;
};

}  // namespace creel::store
