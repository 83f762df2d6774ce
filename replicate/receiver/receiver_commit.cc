// ReceiverSession: from frames to effects, and the one operation that makes them durable.
#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "replicate/feed/parked_row.h"
#include "replicate/receiver/receiver_session.h"
#include "s3/model/model.h"
#include "s3/wire/uri.h"

namespace creel::replicate {
namespace {

constexpr std::size_t kEffectBytesMax = 512 * KiB;  // Of one operation; its meta holds 768 KiB.
constexpr std::size_t kKeyBytesMax = 1'024;
constexpr std::size_t kSourceHeaderMax = 512;

bool known(const Record& record) {
  return record.is(RecordKind::kPut) || record.is(RecordKind::kPutTransfer) ||
         record.is(RecordKind::kDelete);
}

}  // namespace

std::string ReceiverSession::expand(std::string_view pattern, const Record& record) const {
  std::string out;
  while (!pattern.empty()) {
    if (pattern.starts_with("{bucket}")) out += record.bucket, pattern.remove_prefix(8);
    else if (pattern.starts_with("{key}")) out += record.key, pattern.remove_prefix(5);
    else if (pattern.starts_with("{site}")) out += grant_.name, pattern.remove_prefix(6);
    else out += pattern.front(), pattern.remove_prefix(1);
  }
  return out;
}

// What a person at the core wants to know of a replica; the filter worker adds its own.
std::vector<s3::Header> ReceiverSession::replica_headers(const Record& record) const {
  std::vector<s3::Header> headers = record.headers;
  const auto add = [&headers](std::string_view name, std::string value) {
    for (const s3::Header& header : headers)
      if (header.first == name) return;
    headers.emplace_back(std::string(name), std::move(value));
  };
  add("x-amz-meta-fz-site", grant_.name);
  add("x-amz-meta-fz-pos", cat(identity_.site, ".", identity_.epoch, ".", record.lsn));
  std::string source = percent_encode(cat(record.source_bucket, "/", record.source_key), true);
  if (source.size() <= kSourceHeaderMax) add("x-amz-meta-fz-src", std::move(source));
  std::sort(headers.begin(), headers.end());
  return headers;
}

// Takes the DATA frames that wait, up to a bound, as one operation.
Task<Result<Unit>> ReceiverSession::take_data(Ctx& ctx) {
  Batch batch;
  batch.from = batch.to.low = low_;
  batch.digest = digest_;
  Refuse refuse;
  Result<Unit> gathered = Unit{};
  while (!queue_.empty() && queue_.front().header.is(FrameType::kData) && refuse.refusals.empty()) {
    const std::size_t bytes = queue_.front().payload.size();
    const bool full = batch.pack.size() + bytes > receiver_.options_.batch_bytes_max ||
                      batch.effect_bytes > kEffectBytesMax / 2;
    if (batch.to.low > batch.from && full) break;
    Frame frame = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= bytes + kFrameCost;
    const std::size_t effects = batch.effects.size();
    const std::size_t pack = batch.pack.size();
    const Digest digest = batch.digest;
    gathered = co_await gather(ctx, batch, frame, refuse);
    if (!gathered.ok() || !refuse.refusals.empty()) {  // This frame leaves no trace.
      batch.effects.resize(effects);
      batch.pack.resize(pack);
      batch.digest = digest;
      break;
    }
    batch.to.low = std::max(batch.to.low, frame.header.to);
  }
  room_.notify_all();
  if (batch.to.low > batch.from) CO_DO(co_await commit(ctx, std::move(batch)));
  CO_DO(std::move(gathered));
  CO_DO(co_await send_ack(ctx));
  if (!refuse.refusals.empty()) {
    // The sender parks them, durably, before it sends the rest: only then may the position pass.
    receiver_.status_.refused_operations += refuse.refusals.size();
    CO_DO(co_await send_text(ctx, FrameType::kRefuse, refuse.encode()));
    co_return fail(ErrorCode::kConflict, "send the frame again without what was refused");
  }
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::gather(Ctx& ctx, Batch& batch, const Frame& frame,
                                           Refuse& refuse) {
  const FrameHeader& header = frame.header;
  if (header.to <= header.from)
    co_return fail(ErrorCode::kInvalid, cat("DATA from ", header.from, " to ", header.to));
  if (header.to <= batch.to.low) {  // Sent twice: its effect is here already.
    ++receiver_.status_.duplicates;
    co_return Unit{};
  }
  if (header.from != batch.to.low)
    co_return fail(ErrorCode::kConflict, cat("gap: the stream stands at ", batch.to.low,
                                             ", the frame begins after ", header.from));
  std::size_t at = 0;
  std::uint64_t last = header.from;
  while (at < frame.payload.size()) {
    CO_TRY(record, parse_record(frame.payload, at));
    if (record.lsn <= last || record.lsn > header.to)
      co_return fail(ErrorCode::kInvalid,
                     cat("record ", record.lsn, " out of order in a frame from ", header.from,
                         " to ", header.to));
    last = record.lsn;
    CO_DO(co_await add_record(ctx, batch, record, refuse));
    if (batch.effect_bytes > kEffectBytesMax)
      co_return fail(ErrorCode::kTooLarge, "the records of a frame do not fit one operation");
  }
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::add_record(Ctx& ctx, Batch& batch, const Record& record,
                                               Refuse& refuse) {
  std::string bucket = expand(grant_.bucket_template, record);
  std::string key = expand(grant_.key_template, record);
  std::string_view reason;
  if (!known(record)) reason = "NeedsUpgrade";
  else if (key.empty() || key.size() > kKeyBytesMax) reason = "KeyTooLong";
  else if (!s3::check_bucket_name(bucket).ok()) reason = "InvalidBucketName";
  std::string detail = cat("record of kind ", unsigned{record.kind}, " into bucket ", bucket);
  s3::PutObject op;
  op.attributes = record.attributes;
  op.size = record.body_bytes;
  op.crc64 = record.crc64;
  if (reason.empty() && !record.is(RecordKind::kDelete)) {
    const Result<Unit> taken = take_key(record, op);
    if (!taken.ok()) {
      reason = kReasonEncrypted;
      detail = taken.error().detail;
    }
  }
  if (!reason.empty()) {
    Refusal refusal;
    refusal.lsn = record.lsn;
    refusal.bucket = record.source_bucket;
    refusal.key = record.source_key;
    refusal.reason = reason;
    refusal.detail = std::move(detail);
    if (refuse.refusals.size() < 1'000) refuse.refusals.push_back(std::move(refusal));
    co_return Unit{};
  }
  if (std::find(batch.buckets.begin(), batch.buckets.end(), bucket) == batch.buckets.end()) {
    CO_DO(co_await ensure_bucket(ctx, bucket));
    batch.buckets.push_back(bucket);
  }
  std::string effect;
  if (record.is(RecordKind::kDelete)) {
    s3::DeleteObject gone;
    gone.bucket = std::move(bucket);
    gone.key = std::move(key);
    gone.time_ms = record.time_ms;
    gone.origin = {identity_.site, record.lsn};
    effect = s3::encode_op(gone);
  } else {
    CO_TRY(body, co_await place_body(ctx, batch, record));
    op.body = body;
    op.bucket = std::move(bucket);
    op.key = std::move(key);
    op.time_ms = record.time_ms;
    op.etag = record.etag;
    op.checksum = record.checksum;
    op.headers = replica_headers(record);
    op.origin = {identity_.site, record.lsn};
    effect = s3::encode_op(op);
  }
  batch.effect_bytes += effect.size();
  batch.effects.push_back(std::move(effect));
  batch.digest.add(record);
  ++batch.records;
  co_return Unit{};
}

Result<Unit> ReceiverSession::take_key(const Record& record, s3::PutObject& op) const {
  std::string& text = op.attributes.encryption;
  if (text.empty() && record.sealed.empty()) return Unit{};
  const ByteView sealed = as_bytes(record.sealed);
  const bool has_key = sealed.size() == kSealedHeadBytes + kSealKeyBytes;
  if (text.empty() || (sealed.size() != kSealedHeadBytes && !has_key))
    return fail(ErrorCode::kInvalid, "an encrypted object without its key, or a key without one");
  TRY(encryption, s3::Encryption::decode(text));
  op.size = load_le<std::uint64_t>(sealed, 0);
  op.crc64 = load_le<std::uint64_t>(sealed, 8);
  if ((encryption.kind == s3::EncryptionKind::kCustomer) == has_key)
    return fail(ErrorCode::kInvalid, "a key where none belongs, or none where one does");
  // The parts it lands in are ours and cut anywhere: they are not its pieces.
  if (encryption.pieces.empty()) encryption.pieces.push_back({0, 1, op.size});
  if (has_key) {
    static const s3::KeyRing kNone;
    const s3::KeyRing& keys = receiver_.options_.keys != nullptr ? *receiver_.options_.keys : kNone;
    const SecretKey data_key(sealed.last(kSealKeyBytes));
    TRY_DO(keys.wrap(encryption, data_key, nullptr, receiver_.platform_.random));
  }
  text = encryption.encode();
  TRY(stored, s3::stored_bytes(text, op.size));
  if (stored == record.body_bytes) return Unit{};
  return fail(ErrorCode::kInvalid,
              cat("a sealed body of ", record.body_bytes, " bytes for ", op.size, " plain ones"));
}

Task<Result<s3::BodySource>> ReceiverSession::place_body(Ctx& ctx, Batch& batch,
                                                         const Record& record) {
  s3::BodySource source;
  if (record.body_bytes == 0) co_return std::move(source);
  if (record.is(RecordKind::kPut)) {
    source.kind = s3::BodySource::Kind::kPack;
    source.offset = batch.pack.size();
    append(batch.pack, record.body);
    co_return std::move(source);
  }
  if (part_ && part_->lsn == record.lsn) CO_DO(co_await seal_part(ctx));
  part_.reset();
  CO_TRY(transfer, s3::load_transfer(receiver_.log_.rows(), stream_id_, record.lsn));
  if (!transfer || transfer->offset != record.body_bytes || transfer->crc64 != record.crc64) {
    if (transfer) CO_DO(co_await drop_transfer(ctx, record.lsn));
    co_return fail(ErrorCode::kConflict,
                   cat("gap: object ", record.lsn, " of ", record.body_bytes,
                       " bytes is not whole: ", transfer ? transfer->offset : 0));
  }
  source.kind = s3::BodySource::Kind::kTransfer;
  co_return std::move(source);
}

Task<Result<Unit>> ReceiverSession::ensure_bucket(Ctx& ctx, std::string bucket) {
  CO_TRY(found, s3::load_bucket(receiver_.log_.rows(), bucket));
  if (found) co_return Unit{};
  s3::CreateBucket op;
  op.name = std::move(bucket);
  op.owner = receiver_.options_.bucket_owner;
  op.region = receiver_.options_.region;
  op.time_ms = receiver_.platform_.clock.wall().ms();
  std::string meta = s3::encode_op(op);
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes()));
  if (answer.refusal != s3::Refusal::kNone && answer.refusal != s3::Refusal::kBucketExists)
    co_return fail(ErrorCode::kConflict, cat("bucket ", op.name, ": ", answer.detail));
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::commit(Ctx& ctx, Batch batch) {
  s3::ReplIn op;
  op.stream = stream_id_;
  op.from = batch.from;
  op.to = batch.to;
  op.to.digest = batch.digest.bytes();
  op.effects = std::move(batch.effects);
  op.pack.size = batch.pack.size();
  if (batch.pack.size() > receiver_.log_.inline_bytes_max()) {
    s3::BlobHint hint;
    hint.size = batch.pack.size();
    CO_TRY(writer, co_await receiver_.blobs_.start(ctx, hint));
    CO_DO(co_await writer->write(ctx, batch.pack));
    CO_TRY(sealed, co_await writer->seal(ctx));
    op.pack.manifest = sealed.manifest;
    op.pack.crc64 = sealed.crc64;
    receiver_.status_.payload_bytes += batch.pack.size();
    batch.pack.clear();
  } else if (!batch.pack.empty()) {
    op.pack.crc64 = crc64_nvme(batch.pack);
    receiver_.status_.payload_bytes += batch.pack.size();
  }
  std::string meta = s3::encode_op(op);
  CO_TRY(answer, co_await submit(ctx, std::move(meta), std::move(batch.pack)));
  // A gap, or a bucket deleted meanwhile: the link begins anew from the position that stands.
  if (answer.refusal != s3::Refusal::kNone)
    co_return fail(ErrorCode::kConflict, cat("not applied: ", answer.detail));
  low_ = batch.to.low;
  digest_ = batch.digest;
  ++receiver_.status_.batches;
  receiver_.status_.operations += batch.records;
  co_return Unit{};
}

// --- large objects -------------------------------------------------------------------------------

std::size_t ReceiverSession::part_bytes() const {
  // The sender stops at its grant: a part must be sealed before that.
  return std::max<std::size_t>(
      1, std::min(receiver_.options_.part_bytes, receiver_.options_.grant_bytes / 2));
}

Result<Unit> ReceiverSession::open_part(std::uint64_t lsn) {
  part_.reset();
  TRY(transfer, s3::load_transfer(receiver_.log_.rows(), stream_id_, lsn));
  Part part;
  part.lsn = lsn;
  if (transfer) {
    part.sealed = part.received = transfer->offset;
    part.crc64 = transfer->crc64;
  }
  part_.emplace(std::move(part));
  return Unit{};
}

Task<Result<Unit>> ReceiverSession::take_blob(Ctx& ctx, const Frame& frame) {
  const std::uint64_t lsn = frame.header.from;
  if (lsn <= low_) co_return Unit{};  // Of an object that is here already.
  if (!part_ || part_->lsn != lsn) CO_DO(open_part(lsn));
  if (frame.header.to == 0 && part_->received > 0) {  // The sender begins anew.
    if (part_->sealed > 0) CO_DO(co_await drop_transfer(ctx, lsn));
    CO_DO(open_part(lsn));
  }
  if (frame.header.to != part_->received)
    co_return fail(ErrorCode::kConflict, cat("gap: object ", lsn, " stands at ", part_->received,
                                             ", the piece begins at ", frame.header.to));
  ByteView left = frame.payload;
  while (!left.empty()) {
    if (!part_->writer) {
      s3::BlobHint hint;
      hint.size = part_bytes();
      CO_TRY(writer, co_await receiver_.blobs_.start(ctx, hint));
      part_->writer = std::move(writer);
    }
    const std::uint64_t room = part_->sealed + part_bytes() - part_->received;
    const ByteView piece =
        left.first(static_cast<std::size_t>(std::min<std::uint64_t>(room, left.size())));
    CO_DO(co_await part_->writer->write(ctx, piece));
    part_->crc64 = crc64_nvme(piece, part_->crc64);
    part_->received += piece.size();
    left = left.subspan(piece.size());
    if (part_->received - part_->sealed >= part_bytes()) CO_DO(co_await seal_part(ctx));
  }
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::seal_part(Ctx& ctx) {
  if (!part_ || !part_->writer || part_->received == part_->sealed) co_return Unit{};
  std::unique_ptr<s3::BlobWriter> writer = std::move(part_->writer);
  CO_TRY(sealed, co_await writer->seal(ctx));
  s3::ReplPart op;
  op.stream = stream_id_;
  op.lsn = part_->lsn;
  op.offset = part_->sealed;
  op.crc64 = part_->crc64;
  op.part.manifest = sealed.manifest;
  op.part.size = sealed.size;
  op.part.crc64 = sealed.crc64;
  std::string meta = s3::encode_op(op);
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes()));
  if (answer.refusal != s3::Refusal::kNone)
    co_return fail(ErrorCode::kConflict, cat("part not taken: ", answer.detail));
  part_->sealed = part_->received;
  ++receiver_.status_.parts;
  receiver_.status_.payload_bytes += sealed.size;
  co_return co_await send_ack(ctx);
}

Task<Result<Unit>> ReceiverSession::drop_transfer(Ctx& ctx, std::uint64_t lsn) {
  s3::ReplPart op;
  op.stream = stream_id_;
  op.lsn = lsn;
  std::string meta = s3::encode_op(op);
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes()));
  if (answer.refusal != s3::Refusal::kNone)
    co_return fail(ErrorCode::kConflict, cat("transfer not dropped: ", answer.detail));
  co_return Unit{};
}

}  // namespace creel::replicate
