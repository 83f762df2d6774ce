#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "s3/model/apply.h"
#include "s3/model/encryption.h"
#include "s3/model/manifest.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kKeyBytesMax = 1'024;
constexpr std::size_t kStreamBytesMax = 64;
constexpr std::size_t kShortTextBytesMax = 80;  // ETags, checksums and digests are shorter.

// What another machine sent must fit into rows, whatever it is.
Result<Unit> check_fits(std::string_view what, std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return Unit{};
  return fail(ErrorCode::kInvalid,
              cat("replicated ", what, " of ", text.size(), " bytes, at most ", bytes_max, " fit"));
}

Result<Unit> check_put(const PutObject& put) {
  TRY_DO(check_fits("key", put.key, kKeyBytesMax));
  TRY_DO(check_fits("ETag", put.etag, kShortTextBytesMax));
  TRY_DO(check_fits("checksum algorithm", put.checksum.algorithm, kShortTextBytesMax));
  TRY_DO(check_fits("checksum type", put.checksum.type, kShortTextBytesMax));
  TRY_DO(check_fits("attributes", put.attributes.encode(), kAttributesBytesMax));
  return check_fits("checksum", put.checksum.value, kShortTextBytesMax);
}

}  // namespace

// One effect of a received batch. Source times are kept: a replica's Last-Modified is its own.
Result<Answer> Apply::apply_effect(const std::string& effect, const ReplIn& op, std::uint16_t sub,
                                   std::uint32_t& pack_users) {
  TRY(kind, op_kind(effect));
  if (kind == OpKind::kDelete) {
    TRY(erase, decode_DeleteObject(effect));
    TRY(bucket, load_bucket(rows_, erase.bucket));
    if (!bucket) return refuse(Refusal::kNoSuchBucket, erase.bucket);
    if (const std::optional<Answer> no = check_version_key(*bucket, erase.key)) return *no;
    TRY(slot, look(*bucket, erase.key));
    const bool versioned = bucket->versioning != Versioning::kNever;
    if (!slot.current && !versioned) return Answer{};
    Change change = adds(slot, 0);
    if (!versioned) change.objects_after = 0;
    count(erase.bucket, *bucket, change);
    if (!versioned) TRY_DO(make_room(*bucket, erase.key, slot));
    else TRY_DO(put_marker(*bucket, erase.key, slot, erase.time_ms, erase.origin, sub));
    return Answer{};
  }
  if (kind != OpKind::kPut)
    return fail(ErrorCode::kUnsupported,
                cat("replicated effect of kind ", static_cast<unsigned>(kind)));
  TRY(put, decode_PutObject(effect));
  TRY_DO(check_put(put));
  TRY(bucket, load_bucket(rows_, put.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket, put.bucket);
  if (const std::optional<Answer> no = check_version_key(*bucket, put.key)) return *no;
  ObjectRecord record;
  std::vector<PartRef> parts;
  // Sealed bodies travel as they are stored: one blob, whatever parts they had.
  const bool sealed = !put.attributes.encryption.empty();
  TRY(stored, stored_bytes(put.attributes.encryption, put.size));
  if (put.size > 0 && put.body.kind == BodySource::Kind::kPack) {
    if (stored > op.pack.size || put.body.offset > op.pack.size - stored)
      return fail(ErrorCode::kInvalid, cat("replicated body of ", stored, " bytes at ",
                                           put.body.offset, " of a pack of ", op.pack.size));
    record.body = Body{Body::Kind::kSlice, {}, own_id(0), put.body.offset};
    ++pack_users;
  } else if (put.size > 0 && put.body.kind == BodySource::Kind::kTransfer) {
    TRY(transfer, load_transfer(rows_, op.stream, put.origin.lsn));
    if (!transfer || transfer->offset != stored || (!sealed && transfer->crc64 != put.crc64))
      return refuse(Refusal::kGap, cat("transfer ", put.origin.lsn, " is not whole"));
    parts = std::move(transfer->parts);
    record.body.kind = Body::Kind::kParts;
    for (std::size_t i = 0; i < parts.size(); ++i)
      rows_.erase(store::Table::kRepl, transfer_key(op.stream, put.origin.lsn) + be64_key(i));
    rows_.erase(store::Table::kRepl, transfer_key(op.stream, put.origin.lsn));
  } else if (put.size > 0) {
    return fail(ErrorCode::kInvalid, cat("replicated body of ", put.size, " bytes names no bytes"));
  }
  record.size = put.size;
  record.mtime_ms = put.time_ms;
  record.etag = put.etag;
  record.lsn = view_.lsn.value;
  record.crc64 = put.crc64;
  record.checksum = put.checksum;
  record.origin = put.origin;
  record.headers = put.headers;
  record.attributes = stamped(*bucket, std::move(put.attributes), put.time_ms);
  TRY(slot, look(*bucket, put.key));
  TRY_DO(make_room(*bucket, put.key, slot));
  record.version_id = new_version_id(*bucket, put.time_ms, sub);
  // Accepted where it was captured: a quota here would only hold back the stream.
  count(put.bucket, *bucket, adds(slot, record.size));
  write_object(bucket->id, put.key, std::move(record), sub, parts);
  return Answer{};
}

// Effects and position are one operation: whatever is sent twice has one effect (Q2, Q3).
Result<Answer> Apply::repl_in(const ReplIn& op) {
  TRY_DO(check_fits("stream name", op.stream, kStreamBytesMax));
  TRY_DO(check_fits("digest", op.to.digest, kShortTextBytesMax));
  TRY(position, load_position(rows_, repl_in_key(op.stream)));
  if (position.low != op.from || op.to.low <= op.from)
    return refuse(Refusal::kGap, cat("stream stands at ", position.low, ", the batch runs from ",
                                     op.from, " to ", op.to.low));
  std::string manifest = op.pack.manifest;
  if (op.pack.size > 0 && manifest.empty()) manifest = log_manifest({view_.payload_extent()});
  TRY_DO(check_manifest(manifest));
  std::uint32_t pack_users = 0;
  std::uint16_t sub = 1;
  // The blob row comes first and is corrected at the end: effects of one batch may replace each
  // other's objects, and then release a reference that must exist.
  const std::uint32_t references = static_cast<std::uint32_t>(op.effects.size()) + 1;
  if (op.pack.size > 0) make_blob(own_id(0), manifest, op.pack.size, op.pack.crc64, references);
  for (const std::string& effect : op.effects) {
    TRY(answer, apply_effect(effect, op, sub++, pack_users));
    if (answer.refusal != Refusal::kNone) return answer;
  }
  if (op.pack.size > 0)
    for (std::uint32_t spare = references - pack_users; spare > 0; --spare)
      TRY_DO(unreference(own_id(0)));
  rows_.put(store::Table::kRepl, repl_in_key(op.stream), encode_position(op.to));
  TRY_DO(drop_passed_transfers(op.stream, op.to.low));
  return Answer{};
}

Result<Unit> Apply::drop_transfer(std::string_view stream, std::uint64_t lsn) {
  TRY(transfer, load_transfer(rows_, stream, lsn));
  if (!transfer) return Unit{};
  const std::string key = transfer_key(stream, lsn);
  for (std::size_t i = 0; i < transfer->parts.size(); ++i) {
    TRY_DO(unreference(transfer->parts[i].blob));
    rows_.erase(store::Table::kRepl, key + be64_key(i));
  }
  rows_.erase(store::Table::kRepl, key);
  return Unit{};
}

// Objects replaced at the source before they arrived whole: nobody will ask for their parts again.
Result<Unit> Apply::drop_passed_transfers(const std::string& stream, std::uint64_t low) {
  constexpr std::size_t kAtOnceMax = 16;  // The rest falls with the next batch.
  const std::string prefix = transfer_key(stream, 0).substr(0, 2 + stream.size());
  for (std::size_t dropped = 0; dropped < kAtOnceMax; ++dropped) {
    TRY(cursor, rows_.cursor(store::Table::kRepl));
    TRY(found, cursor->seek(prefix));
    if (!found || !cursor->key().starts_with(prefix) || cursor->key().size() != prefix.size() + 8)
      break;
    const auto lsn = load_be<std::uint64_t>(as_bytes(cursor->key()), prefix.size());
    cursor.reset();
    if (lsn > low) break;
    TRY_DO(drop_transfer(stream, lsn));
  }
  return Unit{};
}

Result<Answer> Apply::repl_part(const ReplPart& op) {
  TRY_DO(check_fits("stream name", op.stream, kStreamBytesMax));
  if (op.part.size == 0 && op.offset == 0) {  // The sender begins anew.
    TRY_DO(drop_transfer(op.stream, op.lsn));
    return Answer{};
  }
  TRY(found, load_transfer(rows_, op.stream, op.lsn));
  TransferRecord record = found ? std::move(*found) : TransferRecord{};
  if (record.offset != op.offset || op.part.size == 0)
    return refuse(Refusal::kGap, cat("transfer ", op.lsn, " stands at ", record.offset,
                                     ", the part begins at ", op.offset));
  std::string manifest = op.part.manifest;
  if (manifest.empty()) manifest = log_manifest({view_.payload_extent()});
  TRY_DO(check_manifest(manifest));
  make_blob(own_id(0), std::move(manifest), op.part.size, op.part.crc64, 1);
  record.offset += op.part.size;
  record.crc64 = op.crc64;
  const std::string key = transfer_key(op.stream, op.lsn);
  const std::uint16_t number = static_cast<std::uint16_t>(record.parts.size() + 1);
  const PartRef part{own_id(0), op.part.size, number};
  rows_.put(store::Table::kRepl, key + be64_key(record.parts.size()), encode_parts({part}));
  record.parts.push_back(part);
  rows_.put(store::Table::kRepl, key, encode_transfer(record));
  return Answer{};
}

Result<Answer> Apply::repl_cursor(const ReplCursor& op) {
  TRY(position, load_position(rows_, repl_out_key(op.stream)));
  if (op.position.low < position.low)
    return refuse(Refusal::kGap,
                  cat("cursor stands at ", position.low, ", asked for ", op.position.low));
  rows_.put(store::Table::kRepl, repl_out_key(op.stream), encode_position(op.position));
  return Answer{};
}

Result<Answer> Apply::repl_park(const ReplPark& op) {
  const std::string key = park_key(op.stream, op.lsn);
  if (op.remove) {
    rows_.erase(store::Table::kPark, key);
    return Answer{};
  }
  TlvWriter value;
  value.text(1, op.bucket).text(2, op.key).text(3, op.reason);
  value.text(4, std::string_view(op.detail).substr(0, 256));
  value.number(5, static_cast<std::uint64_t>(op.time_ms));
  const std::string row = value.take();
  if (row.size() > store::kRowValueBytesMax) {  // A key of 1,024 bytes: name it by its operation.
    rows_.put(
        store::Table::kPark, key,
        TlvWriter().text(3, op.reason).number(5, static_cast<std::uint64_t>(op.time_ms)).take());
    return Answer{};
  }
  rows_.put(store::Table::kPark, key, row);
  return Answer{};
}

}  // namespace creel::s3
