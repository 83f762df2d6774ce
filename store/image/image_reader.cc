#include "store/image/image_reader.h"

#include "platform/base/text.h"
#include "store/index/state_hash.h"

namespace creel::store {

Seed ImageReader::seed() const {
  const ImagePart& part = info_.parts[part_];
  return {volume_.uuid, part.segment, part.generation};
}

Error ImageReader::bad(std::string_view what) const {
  return fail(ErrorCode::kCorrupt,
              cat("image of operation ", info_.lsn.value, ": ",
                  folder_.segment_path(info_.parts[part_].segment), " offset ", at_, ": ", what));
}

Task<Result<bool>> ImageReader::next(Ctx& ctx) {
  rows_.clear();
  if (at_ == 0) CO_DO(co_await enter_part(ctx));
  while (at_ == info_.parts[part_].end) {
    if (part_ + 1 == info_.parts.size()) co_return finish();
    ++part_;
    CO_DO(co_await enter_part(ctx));
  }
  CO_TRY(record, co_await read_record(ctx, info_.parts[part_].end));
  Result<RowsHead> head = parse_image_rows(record);
  if (!head.ok()) co_return bad(head.error().detail);
  if (head.value().stamp != info_.stamp || head.value().frame != frames_ ||
      record.head.lsn != info_.lsn)
    co_return bad("rows out of order");
  Result<Unit> unpacked = Unit{};
  auto work = [&] { unpacked = unpack(record.payload, record.head.logical_bytes, head.value()); };
  co_await offload_call(ctx, volume_.platform.offload, work);
  if (!unpacked.ok()) co_return bad(unpacked.error().detail);
  at_ += round_up(record.head.total_bytes(), kBlock);
  ++frames_;
  row_count_ += rows_.size();
  bytes_ += frame_.size();
  co_return true;
}

Task<Result<Unit>> ImageReader::enter_part(Ctx& ctx) {
  at_ = kImageBeginAt;
  CO_TRY(record, co_await read_record(ctx, kImageRowsAt));
  Result<ImageBegin> begin = parse_image_begin(record);
  if (!begin.ok()) co_return bad(begin.error().detail);
  if (begin.value().lsn != info_.lsn || begin.value().stamp != info_.stamp ||
      begin.value().part != part_)
    co_return bad("part of another image");
  at_ = kImageRowsAt;
  if (info_.parts[part_].end < at_) co_return bad("part that ends before it begins");
  co_return Unit{};
}

Task<Result<RecordView>> ImageReader::read_record(Ctx& ctx, std::uint64_t end) {
  const std::uint32_t segment = info_.parts[part_].segment;
  CO_TRY(start, co_await window_.view(ctx, folder_, segment, at_, kRecordHeadBytes));
  Result<RecordHead> head = parse_record_head(seed(), at_, start);
  if (!head.ok()) co_return bad(head.error().detail);
  const std::uint64_t total = head.value().total_bytes();
  if (total > end - at_) co_return bad("record runs past its part");
  CO_TRY(whole, co_await window_.view(ctx, folder_, segment, at_, static_cast<std::size_t>(total)));
  Result<RecordView> record = parse_record(seed(), at_, whole, true);
  if (!record.ok()) co_return bad(record.error().detail);
  if (!record.value().payload_good) co_return bad("rows do not match their checksum");
  co_return record.take();
}

Result<Unit> ImageReader::unpack(ByteView payload, std::uint64_t plain_bytes,
                                 const RowsHead& head) {
  if (!decompressor_) {
    DecompressOptions options;
    options.window_bytes_max = kFrameBytesMax;
    TRY(made, Decompressor::make(Codec::kZstd, options));
    decompressor_ = std::move(made);
  }
  frame_.clear();
  decompressor_->reset();
  TRY_DO(decompress_all(*decompressor_, payload, kFrameBytesMax, frame_));
  if (frame_.size() != plain_bytes) return fail(ErrorCode::kCorrupt, "frame of another length");
  for (std::size_t at = 0; at < frame_.size();) {
    TRY(row, parse_image_row(frame_, at));
    hash_.add(row_hash(row.table, row.key, row.value));
    rows_.push_back(row);
  }
  if (rows_.size() != head.rows) return fail(ErrorCode::kCorrupt, "frame with other rows");
  return Unit{};
}

Result<bool> ImageReader::finish() const {
  if (frames_ != info_.frames || row_count_ != info_.rows || bytes_ != info_.bytes)
    return bad("it does not hold what its end counts");
  if (hash_ != info_.hash) return bad("its rows do not give the hash of the state");
  return false;
}

Task<Result<Unit>> verify_image(Ctx& ctx, Volume& volume, Folder& folder, const ImageInfo& info) {
  ImageReader reader(volume, folder, info);
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    CO_TRY(more, co_await reader.next(ctx));
    if (!more) co_return Unit{};
  }
}

}  // namespace creel::store
