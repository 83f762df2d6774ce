#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel::store {

struct LsnTag;
using Lsn = Id<LsnTag>;  // Number of an operation: from 1, no gaps. 0: before the first.

using Uuid = std::array<std::uint8_t, 16>;

// Bytes of a body in the log, found again after any restart. `generation` guards against recycled
// segments. Row form: 40 bytes little-endian, see docs/formats/extent.md.
struct Extent {
  enum class Kind : std::uint8_t {
    kInline = 0,  // The payload of an operation record; offset is that of the payload itself.
    kChunks = 1,  // CHUNK records with a fixed stride; offset is that of the first chunk's head.
  };
  Kind kind = Kind::kInline;
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
  std::uint64_t offset = 0;  // In the segment.
  std::uint64_t length = 0;  // Payload bytes.
  std::uint64_t crc64 = 0;   // CRC-64/NVME of the payload.
  bool operator==(const Extent&) const = default;
};
inline constexpr std::size_t kExtentBytes = 40;
void append_extent(Bytes& out, const Extent& extent);
Result<Extent> parse_extent(ByteView bytes, std::size_t at);  // kCorrupt if short or unknown kind.

// Bytes of its segment that an extent needs: heads, cell CRCs and padding with it.
std::uint64_t footprint(const Extent& extent);

// Operations [first, last] that damage took away, and where the damage begins.
struct LostRange {
  Lsn first;
  Lsn last;
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  bool operator==(const LostRange&) const = default;
};

// What becomes of an operation on a full drive (store.md §11).
enum class OpClass : std::uint8_t {
  kGrow,  // Refused with kNoSpace while the drive is full.
  // Deletes, aborts, positions, small settings: taken as long as the reserve lasts. They free room
  // or replace what is there, but what they free of the log comes back only once it is reclaimed.
  kAlways,
};

// One operation. `meta` belongs to the model (TLV); decide() may replace it by its decided form.
struct Op {
  Bytes meta;  // ≤ kMetaBytesMax
  Bytes payload;  // Body that rides inside the record, ≤ Options::inline_bytes_max.
  OpClass op_class = OpClass::kGrow;
};
inline constexpr std::size_t kMetaBytesMax = 768 * KiB;

}  // namespace creel::store
