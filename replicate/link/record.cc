#include "replicate/link/record.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "s3/model/tlv.h"

namespace creel::replicate {
namespace {

constexpr std::size_t kCrcAt = 60;
constexpr std::size_t kBucketBytesMax = 255;
constexpr std::size_t kKeyBytesMax = 1'024;
constexpr std::size_t kMetaBytesMax = 64 * KiB;

enum MetaTag : std::uint16_t {
  kEtag = 1,
  kAlgorithm,
  kType,
  kValue,
  kHeaders,
  kSourceBucket,
  kSourceKey,
  kVersionLsn,
  kAttributes,  // Critical: what must not be removed must not become removable.
  kSealed,      // Critical: the bytes are not the object's.
};
constexpr std::uint16_t kCritical = 0x8000;

Result<Unit> read_meta(std::string_view meta, Record& record) {
  TRY(fields, s3::TlvReader::parse(meta));
  if (fields.critical_above(kSealed) != 0)
    return fail(ErrorCode::kUnsupported, cat("record ", record.lsn, " needs a newer receiver"));
  record.etag = fields.text(kEtag);
  record.checksum = {fields.text(kAlgorithm), fields.text(kType), fields.text(kValue)};
  record.source_bucket = fields.text(kSourceBucket);
  record.source_key = fields.text(kSourceKey);
  record.version_lsn = fields.has(kVersionLsn) ? fields.number(kVersionLsn) : record.lsn;
  TRY(headers, s3::decode_headers(fields.text(kHeaders)));
  record.headers = std::move(headers);
  TRY(attributes, s3::ObjectAttributes::decode(fields.text(kAttributes)));
  record.attributes = std::move(attributes);
  record.sealed = fields.text(kSealed);
  return Unit{};
}

}  // namespace

Result<Unit> append_record(Bytes& out, const Record& record) {
  s3::TlvWriter fields;
  fields.text(kEtag, record.etag);
  fields.text(kAlgorithm, record.checksum.algorithm).text(kType, record.checksum.type);
  fields.text(kValue, record.checksum.value);
  if (!record.headers.empty()) fields.text(kHeaders, s3::encode_headers(record.headers));
  if (record.source_bucket != record.bucket) fields.text(kSourceBucket, record.source_bucket);
  if (record.source_key != record.key) fields.text(kSourceKey, record.source_key);
  if (record.version_lsn != record.lsn) fields.number(kVersionLsn, record.version_lsn);
  fields.text(kAttributes | kCritical, record.attributes.encode());
  fields.text(kSealed | kCritical, record.sealed);
  const std::string meta = fields.take();
  if (record.bucket.size() > kBucketBytesMax || record.key.size() > kKeyBytesMax ||
      meta.size() > kMetaBytesMax)
    return fail(ErrorCode::kTooLarge, cat("operation ", record.lsn, ": names or headers too long"));
  const std::size_t start = out.size();
  out.push_back(record.kind);
  out.push_back(0);
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(record.bucket.size()));
  append_le<std::uint32_t>(out, static_cast<std::uint32_t>(meta.size()));
  append_le<std::uint64_t>(out, record.lsn);
  append_le<std::uint64_t>(out, static_cast<std::uint64_t>(record.time_ms));
  out.resize(out.size() + 16);  // Version id: unversioned.
  append_le<std::uint64_t>(out, record.body_bytes);
  append_le<std::uint64_t>(out, record.crc64);
  append_le<std::uint16_t>(out, static_cast<std::uint16_t>(record.key.size()));
  append_le<std::uint16_t>(out, 0);  // Part.
  append_le<std::uint32_t>(out, 0);
  append(out, record.bucket);
  append(out, record.key);
  append(out, meta);
  // Over everything but the body, with this field zero.
  store_le<std::uint32_t>(out, start + kCrcAt, crc32c(ByteView(out).subspan(start)));
  append(out, record.body);
  return Unit{};
}

Result<Record> parse_record(ByteView payload, std::size_t& at) {
  const auto bad = [at](std::string_view what) {
    return fail(ErrorCode::kCorrupt, cat("record at byte ", at, " of the frame: ", what));
  };
  if (payload.size() - at < kRecordHeaderBytes) return bad("cut short");
  const ByteView head = payload.subspan(at, kRecordHeaderBytes);
  Record record;
  record.kind = head[0];
  const std::size_t bucket_bytes = load_le<std::uint16_t>(head, 2);
  const std::size_t meta_bytes = load_le<std::uint32_t>(head, 4);
  record.lsn = load_le<std::uint64_t>(head, 8);
  record.time_ms = static_cast<std::int64_t>(load_le<std::uint64_t>(head, 16));
  record.body_bytes = load_le<std::uint64_t>(head, 40);
  record.crc64 = load_le<std::uint64_t>(head, 48);
  const std::size_t key_bytes = load_le<std::uint16_t>(head, 56);
  if (bucket_bytes > kBucketBytesMax || key_bytes > kKeyBytesMax || meta_bytes > kMetaBytesMax)
    return bad("a name or its fields are too long");
  const std::uint64_t left = payload.size() - at - kRecordHeaderBytes;
  const std::uint64_t text_bytes = bucket_bytes + key_bytes + meta_bytes;
  const bool inline_body = !record.is(RecordKind::kPutTransfer);
  if (text_bytes > left || (inline_body && record.body_bytes > left - text_bytes))
    return bad("longer than its frame");
  static constexpr std::uint8_t kZeros[4] = {};
  std::uint32_t crc = crc32c(head.first(kCrcAt));
  crc = crc32c(kZeros, crc);
  const std::size_t text_at = at + kRecordHeaderBytes;
  crc = crc32c(payload.subspan(text_at, static_cast<std::size_t>(text_bytes)), crc);
  if (crc != load_le<std::uint32_t>(head, kCrcAt)) return bad("does not match its checksum");
  const std::string_view text =
      as_text(payload.subspan(text_at, static_cast<std::size_t>(text_bytes)));
  record.bucket = text.substr(0, bucket_bytes);
  record.key = text.substr(bucket_bytes, key_bytes);
  std::size_t end = text_at + static_cast<std::size_t>(text_bytes);
  if (inline_body) {
    record.body = payload.subspan(end, static_cast<std::size_t>(record.body_bytes));
    end += record.body.size();
    if (crc64_nvme(record.body) != record.crc64) return bad("its body does not match its checksum");
  }
  TRY_DO(read_meta(text.substr(bucket_bytes + key_bytes), record));
  if (record.source_bucket.empty()) record.source_bucket = record.bucket;
  if (record.source_key.empty()) record.source_key = record.key;
  at = end;
  return record;
}

}  // namespace creel::replicate
