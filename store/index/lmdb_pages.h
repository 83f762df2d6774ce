#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace creel::store {

// Gets every entry of the main tree, in key order. Views are valid during the call.
class PageVisitor {
 public:
  virtual void entry(std::string_view key, std::string_view value) = 0;

 protected:
  ~PageVisitor() = default;
};

struct PageReport {
  std::uint64_t transaction = 0;  // Of the newest commit; 0: nothing was ever committed.
  std::uint64_t pages = 0;
  std::uint64_t entries = 0;
};

// LMDB 0.9 believes every page it maps: a wrong pointer crashes it or hides rows. This reads the
// file by itself, with pread, and trusts nothing: both meta pages, every page's own number, kind
// and bounds, nodes packed without gap or overlap, keys in order and between the separators above
// them, counts as the meta page has them, and each page in exactly one place of the trees or of the
// free list. A file that passes holds what was committed, but for the bytes of keys and values: the
// visitor's business. Depth and memory are bounded (one bit a page, one buffer a level).
// `map_bytes` bounds the pages. Errors, each with file and page: kCorrupt, kInvalid (not LMDB 0.9,
// other word size), kIo. A file that is missing or empty has nothing to report.
// `transaction`: walk that one, the newest or the one before; a reader must hold it if somebody
// commits meanwhile. None: the newest.
Result<PageReport> walk_lmdb_pages(const std::string& path, std::uint64_t map_bytes,
                                   PageVisitor& visitor,
                                   std::optional<std::uint64_t> transaction = std::nullopt);

}  // namespace creel::store
