// Settings of buckets, attributes of objects, and what a lock forbids (s3.md §12).
#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/tlv.h"
#include "s3/model/versions.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kNoLock = "Bucket is missing Object Lock Configuration";

bool is_kind(BucketDocument kind) {
  return kind >= BucketDocument::kTagging && kind <= BucketDocument::kLast;
}

// COMPLIANCE may only be extended; GOVERNANCE too, unless it is bypassed.
bool may_change(const Retention& now, const Retention& wanted, bool bypass) {
  if (now.mode == RetentionMode::kGovernance && bypass) return true;
  return wanted.mode == now.mode && wanted.until_ms >= now.until_ms;
}

}  // namespace

Result<Answer> Apply::set_bucket_document(const SetBucketDocument& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  if (!is_kind(op.kind))
    return fail(ErrorCode::kInvalid, cat("document of kind ", static_cast<unsigned>(op.kind)));
  if (op.document.size() > kBucketDocumentBytesMax)
    return fail(ErrorCode::kInvalid, cat("document of ", op.document.size(), " bytes"));
  const std::uint32_t bit = document_bit(op.kind);
  if (op.document.empty() && (bucket->document_kinds & bit) == 0)
    return refuse(Refusal::kNothingToDo);
  TRY_DO(erase_bucket_document(rows_, bucket->id, op.kind));
  if (!op.document.empty())
    put_bucket_document(rows_, bucket->id, op.kind, view_.lsn.value, op.time_ms, op.document);
  bucket->document_kinds =
      op.document.empty() ? bucket->document_kinds & ~bit : bucket->document_kinds | bit;
  bucket->settings_lsn = view_.lsn.value;
  rows_.put(store::Table::kBucket, op.bucket, bucket->encode());
  return Answer{};
}

Result<Unit> Apply::drop_bucket_documents(const BucketRecord& bucket) {
  for (unsigned kind = 1; kind <= static_cast<unsigned>(BucketDocument::kLast); ++kind)
    if ((bucket.document_kinds >> kind & 1) != 0)
      TRY_DO(erase_bucket_document(rows_, bucket.id, static_cast<BucketDocument>(kind)));
  return Unit{};
}

Result<Answer> Apply::set_object_lock(const SetObjectLock& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  if (bucket->versioning != Versioning::kEnabled)
    return refuse(Refusal::kInvalidBucketState,
                  "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                  "configuration");
  BucketLock wanted = op.lock;
  wanted.enabled = true;  // Nothing leads back.
  if (bucket->lock == wanted) return refuse(Refusal::kNothingToDo);
  bucket->lock = wanted;
  bucket->settings_lsn = view_.lsn.value;
  rows_.put(store::Table::kBucket, op.bucket, bucket->encode());
  return Answer{};
}

// The clock of a lock does not run back with the machine's.
Result<std::int64_t> Apply::log_time(std::int64_t wanted_ms) {
  TRY(row, rows_.find(store::Table::kSys, "mtime"));
  if (!row) return wanted_ms;
  TRY(fields, TlvReader::parse(*row));
  return std::max(wanted_ms, static_cast<std::int64_t>(fields.number(1)));
}

Result<std::optional<Answer>> Apply::check_unlocked(const std::optional<ObjectRecord>& gone,
                                                    std::int64_t time_ms, bool bypass) {
  if (!gone || (gone->attributes.retention.mode == RetentionMode::kNone &&
                gone->attributes.legal_hold != LegalHold::kOn))
    return std::optional<Answer>();
  TRY(now, log_time(time_ms));
  if (!gone->attributes.locked(now, bypass)) return std::optional<Answer>();
  return std::optional<Answer>(refuse(Refusal::kLocked));
}

ObjectAttributes Apply::stamped(const BucketRecord& bucket, ObjectAttributes attributes,
                                std::int64_t time_ms) {
  if (attributes.retention.mode == RetentionMode::kNone)
    attributes.retention = bucket.lock.retention_at(time_ms);
  return attributes;
}

// Attributes lie in the row while it has room for them.
std::string Apply::fit_attributes(ObjectRecord& record) {
  record.attribute_bytes = 0;
  std::string row = record.encode();
  if (row.size() <= store::kRowValueBytesMax) return row;
  const std::string attributes = record.attributes.encode();
  put_document(rows_, record.documents, 'a', attributes);
  record.attribute_bytes = static_cast<std::uint32_t>(attributes.size());
  row = record.encode();
  check(row.size() <= store::kRowValueBytesMax);
  return row;
}

std::optional<Answer> Apply::judge_retention(const SetObjectAttribute& op,
                                             const ObjectAttributes& current, std::int64_t now) {
  const Retention& held = current.retention;
  const bool active = held.mode != RetentionMode::kNone && held.until_ms > now;
  if (active && !may_change(held, op.attributes.retention, op.bypass_governance))
    return refuse(Refusal::kLocked);
  return std::nullopt;
}

Result<Answer> Apply::set_object_attribute(const SetObjectAttribute& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  std::optional<ObjectRecord> record;
  if (op.version_id.empty()) {
    TRY(current, load_object(rows_, bucket->id, op.key));
    record = std::move(current);
    if (!record) return refuse(Refusal::kNoSuchKey, op.key);
  } else {
    TRY(version, load_version(rows_, bucket->id, op.key, op.version_id));
    record = std::move(version);
    if (!record) return refuse(Refusal::kNoSuchVersion, op.version_id);
  }
  if (record->delete_marker) return refuse(Refusal::kNoSuchKey, op.key);
  const bool of_lock = op.kind == AttributeKind::kRetention || op.kind == AttributeKind::kLegalHold;
  if (of_lock && !bucket->lock.enabled) return refuse(Refusal::kBadRequest, std::string(kNoLock));
  ObjectAttributes wanted = record->attributes;
  switch (op.kind) {
    case AttributeKind::kTags: wanted.tags = op.attributes.tags; break;
    case AttributeKind::kAcl:
      wanted.acl = op.attributes.acl;
      wanted.owner = op.attributes.owner;
      break;
    case AttributeKind::kRetention: {
      TRY(now, log_time(op.time_ms));
      if (const std::optional<Answer> no = judge_retention(op, wanted, now)) return *no;
      wanted.retention = op.attributes.retention;
      break;
    }
    case AttributeKind::kLegalHold: wanted.legal_hold = op.attributes.legal_hold; break;
    default:
      return fail(ErrorCode::kInvalid, cat("attribute of kind ", static_cast<unsigned>(op.kind)));
  }
  Answer answer;
  answer.version_id = told_version(*bucket, *record);
  if (wanted == record->attributes) {
    answer.refusal = Refusal::kNothingToDo;
    return answer;
  }
  if (wanted.encode().size() > kAttributesBytesMax)
    return refuse(Refusal::kBadRequest, "The object's tags and grants are too long.");
  TRY_DO(put_attributes(bucket->id, op.key, *record, std::move(wanted)));
  return answer;
}

Result<Unit> Apply::put_attributes(std::uint64_t bucket_id, std::string_view key,
                                   ObjectRecord& record, ObjectAttributes wanted) {
  erase_document(rows_, record.documents, 'a', record.attribute_bytes);
  record.attributes = std::move(wanted);
  const std::string row = fit_attributes(record);
  TRY(current, is_current(bucket_id, key, record));
  if (current) rows_.put(store::Table::kObject, object_key(bucket_id, key), row);
  else rows_.put(store::Table::kVersion, version_key(bucket_id, key, record.documents), row);
  return Unit{};
}

Result<Answer> Apply::lifecycle_mark(const SetLifecycleMark& op) {
  put_lifecycle_mark(rows_, op.mark);
  return Answer{};
}

}  // namespace creel::s3
