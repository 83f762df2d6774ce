// What a write or delete does to the versions of its key (s3.md §8).
#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/versions.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kNull = "null";

std::string shown_id(const ObjectRecord& record) {
  return record.version_id.empty() ? std::string(kNull) : record.version_id;
}

}  // namespace

Result<Answer> Apply::set_versioning(const SetVersioning& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  if (op.versioning != Versioning::kEnabled && op.versioning != Versioning::kSuspended)
    return fail(ErrorCode::kInvalid,
                cat("versioning of kind ", static_cast<unsigned>(op.versioning)));
  if (bucket->versioning == op.versioning) return refuse(Refusal::kNothingToDo);
  if (bucket->lock.enabled)
    return refuse(Refusal::kInvalidBucketState,
                  "An Object Lock configuration is present on this bucket, so the versioning state "
                  "cannot be changed.");
  bucket->versioning = op.versioning;
  rows_.put(store::Table::kBucket, op.bucket, bucket->encode());
  return Answer{};
}

Result<Apply::Slot> Apply::look(const BucketRecord& bucket, std::string_view key) {
  Slot slot;
  TRY(current, load_object(rows_, bucket.id, key));
  slot.current = std::move(current);
  if (bucket.versioning == Versioning::kNever) {
    slot.gone = slot.current;
  } else if (bucket.versioning == Versioning::kSuspended) {
    TRY(null, load_version(rows_, bucket.id, key, kNull));
    slot.gone = std::move(null);
  }
  return slot;
}

Apply::Change Apply::adds(const Slot& slot, std::uint64_t size) {
  return replaces(slot.gone, size);
}

Result<Unit> Apply::make_room(const BucketRecord& bucket, std::string_view key, const Slot& slot) {
  const bool current_goes =
      slot.current && slot.gone && slot.gone->documents == slot.current->documents;
  if (slot.gone) {
    TRY_DO(release(*slot.gone));
    if (current_goes) rows_.erase(store::Table::kObject, object_key(bucket.id, key));
    else erase_older(bucket.id, key, *slot.gone);
  }
  if (!slot.current || current_goes) return Unit{};
  rows_.erase(store::Table::kObject, object_key(bucket.id, key));
  put_older(bucket.id, key, *slot.current);
  return Unit{};
}

void Apply::put_older(std::uint64_t bucket_id, std::string_view key, const ObjectRecord& record) {
  rows_.put(store::Table::kVersion, version_key(bucket_id, key, record.documents), record.encode());
  if (record.version_id.empty())
    rows_.put(store::Table::kConf, null_version_key(bucket_id, key), record.documents.bytes());
}

void Apply::erase_older(std::uint64_t bucket_id, std::string_view key, const ObjectRecord& record) {
  rows_.erase(store::Table::kVersion, version_key(bucket_id, key, record.documents));
  if (record.version_id.empty()) rows_.erase(store::Table::kConf, null_version_key(bucket_id, key));
}

std::string Apply::new_version_id(const BucketRecord& bucket, std::int64_t time_ms,
                                  std::uint16_t sub) const {
  return bucket.versioning == Versioning::kEnabled ? make_version_id(time_ms, own_id(sub))
                                                   : std::string();
}

std::string Apply::told_version(const BucketRecord& bucket, const ObjectRecord& record) {
  return bucket.versioning == Versioning::kNever ? std::string() : shown_id(record);
}

std::optional<Answer> Apply::check_version_key(const BucketRecord& bucket, std::string_view key) {
  if (bucket.versioning == Versioning::kNever || fits_version_key(key)) return std::nullopt;
  return refuse(Refusal::kBadRequest,
                "The key has more zero bytes than a bucket with versions can keep.");
}

// The delete marker of a DELETE without id.
Result<ObjectRecord> Apply::put_marker(const BucketRecord& bucket, std::string_view key,
                                       const Slot& slot, std::int64_t time_ms, Origin origin,
                                       std::uint16_t sub) {
  TRY_DO(make_room(bucket, key, slot));
  ObjectRecord marker;
  marker.delete_marker = true;
  marker.mtime_ms = time_ms;
  marker.lsn = view_.lsn.value;
  marker.documents = own_id(sub);
  marker.origin = origin;
  marker.version_id = new_version_id(bucket, time_ms, sub);
  put_older(bucket.id, key, marker);
  return marker;
}

// Without the documents, which may be gone already.
Result<bool> Apply::is_current(std::uint64_t bucket_id, std::string_view key,
                               const ObjectRecord& record) {
  TRY(row, rows_.find(store::Table::kObject, object_key(bucket_id, key)));
  if (!row) return false;
  TRY(current, ObjectRecord::decode(*row));
  return current.documents == record.documents;
}

// The newest of the older versions becomes current, unless it is a marker.
Result<Unit> Apply::promote(std::uint64_t bucket_id, std::string_view key) {
  TRY(current, rows_.find(store::Table::kObject, object_key(bucket_id, key)));
  if (current) return Unit{};
  TRY(newest, load_newest_older(rows_, bucket_id, key));
  if (!newest || newest->delete_marker) return Unit{};
  erase_older(bucket_id, key, *newest);
  rows_.put(store::Table::kObject, object_key(bucket_id, key), newest->encode());
  return Unit{};
}

Result<Answer> Apply::delete_version(const DeleteObject& op, const BucketRecord& bucket) {
  TRY(version, load_version(rows_, bucket.id, op.key, op.version_id));
  if (!version) return refuse(Refusal::kNothingToDo);  // Gone is deleted.
  const std::optional<std::string> etag =
      version->delete_marker ? std::nullopt : std::optional<std::string>(version->etag);
  if (const std::optional<Answer> no = judge_conditions(op.conditions, etag, true)) return *no;
  if (op.expected_lsn != 0 && version->lsn != op.expected_lsn) return refuse(Refusal::kNothingToDo);
  TRY(locked, check_unlocked(version, op.time_ms, op.bypass_governance));
  if (locked) return *locked;
  Change change = replaces(version, 0);
  change.objects_after = 0;
  count(op.bucket, bucket, change);
  TRY_DO(release(*version));
  TRY(current, is_current(bucket.id, op.key, *version));
  if (current) rows_.erase(store::Table::kObject, object_key(bucket.id, op.key));
  else erase_older(bucket.id, op.key, *version);
  TRY_DO(promote(bucket.id, op.key));
  Answer answer;
  answer.existed = true;
  answer.delete_marker = version->delete_marker;
  answer.version_id = told_version(bucket, *version);
  return answer;
}

}  // namespace creel::s3
