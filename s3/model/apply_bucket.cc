#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

// Whether any row of the table begins with `prefix`.
Result<bool> has_rows(const store::RowReader& rows, store::Table table, std::string_view prefix) {
  TRY(cursor, rows.cursor(table));
  TRY(found, cursor->seek(prefix));
  return found && cursor->key().starts_with(prefix);
}

}  // namespace

Answer Apply::refuse(Refusal why, std::string detail) {
  Answer answer;
  answer.refusal = why;
  answer.detail = std::move(detail);
  return answer;
}

Result<Answer> Apply::create_bucket(const CreateBucket& op) {
  TRY(old, load_bucket(rows_, op.name));
  if (old) return refuse(Refusal::kBucketExists, old->owner);
  BucketRecord record;
  record.id = view_.lsn.value;
  record.created_ms = op.time_ms;
  record.owner = op.owner;
  record.region = op.region;
  if (op.object_lock) {
    record.lock.enabled = true;
    record.versioning = Versioning::kEnabled;
  }
  // At most one of them is long: long ones share the name of the operation that wrote them.
  for (const std::string& document : op.documents) {
    const auto kind = static_cast<BucketDocument>(document.empty() ? 0 : document[0]);
    if (kind < BucketDocument::kTagging || kind > BucketDocument::kLast)
      return fail(ErrorCode::kInvalid, "a new bucket's document of an unknown kind");
    put_bucket_document(rows_, record.id, kind, record.id, op.time_ms,
                        std::string_view(document).substr(1));
    record.document_kinds |= document_bit(kind);
    record.settings_lsn = record.id;
  }
  rows_.put(store::Table::kBucket, op.name, record.encode());
  return Answer{};
}

// Uploads under way do not keep a bucket alive (s3.md §7): they are dropped with it.
Result<Answer> Apply::delete_bucket(const DeleteBucket& op) {
  TRY(bucket, load_bucket(rows_, op.name));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  TRY(used, has_rows(rows_, store::Table::kObject, be64_key(bucket->id)));
  TRY(kept, has_rows(rows_, store::Table::kVersion, be64_key(bucket->id)));
  const bool versioned = bucket->versioning != Versioning::kNever;
  if (used || kept) return refuse(Refusal::kBucketNotEmpty, versioned ? "versioned" : "");
  const std::string prefix = be64_key(bucket->id);
  for (;;) {
    TRY(cursor, rows_.cursor(store::Table::kUpload));
    TRY(found, cursor->seek(prefix));
    if (!found || !cursor->key().starts_with(prefix)) break;
    const std::string key(cursor->key());
    TRY(upload, UploadRecord::decode(cursor->value()));
    if (const std::optional<std::uint64_t> lsn = upload_lsn(upload.upload_id))
      TRY_DO(drop_all_parts(*lsn));  // Its counters go with its row.
    drop_upload_documents(upload);
    rows_.erase(store::Table::kUpload, key);
  }
  TRY_DO(drop_bucket_documents(*bucket));
  rows_.erase(store::Table::kBucket, op.name);
  return Answer{};
}

Result<Answer> Apply::set_filter(const SetFilter& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  // Older generations stay: an operation is filtered by the rules that stood at its position (F7).
  const RowId id = own_id(0);
  put_document(rows_, id, 'f', op.document);
  rows_.put(store::Table::kFilter, be64_key(bucket->id) + be64_key(id.lsn),
            TlvWriter()
                .number(1, op.document.size())
                .number(2, static_cast<std::uint64_t>(op.time_ms))
                .take());
  return Answer{};
}

}  // namespace creel::s3
