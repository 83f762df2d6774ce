#include "store/image/image_format.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::store {
namespace {

constexpr std::uint32_t kImageFormat = 1;
constexpr std::size_t kBeginBytes = 16;
constexpr std::size_t kRowsBytes = 24;
constexpr std::size_t kEndBytes = 64;
constexpr std::size_t kPartBytes = 16;
constexpr std::size_t kRowHeadBytes = 5;
constexpr std::uint8_t kCodecZstd = 1;
static_assert(kRecordHeadBytes + kEndBytes + kImagePartsMax * kPartBytes <= kBlock);

Error bad(std::string_view what) { return fail(ErrorCode::kCorrupt, cat("image: ", what)); }

Bytes encode_record(const Seed& seed, std::uint64_t offset, RecordHead head, ByteView meta,
                    ByteView payload) {
  head.meta_bytes = static_cast<std::uint32_t>(meta.size());
  head.stored_bytes = payload.size();
  head.meta_crc = crc32c(meta);
  head.crc64 = crc64_nvme(payload);
  Bytes out;
  out.reserve(static_cast<std::size_t>(round_up(head.total_bytes(), kBlock)));
  out.resize(kRecordHeadBytes);
  encode_record_head(seed, offset, head, out);
  append(out, meta);
  append(out, payload);
  out.resize(static_cast<std::size_t>(round_up(out.size(), kBlock)));
  return out;
}

}  // namespace

Bytes encode_image_begin(const Seed& seed, std::uint64_t offset, const ImageBegin& begin) {
  RecordHead head;
  head.type = RecordType::kImageBegin;
  head.lsn = begin.lsn;
  Bytes meta;
  append_le<std::uint32_t>(meta, kImageFormat);
  append_le<std::uint32_t>(meta, begin.part);
  append_le<std::uint64_t>(meta, begin.stamp);
  return encode_record(seed, offset, head, meta, {});
}

Bytes encode_image_rows(const Seed& seed, std::uint64_t offset, Lsn lsn, const RowsHead& rows,
                        ByteView frame, std::uint64_t plain_bytes) {
  RecordHead head;
  head.type = RecordType::kRows;
  head.codec = kCodecZstd;
  head.lsn = lsn;
  head.logical_bytes = plain_bytes;
  Bytes meta;
  append_le<std::uint64_t>(meta, rows.stamp);
  append_le<std::uint64_t>(meta, rows.frame);
  append_le<std::uint32_t>(meta, rows.rows);
  append_le<std::uint32_t>(meta, 0);
  return encode_record(seed, offset, head, meta, frame);
}

Bytes encode_image_end(const Seed& seed, std::uint64_t offset, const ImageInfo& info) {
  check(!info.parts.empty() && info.parts.size() <= kImagePartsMax);
  RecordHead head;
  head.type = RecordType::kImageEnd;
  head.lsn = info.lsn;
  Bytes meta;
  append_le<std::uint32_t>(meta, kImageFormat);
  append_le<std::uint32_t>(meta, static_cast<std::uint32_t>(info.parts.size()));
  append_le<std::uint64_t>(meta, info.stamp);
  append_le<std::uint64_t>(meta, info.rows);
  append_le<std::uint64_t>(meta, info.bytes);
  append_le<std::uint64_t>(meta, info.frames);
  append_le<std::uint64_t>(meta, info.hash.low);
  append_le<std::uint64_t>(meta, info.hash.high);
  append_le<std::uint64_t>(meta, 0);
  for (const ImagePart& part : info.parts) {
    append_le<std::uint32_t>(meta, part.segment);
    append_le<std::uint32_t>(meta, part.generation);
    append_le<std::uint64_t>(meta, part.end);
  }
  return encode_record(seed, offset, head, meta, {});
}

Result<ImageBegin> parse_image_begin(const RecordView& record) {
  if (record.head.type != RecordType::kImageBegin || record.meta.size() < kBeginBytes)
    return bad("no beginning");
  if (load_le<std::uint32_t>(record.meta, 0) != kImageFormat)
    return fail(ErrorCode::kInvalid, "image of an unknown format");
  return ImageBegin{record.head.lsn, load_le<std::uint64_t>(record.meta, 8),
                    load_le<std::uint32_t>(record.meta, 4)};
}

Result<RowsHead> parse_image_rows(const RecordView& record) {
  if (record.head.type != RecordType::kRows || record.meta.size() < kRowsBytes)
    return bad("no rows");
  if (record.head.codec != kCodecZstd || record.head.logical_bytes > kFrameBytesMax)
    return bad("rows of an unknown form");
  return RowsHead{load_le<std::uint64_t>(record.meta, 0), load_le<std::uint64_t>(record.meta, 8),
                  load_le<std::uint32_t>(record.meta, 16)};
}

Result<ImageInfo> parse_image_end(const RecordView& record) {
  const ByteView meta = record.meta;
  if (record.head.type != RecordType::kImageEnd || meta.size() < kEndBytes) return bad("no end");
  if (load_le<std::uint32_t>(meta, 0) != kImageFormat)
    return fail(ErrorCode::kInvalid, "image of an unknown format");
  const std::size_t parts = load_le<std::uint32_t>(meta, 4);
  if (parts == 0 || parts > kImagePartsMax || meta.size() < kEndBytes + parts * kPartBytes)
    return bad(cat("of ", parts, " parts"));
  ImageInfo info;
  info.lsn = record.head.lsn;
  info.stamp = load_le<std::uint64_t>(meta, 8);
  info.rows = load_le<std::uint64_t>(meta, 16);
  info.bytes = load_le<std::uint64_t>(meta, 24);
  info.frames = load_le<std::uint64_t>(meta, 32);
  info.hash = {load_le<std::uint64_t>(meta, 40), load_le<std::uint64_t>(meta, 48)};
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t at = kEndBytes + i * kPartBytes;
    info.parts.push_back({load_le<std::uint32_t>(meta, at), load_le<std::uint32_t>(meta, at + 4),
                          load_le<std::uint64_t>(meta, at + 8)});
  }
  return info;
}

std::size_t image_row_bytes(std::string_view key, std::string_view value) {
  return kRowHeadBytes + key.size() + value.size();
}

void append_image_row(Bytes& out, Table table, std::string_view key, std::string_view value) {
  check(key.size() <= kRowKeyBytesMax && value.size() <= kRowValueBytesMax);
  out.push_back(static_cast<std::uint8_t>(table));
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(key.size()));
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(value.size()));
  append(out, as_bytes(key));
  append(out, as_bytes(value));
}

Result<ImageRow> parse_image_row(ByteView frame, std::size_t& at) {
  if (frame.size() - at < kRowHeadBytes) return bad("row cut short");
  const std::uint8_t table = frame[at];
  const std::size_t key = load_le<std::uint16_t>(frame, at + 1);
  const std::size_t value = load_le<std::uint16_t>(frame, at + 3);
  at += kRowHeadBytes;
  if (table == 0 || table > kTableLast || key > kRowKeyBytesMax || value > kRowValueBytesMax ||
      frame.size() - at < key + value)
    return bad("row with impossible fields");
  const ImageRow row{static_cast<Table>(table), as_text(frame.subspan(at, key)),
                     as_text(frame.subspan(at + key, value))};
  at += key + value;
  return row;
}

}  // namespace creel::store
