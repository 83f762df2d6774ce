#include "replicate/link/messages.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/cpu/crc.h"
#include "platform/cpu/hash.h"
#include "replicate/link/frame.h"

namespace creel::replicate {
namespace {

constexpr std::size_t kAckBytes = 64;
constexpr std::size_t kRefusalsMax = 1'000;

std::string hex_number(std::uint64_t value, unsigned digits) {
  std::string text(digits, '0');
  for (unsigned i = digits; i > 0; --i, value >>= 4) text[i - 1] = "0123456789abcdef"[value & 15];
  return text;
}

Result<JsonDoc> parse(ByteView json, std::string_view what) {
  JsonLimits limits;
  limits.bytes_max = kPayloadBytesMax;
  limits.depth_max = 8;
  Result<JsonDoc> doc = JsonDoc::parse(json, limits);
  if (!doc.ok()) return fail(ErrorCode::kInvalid, cat(what, ": ", doc.error().detail));
  if (!doc.value().root().is_object()) return fail(ErrorCode::kInvalid, cat(what, " is no object"));
  return doc;
}

std::uint64_t number(const JsonValue& object, std::string_view name) {
  return object.find(name).as_u64().value_or(0);
}
std::string text(const JsonValue& object, std::string_view name) {
  return std::string(object.find(name).as_string().value_or(""));
}
Digest digest_of(const JsonValue& object) {
  const std::optional<Bytes> raw = hex_decode(text(object, "digest"));
  return raw ? Digest::parse(as_text(*raw)) : Digest();
}
std::string digest_hex(const Digest& digest) { return hex_encode(as_bytes(digest.bytes())); }

}  // namespace

std::string stream_id(const StreamIdentity& identity) {
  return cat(hex_number(identity.site, 8), hex_encode(identity.log), hex_number(identity.epoch, 8),
             hex_number(crc32(as_bytes(identity.rule)), 8),
             hex_number(identity.generation & 0xffff, 4));
}

void Digest::add(const Record& record) {
  Bytes text;
  append_le<std::uint64_t>(text, record.lsn);
  append_le<std::uint16_t>(text, 0);  // Part.
  text.push_back(record.kind);
  append_le<std::uint64_t>(text, record.version_lsn);
  append_le<std::uint64_t>(text, record.crc64);
  const Sha256::Digest hash = Sha256::of(text);
  const auto low = load_le<std::uint64_t>(hash, 0);
  low_ += low;
  high_ += load_le<std::uint64_t>(hash, 8) + (low_ < low ? 1 : 0);
}

std::string Digest::bytes() const {
  Bytes out;
  append_le<std::uint64_t>(out, low_);
  append_le<std::uint64_t>(out, high_);
  return to_string(out);
}

Digest Digest::parse(std::string_view bytes) {
  Digest digest;
  if (bytes.size() != 16) return digest;
  digest.low_ = load_le<std::uint64_t>(as_bytes(bytes), 0);
  digest.high_ = load_le<std::uint64_t>(as_bytes(bytes), 8);
  return digest;
}

std::string Hello::encode() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("version_min", version_min).field("version_max", version_max);
  json.field("site", stream.site).field("site_name", std::string_view(site_name));
  json.field("log", std::string_view(hex_encode(stream.log))).field("epoch", stream.epoch);
  json.field("connection", connection).field("clock_ms", clock_ms);
  json.name("streams").begin_array().begin_object().field("n", 0u);
  json.field("rule", std::string_view(stream.rule)).field("generation", stream.generation);
  json.field("end", log_end).end_object().end_array().end_object();
  return out;
}

Result<Hello> Hello::decode(ByteView json) {
  TRY(doc, parse(json, "HELLO"));
  const JsonValue root = doc.root();
  Hello hello;
  hello.version_min = static_cast<std::uint32_t>(number(root, "version_min"));
  hello.version_max = static_cast<std::uint32_t>(number(root, "version_max"));
  hello.site_name = text(root, "site_name");
  hello.connection = number(root, "connection");
  hello.clock_ms = root.find("clock_ms").as_i64().value_or(0);
  const std::optional<Bytes> log = hex_decode(text(root, "log"));
  const std::uint64_t site = number(root, "site");
  const std::uint64_t epoch = number(root, "epoch");
  if (!log || log->size() != hello.stream.log.size())
    return fail(ErrorCode::kInvalid, "HELLO: log is not 32 hex digits");
  if (site == 0 || site > UINT32_MAX || epoch > UINT32_MAX)
    return fail(ErrorCode::kInvalid, "HELLO: site or epoch is out of range");
  std::copy(log->begin(), log->end(), hello.stream.log.begin());
  hello.stream.site = static_cast<std::uint32_t>(site);
  hello.stream.epoch = static_cast<std::uint32_t>(epoch);
  const JsonValue streams = root.find("streams");
  if (!streams.is_array() || streams.size() != 1)
    return fail(ErrorCode::kUnsupported, "HELLO: exactly one stream a link");
  const JsonValue stream = (*streams.begin()).value;
  hello.stream.rule = text(stream, "rule");
  hello.stream.generation = static_cast<std::uint32_t>(number(stream, "generation"));
  hello.log_end = number(stream, "end");
  if (hello.stream.rule.empty() || hello.stream.rule.size() > 255)
    return fail(ErrorCode::kInvalid, "HELLO: the rule's name has 1 to 255 bytes");
  return hello;
}

std::string Welcome::encode() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("version", version).field("low", low);
  json.field("digest", std::string_view(digest_hex(digest))).field("grant", grant_bytes);
  json.field("clock_ms", clock_ms).name("transfers").begin_array();
  for (const TransferState& transfer : transfers) {
    json.begin_object().field("lsn", transfer.lsn).field("offset", transfer.offset);
    json.field("crc64", std::string_view(hex_number(transfer.crc64, 16))).end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<Welcome> Welcome::decode(ByteView json) {
  TRY(doc, parse(json, "WELCOME"));
  const JsonValue root = doc.root();
  Welcome welcome;
  welcome.version = static_cast<std::uint32_t>(number(root, "version"));
  welcome.low = number(root, "low");
  welcome.digest = digest_of(root);
  welcome.grant_bytes = number(root, "grant");
  welcome.clock_ms = root.find("clock_ms").as_i64().value_or(0);
  if (welcome.version != kLinkVersion)
    return fail(ErrorCode::kUnsupported, cat("WELCOME: version ", welcome.version));
  if (root.find("low").absent() || welcome.grant_bytes == 0)
    return fail(ErrorCode::kInvalid, "WELCOME: position or grant is missing");
  for (const JsonItem item : root.find("transfers")) {
    if (welcome.transfers.size() == kTransfersMax) break;
    TransferState transfer{number(item.value, "lsn"), number(item.value, "offset"), 0};
    const std::optional<std::uint64_t> crc = parse_hex_u64(text(item.value, "crc64"));
    if (!crc) return fail(ErrorCode::kInvalid, "WELCOME: crc64 of a transfer is no hex number");
    transfer.crc64 = *crc;
    welcome.transfers.push_back(transfer);
  }
  return welcome;
}

Bytes Ack::encode() const {
  Bytes out;
  append_le<std::uint64_t>(out, low);
  append(out, digest.bytes());
  append_le<std::uint32_t>(out, grant_bytes);
  append_le<std::uint32_t>(out, 0);
  append_le<std::uint64_t>(out, static_cast<std::uint64_t>(clock_ms));
  append_le<std::uint64_t>(out, transfer.lsn);
  append_le<std::uint64_t>(out, transfer.offset);
  append_le<std::uint64_t>(out, transfer.crc64);
  return out;
}

Result<Ack> Ack::decode(ByteView payload) {
  if (payload.size() < kAckBytes)
    return fail(ErrorCode::kInvalid, cat("ACK of ", payload.size(), " bytes"));
  Ack ack;
  ack.low = load_le<std::uint64_t>(payload, 0);
  ack.digest = Digest::parse(as_text(payload.subspan(8, 16)));
  ack.grant_bytes = load_le<std::uint32_t>(payload, 24);
  ack.clock_ms = static_cast<std::int64_t>(load_le<std::uint64_t>(payload, 32));
  ack.transfer.lsn = load_le<std::uint64_t>(payload, 40);
  ack.transfer.offset = load_le<std::uint64_t>(payload, 48);
  ack.transfer.crc64 = load_le<std::uint64_t>(payload, 56);
  return ack;
}

std::string Refuse::encode() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().name("refused").begin_array();
  for (const Refusal& refusal : refusals) {
    json.begin_object().field("lsn", refusal.lsn);
    json.field("bucket", std::string_view(refusal.bucket))
        .field("key", std::string_view(refusal.key));
    json.field("reason", std::string_view(refusal.reason));
    json.field("detail", std::string_view(refusal.detail)).end_object();
  }
  json.end_array().end_object();
  return out;
}

Result<Refuse> Refuse::decode(ByteView json) {
  TRY(doc, parse(json, "REFUSE"));
  Refuse refuse;
  for (const JsonItem item : doc.root().find("refused")) {
    if (refuse.refusals.size() == kRefusalsMax) break;
    refuse.refusals.push_back({number(item.value, "lsn"), text(item.value, "bucket"),
                               text(item.value, "key"), text(item.value, "reason"),
                               text(item.value, "detail")});
  }
  if (refuse.refusals.empty()) return fail(ErrorCode::kInvalid, "REFUSE names no operation");
  return refuse;
}

std::string Bye::encode() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("reason", std::string_view(reason));
  json.field("detail", std::string_view(detail))
      .field("retry_after_ms", retry_after_ms)
      .end_object();
  return out;
}

Result<Bye> Bye::decode(ByteView json) {
  TRY(doc, parse(json, "BYE"));
  const JsonValue root = doc.root();
  return Bye{text(root, "reason"), text(root, "detail"), number(root, "retry_after_ms")};
}

}  // namespace creel::replicate
