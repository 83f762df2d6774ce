#include "platform/base/text.h"
#include "s3/model/apply.h"

namespace creel::s3 {
namespace {

Answer refused(Refusal why, std::string detail) {
  Answer answer;
  answer.refusal = why;
  answer.detail = std::move(detail);
  return answer;
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
  TRY(old, load_object(rows_, bucket->id, op.key));
  const std::optional<std::string> current =
      old ? std::optional<std::string>(old->etag) : std::nullopt;
  if (const std::optional<Answer> no = judge_conditions(op.conditions, current, false)) return *no;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, replaces(old, op.size)))
    return *no;
  TRY(time, advance_time(op.time_ms));
  TRY(body, take_body(op.body, op.size, op.crc64, 0));
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
  if (old) TRY_DO(release(*old));
  Answer answer;
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
  TRY(old, load_object(rows_, bucket->id, op.key));
  const std::optional<std::string> current =
      old ? std::optional<std::string>(old->etag) : std::nullopt;
  if (const std::optional<Answer> no = judge_conditions(op.conditions, current, true)) return *no;
  Answer answer;
  answer.existed = old.has_value();
  if (!old) return refuse(Refusal::kNothingToDo);  // A success that costs no flash.
  TRY(time, advance_time(op.time_ms));
  answer.mtime_ms = time;
  Change change = replaces(old, 0);
  change.objects_after = 0;
  count(op.bucket, std::move(*bucket), change);
  TRY_DO(release(*old));
  rows_.erase(store::Table::kObject, object_key(bucket->id, op.key));
  return answer;
}

// Shares the source's bytes: a direct manifest becomes a blob row that both records count on.
Result<Answer> Apply::copy_object(const CopyObject& op) {
  TRY(source_bucket, load_bucket(rows_, op.source_bucket));
  if (!source_bucket) return refuse(Refusal::kNoSuchBucket, op.source_bucket);
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(source, load_object(rows_, source_bucket->id, op.source_key));
  if (!source) return refuse(Refusal::kNoSuchKey, op.source_key);
  if (source->etag != op.source_etag)
    return refuse(Refusal::kPreconditionFailed, "x-amz-copy-source-if-match");
  TRY(target, load_object(rows_, bucket->id, op.key));
  const std::optional<std::string> current =
      target ? std::optional<std::string>(target->etag) : std::nullopt;
  if (const std::optional<Answer> no = judge_conditions(op.conditions, current, false)) return *no;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, replaces(target, source->size)))
    return *no;
  TRY(time, advance_time(op.time_ms));
  TRY(parts, load_parts(rows_, *source));

  ObjectRecord copy = *source;
  if (source->body.kind == Body::Kind::kDirect) {
    const RowId id = own_id(1);
    make_blob(id, source->body.manifest, source->size, source->crc64, 1);
    ObjectRecord shared = *source;
    erase_document(rows_, shared.documents, 'm', shared.manifest_bytes);
    shared.manifest_bytes = 0;
    shared.body = Body{Body::Kind::kSlice, {}, id, 0};
    rows_.put(store::Table::kObject, object_key(source_bucket->id, op.source_key), shared.encode());
    copy.body = shared.body;
  }
  if (copy.body.kind == Body::Kind::kSlice) TRY_DO(reference(copy.body.blob));
  for (const PartRef& part : parts)
    if (part.size > 0) TRY_DO(reference(part.blob));

  copy.etag = op.etag;
  copy.mtime_ms = time;
  copy.lsn = view_.lsn.value;
  copy.part_count = 0;
  copy.origin = {};
  if (!op.checksum.algorithm.empty()) copy.checksum = op.checksum;
  if (op.replace_headers) copy.headers = op.headers;
  // The target as it stands now: a copy onto itself has just been turned into a shared blob.
  TRY(old, load_object(rows_, bucket->id, op.key));
  if (old) TRY_DO(release(*old));
  Answer answer;
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
