#pragma once
#include <cstdint>
#include <optional>
#include <set>

#include "store/extents/bulk_stream.h"

namespace creel::store {

// The stream of moved bodies: small ones packed one after another as COPY records, large ones as
// chunks. Every piece is written once, from a 4 KiB boundary on. One user at a time.
class ColdStream {
 public:
  ColdStream(Volume& volume, BulkStream& bulk) : volume_(volume), bulk_(bulk) {}
  // Left in the segment that is being filled.
  std::uint64_t room() const { return current_ ? volume_.segment_bytes - end() : 0; }
  // Of COLD segments so far, with what was left unused at their ends.
  std::uint64_t used_bytes() const { return used_; }
  bool is_current(std::uint32_t segment) const { return current_ && current_->id == segment; }

  // Both return where the copy lies once flush() is ok, and take whole extents: they need never be
  // split. `first_batch`: the next batch, for a new segment's header. Errors: kNoSpace, kIo.
  Task<Result<Extent>> copy_inline(Ctx& ctx, Extent extent, ByteView payload,
                                   std::uint64_t first_batch);
  // Room for all chunks of the extent; then its payload, a chunk at a time and in order.
  Task<Result<Extent>> begin_chunks(Ctx& ctx, Extent extent, std::uint64_t first_batch);
  Task<Result<Unit>> write_chunk(Ctx& ctx, ByteView payload);
  // All copies so far are on stable storage when ok.
  Task<Result<Unit>> flush(Ctx& ctx);

 private:
  static constexpr std::size_t kBufferBytes = 1 * MiB;
  Task<Result<Unit>> make_room(Ctx& ctx, std::uint64_t bytes, std::uint64_t first_batch);
  Task<Result<Unit>> write_buffer(Ctx& ctx);
  std::uint64_t end() const { return tail_ + buffer_.size(); }

  Volume& volume_;
  BulkStream& bulk_;
  std::optional<SegmentInfo> current_;
  std::uint64_t tail_ = 0;  // Where buffer_ goes: a 4 KiB boundary.
  Bytes buffer_;
  std::uint64_t used_ = 0;
  std::set<std::uint32_t> unsynced_;
};

}  // namespace creel::store
