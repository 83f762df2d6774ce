#include "store/extents/bulk_stream.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kChunksMax = 16;

// Segment bytes of a run of chunks with that payload.
std::uint64_t run_bytes(std::uint64_t payload) {
  return payload / kChunkPayload * kChunkStride +
         (payload % kChunkPayload == 0 ? 0 : kBlock + round_up(payload % kChunkPayload, kBlock));
}

}  // namespace

BulkStream::BulkStream(Volume& volume)
    : volume_(volume), flushed_(volume.platform.executor), opened_(volume.platform.executor) {}

BulkStream::~BulkStream() {
  users_.for_each([](BulkUser& user) { user.bulk_ = nullptr; });
}

BulkUser::BulkUser(BulkStream& bulk) : bulk_(&bulk) { bulk.users_.push_back(*this); }

void BulkStream::resume(const BulkEnd& end) {
  high_ = end;
  const SegmentInfo* info = volume_.find(end.segment, end.generation);
  if (info == nullptr || info->stream != StreamKind::kBulk) return;
  current_ = *info;
  tail_ = round_up(end.end, kBlock);
  count_unused();
}

void BulkStream::count_unused() {
  std::uint64_t unused = current_ ? volume_.segment_bytes - tail_ : 0;
  for (const auto& [offset, bytes] : gaps_) unused += bytes;
  volume_.bulk_unused_bytes = unused;
}

// A piece of `have` bytes of room, cut for `want` payload bytes: all of it, or whole strides.
static std::uint64_t cut(std::uint64_t have, std::uint64_t want) {
  const std::uint64_t all = run_bytes(std::min(want, kChunksMax * kChunkPayload));
  if (all <= have) return all;
  return have / kChunkStride * kChunkStride;
}

std::optional<Reservation> BulkStream::take_room(std::uint64_t want) {
  if (!current_) return std::nullopt;
  for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
    const std::uint64_t take = cut(gap->second, want);
    if (take == 0) continue;
    const Reservation room{*current_, gap->first, take};
    const std::uint64_t rest = gap->second - take;
    gaps_.erase(gap);
    if (rest > 0) gaps_.emplace(room.offset + take, rest);
    return room;
  }
  std::uint64_t take = cut(volume_.segment_bytes - tail_, want);
  if (take == 0 && tail_ == kSegmentHeadBytes)  // Segments smaller than a chunk: tests.
    take = volume_.segment_bytes - tail_;
  if (take == 0) return std::nullopt;
  const Reservation room{*current_, tail_, take};
  tail_ += take;
  const BulkEnd end{current_->id, current_->generation, tail_};
  if (!high_ || high_->segment != end.segment || high_->generation != end.generation ||
      high_->end < end.end)
    high_ = end;
  return room;
}

Task<Result<Reservation>> BulkStream::reserve(Ctx& ctx, std::uint64_t want,
                                              std::uint64_t first_batch) {
  check(want > 0);
  for (;;) {
    std::optional<Reservation> room = take_room(want);
    if (room) {
      count_unused();
      co_return *room;
    }
    if (opening_) {  // Somebody else opens the next segment.
      co_await opened_.wait();
      continue;
    }
    opening_ = true;
    Result<Unit> opened = co_await next_segment(ctx, first_batch);
    opening_ = false;
    opened_.notify();
    if (!opened.ok()) co_return opened.error();
  }
}

std::uint64_t BulkStream::room_for(std::uint64_t payload) const {
  const std::uint64_t run = run_bytes(payload);
  return run + run / volume_.segment_bytes * kChunkStride;
}

Task<Result<Unit>> BulkStream::next_segment(Ctx& ctx, std::uint64_t first_batch) {
  const std::size_t reserve = volume_.reserve_segments();
  CO_TRY(info, co_await volume_.begin_segment(ctx, StreamKind::kBulk, reserve, {}, first_batch));
  current_ = info;
  tail_ = kSegmentHeadBytes;
  gaps_.clear();
  co_return Unit{};
}

void BulkStream::give_back(const Reservation& unused) {
  if (unused.bytes == 0 || !current_ || unused.segment.id != current_->id ||
      unused.segment.generation != current_->generation)
    return;
  if (unused.offset + unused.bytes == tail_) {
    tail_ = unused.offset;
    const auto last = gaps_.empty() ? gaps_.end() : std::prev(gaps_.end());
    if (last != gaps_.end() && last->first + last->second == tail_) {
      tail_ = last->first;
      gaps_.erase(last);
    }
  } else {
    auto [gap, fresh] = gaps_.emplace(unused.offset, unused.bytes);
    check(fresh);
    const auto after = std::next(gap);
    if (after != gaps_.end() && gap->first + gap->second == after->first) {
      gap->second += after->second;
      gaps_.erase(after);
    }
    if (gap != gaps_.begin()) {
      const auto before = std::prev(gap);
      if (before->first + before->second == gap->first) {
        before->second += gap->second;
        gaps_.erase(gap);
      }
    }
  }
  count_unused();
}

Task<Result<Unit>> BulkStream::write(Ctx& ctx, std::uint32_t segment, std::uint64_t offset,
                                     ByteView bytes) {
  struct Write {
    static Task<Result<Unit>> at(Ctx& ctx, Folder& folder, std::uint32_t segment,
                                 std::uint64_t offset, ByteView bytes) {
      CO_TRY(file, co_await folder.segment(ctx, segment));
      const ByteView parts[] = {bytes};
      co_return co_await file->write(ctx, offset, parts);
    }
  };
  const auto write = [&](Folder& folder) { return Write::at(ctx, folder, segment, offset, bytes); };
  Result<Unit> written = co_await volume_.on_all(ctx, write);
  if (volume_.dirty)  // After the write: whoever copies the piece now finds it there.
    for (std::uint64_t piece = offset / Volume::kDirtyPiece;
         piece * Volume::kDirtyPiece < offset + bytes.size(); ++piece)
      volume_.dirty->emplace(segment, piece);
  if (!written.ok() && written.error().code != ErrorCode::kNoSpace)
    volume_.stop_writing(written.error());
  co_return written;
}

Task<Result<Unit>> BulkStream::flush(Ctx& ctx, std::uint32_t segment) {
  Flush& flush = flush_[segment];  // Stays: a failure must be remembered, and they are few.
  const std::uint64_t mine = ++flush.asked;
  while (flush.done < mine && !flush.failed) {
    if (flush.running) {
      co_await flushed_.wait();
      continue;
    }
    flush.running = true;
    const std::uint64_t covers = flush.asked;
    struct Sync {
      static Task<Result<Unit>> of(Ctx& ctx, Folder& folder, std::uint32_t segment) {
        CO_TRY(file, co_await folder.segment(ctx, segment));
        Result<Unit> synced = co_await file->sync(ctx);
        // Whatever a flush failed with, what it covered is unknown: no mirror stays for kNoSpace.
        if (!synced.ok()) co_return fail(ErrorCode::kIo, error_text(synced.error()));
        co_return synced;
      }
    };
    const auto sync = [&](Folder& folder) { return Sync::of(ctx, folder, segment); };
    ++flushes_;
    Result<Unit> synced = co_await volume_.on_all(ctx, sync);
    flush.running = false;
    if (synced.ok()) flush.done = covers;
    else flush.failed = synced.error();
    flushed_.notify();
  }
  if (!flush.failed) co_return Unit{};
  volume_.stop_writing(*flush.failed);
  co_return *flush.failed;
}

}  // namespace creel::store
