#pragma once
#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/endian.h"
#include "platform/base/result.h"
#include "platform/cpu/crc.h"
#include "store/index/lmdb_fault.h"
#include "store/index/rows.h"

namespace creel::store {

// Logical keys of any length on LMDB's 511 bytes (store.md §4, after Masstree): an LMDB key is
// layer u32be ‖ slice ≤ 480 B ‖ 0x01 if continued. A longer key stores a child layer's number under
// its first 480 bytes and goes on there. Byte order is kept: an entry that ends sorts before its
// continuation. Layer 0 is the root.

std::string logical_key(Table table, std::string_view key);  // table u8 ‖ key
Error lmdb_error(const std::string& what, int code);

Result<std::optional<std::string>> layered_find(MDB_txn* txn, MDB_dbi dbi, const std::string& key);
// Walks one table; lives no longer than the transaction's next renewal. `guard` of the map, or
// null.
Result<std::unique_ptr<RowCursor>> layered_cursor(MDB_txn* txn, MDB_dbi dbi, Table table,
                                                  const MapGuard* guard);
// kIo if pages of the map could not be read: then what was read since is worth nothing.
Result<Unit> still_mapped(const MapGuard* guard);

// What one entry adds to the sum of all entries: CRC-32C of its raw key and value.
std::uint32_t entry_sum(std::string_view key, std::string_view value);

// Edits rows inside one write transaction. Results are the change in the number of rows. `sum` is
// that of all entries (mod 2^32), `hash` that of all rows, both kept by subtracting what goes and
// adding what comes.
class LayeredWriter {
 public:
  LayeredWriter(MDB_txn* txn, MDB_dbi dbi, std::uint32_t next_layer, std::uint32_t sum,
                const StateHash& hash)
      : txn_(txn), dbi_(dbi), next_layer_(next_layer), sum_(sum), hash_(hash) {}
  Result<int> put(const std::string& key, std::string_view value);
  Result<int> erase(const std::string& key);
  // A row behind all others: pages fill up, nothing is looked for. Once a layer below the root
  // exists its entries lie behind, and this is put().
  Result<int> append(const std::string& key, std::string_view value);
  std::uint32_t next_layer() const { return next_layer_; }
  std::uint32_t sum() const { return sum_; }
  const StateHash& hash() const { return hash_; }

 private:
  // The layer that the rest of `key` lies in; makes missing ones if asked.
  Result<std::optional<std::uint32_t>> descend(std::uint32_t layer, std::string_view slice,
                                               bool make);
  Result<bool> layer_empty(std::uint32_t layer);
  // LMDB's code; the sum follows. `row`: the entry's logical key, unless it is a layer link.
  int remove_entry(MDB_val key, const std::string* row);
  Result<Unit> drop_from_hash(const std::string& key, const MDB_val& stored);

  MDB_txn* txn_;
  MDB_dbi dbi_;
  std::uint32_t next_layer_;
  std::uint32_t sum_;
  StateHash hash_;
};

}  // namespace creel::store
