#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/encryption.h"
#include "s3/model/versions.h"

namespace creel::s3 {
namespace {

Answer refused(Refusal why, std::string detail) {
  Answer answer;
  answer.refusal = why;
  answer.detail = std::move(detail);
  return answer;
}

std::optional<std::string> etag_of(const std::optional<ObjectRecord>& record) {
  return record ? std::optional<std::string>(record->etag) : std::nullopt;
}

}  // namespace

// s3.md §6: If-Match on an absent key is 404 for a write, 412 for a delete.
std::optional<Answer> judge_conditions(const Conditions& conditions,
                                       const std::optional<std::string>& current, bool deleting) {
  const std::optional<std::string_view> etag =
      current ? std::optional<std::string_view>(*current) : std::nullopt;
  const S3Result<Unit> judged =
      deleting ? check_delete(conditions, etag) : check_write(conditions, etag, {});
  if (judged.ok()) return std::nullopt;
  if (judged.error().code == S3Code::kNoSuchKey) return refused(Refusal::kNoSuchKey, {});
  const bool match = !conditions.if_match.empty();
  return refused(Refusal::kPreconditionFailed, match ? "If-Match" : "If-None-Match");
}

Result<Answer> Apply::put_object(const PutObject& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  if (const std::optional<Answer> no = check_version_key(*bucket, op.key)) return *no;
  TRY(slot, look(*bucket, op.key));
  if (const std::optional<Answer> no =
          judge_conditions(op.conditions, etag_of(slot.current), false))
    return *no;
  TRY(locked, check_unlocked(slot.gone, op.time_ms, false));
  if (locked) return *locked;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, adds(slot, op.size))) return *no;
  TRY(time, advance_time(op.time_ms));
  TRY(stored, stored_bytes(op.attributes.encryption, op.size));
  const bool sealed = !op.attributes.encryption.empty();
  TRY(body, take_body(op.body, stored, sealed ? 0 : op.crc64, 0));
  ObjectRecord record;
  record.size = op.size;
  record.mtime_ms = time;
  record.etag = op.etag;
  record.lsn = view_.lsn.value;
  record.crc64 = op.crc64;
  record.checksum = op.checksum;
  record.body = std::move(body);
  record.origin = op.origin;
  record.headers = op.headers;
  record.attributes = stamped(*bucket, op.attributes, time);
  record.version_id = new_version_id(*bucket, time, 0);
  TRY_DO(make_room(*bucket, op.key, slot));
  Answer answer;
  answer.version_id = told_version(*bucket, record);
  answer.etag = record.etag;
  answer.mtime_ms = time;
  answer.size = record.size;
  answer.checksum = record.checksum;
  write_object(bucket->id, op.key, std::move(record), 0, {});
  return answer;
}

Result<Answer> Apply::delete_object(const DeleteObject& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  if (!op.version_id.empty()) return delete_version(op, *bucket);
  if (const std::optional<Answer> no = check_version_key(*bucket, op.key)) return *no;
  TRY(slot, look(*bucket, op.key));
  if (const std::optional<Answer> no = judge_conditions(op.conditions, etag_of(slot.current), true))
    return *no;
  const bool versioned = bucket->versioning != Versioning::kNever;
  if (op.expected_lsn != 0 && (!slot.current || slot.current->lsn != op.expected_lsn))
    return refuse(Refusal::kNothingToDo);
  TRY(locked, check_unlocked(slot.gone, op.time_ms, op.bypass_governance));
  if (locked) return *locked;
  Answer answer;
  answer.existed = slot.current.has_value();
  if (!slot.current && !versioned)
    return refuse(Refusal::kNothingToDo);  // A success that costs no flash.
  TRY(time, advance_time(op.time_ms));
  answer.mtime_ms = time;
  Change change = adds(slot, 0);
  if (!versioned) change.objects_after = 0;
  count(op.bucket, *bucket, change);
  if (!versioned) {
    TRY_DO(make_room(*bucket, op.key, slot));
    return answer;
  }
  TRY(marker, put_marker(*bucket, op.key, slot, time, op.origin, 0));
  answer.delete_marker = true;
  answer.version_id = told_version(*bucket, marker);
  return answer;
}

Result<std::optional<ObjectRecord>> Apply::source_of(const CopyObject& op,
                                                     std::uint64_t bucket_id) {
  if (op.source_version.empty()) return load_object(rows_, bucket_id, op.source_key);
  return load_version(rows_, bucket_id, op.source_key, op.source_version);
}

// In place, wherever the version lies.
Result<Unit> Apply::rewrite(std::uint64_t bucket_id, std::string_view key,
                            const ObjectRecord& record) {
  TRY(current, is_current(bucket_id, key, record));
  if (current) rows_.put(store::Table::kObject, object_key(bucket_id, key), record.encode());
  else
    rows_.put(store::Table::kVersion, version_key(bucket_id, key, record.documents),
              record.encode());
  return Unit{};
}

// Shares the source's bytes: a direct manifest becomes a blob row that both records count on.
Result<Answer> Apply::copy_object(const CopyObject& op) {
  TRY(source_bucket, load_bucket(rows_, op.source_bucket));
  if (!source_bucket) return refuse(Refusal::kNoSuchBucket, op.source_bucket);
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(source, source_of(op, source_bucket->id));
  if (!source && op.source_version.empty()) return refuse(Refusal::kNoSuchKey, op.source_key);
  if (!source) return refuse(Refusal::kNoSuchVersion, op.source_version);
  if (source->delete_marker) return refuse(Refusal::kIsDeleteMarker);
  if (const std::optional<Answer> no = check_version_key(*bucket, op.key)) return *no;
  if (source->etag != op.source_etag)
    return refuse(Refusal::kPreconditionFailed, "x-amz-copy-source-if-match");
  TRY(target, look(*bucket, op.key));
  if (const std::optional<Answer> no =
          judge_conditions(op.conditions, etag_of(target.current), false))
    return *no;
  TRY(locked, check_unlocked(target.gone, op.time_ms, false));
  if (locked) return *locked;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, adds(target, source->size)))
    return *no;
  TRY(time, advance_time(op.time_ms));
  TRY(parts, load_parts(rows_, *source));

  ObjectRecord copy = *source;
  if (source->body.kind == Body::Kind::kDirect) {
    const RowId id = own_id(1);
    const std::string& encryption = source->attributes.encryption;
    TRY(stored, stored_bytes(encryption, source->size));
    make_blob(id, source->body.manifest, stored, encryption.empty() ? source->crc64 : 0, 1);
    ObjectRecord shared = *source;
    erase_document(rows_, shared.documents, 'm', shared.manifest_bytes);
    shared.manifest_bytes = 0;
    shared.body = Body{Body::Kind::kSlice, {}, id, 0};
    TRY_DO(rewrite(source_bucket->id, op.source_key, shared));
    copy.body = shared.body;
  }
  if (copy.body.kind == Body::Kind::kSlice) TRY_DO(reference(copy.body.blob));
  for (const PartRef& part : parts)
    if (part.size > 0) TRY_DO(reference(part.blob));

  copy.etag = op.etag;
  copy.mtime_ms = time;
  copy.lsn = view_.lsn.value;
  copy.part_count = 0;
  copy.digest_bytes = 0;
  copy.origin = {};
  if (!op.checksum.algorithm.empty()) copy.checksum = op.checksum;
  if (op.replace_headers) copy.headers = op.headers;
  copy.attributes = stamped(*bucket, op.attributes, time);
  if (!op.replace_tags) copy.attributes.tags = source->attributes.tags;
  if (op.attributes.encryption.empty()) copy.attributes.encryption = source->attributes.encryption;
  // The target as it stands now: a copy onto itself has just been turned into a shared blob.
  TRY(slot, look(*bucket, op.key));
  TRY_DO(make_room(*bucket, op.key, slot));
  copy.version_id = new_version_id(*bucket, time, 0);
  Answer answer;
  answer.version_id = told_version(*bucket, copy);
  answer.etag = copy.etag;
  answer.mtime_ms = time;
  answer.size = copy.size;
  answer.checksum = copy.checksum;
  write_object(bucket->id, op.key, std::move(copy), 0, parts);
  return answer;
}

Result<Answer> Apply::healed(const Healed& op) {
  TRY(blob, load_blob(rows_, op.blob));
  Answer answer;
  answer.existed = blob && blob->manifest == op.old_manifest;
  if (!answer.existed) return answer;  // Deleted or healed by another meanwhile: nothing to do.
  TRY_DO(check_manifest(op.new_manifest));
  erase_document(rows_, op.blob, 'm', blob->manifest_bytes);
  rows_.erase(store::Table::kHeal, cat('h', op.blob.bytes()));
  make_blob(op.blob, op.new_manifest, blob->size, blob->crc64, blob->references);
  return answer;
}

Result<Answer> Apply::reaped(const Reaped& op) {
  for (const std::string& key : op.dead_keys) rows_.erase(store::Table::kHeal, key);
  return Answer{};
}

}  // namespace creel::s3
