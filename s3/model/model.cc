#include "s3/model/model.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/apply.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

template <class Op>
Result<Answer> run(Apply& apply, Result<Answer> (Apply::*decide)(const Op&), Result<Op> op) {
  if (!op.ok()) return op.error();
  return (apply.*decide)(op.value());
}

Result<Answer> dispatch(OpKind kind, std::string_view meta, Apply& apply) {
  switch (kind) {
    case OpKind::kCreateBucket: return run(apply, &Apply::create_bucket, decode_CreateBucket(meta));
    case OpKind::kDeleteBucket: return run(apply, &Apply::delete_bucket, decode_DeleteBucket(meta));
    case OpKind::kPut: return run(apply, &Apply::put_object, decode_PutObject(meta));
    case OpKind::kDelete: return run(apply, &Apply::delete_object, decode_DeleteObject(meta));
    case OpKind::kCopy: return run(apply, &Apply::copy_object, decode_CopyObject(meta));
    case OpKind::kCreateUpload: return run(apply, &Apply::create_upload, decode_CreateUpload(meta));
    case OpKind::kPutPart: return run(apply, &Apply::put_part, decode_PutPart(meta));
    case OpKind::kCompleteUpload:
      return run(apply, &Apply::complete_upload, decode_CompleteUpload(meta));
    case OpKind::kAbortUpload: return run(apply, &Apply::abort_upload, decode_AbortUpload(meta));
    case OpKind::kSetFilter: return run(apply, &Apply::set_filter, decode_SetFilter(meta));
    case OpKind::kReplIn: return run(apply, &Apply::repl_in, decode_ReplIn(meta));
    case OpKind::kReplPart: return run(apply, &Apply::repl_part, decode_ReplPart(meta));
    case OpKind::kReplCursor: return run(apply, &Apply::repl_cursor, decode_ReplCursor(meta));
    case OpKind::kReplPark: return run(apply, &Apply::repl_park, decode_ReplPark(meta));
    case OpKind::kHealed: return run(apply, &Apply::healed, decode_Healed(meta));
    case OpKind::kReaped: return run(apply, &Apply::reaped, decode_Reaped(meta));
    case OpKind::kSetQuota: return run(apply, &Apply::set_quota, decode_SetQuota(meta));
    case OpKind::kSetVersioning:
      return run(apply, &Apply::set_versioning, decode_SetVersioning(meta));
    case OpKind::kSetIdentity: return run(apply, &Apply::set_identity, decode_SetIdentity(meta));
    case OpKind::kSetBucketDocument:
      return run(apply, &Apply::set_bucket_document, decode_SetBucketDocument(meta));
    case OpKind::kSetObjectAttribute:
      return run(apply, &Apply::set_object_attribute, decode_SetObjectAttribute(meta));
    case OpKind::kSetObjectLock:
      return run(apply, &Apply::set_object_lock, decode_SetObjectLock(meta));
    case OpKind::kLifecycleMark:
      return run(apply, &Apply::lifecycle_mark, decode_SetLifecycleMark(meta));
    case OpKind::kNodeBoot: break;
  }
  return fail(ErrorCode::kUnsupported, cat("operation of kind ", static_cast<unsigned>(kind)));
}

}  // namespace

store::Verdict Model::decide(store::OpView view, store::StagedRows& rows) {
  store::Verdict verdict;
  verdict.lsn = view.lsn;
  const std::string_view meta = as_text(view.op.meta);
  Result<OpKind> kind = op_kind(meta);
  Apply apply(options_, view, rows);
  Result<Answer> answer = kind.ok() ? dispatch(kind.value(), meta, apply) : kind.error();
  if (!answer.ok()) {
    verdict.error = answer.error();
    return verdict;
  }
  verdict.answer = to_bytes(std::string_view(answer.value().encode()));
  verdict.accepted = answer.value().refusal == Refusal::kNone;
  if (!verdict.accepted) verdict.error = fail(ErrorCode::kConflict, answer.value().detail);
  return verdict;
}

std::string repl_in_key(std::string_view stream) { return cat("in", stream); }
std::string repl_out_key(std::string_view stream) { return cat("out", stream); }

std::string transfer_key(std::string_view stream, std::uint64_t lsn) {
  return cat("xf", stream, be64_key(lsn));
}

std::string park_key(std::string_view stream, std::uint64_t lsn) {
  return cat(stream, be64_key(lsn));
}

namespace {
enum PositionTag : std::uint16_t { kLow = 1, kDigest };
enum TransferTag : std::uint16_t { kOffset = 1, kCrc, kParts };
}  // namespace

Result<StreamPosition> load_position(const store::RowReader& rows, std::string_view key) {
  TRY(row, rows.find(store::Table::kRepl, key));
  if (!row) return StreamPosition{};
  TRY(fields, TlvReader::parse(*row));
  return StreamPosition{fields.number(kLow), fields.text(kDigest)};
}

std::string encode_position(const StreamPosition& position) {
  return TlvWriter().number(kLow, position.low).text(kDigest, position.digest).take();
}

// A transfer's parts may pass a row's size: 20 bytes each, so they go to a document.
Result<std::optional<TransferRecord>> load_transfer(const store::RowReader& rows,
                                                    std::string_view stream, std::uint64_t lsn) {
  TRY(row, rows.find(store::Table::kRepl, transfer_key(stream, lsn)));
  if (!row) return std::optional<TransferRecord>();
  TRY(fields, TlvReader::parse(*row));
  TransferRecord record{fields.number(kOffset), fields.number(kCrc), {}};
  const std::uint64_t count = fields.number(kParts);
  for (std::uint64_t part = 0; part < count; ++part) {
    const std::string key = transfer_key(stream, lsn) + be64_key(part);
    TRY(piece, rows.find(store::Table::kRepl, key));
    if (!piece)
      return fail(ErrorCode::kCorrupt, cat("transfer ", lsn, ": part ", part, " is missing"));
    TRY(parts, decode_parts(*piece));
    record.parts.insert(record.parts.end(), parts.begin(), parts.end());
  }
  return std::optional<TransferRecord>(std::move(record));
}

std::string encode_transfer(const TransferRecord& record) {
  return TlvWriter()
      .number(kOffset, record.offset)
      .number(kCrc, record.crc64)
      .number(kParts, record.parts.size())
      .take();
}

Result<std::string> load_filter(const store::RowReader& rows, std::uint64_t bucket_id,
                                std::uint64_t lsn) {
  // Rows are bucket ‖ lsn of the rule change; the newest at or below `lsn` governs.
  const std::string prefix = be64_key(bucket_id);
  std::string found_value;
  std::uint64_t found = 0;
  TRY(cursor, rows.cursor(store::Table::kFilter));
  TRY(valid, cursor->seek(prefix));
  bool more = valid;
  while (more && cursor->key().starts_with(prefix) && cursor->key().size() == 16) {
    const auto at = load_be<std::uint64_t>(as_bytes(cursor->key()), 8);
    if (at > lsn) break;
    found = at;
    found_value = std::string(cursor->value());
    TRY(next, cursor->next());
    more = next;
  }
  if (found == 0) return std::string();
  TRY(fields, TlvReader::parse(found_value));
  return load_document(rows, RowId{found, 0}, 'f', fields.number(1));
}

}  // namespace creel::s3
