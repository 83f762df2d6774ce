#pragma once
#include <set>
#include <vector>

#include "store/extents/bulk_stream.h"

namespace creel::store {

// Cuts one body into CHUNK records: payload in pieces of at most 256 KiB as it arrives, the head
// last. Whatever an unsealed writer reserved is free again when it dies.
class ChunkWriter final : public BodyWriter, public BulkUser {
 public:
  // `size_hint`: payload bytes expected, 0 if not known; `promised`: segment bytes for them.
  // `next_batch` is read when BULK needs a new segment.
  ChunkWriter(BulkStream& bulk, Volume& volume, const std::uint64_t& next_batch,
              std::uint64_t size_hint, SpaceToken promised);
  ~ChunkWriter() override;

  Task<Result<Unit>> write(Ctx& ctx, ByteView piece) override;
  Task<Result<std::vector<Extent>>> seal(Ctx& ctx) override;

 private:
  static constexpr std::size_t kPieceBytes = 256 * KiB;
  Task<Result<Unit>> put(Ctx& ctx, ByteView bytes);
  Task<Result<Unit>> open_chunk(Ctx& ctx);
  Result<Unit> promise(std::uint64_t bytes);
  Task<Result<Unit>> close_chunk(Ctx& ctx);
  void absorb(ByteView bytes);
  void end_cell();
  std::uint64_t extent_bytes_max() const;
  void add_extent(std::uint64_t head_at, std::uint64_t payload, std::uint64_t crc64);

  Volume& volume_;
  Pins::Hold hold_;  // Of where it writes.
  const std::uint64_t& next_batch_;
  std::uint64_t hint_;
  std::uint64_t written_ = 0;
  std::uint64_t growth_ = 1;  // Chunks to reserve next, when the size is not known.
  Bytes buffer_;
  SpaceToken promised_;
  Reservation room_;  // Where the open chunk and the next ones lie.
  std::vector<Reservation> taken_;
  std::uint64_t capacity_ = 0;  // Payload of the open chunk; 0: none is open.
  std::uint64_t filled_ = 0;
  Bytes cells_;
  std::uint64_t cell_crc_ = 0;
  std::size_t cell_filled_ = 0;
  std::vector<Extent> extents_;
  std::set<std::uint32_t> segments_;
  bool sealed_ = false;
  std::optional<Error> failed_;
};

}  // namespace creel::store
