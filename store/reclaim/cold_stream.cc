#include "store/reclaim/cold_stream.h"

#include "platform/cpu/crc.h"

namespace creel::store {
namespace {

RecordHead head_of(RecordType type, ByteView payload, Bytes& cells) {
  RecordHead head;
  head.type = type;
  cells = cell_crcs(payload, head.crc64);
  head.flags = cells.empty() ? 0 : kRecordHasCells;
  head.meta_bytes = static_cast<std::uint32_t>(cells.size());
  head.meta_crc = crc32c(cells);
  head.stored_bytes = head.logical_bytes = payload.size();
  return head;
}

}  // namespace

Task<Result<Unit>> ColdStream::make_room(Ctx& ctx, std::uint64_t bytes, std::uint64_t first_batch) {
  if (current_ && end() + bytes <= volume_.segment_bytes) co_return Unit{};
  CO_DO(co_await write_buffer(ctx));
  const std::size_t reserve = volume_.copy_reserve();
  CO_TRY(info, co_await volume_.begin_segment(ctx, StreamKind::kCold, reserve, {}, first_batch));
  used_ += kSegmentHeadBytes + (current_ ? volume_.segment_bytes - tail_ : 0);
  current_ = info;
  tail_ = kSegmentHeadBytes;
  co_return Unit{};
}

Task<Result<Unit>> ColdStream::write_buffer(Ctx& ctx) {
  if (buffer_.empty()) co_return Unit{};
  buffer_.resize(static_cast<std::size_t>(round_up(buffer_.size(), kBlock)));
  const Bytes bytes = std::move(buffer_);
  buffer_ = Bytes();
  const std::uint64_t at = tail_;
  tail_ += bytes.size();
  used_ += bytes.size();
  unsynced_.insert(current_->id);
  co_return co_await bulk_.write(ctx, current_->id, at, bytes);
}

Task<Result<Extent>> ColdStream::copy_inline(Ctx& ctx, Extent extent, ByteView payload,
                                             std::uint64_t first_batch) {
  Bytes cells;
  const RecordHead head = head_of(RecordType::kCopy, payload, cells);
  // Rounded up: the buffer is padded to a whole block when it is written.
  CO_DO(co_await make_room(ctx, round_up(head.total_bytes(), kBlock), first_batch));
  extent.segment = current_->id;
  extent.generation = current_->generation;
  extent.offset = end() + kRecordHeadBytes + cells.size();
  const std::size_t at = buffer_.size();
  buffer_.resize(at + kRecordHeadBytes);
  encode_record_head(volume_.seed_of(*current_), tail_ + at, head,
                     MutableBytes(buffer_).subspan(at));
  append(buffer_, ByteView(cells));
  append(buffer_, payload);
  buffer_.resize(at + static_cast<std::size_t>(head.total_bytes()));
  if (buffer_.size() >= kBufferBytes) CO_DO(co_await write_buffer(ctx));
  co_return extent;
}

Task<Result<Extent>> ColdStream::begin_chunks(Ctx& ctx, Extent extent, std::uint64_t first_batch) {
  CO_DO(co_await write_buffer(ctx));
  CO_DO(co_await make_room(ctx, footprint(extent), first_batch));
  extent.segment = current_->id;
  extent.generation = current_->generation;
  extent.offset = tail_;
  co_return extent;
}

Task<Result<Unit>> ColdStream::write_chunk(Ctx& ctx, ByteView payload) {
  Bytes cells;
  const RecordHead head = head_of(RecordType::kChunk, payload, cells);
  Bytes block(kBlock);
  encode_record_head(volume_.seed_of(*current_), tail_, head, block);
  std::copy(cells.begin(), cells.end(), block.begin() + kRecordHeadBytes);
  unsynced_.insert(current_->id);
  CO_DO(co_await bulk_.write(ctx, current_->id, tail_ + kBlock, payload));
  CO_DO(co_await bulk_.write(ctx, current_->id, tail_, block));
  tail_ += kBlock + round_up(payload.size(), kBlock);
  used_ += kBlock + round_up(payload.size(), kBlock);
  co_return Unit{};
}

Task<Result<Unit>> ColdStream::flush(Ctx& ctx) {
  CO_DO(co_await write_buffer(ctx));
  while (!unsynced_.empty()) {
    const std::uint32_t segment = *unsynced_.begin();
    CO_DO(co_await bulk_.flush(ctx, segment));
    unsynced_.erase(segment);
  }
  co_return Unit{};
}

}  // namespace creel::store
