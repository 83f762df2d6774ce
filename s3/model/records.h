#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/result.h"
#include "s3/model/attributes.h"
#include "s3/model/bucket_documents.h"
#include "store/index/rows.h"
#include "store/types.h"

namespace creel::s3 {

// What the rows of the index mean; each record below is the value of one row, as TLV
// (docs/formats/rows.md). Key builders beside each. Integers in keys are big-endian.

// Names a blob or document: the operation that made it and its number inside that operation.
struct RowId {
  std::uint64_t lsn = 0;
  std::uint16_t sub = 0;
  bool operator==(const RowId&) const = default;
  std::string bytes() const;  // 10 bytes.
  static std::optional<RowId> parse(std::string_view bytes);
};

using Header = std::pair<std::string, std::string>;  // Lower-case name, value as sent.

// Of a bucket. Numbers are on disk. Nothing leads back to kNever.
enum class Versioning : std::uint8_t { kNever = 0, kEnabled = 1, kSuspended = 2 };

struct BucketRecord {
  std::uint64_t id = 0;  // LSN of its creation: object keys begin with it.
  std::int64_t created_ms = 0;
  std::string owner;
  std::string region;
  // Kept by every operation that changes them.
  std::uint64_t bytes = 0;         // Of its objects, older versions too.
  std::uint64_t objects = 0;       // Versions and delete markers.
  std::uint64_t upload_bytes = 0;  // Of the parts of unfinished uploads.
  std::uint64_t quota_bytes = 0;   // For objects and parts; 0: no bound.
  std::uint64_t quota_objects = 0;
  Versioning versioning = Versioning::kNever;
  std::uint32_t document_kinds = 0;  // document_bit() of each that is set.
  std::uint64_t settings_lsn = 0;    // The last operation that changed a document or the lock.
  BucketLock lock;
  std::string encode() const;
  static Result<BucketRecord> decode(std::string_view value);
};
std::string be64_key(std::uint64_t value);  // 8 bytes: of a bucket id, the prefix of its objects.

// One piece of a body that is made of several blobs, in order.
struct PartRef {
  RowId blob;
  std::uint64_t size = 0;
  std::uint16_t number = 0;  // As the client numbered it.
};

// Where the bytes of an object or part lie.
struct Body {
  enum class Kind : std::uint8_t {
    kEmpty = 0,
    kDirect = 1,  // `manifest` (or its document): owned by this record alone.
    kSlice = 2,  // [offset, offset + size) of the blob row `blob`, which counts references.
    kParts = 3,  // The parts document.
  };
  Kind kind = Kind::kEmpty;
  std::string manifest;
  RowId blob;
  std::uint64_t offset = 0;
};

struct StoredChecksum {
  std::string algorithm;  // CRC32 CRC32C CRC64NVME SHA1 SHA256; empty: none asked for.
  std::string type;  // FULL_OBJECT or COMPOSITE.
  std::string value;  // Base64, with -N if composite.
};

// Where a replica came from: the site and log position that make it idempotent, and its headers.
struct Origin {
  std::uint32_t site = 0;  // 0: captured here.
  std::uint64_t lsn = 0;
};

struct ObjectRecord {
  std::uint64_t size = 0;
  std::int64_t mtime_ms = 0;
  std::string etag;  // Without quotes.
  std::string version_id;  // Empty: "null".
  std::uint64_t lsn = 0;  // Operation that wrote it.
  std::uint64_t crc64 = 0;  // CRC-64/NVME of the whole plain body.
  StoredChecksum checksum;
  std::uint32_t part_count = 0;  // 0: not a multipart object.
  Body body;
  Origin origin;
  // Whose document rows hold what did not fit. Of versions: also their age, as it rises with the
  // log.
  RowId documents;
  std::uint32_t header_bytes = 0;  // > 0: headers lie in document 'h'.
  std::uint32_t manifest_bytes = 0;  // > 0: the direct manifest lies in document 'm'.
  std::uint32_t parts_bytes = 0;  // > 0: the parts list lies in document 'p'.
  std::vector<Header> headers;  // Filled by load_object(); inline in the row if small.
  bool delete_marker = false;  // Only in Table::kVersion.
  ObjectAttributes attributes;  // Filled by load_object(); inline if the row has room.
  std::uint32_t attribute_bytes = 0;  // > 0: attributes lie in document 'a'.
  std::uint32_t digest_bytes = 0;  // > 0: the parts' checksums lie in document 'c', raw, in order.
  std::string encode() const;  // ≤ store::kRowValueBytesMax once documents are split off.
  static Result<ObjectRecord> decode(std::string_view value);
};
// "BUCKET/KEY version ID", for people: control characters of the key are replaced by '?'.
std::string object_name(std::string_view bucket, std::string_view key, std::string_view version_id);
std::string object_key(std::uint64_t bucket_id, std::string_view key);

struct BlobRecord {
  std::uint32_t references = 0;
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;
  std::string manifest;  // Empty in the row if it lies in document 'm' of this blob's id.
  std::uint32_t manifest_bytes = 0;
  std::string encode() const;
  static Result<BlobRecord> decode(std::string_view value);
};

struct UploadRecord {
  std::string upload_id;  // As given to the client.
  std::int64_t initiated_ms = 0;
  std::string owner;
  StoredChecksum checksum;  // Algorithm and type chosen at creation.
  std::uint32_t header_bytes = 0;
  RowId documents;
  std::vector<Header> headers;
  bool completed = false;  // Kept a while so that a repeated Complete gives the same answer.
  std::string etag;  // If completed.
  std::string version_id;  // If completed, of what it became.
  ObjectAttributes attributes;  // Of the finished object.
  std::uint32_t attribute_bytes = 0;  // > 0: attributes lie in document 'a'.
  std::string encode() const;
  static Result<UploadRecord> decode(std::string_view value);
};
std::string upload_key(std::uint64_t bucket_id, std::string_view key, std::uint64_t upload_lsn);
// The LSN inside an upload id; nullopt if it cannot be one of ours.
std::optional<std::uint64_t> upload_lsn(std::string_view upload_id);
std::string make_upload_id(std::uint64_t lsn, std::uint64_t random);

struct PartRecord {
  std::uint64_t size = 0;
  std::int64_t mtime_ms = 0;
  std::string etag;
  std::uint64_t crc64 = 0;
  StoredChecksum checksum;
  RowId blob;  // Its bytes are a blob row with one reference; unset for an empty part.
  std::string encode() const;
  static Result<PartRecord> decode(std::string_view value);
};
std::string part_key(std::uint64_t upload_lsn, std::uint16_t number);

// Where the extents of manifests lie in rows (store::ExtentFinder).
void find_manifest_extents(store::Table table, std::string_view key, std::string_view value,
                           std::vector<std::size_t>& at);

// Longer values in rows of Table::kManifest: id ‖ kind ‖ piece number.
void put_document(store::StagedRows& rows, RowId id, char kind, std::string_view bytes);
void erase_document(store::StagedRows& rows, RowId id, char kind, std::size_t bytes);
// Errors: kCorrupt if a piece is missing.
Result<std::string> load_document(const store::RowReader& rows, RowId id, char kind,
                                  std::size_t bytes);

std::string encode_headers(const std::vector<Header>& headers);
Result<std::vector<Header>> decode_headers(std::string_view bytes);
std::string encode_parts(const std::vector<PartRef>& parts);  // 20 bytes each.
Result<std::vector<PartRef>> decode_parts(std::string_view bytes);

// Finds and completes records; absence is a value. Errors: kCorrupt, kIo.
Result<std::optional<BucketRecord>> load_bucket(const store::RowReader& rows,
                                                std::string_view name);
// The current version; none if it is a delete marker.
Result<std::optional<ObjectRecord>> load_object(const store::RowReader& rows,
                                                std::uint64_t bucket_id, std::string_view key);
// Reads what lies in documents.
Result<Unit> complete_object(const store::RowReader& rows, ObjectRecord& record);
// What is in document 'a' of that length; nothing changes if it is 0.
Result<Unit> load_attributes(const store::RowReader& rows, RowId id, std::size_t bytes,
                             ObjectAttributes& attributes);
Result<std::optional<UploadRecord>> load_upload(const store::RowReader& rows,
                                                std::uint64_t bucket_id, std::string_view key,
                                                std::string_view upload_id);
Result<std::optional<PartRecord>> load_part(const store::RowReader& rows, std::uint64_t upload_lsn,
                                            std::uint16_t number);
Result<std::optional<BlobRecord>> load_blob(const store::RowReader& rows, RowId id);
// A run of bytes of one blob manifest, in body order.
struct BodyRun {
  std::string manifest;
  std::uint64_t offset = 0;  // In the blob.
  std::uint64_t length = 0;
};
// What to read for [offset, offset + length) of an object's body as it is stored: a sealed one is
// longer than its plain bytes (encryption.h).
Result<std::vector<BodyRun>> body_runs(const store::RowReader& rows, const ObjectRecord& object,
                                       std::uint64_t offset, std::uint64_t length);
Result<std::vector<PartRef>> load_parts(const store::RowReader& rows, const ObjectRecord& object);

}  // namespace creel::s3
