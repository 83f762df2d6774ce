#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/manifest.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {
constexpr std::size_t kInRowBytes = 320;  // Longer headers and manifests go to documents.
// A dead blob's goes into one heal row, and a longer document would be taken for extents.
constexpr std::size_t kShardManifestBytesMax = 880;
}  // namespace

Result<std::int64_t> Apply::advance_time(std::int64_t wanted_ms) {
  TRY(row, rows_.find(store::Table::kSys, "mtime"));
  std::int64_t newest = 0;
  if (row) {
    TRY(fields, TlvReader::parse(*row));
    newest = static_cast<std::int64_t>(fields.number(1));
  }
  // A replayed operation carries no decided time of its own: the same rows give the same answer.
  const std::int64_t time = wanted_ms > newest ? wanted_ms : newest + 1;
  rows_.put(store::Table::kSys, "mtime",
            TlvWriter().number(1, static_cast<std::uint64_t>(time)).take());
  return time;
}

Result<Unit> Apply::check_manifest(std::string_view manifest) {
  if (is_log_manifest(manifest) || manifest.size() <= kShardManifestBytesMax) return Unit{};
  return fail(ErrorCode::kInvalid, cat("manifest of ", manifest.size(), " bytes, at most ",
                                       kShardManifestBytesMax, " fit"));
}

void Apply::make_blob(RowId id, std::string manifest, std::uint64_t size, std::uint64_t crc64,
                      std::uint32_t references) {
  want_heal(id, manifest);
  BlobRecord record;
  record.references = references;
  record.size = size;
  record.crc64 = crc64;
  record.manifest = std::move(manifest);
  if (record.manifest.size() > kInRowBytes) {
    put_document(rows_, id, 'm', record.manifest);
    record.manifest_bytes = static_cast<std::uint32_t>(record.manifest.size());
  }
  rows_.put(store::Table::kBlob, id.bytes(), record.encode());
}

Result<Body> Apply::take_body(const BodySource& source, std::uint64_t size, std::uint64_t crc64,
                              std::uint16_t sub) {
  Body body;
  if (size == 0) return body;
  std::string manifest = source.manifest;
  if (source.kind == BodySource::Kind::kPayload) {
    if (view_.op.payload.size() != size && !view_.replay)
      return fail(ErrorCode::kInvalid,
                  cat("body of ", size, " bytes with a payload of ", view_.op.payload.size()));
    manifest = log_manifest({view_.payload_extent()});
  } else if (source.kind != BodySource::Kind::kBlob || manifest.empty()) {
    return fail(ErrorCode::kInvalid, cat("a body of ", size, " bytes names no bytes"));
  }
  TRY_DO(check_manifest(manifest));
  if (is_log_manifest(manifest)) {
    body.kind = Body::Kind::kDirect;
    body.manifest = std::move(manifest);
    return body;
  }
  // Shards are healed and moved: a row of their own, so that one row is patched whoever owns it.
  body.kind = Body::Kind::kSlice;
  body.blob = own_id(sub);
  make_blob(body.blob, std::move(manifest), size, crc64, 1);
  return body;
}

Result<Unit> Apply::reference(RowId id) {
  TRY(row, rows_.find(store::Table::kBlob, id.bytes()));
  if (!row) return fail(ErrorCode::kCorrupt, cat("blob of operation ", id.lsn, " has no row"));
  TRY(record, BlobRecord::decode(*row));
  ++record.references;
  rows_.put(store::Table::kBlob, id.bytes(), record.encode());
  return Unit{};
}

Result<Unit> Apply::unreference(RowId id) {
  TRY(blob, load_blob(rows_, id));
  if (!blob) return fail(ErrorCode::kCorrupt, cat("blob of operation ", id.lsn, " has no row"));
  if (blob->references > 1) {
    --blob->references;
    rows_.put(store::Table::kBlob, id.bytes(), blob->encode());
    return Unit{};
  }
  erase_document(rows_, id, 'm', blob->manifest_bytes);
  rows_.erase(store::Table::kBlob, id.bytes());
  rows_.erase(store::Table::kHeal, cat('h', id.bytes()));
  free_manifest(id, blob->manifest);
  return Unit{};
}

void Apply::free_manifest(RowId id, std::string_view manifest) {
  if (!options_.track_dead_blobs || is_log_manifest(manifest) || manifest.empty()) return;
  // Value: which blob it was, and where its shards lie.
  const std::string key = cat('d', be64_key(view_.lsn.value), be64_key(freed_++));
  rows_.put(store::Table::kHeal, key, cat(id.bytes(), manifest));
}

void Apply::want_heal(RowId id, std::string_view manifest) {
  if (options_.track_dead_blobs && !is_log_manifest(manifest) && is_degraded(manifest))
    rows_.put(store::Table::kHeal, cat('h', id.bytes()), "1");
}

Result<Unit> Apply::release(const ObjectRecord& old) {
  switch (old.body.kind) {
    case Body::Kind::kEmpty: break;
    case Body::Kind::kDirect: break;  // Dead bytes in the log: the cleaner's matter.
    case Body::Kind::kSlice: TRY_DO(unreference(old.body.blob)); break;
    case Body::Kind::kParts: {
      TRY(parts, load_parts(rows_, old));
      for (const PartRef& part : parts)
        if (part.size > 0) TRY_DO(unreference(part.blob));
      break;
    }
  }
  erase_document(rows_, old.documents, 'h', old.header_bytes);
  erase_document(rows_, old.documents, 'm', old.manifest_bytes);
  erase_document(rows_, old.documents, 'p', old.parts_bytes);
  erase_document(rows_, old.documents, 'a', old.attribute_bytes);
  erase_document(rows_, old.documents, 'c', old.digest_bytes);
  return Unit{};
}

void Apply::write_object(std::uint64_t bucket_id, std::string_view key, ObjectRecord record,
                         std::uint16_t sub, const std::vector<PartRef>& parts) {
  record.documents = own_id(sub);
  record.header_bytes = record.manifest_bytes = record.parts_bytes = 0;
  const std::string headers = encode_headers(record.headers);
  if (headers.size() > kInRowBytes) {
    put_document(rows_, record.documents, 'h', headers);
    record.header_bytes = static_cast<std::uint32_t>(headers.size());
  }
  if (record.body.manifest.size() > kInRowBytes) {
    put_document(rows_, record.documents, 'm', record.body.manifest);
    record.manifest_bytes = static_cast<std::uint32_t>(record.body.manifest.size());
  }
  if (record.body.kind == Body::Kind::kParts) {
    const std::string list = encode_parts(parts);
    put_document(rows_, record.documents, 'p', list);
    record.parts_bytes = static_cast<std::uint32_t>(list.size());
  }
  rows_.put(store::Table::kObject, object_key(bucket_id, key), fit_attributes(record));
}

}  // namespace creel::s3
