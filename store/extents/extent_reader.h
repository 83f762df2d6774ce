#pragma once
#include <cstdint>
#include <deque>

#include "store/log/volume.h"

namespace creel::store {

// Reads bodies back, cell by cell, each checked before it is handed out. A cell that is bad is read
// once more, then from the other folders. Loop thread only.
class ExtentReader {
 public:
  explicit ExtentReader(Volume& volume) : volume_(volume) {}
  // As Store::read.
  Task<Result<Unit>> read(Ctx& ctx, Extent extent, std::uint64_t offset, MutableBytes into);

 private:
  // One run of payload bytes with the CRCs of its cells.
  struct Run {
    std::uint64_t position = 0;  // Of the payload in the segment.
    std::uint64_t bytes = 0;
    std::uint64_t crc64 = 0;
    Bytes cells;  // Empty: one cell.
  };
  struct Head {  // Of a chunk that was read before.
    std::uint32_t segment;
    std::uint32_t generation;
    std::uint64_t offset;
    Run run;
  };
  static constexpr std::size_t kHeadsMax = 64;

  Task<Result<Unit>> read_from(Ctx& ctx, Folder& folder, const Extent& extent, std::uint64_t offset,
                               MutableBytes into);
  Task<Result<Run>> inline_run(Ctx& ctx, FileRef& file, const Extent& extent);
  Task<Result<Run>> chunk_run(Ctx& ctx, FileRef& file, const Extent& extent, std::uint64_t index);
  Task<Result<Unit>> read_run(Ctx& ctx, FileRef& file, const Run& run, std::uint64_t offset,
                              MutableBytes into);

  Volume& volume_;
  std::deque<Head> heads_;
};

// Fills `into` from the page cache if it is there, else from the drive. Errors: kCorrupt past the
// end of the file, kIo.
Task<Result<Unit>> read_exactly(Ctx& ctx, FileRef& file, std::uint64_t position, MutableBytes into);

}  // namespace creel::store
