#include <algorithm>
#include <cstring>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "store/recovery.h"

namespace creel::store {
namespace {

// Each byte is as the one before it: many at a time, as memcmp() does it.
bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

// The number in "00000012.seg"; nullopt for other names.
std::optional<std::uint32_t> segment_number(std::string_view name) {
  if (name.size() < 5 || name.substr(name.size() - 4) != ".seg") return std::nullopt;
  const std::optional<std::uint64_t> number = parse_u64(name.substr(0, name.size() - 4));
  if (!number || *number == 0 || *number > 0xffff'ffff) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

// R2: what each file of the folder is.
Task<Result<Unit>> Recovery::read_headers(Ctx& ctx, Shelf& shelf) {
  Folder& folder = *shelf.folder;
  CO_TRY(names, co_await folder.disk().list(ctx, folder.dir() + "/seg"));
  // A process that was killed may have made names and not flushed them. They are used from here on.
  if (!state_.clean && !names.empty())
    CO_DO(co_await folder.disk().sync_dir(ctx, folder.dir() + "/seg"));
  for (const std::string& name : names) {
    const std::optional<std::uint32_t> id = segment_number(name);
    if (!id) {  // Left by a copy that was cut.
      CO_DO(co_await folder.disk().remove(ctx, cat(folder.dir(), "/seg/", name)));
      continue;
    }
    shelf.next_segment = std::max(shelf.next_segment, *id + 1);
    CO_DO(co_await read_header(ctx, shelf, *id));
  }
  co_return co_await drop_twins(ctx, shelf);
}

Task<Result<Unit>> Recovery::read_header(Ctx& ctx, Shelf& shelf, std::uint32_t id) {
  Folder& folder = *shelf.folder;
  std::uint64_t size = 0;
  Bytes start(4 * kBlock);
  {
    CO_TRY(file, co_await folder.segment(ctx, id));
    CO_TRY(bytes, co_await file->size(ctx));
    size = bytes;
    CO_TRY(got, co_await file->read(ctx, 0, start));
    start.resize(got);
  }
  if (all_zero(start)) {
    // Made and never used; or cut short while it was made, then it is made anew.
    if (size < volume_.segment_bytes) shelf.doomed.push_back(id);
    else shelf.spares[id] = 0;
    co_return Unit{};
  }
  Result<SegmentHeader> header = parse_segment_header(start, volume_.uuid);
  if (!header.ok() && header.error().code == ErrorCode::kInvalid)
    co_return fail(ErrorCode::kInvalid, cat(folder.segment_path(id), ": ", header.error().detail));
  if (!header.ok() || header.value().segment != id)
    co_return co_await examine_headless(ctx, shelf, id, std::move(start));
  SegmentInfo info;
  info.id = id;
  info.generation = header.value().generation;
  info.stream = header.value().stream;
  info.term = header.value().term;
  info.first_lsn = header.value().first_lsn;
  info.first_batch = header.value().first_batch;
  shelf.epoch = std::max(shelf.epoch, header.value().epoch);
  shelf.term = std::max(shelf.term, info.term);
  shelf.segments[id] = info;
  co_return Unit{};
}

// The header is damaged. Torn while the segment was taken: then nothing was ever written behind it.
// Else something there proves its generation, and the header can be written again.
Task<Result<Unit>> Recovery::examine_headless(Ctx& ctx, Shelf& shelf, std::uint32_t id,
                                              Bytes start) {
  Folder& folder = *shelf.folder;
  // What the header says, or would say but for one bit; else a low one.
  std::vector<std::uint32_t> generations;
  const std::uint32_t said = start.size() >= 36 ? load_le<std::uint32_t>(start, 32) : 0;
  generations.push_back(said);
  for (unsigned bit = 0; bit < 32; ++bit) generations.push_back(said ^ 1u << bit);
  for (std::uint32_t low = 1; low <= 64; ++low) generations.push_back(low);
  LogWindow window;
  for (std::uint64_t at = kSegmentHeadBytes; at + kBlock <= volume_.segment_bytes; at += kBlock) {
    CO_TRY(bytes, co_await window.view(ctx, folder, id, at, kBatchHeadBytes));
    if (bytes.size() < kBatchHeadBytes) break;
    if (all_zero(bytes)) continue;
    for (const std::uint32_t generation : generations) {
      const Seed seed{volume_.uuid, id, generation};
      const bool is_batch = parse_batch_head(seed, at, bytes).ok();
      Result<RecordHead> record = parse_record_head(seed, at, bytes);
      const bool is_chunk = record.ok() && record.value().type == RecordType::kChunk;
      const bool is_image = record.ok() && (record.value().type == RecordType::kImageBegin ||
                                            record.value().type == RecordType::kImageEnd);
      if (!is_batch && !is_chunk && !is_image) continue;
      SegmentInfo info;
      info.id = id;
      info.generation = generation;
      info.stream = is_batch ? StreamKind::kLog : is_image ? StreamKind::kImage : StreamKind::kBulk;
      if (is_image) info.first_lsn = record.value().lsn;
      if (is_batch) {
        const BatchHead batch = parse_batch_head(seed, at, bytes).take();
        info.first_lsn = batch.first_lsn;
        info.first_batch = batch.number;
      }
      ++volume_.damaged_ranges;
      volume_.report(cat(folder.segment_path(id),
                         ": the header is damaged; what the segment holds "
                         "is still served"));
      shelf.headless.push_back(id);
      shelf.segments[id] = info;
      co_return Unit{};
    }
  }
  volume_.note(cat(folder.segment_path(id), ": never used behind a torn header, removed"));
  shelf.doomed.push_back(id);
  co_return Unit{};
}

// A start that was cut may have taken two LOG segments for the same first batch: only one of them
// got it. The others hold nothing.
Task<Result<Unit>> Recovery::drop_twins(Ctx& ctx, Shelf& shelf) {
  std::map<std::uint64_t, std::vector<std::uint32_t>> by_batch;
  for (const auto& [id, info] : shelf.segments)
    if (info.stream == StreamKind::kLog) by_batch[info.first_batch].push_back(id);
  for (const auto& [batch, ids] : by_batch) {
    if (ids.size() < 2) continue;
    std::uint32_t keep = 0;
    std::uint32_t newest = ids.front();
    for (const std::uint32_t id : ids) {
      const SegmentInfo& info = shelf.segments[id];
      CO_TRY(holds, co_await holds_batches(ctx, *shelf.folder, info));
      const bool newer = keep == 0 || info.term >= shelf.segments[keep].term;
      if (holds && newer) keep = id;
      if (info.term >= shelf.segments[newest].term) newest = id;
    }
    if (keep == 0) keep = newest;
    for (const std::uint32_t id : ids) {
      if (id == keep) continue;
      shelf.doomed.push_back(id);
      shelf.segments.erase(id);
    }
  }
  co_return Unit{};
}

Task<Result<bool>> Recovery::holds_batches(Ctx& ctx, Folder& folder, SegmentInfo info) {
  LogWindow window;
  const Seed seed = volume_.seed_of(info);
  for (std::uint64_t at = kSegmentHeadBytes; at + kBlock <= volume_.segment_bytes; at += kBlock) {
    CO_TRY(bytes, co_await window.view(ctx, folder, info.id, at, kBatchHeadBytes));
    Result<BatchHead> head = parse_batch_head(seed, at, bytes);
    if (!head.ok()) continue;
    const std::uint32_t total = head.value().total_bytes;
    CO_TRY(whole, co_await window.view(ctx, folder, info.id, at, total));
    if (parse_batch(seed, at, whole, false).ok()) co_return true;
  }
  co_return false;
}

}  // namespace creel::store
