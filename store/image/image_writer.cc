#include "store/image/image_writer.h"

#include <algorithm>

#include "platform/base/text.h"
#include "store/image/image_reader.h"
#include "store/index/state_hash.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kFlushBytes = 4 * MiB;  // What one flush may hold up the log's.
constexpr Duration kPauseMax = 50_ms;

}  // namespace

Task<Result<Unit>> ImageWriter::write(Ctx& ctx, RowSnapshot& rows) {
  info_.lsn = rows.applied();
  info_.hash = rows.state_hash();
  CO_DO(co_await begin_part(ctx));
  for (Frame frame; !frame.last;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    const Instant begun = volume_.platform.clock.now();
    Result<Unit> filled = Unit{};
    auto work = [&] { filled = fill(rows, frame); };
    co_await offload_call(ctx, volume_.platform.offload, work);
    if (!filled.ok()) co_return filled.error();
    if (frame.rows > 0) CO_DO(co_await put(ctx, frame));
    const Duration pause = std::min(volume_.platform.clock.now() - begun, kPauseMax);
    CO_DO(co_await sleep_for(ctx, pause));
  }
  CO_DO(co_await bulk_.flush(ctx, segment_.id));
  if (hash_ != info_.hash)
    co_return fail(ErrorCode::kCorrupt, "the rows of the index do not give the hash of the state");
  co_return Unit{};
}

Result<Unit> ImageWriter::fill(RowSnapshot& rows, Frame& frame) {
  // Small segments (tests) get small frames: one must fit into an empty segment even raw.
  const std::size_t bytes_max =
      static_cast<std::size_t>(std::min<std::uint64_t>(kFrameBytesMax, volume_.segment_bytes / 8));
  frame.plain.clear();
  frame.rows = 0;
  for (;;) {
    if (!holds_row_) {
      TRY(more, rows.next());
      frame.last = !more;
      if (frame.last) break;
      if (!is_state(rows.table())) continue;
      holds_row_ = true;
    }
    const std::size_t bytes = image_row_bytes(rows.key(), rows.value());
    if (frame.rows > 0 && frame.plain.size() + bytes > bytes_max) break;
    append_image_row(frame.plain, rows.table(), rows.key(), rows.value());
    hash_.add(row_hash(rows.table(), rows.key(), rows.value()));
    ++frame.rows;
    holds_row_ = false;
  }
  if (!compressor_) {
    CompressOptions options;
    options.level = 1;
    options.checksum = false;
    TRY(made, Compressor::make(Codec::kZstd, options));
    compressor_ = std::move(made);
  }
  frame.packed.clear();
  return compressor_->append_frame(frame.plain, frame.packed);
}

Task<Result<Unit>> ImageWriter::put(Ctx& ctx, const Frame& frame) {
  const RowsHead head{info_.stamp, info_.frames, frame.rows};
  const auto encode = [&] {
    return encode_image_rows(seed(), info_.parts.back().end, info_.lsn, head, frame.packed,
                             frame.plain.size());
  };
  Bytes record = encode();
  if (record.size() > volume_.segment_bytes - info_.parts.back().end) {
    CO_DO(co_await bulk_.flush(ctx, segment_.id));
    CO_DO(co_await begin_part(ctx));
    record = encode();
    if (record.size() > volume_.segment_bytes - info_.parts.back().end)
      co_return fail(ErrorCode::kTooLarge, "image: a frame larger than a segment");
  }
  const std::uint64_t offset = info_.parts.back().end;
  info_.parts.back().end += record.size();
  unflushed_ += record.size();
  CO_DO(co_await write_at(ctx, segment_.id, offset, std::move(record)));
  if (unflushed_ >= kFlushBytes) {
    CO_DO(co_await bulk_.flush(ctx, segment_.id));
    unflushed_ = 0;
  }
  ++info_.frames;
  info_.rows += frame.rows;
  info_.bytes += frame.plain.size();
  co_return Unit{};
}

Task<Result<Unit>> ImageWriter::begin_part(Ctx& ctx) {
  if (info_.parts.size() == kImagePartsMax)
    co_return fail(ErrorCode::kTooLarge, cat("image of more than ", kImagePartsMax, " segments"));
  CO_TRY(claimed, co_await volume_.begin_segment(ctx, StreamKind::kImage, Volume::kForMoves,
                                                 info_.lsn, first_batch_));
  segment_ = claimed;
  unflushed_ = 0;
  info_.parts.push_back({claimed.id, claimed.generation, kImageRowsAt});
  const ImageBegin begin{info_.lsn, info_.stamp,
                         static_cast<std::uint32_t>(info_.parts.size() - 1)};
  Bytes record = encode_image_begin(seed(), kImageBeginAt, begin);
  co_return co_await write_at(ctx, claimed.id, kImageBeginAt, std::move(record));
}

Task<Result<Unit>> ImageWriter::write_at(Ctx& ctx, std::uint32_t segment, std::uint64_t offset,
                                         Bytes bytes) {
  co_return co_await bulk_.write(ctx, segment, offset, bytes);
}

Task<Result<Unit>> ImageWriter::finish(Ctx& ctx) {
  for (Folder* folder : volume_.to_read()) {
    Result<Unit> good = co_await verify_image(ctx, volume_, *folder, info_);
    if (!good.ok() && folder->live()) co_return good.error();
  }
  const ImagePart first = info_.parts.front();
  Bytes end = encode_image_end({volume_.uuid, first.segment, first.generation}, kImageEndAt, info_);
  CO_DO(co_await write_at(ctx, first.segment, kImageEndAt, std::move(end)));
  co_return co_await bulk_.flush(ctx, first.segment);
}

void ImageWriter::give_up() {
  for (const ImagePart& part : info_.parts)
    if (const SegmentInfo* info = volume_.find(part.segment, part.generation)) volume_.reuse(*info);
}

}  // namespace creel::store
