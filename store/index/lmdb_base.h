#pragma once
#include <memory>
#include <string>

#include "store/index/rows.h"

namespace creel::store {

struct LmdbOptions {
  // Address space for the file, not memory; 0: 512 MiB on 32-bit, 16 GiB on other ARM, 256 GiB
  // else.
  std::uint64_t map_bytes = 0;
  bool fresh = false;  // Throw away what is there.
  // Others hold what this index holds: a page that the drive cannot give back is kIo from here on,
  // for all calls, instead of the end of the process (lmdb_fault.h).
  bool may_be_lost = false;
};

// The rows in DIR/data.mdb: derived from the log, so anything doubtful is thrown away and rebuilt.
// Keys longer than LMDB takes are cut into layers; every value carries a CRC-32C over itself and
// its logical key, and every checkpoint a sum over all entries: open_lmdb() walks all pages of the
// file by itself (lmdb_pages.h) and compares the sum before LMDB sees them. LMDB's default
// synchronous mode, one environment a process. Blocking calls on a mapped file: the index is
// expected to fit the page cache. Errors: kCorrupt or kInvalid (damaged, foreign, other word size
// or format: open with fresh), kNoSpace, kIo, kReadOnly.
Result<std::unique_ptr<RowBase>> open_lmdb(const std::string& dir, const Uuid& store,
                                           LmdbOptions options);

}  // namespace creel::store
