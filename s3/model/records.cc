#include "s3/model/records.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/encryption.h"
#include "s3/model/manifest.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

template <class T>
void append_key(std::string& out, T value) {
  Bytes raw;
  append_be<T>(raw, value);
  out.append(as_text(raw));
}

enum BucketTag : std::uint16_t {
  kBucketId = 1,
  kBucketCreated,
  kBucketOwner,
  kBucketRegion,
  kBucketBytes,
  kBucketObjects,
  kBucketUploadBytes,
  kBucketQuotaBytes,
  kBucketQuotaObjects,
  kBucketVersioning,
  kBucketDocuments,
  kBucketSettings,
  kBucketLock,
  kBucketLockMode,
  kBucketLockDays,
  kBucketLockYears,
};

// LIST reads only the first few: keep them low.
enum ObjectTag : std::uint16_t {
  kSize = 1,
  kMtime,
  kEtag,
  kVersionId,
  kChecksumAlgorithm,
  kChecksumType,
  kChecksumValue,
  kLsn,
  kCrc64,
  kPartCount,
  kBodyKind,
  kManifest,
  kBlob,
  kOffset,
  kOriginSite,
  kOriginLsn,
  kDocuments,
  kHeaderBytes,
  kManifestBytes,
  kPartsBytes,
  kHeaders,
  kDeleteMarker,
  kAttributes,
  kAttributeBytes,
  kDigestBytes,
};

enum BlobTag : std::uint16_t {
  kReferences = 1,
  kBlobSize,
  kBlobCrc,
  kBlobManifest,
  kBlobManifestBytes
};

constexpr std::size_t kPartRefBytes = 20;
constexpr std::size_t kDocumentPieceBytes = 900;
static_assert(kDocumentPieceBytes % kPartRefBytes == 0);  // No part lies in two pieces.
constexpr std::size_t kDocumentKeyBytes = 15;
constexpr std::size_t kManifestHeadBytes = 2;  // Kind and flags; then extents.
constexpr std::size_t kExtentsAPiece = 22;

// Manifests are cut between extents, so that each row can be read alone.
constexpr std::size_t piece_bytes(char kind) {
  return kind == 'm' ? kExtentsAPiece * store::kExtentBytes : kDocumentPieceBytes;
}
constexpr std::size_t first_piece_bytes(char kind) {
  return piece_bytes(kind) + (kind == 'm' ? kManifestHeadBytes : 0);
}
constexpr std::size_t piece_count(char kind, std::size_t bytes) {
  if (bytes == 0) return 0;
  const std::size_t first = first_piece_bytes(kind);
  return bytes <= first ? 1 : 1 + (bytes - first + piece_bytes(kind) - 1) / piece_bytes(kind);
}

Result<RowId> read_id(const TlvReader& fields, std::uint16_t tag) {
  const std::string raw = fields.text(tag);
  if (raw.empty()) return RowId{};
  const std::optional<RowId> id = RowId::parse(raw);
  if (!id) return fail(ErrorCode::kCorrupt, cat("row: field ", tag, " is no id"));
  return *id;
}

std::string id_or_nothing(const RowId& id) { return id == RowId{} ? std::string() : id.bytes(); }

std::string document_key(RowId id, char kind, std::size_t piece) {
  std::string key = id.bytes();
  key.push_back(kind);
  append_key<std::uint32_t>(key, static_cast<std::uint32_t>(piece));
  return key;
}

Result<std::optional<std::string>> find_row(const store::RowReader& rows, store::Table table,
                                            std::string_view key) {
  return rows.find(table, key);
}

}  // namespace

std::string RowId::bytes() const {
  std::string out;
  append_key<std::uint64_t>(out, lsn);
  append_key<std::uint16_t>(out, sub);
  return out;
}

std::optional<RowId> RowId::parse(std::string_view bytes) {
  if (bytes.size() != 10) return std::nullopt;
  const ByteView raw = as_bytes(bytes);
  return RowId{load_be<std::uint64_t>(raw, 0), load_be<std::uint16_t>(raw, 8)};
}

std::string BucketRecord::encode() const {
  TlvWriter out;
  out.number(kBucketId, id).number(kBucketCreated, static_cast<std::uint64_t>(created_ms));
  out.text(kBucketOwner, owner).text(kBucketRegion, region);
  out.number(kBucketBytes, bytes).number(kBucketObjects, objects);
  out.number(kBucketUploadBytes, upload_bytes);
  out.number(kBucketQuotaBytes, quota_bytes).number(kBucketQuotaObjects, quota_objects);
  out.number(kBucketVersioning, static_cast<std::uint64_t>(versioning));
  out.number(kBucketDocuments, document_kinds).number(kBucketSettings, settings_lsn);
  out.number(kBucketLock, lock.enabled ? 1 : 0);
  out.number(kBucketLockMode, static_cast<std::uint64_t>(lock.mode));
  return out.number(kBucketLockDays, lock.days).number(kBucketLockYears, lock.years).take();
}

Result<BucketRecord> BucketRecord::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  BucketRecord record;
  record.id = fields.number(kBucketId);
  record.created_ms = static_cast<std::int64_t>(fields.number(kBucketCreated));
  record.owner = fields.text(kBucketOwner);
  record.region = fields.text(kBucketRegion);
  record.bytes = fields.number(kBucketBytes);
  record.objects = fields.number(kBucketObjects);
  record.upload_bytes = fields.number(kBucketUploadBytes);
  record.quota_bytes = fields.number(kBucketQuotaBytes);
  record.quota_objects = fields.number(kBucketQuotaObjects);
  record.versioning = static_cast<Versioning>(fields.number(kBucketVersioning));
  record.document_kinds = static_cast<std::uint32_t>(fields.number(kBucketDocuments));
  record.settings_lsn = fields.number(kBucketSettings);
  record.lock.enabled = fields.number(kBucketLock) != 0;
  record.lock.mode = static_cast<RetentionMode>(fields.number(kBucketLockMode));
  record.lock.days = static_cast<std::uint32_t>(fields.number(kBucketLockDays));
  record.lock.years = static_cast<std::uint32_t>(fields.number(kBucketLockYears));
  if (record.id == 0) return fail(ErrorCode::kCorrupt, "bucket row without an id");
  return record;
}

std::string be64_key(std::uint64_t bucket_id) {
  std::string out;
  append_key<std::uint64_t>(out, bucket_id);
  return out;
}

std::string object_name(std::string_view bucket, std::string_view key,
                        std::string_view version_id) {
  std::string name = cat(bucket, '/', key, " version ", version_id.empty() ? "null" : version_id);
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return name;
}

std::string object_key(std::uint64_t bucket_id, std::string_view key) {
  return be64_key(bucket_id).append(key);
}

std::string ObjectRecord::encode() const {
  TlvWriter out;
  out.number(kSize, size).number(kMtime, static_cast<std::uint64_t>(mtime_ms)).text(kEtag, etag);
  out.text(kVersionId, version_id);
  out.text(kChecksumAlgorithm, checksum.algorithm).text(kChecksumType, checksum.type);
  out.text(kChecksumValue, checksum.value).number(kLsn, lsn).number(kCrc64, crc64);
  out.number(kPartCount, part_count).number(kBodyKind, static_cast<std::uint64_t>(body.kind));
  if (manifest_bytes == 0) out.text(kManifest, body.manifest);
  out.text(kBlob, id_or_nothing(body.blob)).number(kOffset, body.offset);
  out.number(kOriginSite, origin.site).number(kOriginLsn, origin.lsn);
  out.text(kDocuments, id_or_nothing(documents)).number(kHeaderBytes, header_bytes);
  out.number(kManifestBytes, manifest_bytes).number(kPartsBytes, parts_bytes);
  if (header_bytes == 0) out.text(kHeaders, encode_headers(headers));
  out.number(kDeleteMarker, delete_marker ? 1 : 0);
  if (attribute_bytes == 0) out.text(kAttributes, attributes.encode());
  return out.number(kAttributeBytes, attribute_bytes).number(kDigestBytes, digest_bytes).take();
}

Result<ObjectRecord> ObjectRecord::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  ObjectRecord record;
  record.size = fields.number(kSize);
  record.mtime_ms = static_cast<std::int64_t>(fields.number(kMtime));
  record.etag = fields.text(kEtag);
  record.version_id = fields.text(kVersionId);
  record.checksum = {fields.text(kChecksumAlgorithm), fields.text(kChecksumType),
                     fields.text(kChecksumValue)};
  record.lsn = fields.number(kLsn);
  record.crc64 = fields.number(kCrc64);
  record.part_count = static_cast<std::uint32_t>(fields.number(kPartCount));
  const std::uint64_t kind = fields.number(kBodyKind);
  if (kind > static_cast<std::uint64_t>(Body::Kind::kParts))
    return fail(ErrorCode::kCorrupt, cat("object row: unknown body kind ", kind));
  record.body.kind = static_cast<Body::Kind>(kind);
  record.body.manifest = fields.text(kManifest);
  TRY(blob, read_id(fields, kBlob));
  record.body.blob = blob;
  record.body.offset = fields.number(kOffset);
  record.origin = {static_cast<std::uint32_t>(fields.number(kOriginSite)),
                   fields.number(kOriginLsn)};
  TRY(documents, read_id(fields, kDocuments));
  record.documents = documents;
  record.header_bytes = static_cast<std::uint32_t>(fields.number(kHeaderBytes));
  record.manifest_bytes = static_cast<std::uint32_t>(fields.number(kManifestBytes));
  record.parts_bytes = static_cast<std::uint32_t>(fields.number(kPartsBytes));
  TRY(headers, decode_headers(fields.text(kHeaders)));
  record.headers = std::move(headers);
  record.delete_marker = fields.number(kDeleteMarker) != 0;
  TRY(attributes, ObjectAttributes::decode(fields.text(kAttributes)));
  record.attributes = std::move(attributes);
  record.attribute_bytes = static_cast<std::uint32_t>(fields.number(kAttributeBytes));
  record.digest_bytes = static_cast<std::uint32_t>(fields.number(kDigestBytes));
  return record;
}

std::string BlobRecord::encode() const {
  TlvWriter out;
  out.number(kReferences, references).number(kBlobSize, size).number(kBlobCrc, crc64);
  if (manifest_bytes == 0) out.text(kBlobManifest, manifest);
  return out.number(kBlobManifestBytes, manifest_bytes).take();
}

Result<BlobRecord> BlobRecord::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  BlobRecord record;
  record.references = static_cast<std::uint32_t>(fields.number(kReferences));
  record.size = fields.number(kBlobSize);
  record.crc64 = fields.number(kBlobCrc);
  record.manifest = fields.text(kBlobManifest);
  record.manifest_bytes = static_cast<std::uint32_t>(fields.number(kBlobManifestBytes));
  if (record.references == 0) return fail(ErrorCode::kCorrupt, "blob row without references");
  return record;
}

std::string PartRecord::encode() const {
  TlvWriter out;
  out.number(kSize, size).number(kMtime, static_cast<std::uint64_t>(mtime_ms)).text(kEtag, etag);
  out.text(kChecksumAlgorithm, checksum.algorithm).text(kChecksumType, checksum.type);
  out.text(kChecksumValue, checksum.value).number(kCrc64, crc64);
  return out.text(kBlob, id_or_nothing(blob)).take();
}

Result<PartRecord> PartRecord::decode(std::string_view value) {
  TRY(fields, TlvReader::parse(value));
  PartRecord record;
  record.size = fields.number(kSize);
  record.mtime_ms = static_cast<std::int64_t>(fields.number(kMtime));
  record.etag = fields.text(kEtag);
  record.checksum = {fields.text(kChecksumAlgorithm), fields.text(kChecksumType),
                     fields.text(kChecksumValue)};
  record.crc64 = fields.number(kCrc64);
  TRY(blob, read_id(fields, kBlob));
  record.blob = blob;
  return record;
}

std::string part_key(std::uint64_t upload_lsn, std::uint16_t number) {
  std::string out;
  append_key<std::uint64_t>(out, upload_lsn);
  append_key<std::uint16_t>(out, number);
  return out;
}

void put_document(store::StagedRows& rows, RowId id, char kind, std::string_view bytes) {
  const std::size_t first = first_piece_bytes(kind);
  for (std::size_t piece = 0, at = 0; at < bytes.size(); ++piece) {
    const std::size_t take = piece == 0 ? first : piece_bytes(kind);
    rows.put(store::Table::kManifest, document_key(id, kind, piece), bytes.substr(at, take));
    at += take;
  }
}

void erase_document(store::StagedRows& rows, RowId id, char kind, std::size_t bytes) {
  for (std::size_t piece = 0; piece < piece_count(kind, bytes); ++piece)
    rows.erase(store::Table::kManifest, document_key(id, kind, piece));
}

namespace {

Result<std::string> load_piece(const store::RowReader& rows, RowId id, char kind,
                               std::size_t piece) {
  TRY(row, rows.find(store::Table::kManifest, document_key(id, kind, piece)));
  if (row) return std::move(*row);
  return fail(ErrorCode::kCorrupt,
              cat("document ", kind, " of operation ", id.lsn, ": piece ", piece, " is missing"));
}

}  // namespace

Result<std::string> load_document(const store::RowReader& rows, RowId id, char kind,
                                  std::size_t bytes) {
  std::string out;
  out.reserve(bytes);
  for (std::size_t piece = 0; piece < piece_count(kind, bytes); ++piece) {
    TRY(row, load_piece(rows, id, kind, piece));
    out.append(row);
  }
  if (out.size() != bytes)
    return fail(ErrorCode::kCorrupt, cat("document ", kind, " of operation ", id.lsn, ": ",
                                         out.size(), " bytes instead of ", bytes));
  return out;
}

void find_manifest_extents(store::Table table, std::string_view key, std::string_view value,
                           std::vector<std::size_t>& at) {
  if (table == store::Table::kObject || table == store::Table::kVersion) {
    find_extents_in_field(value, kManifest, kManifestHeadBytes, at);
  } else if (table == store::Table::kBlob) {
    find_extents_in_field(value, kBlobManifest, kManifestHeadBytes, at);
  } else if (table == store::Table::kManifest && key.size() == kDocumentKeyBytes &&
             key[10] == 'm') {
    // Only manifests of extents have a second piece.
    const bool first = load_be<std::uint32_t>(as_bytes(key), 11) == 0;
    if (first && !is_log_manifest(value)) return;
    for (std::size_t i = first ? kManifestHeadBytes : 0; i + store::kExtentBytes <= value.size();
         i += store::kExtentBytes)
      at.push_back(i);
  }
}

std::string encode_headers(const std::vector<Header>& headers) {
  std::string out;
  const auto add = [&out](std::string_view text) {
    out.push_back(static_cast<char>(text.size() & 0xff));
    out.push_back(static_cast<char>(text.size() >> 8));
    out.append(text);
  };
  for (const Header& header : headers) {
    add(header.first);
    add(header.second);
  }
  return out;
}

Result<std::vector<Header>> decode_headers(std::string_view bytes) {
  std::vector<Header> headers;
  std::size_t at = 0;
  const auto next = [&bytes, &at]() -> std::optional<std::string> {
    if (bytes.size() - at < 2) return std::nullopt;
    const std::size_t length = load_le<std::uint16_t>(as_bytes(bytes), at);
    if (bytes.size() - at - 2 < length) return std::nullopt;
    std::string text(bytes.substr(at + 2, length));
    at += 2 + length;
    return text;
  };
  while (at < bytes.size()) {
    std::optional<std::string> name = next();
    std::optional<std::string> value = name ? next() : std::nullopt;
    if (!value) return fail(ErrorCode::kCorrupt, "headers: a text runs past the end");
    headers.emplace_back(std::move(*name), std::move(*value));
  }
  return headers;
}

std::string encode_parts(const std::vector<PartRef>& parts) {
  std::string out;
  for (const PartRef& part : parts) {
    out.append(part.blob.bytes());
    append_key<std::uint64_t>(out, part.size);
    append_key<std::uint16_t>(out, part.number);
  }
  return out;
}

Result<std::vector<PartRef>> decode_parts(std::string_view bytes) {
  if (bytes.size() % kPartRefBytes != 0)
    return fail(ErrorCode::kCorrupt, cat("parts: ", bytes.size(), " bytes"));
  std::vector<PartRef> parts;
  parts.reserve(bytes.size() / kPartRefBytes);
  for (std::size_t at = 0; at < bytes.size(); at += kPartRefBytes) {
    PartRef part;
    part.blob = *RowId::parse(bytes.substr(at, 10));
    part.size = load_be<std::uint64_t>(as_bytes(bytes), at + 10);
    part.number = load_be<std::uint16_t>(as_bytes(bytes), at + 18);
    parts.push_back(part);
  }
  return parts;
}

Result<std::optional<BucketRecord>> load_bucket(const store::RowReader& rows,
                                                std::string_view name) {
  TRY(row, find_row(rows, store::Table::kBucket, name));
  if (!row) return std::optional<BucketRecord>();
  TRY(record, BucketRecord::decode(*row));
  return std::optional<BucketRecord>(std::move(record));
}

Result<std::optional<ObjectRecord>> load_object(const store::RowReader& rows,
                                                std::uint64_t bucket_id, std::string_view key) {
  TRY(row, find_row(rows, store::Table::kObject, object_key(bucket_id, key)));
  if (!row) return std::optional<ObjectRecord>();
  TRY(record, ObjectRecord::decode(*row));
  TRY_DO(complete_object(rows, record));
  return std::optional<ObjectRecord>(std::move(record));
}

Result<Unit> load_attributes(const store::RowReader& rows, RowId id, std::size_t bytes,
                             ObjectAttributes& attributes) {
  if (bytes == 0) return Unit{};
  TRY(document, load_document(rows, id, 'a', bytes));
  TRY(read, ObjectAttributes::decode(document));
  attributes = std::move(read);
  return Unit{};
}

Result<Unit> complete_object(const store::RowReader& rows, ObjectRecord& record) {
  if (record.header_bytes > 0) {
    TRY(document, load_document(rows, record.documents, 'h', record.header_bytes));
    TRY(headers, decode_headers(document));
    record.headers = std::move(headers);
  }
  if (record.manifest_bytes > 0) {
    TRY(manifest, load_document(rows, record.documents, 'm', record.manifest_bytes));
    record.body.manifest = std::move(manifest);
  }
  return load_attributes(rows, record.documents, record.attribute_bytes, record.attributes);
}

Result<std::optional<PartRecord>> load_part(const store::RowReader& rows, std::uint64_t upload_lsn,
                                            std::uint16_t number) {
  TRY(row, find_row(rows, store::Table::kPart, part_key(upload_lsn, number)));
  if (!row) return std::optional<PartRecord>();
  TRY(record, PartRecord::decode(*row));
  return std::optional<PartRecord>(std::move(record));
}

Result<std::optional<BlobRecord>> load_blob(const store::RowReader& rows, RowId id) {
  TRY(row, find_row(rows, store::Table::kBlob, id.bytes()));
  if (!row) return std::optional<BlobRecord>();
  TRY(record, BlobRecord::decode(*row));
  if (record.manifest_bytes > 0) {
    TRY(manifest, load_document(rows, id, 'm', record.manifest_bytes));
    record.manifest = std::move(manifest);
  }
  return std::optional<BlobRecord>(std::move(record));
}

Result<std::vector<PartRef>> load_parts(const store::RowReader& rows, const ObjectRecord& object) {
  if (object.body.kind != Body::Kind::kParts) return std::vector<PartRef>();
  TRY(document, load_document(rows, object.documents, 'p', object.parts_bytes));
  return decode_parts(document);
}

namespace {

struct Span {
  std::uint64_t from, until;
};

// `span` of what begins at `base` in the blob of `part`, unless it is empty.
Result<Unit> add_run(const store::RowReader& rows, const PartRef& part, std::uint64_t base,
                     Span span, std::vector<BodyRun>& runs) {
  if (span.from >= span.until) return Unit{};
  TRY(blob, load_blob(rows, part.blob));
  if (!blob)
    return fail(ErrorCode::kCorrupt, cat("blob of operation ", part.blob.lsn, " has no row"));
  runs.push_back({std::move(blob->manifest), base + span.from, span.until - span.from});
  return Unit{};
}

}  // namespace

Result<std::vector<BodyRun>> body_runs(const store::RowReader& rows, const ObjectRecord& object,
                                       std::uint64_t offset, std::uint64_t length) {
  const bool sealed = !object.attributes.encryption.empty();
  check(sealed || (offset <= object.size && length <= object.size - offset));
  std::vector<BodyRun> runs;
  if (length == 0) return runs;
  TRY(parts_sealed, parts_are_pieces(object.attributes.encryption));
  if (object.body.kind == Body::Kind::kDirect) {
    runs.push_back({object.body.manifest, offset, length});
    return runs;
  }
  const std::uint64_t end = offset + length;
  if (object.body.kind == Body::Kind::kSlice) {
    const PartRef whole{object.body.blob, object.size, 1};
    TRY_DO(add_run(rows, whole, object.body.offset, {offset, end}, runs));
    return runs;
  }
  // Piece after piece, for 10,000 parts are 200 KB; none behind the range.
  std::uint64_t at = 0;
  for (std::size_t piece = 0; at < end && piece < piece_count('p', object.parts_bytes); ++piece) {
    TRY(row, load_piece(rows, object.documents, 'p', piece));
    const std::size_t left = object.parts_bytes - piece * kDocumentPieceBytes;
    if (row.size() != std::min(left, kDocumentPieceBytes))
      return fail(ErrorCode::kCorrupt, cat("parts of operation ", object.documents.lsn, ": piece ",
                                           piece, " has ", row.size(), " bytes"));
    TRY(parts, decode_parts(row));
    for (const PartRef& part : parts) {
      const std::uint64_t next = at + (parts_sealed ? sealed_bytes(part.size) : part.size);
      if (next > offset && at < end) {
        const std::uint64_t from = std::max(offset, at) - at;
        TRY_DO(add_run(rows, part, 0, {from, std::min(end, next) - at}, runs));
      }
      at = next;
    }
  }
  if (at < end)
    return fail(ErrorCode::kCorrupt, cat("parts of operation ", object.documents.lsn, ": ", at,
                                         " bytes of ", object.size));
  return runs;
}

}  // namespace creel::s3
