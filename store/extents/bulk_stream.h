#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "platform/base/list.h"
#include "store/log/signal.h"
#include "store/log/volume.h"

namespace creel::store {

// Room in BULK that one writer has for its chunks: whole strides, or less for a last chunk.
struct Reservation {
  SegmentInfo segment;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

class BulkStream;

// Somebody who holds reservations; told when the stream goes away first (a simulated crash).
class BulkUser : public ListNode {
 protected:
  explicit BulkUser(BulkStream& bulk);
  ~BulkUser() = default;
  friend class BulkStream;
  BulkStream* bulk_;
};

// The stream of large bodies: hands out room in the current BULK segment and flushes it for all who
// wait. Loop thread only.
class BulkStream {
 public:
  explicit BulkStream(Volume& volume);
  ~BulkStream();

  // Goes on behind `end`, if that segment is still here (recovery).
  void resume(const BulkEnd& end);
  bool is_current(std::uint32_t segment) const { return current_ && current_->id == segment; }
  // What a NOTE says: everything that was handed out lies before. None: BULK was never used.
  const std::optional<BulkEnd>& end() const { return high_; }

  // Room for `want` payload bytes, but at most 16 chunks and possibly less; at least one chunk or
  // all of `want`. `first_batch`: the next batch, for a new segment's header. Errors: kNoSpace,
  // kIo.
  Task<Result<Reservation>> reserve(Ctx& ctx, std::uint64_t want, std::uint64_t first_batch);
  void give_back(const Reservation& unused);
  // Segment bytes that a body of so many takes at most, with heads and what is lost at the end of
  // segments.
  std::uint64_t room_for(std::uint64_t payload) const;

  // Writes the parts at `offset` on all folders.
  Task<Result<Unit>> write(Ctx& ctx, std::uint32_t segment, std::uint64_t offset, ByteView bytes);
  // What was written to this segment before the call is on stable storage when ok. One flush serves
  // all who wait at the time it starts.
  Task<Result<Unit>> flush(Ctx& ctx, std::uint32_t segment);
  std::uint64_t flushes() const { return flushes_; }

 private:
  struct Flush {
    std::uint64_t asked = 0;
    std::uint64_t done = 0;
    bool running = false;
    std::optional<Error> failed;
  };
  std::optional<Reservation> take_room(std::uint64_t want);
  Task<Result<Unit>> next_segment(Ctx& ctx, std::uint64_t first_batch);
  void count_unused();

  Volume& volume_;
  std::optional<SegmentInfo> current_;
  std::uint64_t tail_ = 0;  // Of the current segment.
  std::map<std::uint64_t, std::uint64_t> gaps_;  // Given back: offset → bytes.
  std::optional<BulkEnd> high_;
  std::map<std::uint32_t, Flush> flush_;  // Segments with waiters or a failure.
  Signal flushed_;
  std::uint64_t flushes_ = 0;
  bool opening_ = false;
  Signal opened_;
  List<BulkUser> users_;
  friend class BulkUser;
};

}  // namespace creel::store
