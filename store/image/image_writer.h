#pragma once
#include <memory>
#include <vector>

#include "platform/codec/stream.h"
#include "store/extents/bulk_stream.h"
#include "store/image/image_format.h"

namespace creel::store {

// Writes the rows of a snapshot into segments of their own, a frame at a time: packed on an offload
// thread, at most half of the time, so that the log stays in front. Nothing counts before finish().
class ImageWriter {
 public:
  ImageWriter(Volume& volume, BulkStream& bulk, std::uint64_t stamp, std::uint64_t first_batch)
      : volume_(volume), bulk_(bulk), first_batch_(first_batch) {
    info_.stamp = stamp;
  }
  // Everything but the end, on stable storage. Errors: kNoSpace, kCorrupt (the rows do not give the
  // hash kept with them: the index is damaged), kTooLarge, kIo, kStopped.
  Task<Result<Unit>> write(Ctx& ctx, RowSnapshot& rows);
  // Reads it back from every folder; then the end, on stable storage: from now on it counts.
  Task<Result<Unit>> finish(Ctx& ctx);
  void give_up();  // Its segments are free again.
  const ImageInfo& info() const { return info_; }

 private:
  // What one turn on an offload thread makes: a frame of whole rows, packed.
  struct Frame {
    Bytes plain;
    Bytes packed;
    std::uint32_t rows = 0;
    bool last = false;
  };
  Result<Unit> fill(RowSnapshot& rows, Frame& frame);
  Task<Result<Unit>> put(Ctx& ctx, const Frame& frame);
  Task<Result<Unit>> begin_part(Ctx& ctx);
  Task<Result<Unit>> write_at(Ctx& ctx, std::uint32_t segment, std::uint64_t offset, Bytes bytes);
  Seed seed() const { return volume_.seed_of(segment_); }

  Volume& volume_;
  BulkStream& bulk_;
  std::uint64_t first_batch_;
  ImageInfo info_;
  SegmentInfo segment_;  // Being filled.
  std::uint64_t unflushed_ = 0;
  std::unique_ptr<Compressor> compressor_;
  StateHash hash_;  // Of what was written.
  bool holds_row_ = false;  // The snapshot stands on a row that is not in a frame yet.
};

}  // namespace creel::store
