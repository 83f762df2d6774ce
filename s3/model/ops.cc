#include "s3/model/ops.h"

#include <type_traits>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

// Tags of all commands: one meaning each, ascending in the order of the describe() functions below.
enum Tag : std::uint16_t {
  kKind = 1,
  kBucket,
  kKey,
  kTime,
  kOwner,
  kRegion,
  kSize,
  kEtag,
  kCrc64,
  kAlgorithm,
  kType,
  kValue,
  kHeaders,
  kIfMatch,
  kIfNoneMatch,
  kBodyKind,
  kManifest,
  kBodyOffset,
  kOriginSite,
  kOriginLsn,
  kSourceBucket,
  kSourceKey,
  kSourceEtag,
  kReplaceHeaders,
  kRandom,
  kUploadId,
  kNumber,
  kParts,
  kObjectSize,
  kHasObjectSize,
  kDocument,
  kStream,
  kLsn,
  kFrom,
  kLow,
  kDigest,
  kEffects,
  kPackManifest,
  kPackSize,
  kPackCrc,
  kTransfer,
  kOffset,
  kReason,
  kDetail,
  kRemove,
  kBlob,
  kOldManifest,
  kNewManifest,
  kDeadKeys,
  kQuotaBytes,
  kQuotaObjects,
  // From here on critical: a build that does not know them would do something else.
  kVersioning,
  kVersionId,
  kSourceVersion,
  kDocumentKind,
  kAttributes,
  kAttributeKind,
  kBypassGovernance,
  kReplaceTags,
  kExpectedLsn,
  kObjectLock,
  kLockMode,
  kLockDays,
  kLockYears,
  kTable,
  kAfter,
  kDocuments,
  kTagLast = kDocuments,
};

constexpr std::uint16_t on_disk(Tag tag) {
  return static_cast<std::uint16_t>(tag >= kVersioning ? tag | 0x8000 : tag);
}

// One description of a command serves both directions: Encoder and Decoder visit its fields.
class Encoder {
 public:
  void operator()(Tag tag, const std::string& value) { out_.text(on_disk(tag), value); }
  template <class Number>
    requires std::is_integral_v<Number>
  void operator()(Tag tag, const Number& value) {
    out_.number(on_disk(tag), static_cast<std::uint64_t>(value));
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(Tag tag, const Enum& value) {
    out_.number(on_disk(tag), static_cast<std::uint64_t>(value));
  }
  void operator()(Tag tag, const std::vector<Header>& value) {
    out_.text(tag, encode_headers(value));
  }
  void operator()(Tag tag, const std::vector<std::string>& value) {
    out_.list(on_disk(tag), value);
  }
  void operator()(Tag tag, const ObjectAttributes& value) {
    out_.text(on_disk(tag), value.encode());
  }
  void operator()(Tag tag, const RowId& value) {
    if (!(value == RowId{})) out_.text(tag, value.bytes());
  }
  void operator()(Tag tag, const std::vector<CompletedPart>& value) {
    std::vector<std::string> items;
    for (const CompletedPart& part : value) {
      std::string item;
      item.push_back(static_cast<char>(part.number & 0xff));
      item.push_back(static_cast<char>(part.number >> 8));
      items.push_back(item.append(part.etag).append(1, '\0').append(part.checksum));
    }
    out_.list(tag, items);
  }
  std::string take() { return out_.take(); }

 private:
  TlvWriter out_;
};

class Decoder {
 public:
  explicit Decoder(TlvReader fields) : fields_(fields) {}
  void operator()(Tag tag, std::string& value) { value = fields_.text(tag); }
  template <class Number>
    requires std::is_integral_v<Number>
  void operator()(Tag tag, Number& value) {
    value = static_cast<Number>(fields_.number(tag));
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(Tag tag, Enum& value) {
    value = static_cast<Enum>(fields_.number(tag));
  }
  void operator()(Tag tag, std::vector<Header>& value) {
    Result<std::vector<Header>> headers = decode_headers(fields_.text(tag));
    ok_ = ok_ && headers.ok();
    if (headers.ok()) value = headers.take();
  }
  void operator()(Tag tag, std::vector<std::string>& value) { value = fields_.list(tag); }
  void operator()(Tag tag, ObjectAttributes& value) {
    Result<ObjectAttributes> read = ObjectAttributes::decode(fields_.text(tag));
    ok_ = ok_ && read.ok();
    if (read.ok()) value = read.take();
  }
  void operator()(Tag tag, RowId& value) {
    const std::string raw = fields_.text(tag);
    if (raw.empty()) return;
    const std::optional<RowId> id = RowId::parse(raw);
    ok_ = ok_ && id.has_value();
    if (id) value = *id;
  }
  void operator()(Tag tag, std::vector<CompletedPart>& value) {
    for (const std::string& item : fields_.list(tag)) {
      const std::size_t split = item.find('\0', 2);
      ok_ = ok_ && item.size() >= 3 && split != std::string::npos;
      if (!ok_) return;
      const auto number = load_le<std::uint16_t>(as_bytes(item), 0);
      value.push_back({number, item.substr(2, split - 2), item.substr(split + 1)});
    }
  }
  bool ok() const { return ok_; }

 private:
  TlvReader fields_;
  bool ok_ = true;
};

template <class V, class C>
void describe_checksum(V& v, C& checksum) {
  v(kAlgorithm, checksum.algorithm);
  v(kType, checksum.type);
  v(kValue, checksum.value);
}

template <class V, class C>
void describe_conditions(V& v, C& conditions) {
  v(kIfMatch, conditions.if_match);
  v(kIfNoneMatch, conditions.if_none_match);
}

template <class V, class B>
void describe_body(V& v, B& body) {
  v(kBodyKind, body.kind);
  v(kManifest, body.manifest);
  v(kBodyOffset, body.offset);
}

template <class V, class O>
void describe_origin(V& v, O& origin) {
  v(kOriginSite, origin.site);
  v(kOriginLsn, origin.lsn);
}

template <class V, class P>
void describe_pack(V& v, P& pack) {
  v(kPackManifest, pack.manifest);
  v(kPackSize, pack.size);
  v(kPackCrc, pack.crc64);
}

// X is the command, const when encoding.
template <class Name, class X>
inline constexpr bool is = std::is_same_v<std::remove_const_t<X>, Name>;

template <class V, class X>
void describe(V& v, X& x) {
  if constexpr (is<CreateBucket, X>) {
    v(kBucket, x.name);
    v(kTime, x.time_ms);
    v(kOwner, x.owner);
    v(kRegion, x.region);
    v(kObjectLock, x.object_lock);
    v(kDocuments, x.documents);
  } else if constexpr (is<DeleteBucket, X>) {
    v(kBucket, x.name);
  } else if constexpr (is<PutObject, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kSize, x.size);
    v(kEtag, x.etag);
    v(kCrc64, x.crc64);
    describe_checksum(v, x.checksum);
    v(kHeaders, x.headers);
    describe_conditions(v, x.conditions);
    describe_body(v, x.body);
    describe_origin(v, x.origin);
    v(kAttributes, x.attributes);
  } else if constexpr (is<DeleteObject, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    describe_conditions(v, x.conditions);
    describe_origin(v, x.origin);
    v(kVersionId, x.version_id);
    v(kBypassGovernance, x.bypass_governance);
    v(kExpectedLsn, x.expected_lsn);
  } else if constexpr (is<CopyObject, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kEtag, x.etag);
    describe_checksum(v, x.checksum);
    v(kHeaders, x.headers);
    describe_conditions(v, x.conditions);
    v(kSourceBucket, x.source_bucket);
    v(kSourceKey, x.source_key);
    v(kSourceEtag, x.source_etag);
    v(kReplaceHeaders, x.replace_headers);
    v(kSourceVersion, x.source_version);
    v(kAttributes, x.attributes);
    v(kReplaceTags, x.replace_tags);
  } else if constexpr (is<CreateUpload, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kOwner, x.owner);
    describe_checksum(v, x.checksum);
    v(kHeaders, x.headers);
    v(kRandom, x.random);
    v(kAttributes, x.attributes);
  } else if constexpr (is<PutPart, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kSize, x.size);
    v(kEtag, x.etag);
    v(kCrc64, x.crc64);
    describe_checksum(v, x.checksum);
    describe_body(v, x.body);
    v(kUploadId, x.upload_id);
    v(kNumber, x.number);
  } else if constexpr (is<AbortUpload, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kUploadId, x.upload_id);
  } else if constexpr (is<SetFilter, X>) {
    v(kBucket, x.bucket);
    v(kTime, x.time_ms);
    v(kDocument, x.document);
  } else if constexpr (is<ReplIn, X>) {
    v(kStream, x.stream);
    v(kFrom, x.from);
    v(kLow, x.to.low);
    v(kDigest, x.to.digest);
    v(kEffects, x.effects);
    describe_pack(v, x.pack);
    v(kTransfer, x.finished_transfer);
  } else if constexpr (is<ReplPart, X>) {
    v(kCrc64, x.crc64);
    v(kStream, x.stream);
    v(kLsn, x.lsn);
    describe_pack(v, x.part);
    v(kOffset, x.offset);
  } else if constexpr (is<ReplCursor, X>) {
    v(kStream, x.stream);
    v(kLow, x.position.low);
    v(kDigest, x.position.digest);
  } else if constexpr (is<ReplPark, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kStream, x.stream);
    v(kLsn, x.lsn);
    v(kReason, x.reason);
    v(kDetail, x.detail);
    v(kRemove, x.remove);
  } else if constexpr (is<Healed, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kBlob, x.blob);
    v(kOldManifest, x.old_manifest);
    v(kNewManifest, x.new_manifest);
  } else if constexpr (is<Reaped, X>) {
    v(kDeadKeys, x.dead_keys);
  } else if constexpr (is<SetVersioning, X>) {
    v(kBucket, x.bucket);
    v(kTime, x.time_ms);
    v(kVersioning, x.versioning);
  } else if constexpr (is<SetIdentity, X>) {
    v(kKey, x.name);
    v(kTime, x.time_ms);
    describe_conditions(v, x.conditions);
    v(kDocument, x.document);
  } else if constexpr (is<SetBucketDocument, X>) {
    v(kBucket, x.bucket);
    v(kTime, x.time_ms);
    v(kDocument, x.document);
    v(kDocumentKind, x.kind);
  } else if constexpr (is<SetObjectAttribute, X>) {
    v(kBucket, x.bucket);
    v(kKey, x.key);
    v(kTime, x.time_ms);
    v(kVersionId, x.version_id);
    v(kAttributes, x.attributes);
    v(kAttributeKind, x.kind);
    v(kBypassGovernance, x.bypass_governance);
  } else if constexpr (is<SetObjectLock, X>) {
    v(kBucket, x.bucket);
    v(kTime, x.time_ms);
    v(kObjectLock, x.lock.enabled);
    v(kLockMode, x.lock.mode);
    v(kLockDays, x.lock.days);
    v(kLockYears, x.lock.years);
  } else if constexpr (is<SetLifecycleMark, X>) {
    v(kBucket, x.mark.bucket);
    v(kTime, x.mark.time_ms);
    v(kTable, x.mark.table);
    v(kAfter, x.mark.after);
  } else {
    static_assert(is<SetQuota, X>);
    v(kBucket, x.bucket);
    v(kTime, x.time_ms);
    v(kQuotaBytes, x.bytes);
    v(kQuotaObjects, x.objects);
  }
}

// CompleteUpload has a list and an optional of its own.
template <class V, class X>
void describe_complete(V& v, X& x, std::uint64_t& size, bool& has_size) {
  v(kBucket, x.bucket);
  v(kKey, x.key);
  v(kTime, x.time_ms);
  v(kEtag, x.etag);
  describe_checksum(v, x.checksum);
  describe_conditions(v, x.conditions);
  v(kUploadId, x.upload_id);
  v(kParts, x.parts);
  v(kObjectSize, size);
  v(kHasObjectSize, has_size);
}

template <class X>
std::string encode(OpKind kind, const X& op) {
  Encoder out;
  out(kKind, kind);
  describe(out, op);
  return out.take();
}

Result<Decoder> open_fields(OpKind kind, std::string_view meta) {
  TRY(fields, TlvReader::parse(meta));
  const std::uint64_t found = fields.number(kKind);
  if (found != static_cast<std::uint64_t>(kind))
    return fail(ErrorCode::kCorrupt,
                cat("operation of kind ", found, " instead of ", static_cast<unsigned>(kind)));
  if (const std::uint16_t tag = fields.critical_above(kTagLast); tag != 0)
    return fail(ErrorCode::kUnsupported, cat("operation of kind ", found, ": unknown field ", tag));
  return Decoder(fields);
}

template <class X>
Result<X> decode(OpKind kind, std::string_view meta) {
  TRY(fields, open_fields(kind, meta));
  X op;
  describe(fields, op);
  if (!fields.ok())
    return fail(ErrorCode::kCorrupt,
                cat("operation of kind ", static_cast<unsigned>(kind), ": a field is malformed"));
  return op;
}

}  // namespace

#define CREEL_S3_CODEC(Name, kind)                                   \
  std::string encode_op(const Name& op) { return encode(kind, op); } \
  Result<Name> decode_##Name(std::string_view meta) { return decode<Name>(kind, meta); }
CREEL_S3_CODEC(CreateBucket, OpKind::kCreateBucket)
CREEL_S3_CODEC(DeleteBucket, OpKind::kDeleteBucket)
CREEL_S3_CODEC(PutObject, OpKind::kPut)
CREEL_S3_CODEC(DeleteObject, OpKind::kDelete)
CREEL_S3_CODEC(CopyObject, OpKind::kCopy)
CREEL_S3_CODEC(CreateUpload, OpKind::kCreateUpload)
CREEL_S3_CODEC(PutPart, OpKind::kPutPart)
CREEL_S3_CODEC(AbortUpload, OpKind::kAbortUpload)
CREEL_S3_CODEC(SetFilter, OpKind::kSetFilter)
CREEL_S3_CODEC(ReplIn, OpKind::kReplIn)
CREEL_S3_CODEC(ReplPart, OpKind::kReplPart)
CREEL_S3_CODEC(ReplCursor, OpKind::kReplCursor)
CREEL_S3_CODEC(ReplPark, OpKind::kReplPark)
CREEL_S3_CODEC(Healed, OpKind::kHealed)
CREEL_S3_CODEC(Reaped, OpKind::kReaped)
CREEL_S3_CODEC(SetQuota, OpKind::kSetQuota)
CREEL_S3_CODEC(SetVersioning, OpKind::kSetVersioning)
CREEL_S3_CODEC(SetIdentity, OpKind::kSetIdentity)
CREEL_S3_CODEC(SetBucketDocument, OpKind::kSetBucketDocument)
CREEL_S3_CODEC(SetObjectAttribute, OpKind::kSetObjectAttribute)
CREEL_S3_CODEC(SetObjectLock, OpKind::kSetObjectLock)
CREEL_S3_CODEC(SetLifecycleMark, OpKind::kLifecycleMark)
#undef CREEL_S3_CODEC

std::string encode_op(const CompleteUpload& op) {
  Encoder out;
  out(kKind, OpKind::kCompleteUpload);
  std::uint64_t size = op.object_size.value_or(0);
  bool has_size = op.object_size.has_value();
  describe_complete(out, op, size, has_size);
  return out.take();
}

Result<CompleteUpload> decode_CompleteUpload(std::string_view meta) {
  TRY(fields, open_fields(OpKind::kCompleteUpload, meta));
  CompleteUpload op;
  std::uint64_t size = 0;
  bool has_size = false;
  describe_complete(fields, op, size, has_size);
  if (!fields.ok()) return fail(ErrorCode::kCorrupt, "complete upload: a field is malformed");
  if (has_size) op.object_size = size;
  return op;
}

Result<OpKind> op_kind(std::string_view meta) {
  TRY(fields, TlvReader::parse(meta));
  const std::uint64_t kind = fields.number(kKind);
  if (kind < static_cast<std::uint64_t>(OpKind::kCreateBucket) ||
      kind > static_cast<std::uint64_t>(OpKind::kLifecycleMark))
    return fail(ErrorCode::kUnsupported, cat("operation of unknown kind ", kind));
  return static_cast<OpKind>(kind);
}

store::OpClass op_class(std::string_view meta) {
  constexpr std::size_t kSettingBytesMax = 64 * KiB;
  const Result<TlvReader> fields = TlvReader::parse(meta);
  if (!fields.ok()) return store::OpClass::kGrow;
  bool always = false;
  switch (static_cast<OpKind>(fields.value().number(kKind))) {
    case OpKind::kDelete:
    case OpKind::kDeleteBucket:
    case OpKind::kAbortUpload:
    case OpKind::kReplCursor:
    case OpKind::kReplPark:
    case OpKind::kHealed:
    case OpKind::kReaped:
    case OpKind::kSetQuota:
    case OpKind::kSetObjectLock:
    case OpKind::kLifecycleMark:
    case OpKind::kSetVersioning: always = true; break;
    case OpKind::kSetIdentity:
    case OpKind::kSetBucketDocument:
    case OpKind::kSetObjectAttribute:
    case OpKind::kSetFilter: always = meta.size() <= kSettingBytesMax; break;
    case OpKind::kReplPart: always = fields.value().number(kPackSize) == 0; break;
    case OpKind::kReplIn:
      always = fields.value().number(kPackSize) == 0;
      for (const std::string& effect : fields.value().list(kEffects)) {
        const Result<OpKind> kind = op_kind(effect);
        always = always && kind.ok() && kind.value() == OpKind::kDelete;
      }
      break;
    default: break;
  }
  return always ? store::OpClass::kAlways : store::OpClass::kGrow;
}

namespace {
enum AnswerTag : std::uint16_t {
  kRefusal = 1,
  kAnswerDetail,
  kAnswerEtag,
  kAnswerVersion,
  kAnswerUpload,
  kAnswerMtime,
  kAnswerSize,
  kAnswerAlgorithm,
  kAnswerType,
  kAnswerValue,
  kAnswerExisted,
  kAnswerMarker,
};
}  // namespace

std::string Answer::encode() const {
  TlvWriter out;
  out.number(kRefusal, static_cast<std::uint64_t>(refusal)).text(kAnswerDetail, detail);
  out.text(kAnswerEtag, etag).text(kAnswerVersion, version_id).text(kAnswerUpload, upload_id);
  out.number(kAnswerMtime, static_cast<std::uint64_t>(mtime_ms)).number(kAnswerSize, size);
  out.text(kAnswerAlgorithm, checksum.algorithm).text(kAnswerType, checksum.type);
  out.text(kAnswerValue, checksum.value).number(kAnswerExisted, existed ? 1 : 0);
  return out.number(kAnswerMarker, delete_marker ? 1 : 0).take();
}

Result<Answer> Answer::decode(std::string_view bytes) {
  TRY(fields, TlvReader::parse(bytes));
  Answer answer;
  answer.refusal = static_cast<Refusal>(fields.number(kRefusal));
  answer.detail = fields.text(kAnswerDetail);
  answer.etag = fields.text(kAnswerEtag);
  answer.version_id = fields.text(kAnswerVersion);
  answer.upload_id = fields.text(kAnswerUpload);
  answer.mtime_ms = static_cast<std::int64_t>(fields.number(kAnswerMtime));
  answer.size = fields.number(kAnswerSize);
  answer.checksum = {fields.text(kAnswerAlgorithm), fields.text(kAnswerType),
                     fields.text(kAnswerValue)};
  answer.existed = fields.number(kAnswerExisted) != 0;
  answer.delete_marker = fields.number(kAnswerMarker) != 0;
  return answer;
}

}  // namespace creel::s3
