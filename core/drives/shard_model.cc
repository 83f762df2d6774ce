#include "core/drives/shard_model.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/manifest.h"
#include "s3/model/tlv.h"

namespace creel::core {
namespace {

enum OpKind : std::uint64_t { kPutShard = 1, kDeleteShard = 2 };
enum Tag : std::uint16_t {
  kKind = 1,
  kBlob,
  kSlot,
  kData,
  kParity,
  kSeatVersion,
  kReplace,
  kBytes,
  kExtents,
  kPieces
};
constexpr std::size_t kExtentsAPiece = 20;  // 800 bytes: below kRowValueBytesMax with the rest.
constexpr std::size_t kKeyBytes = 19;

std::string blob_text(const BlobId& blob) { return to_string(ByteView(blob.bytes())); }

std::string piece_key(const BlobId& blob, unsigned slot, std::size_t piece) {
  Bytes key(kKeyBytes);
  const auto id = blob.bytes();
  std::copy(id.begin(), id.end(), key.begin());
  key[16] = static_cast<std::uint8_t>(slot);
  store_be<std::uint16_t>(key, 17, static_cast<std::uint16_t>(piece));
  return to_string(key);
}

std::string pack(const std::vector<store::Extent>& extents, std::size_t first, std::size_t count) {
  Bytes out;
  for (std::size_t i = first; i < extents.size() && i < first + count; ++i)
    store::append_extent(out, extents[i]);
  return to_string(out);
}

Result<Unit> unpack(std::vector<store::Extent>& into, std::string_view packed) {
  if (packed.size() % store::kExtentBytes != 0)
    return fail(ErrorCode::kCorrupt, cat("list of extents of ", packed.size(), " bytes"));
  for (std::size_t at = 0; at < packed.size(); at += store::kExtentBytes) {
    TRY(extent, store::parse_extent(as_bytes(packed), at));
    into.push_back(extent);
  }
  return Unit{};
}

std::size_t piece_count(std::size_t extents) {
  return std::max<std::size_t>(1, (extents + kExtentsAPiece - 1) / kExtentsAPiece);
}

Result<bool> erase_shard(store::StagedRows& rows, const BlobId& blob, unsigned slot) {
  TRY(row, rows.find(store::Table::kShard, piece_key(blob, slot, 0)));
  if (!row) return false;
  TRY(fields, s3::TlvReader::parse(*row));
  const std::uint64_t pieces = fields.number(kPieces);
  for (std::uint64_t piece = 0; piece < std::max<std::uint64_t>(1, pieces); ++piece)
    rows.erase(store::Table::kShard, piece_key(blob, slot, piece));
  return true;
}

Result<Unit> put_shard(const s3::TlvReader& fields, store::OpView& view, store::StagedRows& rows) {
  const std::string id = fields.text(kBlob);
  if (id.size() != 16) return fail(ErrorCode::kCorrupt, "shard operation without a blob");
  const BlobId blob = BlobId::parse(as_bytes(id));
  const auto slot = static_cast<unsigned>(fields.number(kSlot));
  TRY(existed, erase_shard(rows, blob, slot));
  if (existed && fields.number(kReplace) == 0)
    return fail(ErrorCode::kExists, cat("shard ", slot, " of blob ", blob.text(), " exists"));
  std::vector<store::Extent> extents;
  TRY_DO(unpack(extents, fields.text(kExtents)));
  if (extents.empty() && view.payload_bytes > 0) extents.push_back(view.payload_extent());
  std::uint64_t bytes = 0;
  for (const store::Extent& extent : extents) bytes += extent.length;
  if (bytes != fields.number(kBytes))
    return fail(ErrorCode::kInvalid,
                cat("shard of ", fields.number(kBytes), " bytes in extents of ", bytes));
  const std::size_t pieces = piece_count(extents.size());
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    s3::TlvWriter row;
    if (piece == 0)
      row.number(kData, fields.number(kData))
          .number(kParity, fields.number(kParity))
          .number(kSeatVersion, fields.number(kSeatVersion))
          .number(kBytes, bytes);
    row.text(kExtents, pack(extents, piece * kExtentsAPiece, kExtentsAPiece));
    if (piece == 0) row.number(kPieces, pieces);
    rows.put(store::Table::kShard, piece_key(blob, slot, piece), row.take());
  }
  return Unit{};
}

Result<Unit> delete_shard(const s3::TlvReader& fields, store::StagedRows& rows) {
  const std::string id = fields.text(kBlob);
  if (id.size() != 16) return fail(ErrorCode::kCorrupt, "shard operation without a blob");
  TRY(existed,
      erase_shard(rows, BlobId::parse(as_bytes(id)), static_cast<unsigned>(fields.number(kSlot))));
  if (!existed) return fail(ErrorCode::kNotFound, "no such shard");
  return Unit{};
}

}  // namespace

std::string encode_shard_op(const PutShard& op) {
  return s3::TlvWriter()
      .number(kKind, kPutShard)
      .text(kBlob, blob_text(op.blob))
      .number(kSlot, op.slot)
      .number(kData, op.layout.data)
      .number(kParity, op.layout.parity)
      .number(kSeatVersion, op.seat_version)
      .number(kReplace, op.replace ? 1 : 0)
      .number(kBytes, op.bytes)
      .text(kExtents, pack(op.extents, 0, op.extents.size()))
      .take();
}

std::string encode_shard_op(const DeleteShard& op) {
  return s3::TlvWriter()
      .number(kKind, kDeleteShard)
      .text(kBlob, blob_text(op.blob))
      .number(kSlot, op.slot)
      .take();
}

std::string shard_key(const BlobId& blob, unsigned slot) { return piece_key(blob, slot, 0); }

std::optional<ShardName> parse_shard_key(std::string_view key) {
  const ByteView bytes = as_bytes(key);
  if (bytes.size() != kKeyBytes || load_be<std::uint16_t>(bytes, 17) != 0) return std::nullopt;
  return ShardName{BlobId::parse(bytes.first(16)), bytes[16]};
}

Result<std::optional<ShardRecord>> load_shard(const store::RowReader& rows, const BlobId& blob,
                                              unsigned slot) {
  TRY(row, rows.find(store::Table::kShard, piece_key(blob, slot, 0)));
  if (!row) return std::optional<ShardRecord>();
  TRY(fields, s3::TlvReader::parse(*row));
  ShardRecord record;
  record.layout = {static_cast<std::uint8_t>(fields.number(kData)),
                   static_cast<std::uint8_t>(fields.number(kParity))};
  record.seat_version = static_cast<std::uint32_t>(fields.number(kSeatVersion));
  record.bytes = fields.number(kBytes);
  TRY_DO(unpack(record.extents, fields.text(kExtents)));
  const std::uint64_t pieces = fields.number(kPieces);
  for (std::uint64_t piece = 1; piece < pieces; ++piece) {
    TRY(more, rows.find(store::Table::kShard, piece_key(blob, slot, piece)));
    if (!more)
      return fail(ErrorCode::kCorrupt,
                  cat("shard ", slot, " of blob ", blob.text(), " lacks row ", piece));
    TRY(next, s3::TlvReader::parse(*more));
    TRY_DO(unpack(record.extents, next.text(kExtents)));
  }
  return std::optional<ShardRecord>(std::move(record));
}

void ShardModel::find_extents(store::Table table, std::string_view, std::string_view value,
                              std::vector<std::size_t>& at) const {
  if (table == store::Table::kShard) s3::find_extents_in_field(value, kExtents, 0, at);
}

store::Verdict ShardModel::decide(store::OpView view, store::StagedRows& rows) {
  store::Verdict verdict;
  verdict.lsn = view.lsn;
  const auto decide_op = [&]() -> Result<Unit> {
    TRY(fields, s3::TlvReader::parse(as_text(view.op.meta)));
    switch (fields.number(kKind)) {
      case kPutShard: return put_shard(fields, view, rows);
      case kDeleteShard: return delete_shard(fields, rows);
      default:
        return fail(ErrorCode::kUnsupported, cat("shard operation of kind ", fields.number(kKind)));
    }
  };
  Result<Unit> done = decide_op();
  verdict.accepted = done.ok();
  if (!done.ok()) verdict.error = done.error();
  return verdict;
}

}  // namespace creel::core
