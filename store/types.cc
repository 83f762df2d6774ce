#include "store/types.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "store/log/format.h"

namespace creel::store {

void append_extent(Bytes& out, const Extent& extent) {
  append_le<std::uint32_t>(out, extent.segment);
  append_le<std::uint32_t>(out, extent.generation);
  append_le<std::uint64_t>(out, extent.offset);
  append_le<std::uint64_t>(out, extent.length);
  append_le<std::uint64_t>(out, extent.crc64);
  append_le<std::uint64_t>(out, static_cast<std::uint8_t>(extent.kind));  // Upper 7 bytes are zero.
}

std::uint64_t footprint(const Extent& extent) {
  if (extent.length == 0) return 0;
  if (extent.kind == Extent::Kind::kInline)
    return round_up(kRecordHeadBytes + 8 * cell_count(extent.length) + extent.length, 8);
  const std::uint64_t rest = extent.length % kChunkPayload;
  return extent.length / kChunkPayload * kChunkStride +
         (rest == 0 ? 0 : kBlock + round_up(rest, kBlock));
}

Result<Extent> parse_extent(ByteView bytes, std::size_t at) {
  if (at > bytes.size() || bytes.size() - at < kExtentBytes)
    return fail(ErrorCode::kCorrupt, cat("extent cut short at byte ", at));
  Extent extent;
  extent.segment = load_le<std::uint32_t>(bytes, at);
  extent.generation = load_le<std::uint32_t>(bytes, at + 4);
  extent.offset = load_le<std::uint64_t>(bytes, at + 8);
  extent.length = load_le<std::uint64_t>(bytes, at + 16);
  extent.crc64 = load_le<std::uint64_t>(bytes, at + 24);
  const std::uint64_t kind = load_le<std::uint64_t>(bytes, at + 32);
  if (kind > static_cast<std::uint8_t>(Extent::Kind::kChunks))
    return fail(ErrorCode::kCorrupt, cat("extent of unknown kind ", kind, " at byte ", at));
  extent.kind = static_cast<Extent::Kind>(kind);
  return extent;
}

}  // namespace creel::store
