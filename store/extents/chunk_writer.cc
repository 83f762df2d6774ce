#include "store/extents/chunk_writer.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/cpu/crc.h"

namespace creel::store {

ChunkWriter::ChunkWriter(BulkStream& bulk, Volume& volume, const std::uint64_t& next_batch,
                         std::uint64_t size_hint, SpaceToken promised)
    : BulkUser(bulk),
      volume_(volume),
      hold_(volume.pins),
      next_batch_(next_batch),
      hint_(size_hint),
      promised_(std::move(promised)) {}

ChunkWriter::~ChunkWriter() {
  if (bulk_ == nullptr || sealed_ || failed_) return;
  for (const Reservation& taken : taken_) bulk_->give_back(taken);
}

Task<Result<Unit>> ChunkWriter::write(Ctx& ctx, ByteView piece) {
  check(!sealed_);
  if (failed_) co_return *failed_;
  while (!piece.empty()) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (buffer_.empty() && piece.size() >= kPieceBytes) {  // No copy.
      CO_DO(co_await put(ctx, piece.first(kPieceBytes)));
      piece = piece.subspan(kPieceBytes);
      continue;
    }
    const std::size_t take = std::min(kPieceBytes - buffer_.size(), piece.size());
    append(buffer_, piece.first(take));
    piece = piece.subspan(take);
    if (buffer_.size() == kPieceBytes) {
      CO_DO(co_await put(ctx, buffer_));
      buffer_.clear();
    }
  }
  co_return Unit{};
}

Task<Result<Unit>> ChunkWriter::put(Ctx& ctx, ByteView bytes) {
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  while (!bytes.empty()) {
    if (capacity_ == 0) CO_DO(co_await open_chunk(ctx));
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), capacity_ - filled_));
    const std::uint64_t at = room_.offset + kBlock + filled_;
    Result<Unit> wrote = co_await bulk_->write(ctx, room_.segment.id, at, bytes.first(take));
    if (!wrote.ok()) {
      failed_ = wrote.error();
      co_return wrote.error();
    }
    absorb(bytes.first(take));
    bytes = bytes.subspan(take);
    written_ += take;
    filled_ += take;
    if (filled_ == capacity_) CO_DO(co_await close_chunk(ctx));
  }
  co_return Unit{};
}

Task<Result<Unit>> ChunkWriter::open_chunk(Ctx& ctx) {
  if (room_.bytes <= kBlock) {
    const std::uint64_t known = hint_ > written_ ? hint_ - written_ : 0;
    // Not told how much: more and more at once, but not where room is short.
    const bool plenty = volume_.level() == SpaceLevel::kPlenty;
    const std::uint64_t want = known > 0 ? known : (plenty ? growth_ : 1) * kChunkPayload;
    CO_DO(promise(bulk_->room_for(std::min(want, 16 * kChunkPayload))));
    Result<Reservation> room = co_await bulk_->reserve(ctx, want, next_batch_);
    if (!room.ok()) {
      failed_ = room.error();
      co_return room.error();
    }
    promised_.use(room.value().bytes);
    growth_ = std::min<std::uint64_t>(growth_ * 2, 16);
    room_ = room.value();
    hold_.add(room_.segment.id);
    taken_.push_back(room_);
  }
  capacity_ = std::min(kChunkPayload, room_.bytes - kBlock);
  filled_ = 0;
  cells_.clear();
  cell_crc_ = 0;
  cell_filled_ = 0;
  co_return Unit{};
}

// A body whose size was not told, or told wrongly, is promised its room step by step.
Result<Unit> ChunkWriter::promise(std::uint64_t bytes) {
  if (hint_ > written_ || promised_.bytes() >= bytes) return Unit{};
  Result<SpaceToken> more = volume_.take(bytes - promised_.bytes());
  if (!more.ok()) {
    failed_ = more.error();
    return more.error();
  }
  promised_.add(more.take());
  return Unit{};
}

void ChunkWriter::absorb(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t take = std::min<std::size_t>(kCell - cell_filled_, bytes.size());
    cell_crc_ = crc64_nvme(bytes.first(take), cell_crc_);
    cell_filled_ += take;
    bytes = bytes.subspan(take);
    if (cell_filled_ == kCell) end_cell();
  }
}

void ChunkWriter::end_cell() {
  append_le<std::uint64_t>(cells_, cell_crc_);
  cell_crc_ = 0;
  cell_filled_ = 0;
}

Task<Result<Unit>> ChunkWriter::close_chunk(Ctx& ctx) {
  if (cell_filled_ > 0) end_cell();
  RecordHead head;
  head.type = RecordType::kChunk;
  head.stored_bytes = head.logical_bytes = filled_;
  head.crc64 = combine_cells(cells_, filled_);
  if (cell_count(filled_) == 0) cells_.clear();
  head.flags = cells_.empty() ? 0 : kRecordHasCells;
  head.meta_bytes = static_cast<std::uint32_t>(cells_.size());
  head.meta_crc = crc32c(cells_);
  Bytes block(kBlock);
  encode_record_head(volume_.seed_of(room_.segment), room_.offset, head, block);
  std::copy(cells_.begin(), cells_.end(), block.begin() + kRecordHeadBytes);
  Result<Unit> wrote = co_await bulk_->write(ctx, room_.segment.id, room_.offset, block);
  if (!wrote.ok()) {
    failed_ = wrote.error();
    co_return wrote.error();
  }
  add_extent(room_.offset, filled_, head.crc64);
  const std::uint64_t used = std::min(kBlock + round_up(filled_, kBlock), room_.bytes);
  room_.offset += used;
  room_.bytes -= used;
  capacity_ = 0;
  co_return Unit{};
}

// An extent is moved whole: one that is small beside a segment fits behind others.
std::uint64_t ChunkWriter::extent_bytes_max() const {
  constexpr std::uint64_t kChunksMax = 16;
  const std::uint64_t chunks = volume_.segment_bytes / 8 / kChunkStride;
  return std::clamp<std::uint64_t>(chunks, 1, kChunksMax) * kChunkPayload;
}

// Goes on with the last extent if this chunk lies right behind its last, full one.
void ChunkWriter::add_extent(std::uint64_t head_at, std::uint64_t payload, std::uint64_t crc64) {
  segments_.insert(room_.segment.id);
  if (!extents_.empty()) {
    Extent& last = extents_.back();
    if (last.segment == room_.segment.id && last.generation == room_.segment.generation &&
        last.length % kChunkPayload == 0 && last.length < extent_bytes_max() &&
        last.offset + last.length / kChunkPayload * kChunkStride == head_at) {
      last.crc64 = crc64_nvme_combine(last.crc64, crc64, payload);
      last.length += payload;
      return;
    }
  }
  Extent extent;
  extent.kind = Extent::Kind::kChunks;
  extent.segment = room_.segment.id;
  extent.generation = room_.segment.generation;
  extent.offset = head_at;
  extent.length = payload;
  extent.crc64 = crc64;
  extents_.push_back(extent);
}

Task<Result<std::vector<Extent>>> ChunkWriter::seal(Ctx& ctx) {
  check(!sealed_);
  if (failed_) co_return *failed_;
  if (!buffer_.empty()) {
    CO_DO(co_await put(ctx, buffer_));
    buffer_.clear();
  }
  if (capacity_ != 0) CO_DO(co_await close_chunk(ctx));
  for (const std::uint32_t segment : segments_) {
    Result<Unit> flushed = co_await bulk_->flush(ctx, segment);
    if (!flushed.ok()) {
      failed_ = flushed.error();
      co_return flushed.error();
    }
  }
  bulk_->give_back(room_);
  sealed_ = true;
  volume_.pins.sealed(extents_, volume_.platform.clock.now());
  hold_.clear();
  co_return std::move(extents_);
}

}  // namespace creel::store
