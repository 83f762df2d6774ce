#include "store/extents/extent_reader.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::store {

Task<Result<Unit>> read_exactly(Ctx& ctx, FileRef& file, std::uint64_t position,
                                MutableBytes into) {
  const std::size_t cached = file->read_cached(position, into);
  if (cached == into.size()) co_return Unit{};
  const MutableBytes rest = into.subspan(cached);
  CO_TRY(got, co_await file->read(ctx, position + cached, rest));
  if (got != rest.size())
    co_return fail(ErrorCode::kCorrupt, cat("file ends at offset ", position + cached + got));
  co_return Unit{};
}

Task<Result<Unit>> ExtentReader::read(Ctx& ctx, Extent extent, std::uint64_t offset,
                                      MutableBytes into) {
  if (into.empty()) co_return Unit{};
  if (volume_.find(extent.segment, extent.generation) == nullptr)
    co_return fail(ErrorCode::kNotFound, cat("segment ", extent.segment, " generation ",
                                             extent.generation, " is not here"));
  Pins::Hold hold(volume_.pins);
  hold.add(extent.segment);
  const bool chunks = extent.kind == Extent::Kind::kChunks;
  const std::uint64_t count = (extent.length + kChunkPayload - 1) / kChunkPayload;
  const std::uint64_t span = extent.length + (chunks ? count * kBlock : 0);
  if (offset > extent.length || into.size() > extent.length - offset ||
      extent.offset < kSegmentHeadBytes || extent.offset > volume_.segment_bytes ||
      extent.length > volume_.segment_bytes || span > volume_.segment_bytes - extent.offset)
    co_return fail(ErrorCode::kCorrupt, cat("extent past segment ", extent.segment, ": offset ",
                                            extent.offset, " length ", extent.length));
  std::optional<Error> failed;
  for (Folder* folder : volume_.to_read()) {
    for (int attempt = 0; attempt < 2; ++attempt) {
      Result<Unit> read = co_await read_from(ctx, *folder, extent, offset, into);
      if (read.ok()) {
        if (failed)
          volume_.report(cat("read from another folder or again after: ", error_text(*failed)));
        co_return Unit{};
      }
      failed = read.error();
    }
  }
  if (!failed) co_return fail(ErrorCode::kIo, "no folder of the store is left");
  const Error error = fail(failed->code, cat("segment ", extent.segment, " offset ", extent.offset,
                                             ": ", failed->detail));
  if (error.code == ErrorCode::kCorrupt && volume_.report(error_text(error)))
    ++volume_.damaged_ranges;
  co_return error;
}

Task<Result<Unit>> ExtentReader::read_from(Ctx& ctx, Folder& folder, const Extent& extent,
                                           std::uint64_t offset, MutableBytes into) {
  Result<FileRef> opened = co_await folder.segment(ctx, extent.segment);
  if (!opened.ok() && opened.error().code == ErrorCode::kNotFound)
    co_return fail(ErrorCode::kIo, cat(folder.segment_path(extent.segment), " is missing"));
  if (!opened.ok()) co_return opened.error();
  FileRef& file = opened.value();
  if (extent.kind == Extent::Kind::kInline) {
    if (offset == 0 && into.size() == extent.length) {  // The whole: no cells needed.
      CO_DO(co_await read_exactly(ctx, file, extent.offset, into));
      if (crc64_nvme(into) == extent.crc64) co_return Unit{};
      co_return fail(ErrorCode::kCorrupt, "body does not match its checksum");
    }
    CO_TRY(run, co_await inline_run(ctx, file, extent));
    co_return co_await read_run(ctx, file, run, offset, into);
  }
  while (!into.empty()) {
    const std::uint64_t index = offset / kChunkPayload;
    const std::uint64_t inside = offset % kChunkPayload;
    CO_TRY(run, co_await chunk_run(ctx, file, extent, index));
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), run.bytes - inside));
    CO_DO(co_await read_run(ctx, file, run, inside, into.first(take)));
    into = into.subspan(take);
    offset += take;
  }
  co_return Unit{};
}

Task<Result<ExtentReader::Run>> ExtentReader::inline_run(Ctx& ctx, FileRef& file,
                                                         const Extent& extent) {
  Run run{extent.offset, extent.length, extent.crc64, {}};
  run.cells.resize(static_cast<std::size_t>(8 * cell_count(extent.length)));
  if (!run.cells.empty()) {  // They end the meta bytes, right before the payload.
    CO_DO(co_await read_exactly(ctx, file, extent.offset - run.cells.size(), run.cells));
    if (combine_cells(run.cells, run.bytes) != run.crc64)
      co_return fail(ErrorCode::kCorrupt, "cell checksums do not match the body's");
  }
  co_return std::move(run);
}

Task<Result<ExtentReader::Run>> ExtentReader::chunk_run(Ctx& ctx, FileRef& file,
                                                        const Extent& extent, std::uint64_t index) {
  const std::uint64_t head_at = extent.offset + index * kChunkStride;
  for (const Head& head : heads_)
    if (head.segment == extent.segment && head.generation == extent.generation &&
        head.offset == head_at)
      co_return head.run;
  Bytes block(kRecordHeadBytes + 8 * (kChunkPayload / kCell));
  CO_DO(co_await read_exactly(ctx, file, head_at, block));
  const Seed seed{volume_.uuid, extent.segment, extent.generation};
  CO_TRY(head, parse_record_head(seed, head_at, block));
  const ByteView meta = ByteView(block).subspan(kRecordHeadBytes);
  const std::uint64_t expected = std::min(kChunkPayload, extent.length - index * kChunkPayload);
  if (head.type != RecordType::kChunk || head.stored_bytes != expected ||
      head.meta_bytes > meta.size() || head.meta_bytes != 8 * cell_count(head.stored_bytes) ||
      crc32c(meta.first(head.meta_bytes)) != head.meta_crc)
    co_return fail(ErrorCode::kCorrupt, cat("no such chunk at offset ", head_at));
  Run run{head_at + kBlock, head.stored_bytes, head.crc64, to_bytes(meta.first(head.meta_bytes))};
  if (heads_.size() >= kHeadsMax) heads_.pop_front();
  heads_.push_back({extent.segment, extent.generation, head_at, run});
  co_return std::move(run);
}

// Whole cells go straight to the caller's memory; those touched in part through a buffer.
Task<Result<Unit>> ExtentReader::read_run(Ctx& ctx, FileRef& file, const Run& run,
                                          std::uint64_t offset, MutableBytes into) {
  const std::uint64_t cell_bytes =
      run.cells.empty() ? std::max<std::uint64_t>(run.bytes, 1) : kCell;
  Bytes partial;
  while (!into.empty()) {
    const std::uint64_t first = offset / cell_bytes;
    const std::uint64_t begin = first * cell_bytes;
    const std::uint64_t rest = run.bytes - begin;
    const bool whole = offset == begin && into.size() >= std::min(cell_bytes, rest);
    // As many whole cells as the caller has room for, in one read.
    std::uint64_t bytes = std::min(cell_bytes, rest);
    if (whole) bytes = into.size() >= rest ? rest : into.size() / cell_bytes * cell_bytes;
    if (!whole) partial.resize(static_cast<std::size_t>(bytes));
    const MutableBytes target = whole ? into.first(static_cast<std::size_t>(bytes)) : partial;
    CO_DO(co_await read_exactly(ctx, file, run.position + begin, target));
    for (std::uint64_t at = 0; at < bytes; at += cell_bytes) {
      const auto size = static_cast<std::size_t>(std::min(cell_bytes, bytes - at));
      const auto index = static_cast<std::size_t>(first + at / cell_bytes);
      const std::uint64_t want =
          run.cells.empty() ? run.crc64 : load_le<std::uint64_t>(run.cells, 8 * index);
      if (crc64_nvme(ByteView(target).subspan(static_cast<std::size_t>(at), size)) != want)
        co_return fail(ErrorCode::kCorrupt, cat("cell at offset ", run.position + begin + at,
                                                " does not match its checksum"));
    }
    const auto inside = static_cast<std::size_t>(offset - begin);
    const std::size_t take = whole
                                 ? static_cast<std::size_t>(bytes)
                                 : std::min(into.size(), static_cast<std::size_t>(bytes) - inside);
    if (!whole)
      std::copy_n(partial.begin() + static_cast<std::ptrdiff_t>(inside), take, into.begin());
    into = into.subspan(take);
    offset += take;
  }
  co_return Unit{};
}

}  // namespace creel::store
