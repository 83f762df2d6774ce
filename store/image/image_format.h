#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/index/rows.h"
#include "store/log/format.h"

// The bytes of an image, as pure functions: docs/formats/image.md. Every parser takes any bytes.
namespace creel::store {

inline constexpr std::size_t kFrameBytesMax = 256 * KiB;  // Rows of one frame, not compressed.
inline constexpr std::uint64_t kImageEndAt = kSegmentHeadBytes;  // Its block, in the first part.
inline constexpr std::uint64_t kImageBeginAt = kImageEndAt + kBlock;
inline constexpr std::uint64_t kImageRowsAt = kImageBeginAt + kBlock;
inline constexpr std::size_t kImagePartsMax = 240;  // What fits beside the rest of the END block.

// The segments of one image, in order; `end` is behind the last record there.
struct ImagePart {
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
  std::uint64_t end = 0;
  bool operator==(const ImagePart&) const = default;
};

// What IMAGE-END says: written last, once everything before it was read back and compared.
struct ImageInfo {
  Lsn lsn;  // All operations up to here, no others.
  std::uint64_t stamp = 0;  // Tells attempts at the same LSN apart.
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // Of the frames, not compressed.
  std::uint64_t frames = 0;
  StateHash hash;
  std::vector<ImagePart> parts;
};

struct ImageBegin {
  Lsn lsn;
  std::uint64_t stamp = 0;
  std::uint32_t part = 0;
};

struct RowsHead {
  std::uint64_t stamp = 0;
  std::uint64_t frame = 0;  // From 0 over all parts.
  std::uint32_t rows = 0;
};

// A record that begins a block at `offset`, filled up with zeros to whole blocks.
Bytes encode_image_begin(const Seed& seed, std::uint64_t offset, const ImageBegin& begin);
Bytes encode_image_rows(const Seed& seed, std::uint64_t offset, Lsn lsn, const RowsHead& head,
                        ByteView frame, std::uint64_t plain_bytes);
Bytes encode_image_end(const Seed& seed, std::uint64_t offset, const ImageInfo& info);

// Errors: kCorrupt; kInvalid (END: a later format).
Result<ImageBegin> parse_image_begin(const RecordView& record);
Result<RowsHead> parse_image_rows(const RecordView& record);
Result<ImageInfo> parse_image_end(const RecordView& record);

// One row of a frame: table u8, key length u16, value length u16, key, value.
std::size_t image_row_bytes(std::string_view key, std::string_view value);
void append_image_row(Bytes& out, Table table, std::string_view key, std::string_view value);
struct ImageRow {
  Table table;
  std::string_view key;
  std::string_view value;
};
// The row at `at`, which moves behind it. Errors: kCorrupt.
Result<ImageRow> parse_image_row(ByteView frame, std::size_t& at);

}  // namespace creel::store
