#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "platform/base/result.h"
#include "s3/model/lifecycle_mark.h"
#include "s3/model/records.h"
#include "s3/wire/conditions.h"
#include "store/store.h"

namespace creel::s3 {

// The operations of the log: what is decided, in log order, by Model. Numbers are on disk
// (docs/formats/ops.md): never reuse one. Everything not a function of the rows — time, version and
// upload ids, owner — is in the command before it is submitted.
enum class OpKind : std::uint8_t {
  kCreateBucket = 1,
  kDeleteBucket = 2,
  kPut = 3,
  kDelete = 4,
  kCreateUpload = 5,
  kPutPart = 6,
  kCompleteUpload = 7,
  kAbortUpload = 8,
  kCopy = 9,
  kSetFilter = 10,
  kReplIn = 11,
  kReplPart = 12,
  kReplCursor = 13,
  kReplPark = 14,
  kHealed = 15,
  kReaped = 16,
  kNodeBoot = 17,
  kSetQuota = 18,
  kSetVersioning = 19,
  kSetIdentity = 20,
  kSetBucketDocument = 21,
  kSetObjectAttribute = 22,
  kSetObjectLock = 23,
  kLifecycleMark = 24,
};

// Why the model refused; the service turns it into an S3 error. Numbers never leave the process.
enum class Refusal : std::uint8_t {
  kNone,
  kNoSuchBucket,
  kBucketExists,  // detail: its owner
  kBucketNotEmpty,
  kNoSuchKey,
  kNoSuchVersion,  // detail: its id
  kIsDeleteMarker,  // Of a copy's source by id.
  kNoSuchUpload,
  kPreconditionFailed,  // detail: the header's name
  kInvalidPart,  // detail: which
  kInvalidPartOrder,
  kPartTooSmall,
  kChecksumMismatch,  // detail: message
  kBadRequest,  // detail: message
  kQuotaExceeded,  // detail: message
  kGap,  // replication: the stream's position does not follow
  kLocked,
  kInvalidBucketState,  // detail: message
  kNothingToDo,  // A success that leaves no operation: the state is already as asked.
};

struct BodySource {
  enum class Kind : std::uint8_t { kEmpty = 0, kPayload = 1, kBlob = 2, kPack = 3, kTransfer = 4 };
  Kind kind = Kind::kEmpty;
  std::string manifest;  // kBlob: the sealed blob.
  std::uint64_t offset = 0;  // kPack: where in the pack blob (or payload) of this operation.
};

using Conditions = WriteConditions;  // If-Match, If-None-Match; decided at the log position.

struct CreateBucket {
  std::string name, owner, region;
  std::int64_t time_ms = 0;
  bool object_lock = false;  // Locks and versions on, from the beginning.
  std::vector<std::string> documents;  // Its first settings: BucketDocument as one byte, the text.
};
struct DeleteBucket {
  std::string name;
};
struct PutObject {
  std::string bucket, key;
  std::int64_t time_ms = 0;
  std::uint64_t size = 0;
  std::string etag;
  std::uint64_t crc64 = 0;
  StoredChecksum checksum;
  std::vector<Header> headers;
  Conditions conditions;
  BodySource body;
  Origin origin;
  ObjectAttributes attributes = {};
};
struct DeleteObject {
  std::string bucket, key;
  std::int64_t time_ms = 0;
  Conditions conditions;
  Origin origin;
  std::string version_id;  // That one, for good; empty: the key, as its bucket's versioning says.
  bool bypass_governance = false;
  // Only if this operation wrote the version that is there now (expiry); 0: whichever it is.
  std::uint64_t expected_lsn = 0;
};
struct CopyObject {  // Within one store: shares the source's blobs.
  std::string bucket, key, source_bucket, source_key;
  std::string
      source_etag;  // The version that was authorised and checked: else kPreconditionFailed.
  std::string etag;  // Of the copy: the MD5 of its plain bytes (multipart sources differ).
  std::int64_t time_ms = 0;
  bool replace_headers = false;
  std::vector<Header> headers;
  StoredChecksum checksum;  // Empty: the source's is kept.
  Conditions conditions;
  std::string source_version;  // Empty: the current one.
  // Of the copy. Lock, owner and ACL are these; tags too if replaced, else the source's; the
  // encryption is the source's if these name none, as the bytes are.
  ObjectAttributes attributes = {};
  bool replace_tags = false;
};
struct CreateUpload {
  std::string bucket, key, owner;
  std::int64_t time_ms = 0;
  std::uint64_t random = 0;  // Becomes part of the upload id.
  StoredChecksum checksum;
  std::vector<Header> headers;
  ObjectAttributes attributes = {};  // Of the finished object.
};
struct PutPart {
  std::string bucket, key, upload_id;
  std::uint16_t number = 0;
  std::int64_t time_ms = 0;
  std::uint64_t size = 0;
  std::string etag;
  std::uint64_t crc64 = 0;
  StoredChecksum checksum;
  BodySource body;
};
struct CompletedPart {
  std::uint16_t number = 0;
  std::string etag;
  std::string checksum;  // Base64 of the upload's algorithm; empty: not given.
};
struct CompleteUpload {
  std::string bucket, key, upload_id;
  std::int64_t time_ms = 0;
  std::vector<CompletedPart> parts;
  Conditions conditions;
  std::optional<std::uint64_t> object_size;  // x-amz-mp-object-size
  // Computed by the service from the part rows it saw; the model checks that they still agree.
  std::string etag;
  StoredChecksum checksum;
};
struct AbortUpload {
  std::string bucket, key, upload_id;
};
struct SetFilter {
  std::string bucket, document;  // Empty document: removed. TOML or JSON as put, ≤ 256 KiB.
  std::int64_t time_ms = 0;
};

struct SetVersioning {
  std::string bucket;
  std::int64_t time_ms = 0;
  Versioning versioning = Versioning::kEnabled;
};

// A setting of a bucket that is a document. Empty document: removed.
struct SetBucketDocument {
  std::string bucket;
  BucketDocument kind = BucketDocument::kTagging;
  std::string document;  // ≤ kBucketDocumentBytesMax
  std::int64_t time_ms = 0;
};
// One attribute of an existing version, without a new one. Of `attributes` only what `kind` names
// is taken: tags; ACL with the owner; retention; legal hold.
struct SetObjectAttribute {
  std::string bucket, key;
  std::string version_id;  // Empty: the current one.
  AttributeKind kind = AttributeKind::kTags;
  ObjectAttributes attributes;
  bool bypass_governance = false;
  std::int64_t time_ms = 0;
};
// Object lock of a bucket: switches it on for good, and sets its default retention.
struct SetObjectLock {
  std::string bucket;
  BucketLock lock;
  std::int64_t time_ms = 0;
};
struct SetLifecycleMark {
  LifecycleMark mark;
};

// One document of users, keys, groups and policies (identity.h). Empty document: removed.
struct SetIdentity {
  std::string name;  // Of the row.
  std::string document;
  std::int64_t time_ms = 0;
  Conditions conditions;  // If-None-Match "*": new. If-Match: the LSN that wrote it, in decimal.
};

struct SetQuota {
  std::string bucket;
  std::int64_t time_ms = 0;
  std::uint64_t bytes = 0;  // 0: no bound.
  std::uint64_t objects = 0;
};

// A position of a stream: everything ≤ low is settled.
struct StreamPosition {
  std::uint64_t low = 0;
  std::string digest;  // 16 bytes over what was sent (replication.md §1).
};
// A sealed blob as an operation names it.
struct SealedBlobRef {
  std::string manifest;
  std::uint64_t size = 0;  // 0: none.
  std::uint64_t crc64 = 0;
};
// A sealed part of a large replicated object, durable before the whole is there; resumable.
struct ReplPart {
  std::string stream;
  std::uint64_t lsn = 0;  // Of the object at its source.
  std::uint64_t offset = 0;  // Must equal what the transfer holds, else kGap.
  std::uint64_t crc64 = 0;  // CRC-64/NVME of the object's first offset + part.size bytes.
  SealedBlobRef part;  // Size 0 at offset 0: the transfer is dropped, to begin anew.
};
// The sender's durable position.
struct ReplCursor {
  std::string stream;
  StreamPosition position;
};
// An operation that cannot be processed now: it leaves the cursor's way and is never forgotten.
struct ReplPark {
  std::string stream;
  std::uint64_t lsn = 0;
  std::string bucket, key, reason;  // reason: one of replication.md §2, filters.md §8
  std::string detail;  // For people; no values of records.
  bool remove = false;  // Settled: retried with success, or dropped by hand.
  std::int64_t time_ms = 0;
};
// core: slots of a blob that are whole again, or where they lie now (a new manifest).
struct Healed {
  RowId blob;  // A blob row, or …
  std::string bucket, key;  // … the object that owns a direct manifest.
  std::string old_manifest, new_manifest;  // Applied only if the row still says old.
};
// core: the shards of a dead blob are gone.
struct Reaped {
  std::vector<std::string> dead_keys;  // Row keys below Table::kHeal.
};

// The receiver's one atomic step: effects and the stream's new position.
struct ReplIn {
  std::string stream;  // Its identity, ≤ 64 bytes (site ‖ log ‖ rule ‖ generation ‖ lane).
  std::uint64_t from = 0;  // The position it must stand at, else kGap.
  StreamPosition to;
  std::vector<std::string> effects;  // Encoded PutObject / DeleteObject, in order.
  SealedBlobRef pack;  // The blob that kPack bodies lie in; size 0: none.
  std::string finished_transfer;  // Transfer that a kTransfer body was taken from.
};

// Every command above: `std::string encode_op(const X&)` gives Op::meta, `decode_op` reads it back.
// Errors: kCorrupt (malformed), kUnsupported (a critical tag or kind this build does not know).
// clang-format off
#define CREEL_S3_OPS(X) \
  X(CreateBucket) X(DeleteBucket) X(PutObject) X(DeleteObject) X(CopyObject) X(CreateUpload) \
  X(PutPart) X(CompleteUpload) X(AbortUpload) X(SetFilter) X(ReplIn) X(ReplPart) X(ReplCursor) \
  X(ReplPark) X(Healed) X(Reaped) X(SetQuota) X(SetVersioning) X(SetIdentity) \
  X(SetBucketDocument) X(SetObjectAttribute) X(SetObjectLock) X(SetLifecycleMark)
// clang-format on
#define CREEL_S3_DECLARE(Name)           \
  std::string encode_op(const Name& op); \
  Result<Name> decode_##Name(std::string_view meta);
CREEL_S3_OPS(CREEL_S3_DECLARE)
#undef CREEL_S3_DECLARE
Result<OpKind> op_kind(std::string_view meta);
// Whether a full drive still takes it: what frees room, settles a position or is a small setting.
store::OpClass op_class(std::string_view meta);

// Verdict::answer of an accepted or refused operation.
struct Answer {
  Refusal refusal = Refusal::kNone;
  std::string detail;  // Of a refusal.
  std::string etag, upload_id;
  std::string version_id;  // Empty in a bucket that never had versions; may be "null".
  std::int64_t mtime_ms = 0;
  std::uint64_t size = 0;
  StoredChecksum checksum;
  bool existed = false;  // DeleteObject: there was something to delete.
  bool delete_marker = false;  // DeleteObject: one was made, or removed.
  std::string encode() const;
  static Result<Answer> decode(std::string_view bytes);
};

}  // namespace creel::s3
