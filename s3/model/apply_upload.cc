#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "s3/model/apply.h"
#include "s3/model/encryption.h"

namespace creel::s3 {
namespace {
constexpr std::size_t kInRowBytes = 320;
constexpr std::int64_t kCompletedKeptMs = 24 * 3'600'000;  // s3.md §9
constexpr int kForgottenPerOp = 4;
constexpr char kDonePrefix = 'u';  // Table::kConf: 'u' ‖ completion ms ‖ upload row key → "1"
constexpr std::size_t kDoneKeyAt =
    9;  // Where the upload row key begins; it may pass a row's value.
}  // namespace

Result<Answer> Apply::create_upload(const CreateUpload& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  UploadRecord record;
  record.upload_id = make_upload_id(view_.lsn.value, op.random);
  record.initiated_ms = op.time_ms;
  record.owner = op.owner;
  record.checksum = op.checksum;
  record.headers = op.headers;
  record.attributes = op.attributes;
  record.documents = own_id(0);
  const std::string headers = encode_headers(op.headers);
  if (headers.size() > kInRowBytes) {
    put_document(rows_, record.documents, 'h', headers);
    record.header_bytes = static_cast<std::uint32_t>(headers.size());
  }
  const std::string attributes = op.attributes.encode();
  if (attributes.size() > kInRowBytes) {
    put_document(rows_, record.documents, 'a', attributes);
    record.attribute_bytes = static_cast<std::uint32_t>(attributes.size());
  }
  rows_.put(store::Table::kUpload, upload_key(bucket->id, op.key, view_.lsn.value),
            record.encode());
  Answer answer;
  answer.upload_id = record.upload_id;
  return answer;
}

void Apply::drop_upload_documents(const UploadRecord& upload) {
  erase_document(rows_, upload.documents, 'h', upload.header_bytes);
  erase_document(rows_, upload.documents, 'a', upload.attribute_bytes);
}

Result<std::uint64_t> Apply::drop_part(std::uint64_t upload, std::uint16_t number) {
  TRY(part, load_part(rows_, upload, number));
  if (!part) return std::uint64_t{0};
  if (part->size > 0) TRY_DO(unreference(part->blob));
  rows_.erase(store::Table::kPart, part_key(upload, number));
  return part->size;
}

Result<std::uint64_t> Apply::drop_all_parts(std::uint64_t upload) {
  const std::string prefix = be64_key(upload);
  std::uint64_t bytes = 0;
  for (;;) {
    TRY(cursor, rows_.cursor(store::Table::kPart));
    TRY(found, cursor->seek(prefix));
    if (!found || !cursor->key().starts_with(prefix)) return bytes;
    const auto number = load_be<std::uint16_t>(as_bytes(cursor->key()), 8);
    TRY(dropped, drop_part(upload, number));
    bytes += dropped;
  }
}

Result<Answer> Apply::put_part(const PutPart& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(upload, load_upload(rows_, bucket->id, op.key, op.upload_id));
  if (!upload || upload->completed) return refuse(Refusal::kNoSuchUpload, op.upload_id);
  const std::uint64_t lsn = *upload_lsn(op.upload_id);
  TRY(old, load_part(rows_, lsn, op.number));
  Change change;
  change.upload_bytes_before = old ? old->size : 0;
  change.upload_bytes_after = op.size;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, change)) return *no;
  TRY(time, advance_time(op.time_ms));
  const bool sealed = !upload->attributes.encryption.empty();
  TRY(stored, stored_bytes(upload->attributes.encryption, op.size));
  const std::uint64_t stored_crc = sealed ? 0 : op.crc64;
  TRY(body, take_body(op.body, stored, stored_crc, 0));
  // Every part is a blob row, so that Complete names bytes without copying any.
  if (body.kind == Body::Kind::kDirect)
    make_blob(own_id(0), std::move(body.manifest), stored, stored_crc, 1);
  TRY_DO(drop_part(lsn, op.number));
  PartRecord record;
  record.size = op.size;
  record.mtime_ms = time;
  record.etag = op.etag;
  record.crc64 = op.crc64;
  record.checksum = op.checksum;
  if (op.size > 0) record.blob = own_id(0);
  rows_.put(store::Table::kPart, part_key(lsn, op.number), record.encode());
  Answer answer;
  answer.etag = op.etag;
  answer.mtime_ms = time;
  return answer;
}

Result<Unit> Apply::forget_old_uploads(std::int64_t now_ms) {
  const std::string prefix(1, kDonePrefix);
  for (int i = 0; i < kForgottenPerOp; ++i) {
    TRY(cursor, rows_.cursor(store::Table::kConf));
    TRY(found, cursor->seek(prefix));
    if (!found || !cursor->key().starts_with(prefix) || cursor->key().size() <= kDoneKeyAt)
      return Unit{};
    const auto done_ms = load_be<std::uint64_t>(as_bytes(cursor->key()), 1);
    if (static_cast<std::int64_t>(done_ms) + kCompletedKeptMs > now_ms) return Unit{};
    const std::string key(cursor->key());
    rows_.erase(store::Table::kConf, key);
    rows_.erase(store::Table::kUpload, std::string_view(key).substr(kDoneKeyAt));
  }
  return Unit{};
}

Result<Answer> Apply::complete_upload(const CompleteUpload& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(upload, load_upload(rows_, bucket->id, op.key, op.upload_id));
  if (!upload) return refuse(Refusal::kNoSuchUpload, op.upload_id);
  const std::uint64_t lsn = *upload_lsn(op.upload_id);
  if (const std::optional<Answer> no = check_version_key(*bucket, op.key)) return *no;
  TRY(slot, look(*bucket, op.key));
  const std::optional<ObjectRecord>& old = slot.current;
  const std::optional<std::string> current =
      old ? std::optional<std::string>(old->etag) : std::nullopt;
  if (upload->completed) {  // Repeating a finished Complete gives the same answer (s3.md §9).
    if (upload->etag != op.etag) return refuse(Refusal::kNoSuchUpload, op.upload_id);
    Answer again;
    again.refusal = Refusal::kNothingToDo;
    again.etag = upload->etag;
    again.version_id = upload->version_id;
    if (old && old->etag == upload->etag) {  // Else it was replaced or deleted meanwhile.
      again.mtime_ms = old->mtime_ms;
      again.size = old->size;
      again.checksum = old->checksum;
    }
    return again;
  }
  if (const std::optional<Answer> no = judge_conditions(op.conditions, current, false)) return *no;

  ObjectRecord record;
  std::vector<PartRef> parts;
  std::string digests;  // Of the parts, if the upload chose an algorithm.
  std::uint16_t last = 0;
  for (std::size_t i = 0; i < op.parts.size(); ++i) {
    const CompletedPart& wanted = op.parts[i];
    if (wanted.number <= last) return refuse(Refusal::kInvalidPartOrder);
    last = wanted.number;
    TRY(part, load_part(rows_, lsn, wanted.number));
    if (!part || part->etag != wanted.etag)
      return refuse(Refusal::kInvalidPart, cat(wanted.number));
    if (i + 1 < op.parts.size() && part->size < options_.part_bytes_min)
      return refuse(Refusal::kPartTooSmall, cat(wanted.number));
    parts.push_back({part->blob, part->size, wanted.number});
    if (!upload->checksum.algorithm.empty())
      if (const std::optional<Bytes> raw = base64_decode(part->checksum.value))
        digests.append(as_text(*raw));
    record.crc64 = crc64_nvme_combine(record.crc64, part->crc64, part->size);
    record.size += part->size;
  }
  if (parts.empty()) return refuse(Refusal::kBadRequest, "no parts");
  if (op.object_size && *op.object_size != record.size)
    return refuse(Refusal::kBadRequest, cat("x-amz-mp-object-size is ", *op.object_size,
                                            ", the parts have ", record.size));
  TRY(locked, check_unlocked(slot.gone, op.time_ms, false));
  if (locked) return *locked;
  TRY(time, advance_time(op.time_ms));
  TRY_DO(forget_old_uploads(time));

  for (const PartRef& part : parts) rows_.erase(store::Table::kPart, part_key(lsn, part.number));
  TRY(unlisted, drop_all_parts(lsn));
  Change change = adds(slot, record.size);
  change.upload_bytes_before = record.size + unlisted;
  if (const std::optional<Answer> no = charge(op.bucket, *bucket, change)) return *no;
  TRY_DO(make_room(*bucket, op.key, slot));
  record.mtime_ms = time;
  record.version_id = new_version_id(*bucket, time, 0);
  record.etag = op.etag;
  record.lsn = view_.lsn.value;
  record.checksum = op.checksum;
  record.part_count = static_cast<std::uint32_t>(parts.size());
  record.body.kind = Body::Kind::kParts;
  record.headers = upload->headers;
  record.attributes = stamped(*bucket, upload->attributes, time);

  put_document(rows_, own_id(0), 'c', digests);
  record.digest_bytes = static_cast<std::uint32_t>(digests.size());
  drop_upload_documents(*upload);
  UploadRecord done;
  done.upload_id = upload->upload_id;
  done.initiated_ms = upload->initiated_ms;
  done.completed = true;
  done.etag = op.etag;
  done.version_id = told_version(*bucket, record);
  const std::string row_key = upload_key(bucket->id, op.key, lsn);
  rows_.put(store::Table::kUpload, row_key, done.encode());
  rows_.put(store::Table::kConf,
            cat(kDonePrefix, be64_key(static_cast<std::uint64_t>(time)), row_key), "1");
  Answer answer;
  answer.etag = record.etag;
  answer.mtime_ms = time;
  answer.size = record.size;
  answer.version_id = done.version_id;
  answer.checksum = record.checksum;
  write_object(bucket->id, op.key, std::move(record), 0, parts);
  return answer;
}

Result<Answer> Apply::abort_upload(const AbortUpload& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(upload, load_upload(rows_, bucket->id, op.key, op.upload_id));
  if (!upload || upload->completed) return refuse(Refusal::kNoSuchUpload, op.upload_id);
  const std::uint64_t lsn = *upload_lsn(op.upload_id);
  Change change;
  TRY(dropped, drop_all_parts(lsn));
  change.upload_bytes_before = dropped;
  count(op.bucket, *bucket, change);
  drop_upload_documents(*upload);
  rows_.erase(store::Table::kUpload, upload_key(bucket->id, op.key, lsn));
  return Answer{};
}

}  // namespace creel::s3
