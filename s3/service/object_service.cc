#include "s3/service/object_service.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/versions.h"
#include "s3/service/object_reader.h"
#include "s3/wire/etag.h"
#include "s3/wire/uri.h"

namespace creel::s3 {

namespace {

S3Error no_such_version(std::string_view key, std::string_view version_id) {
  return s3_fail(S3Code::kNoSuchVersion)
      .with("Key", std::string(key))
      .with("VersionId", std::string(version_id));
}

std::string told_version(const BucketRecord& bucket, const ObjectRecord& record) {
  if (bucket.versioning == Versioning::kNever) return {};
  return record.version_id.empty() ? "null" : record.version_id;
}

// Why there is nothing to read: no version at all, or a delete marker in front.
S3Error missing(const BucketRecord& bucket, std::string_view key,
                const std::optional<ObjectRecord>& newest) {
  S3Error error = s3_fail(S3Code::kNoSuchKey).with("Key", std::string(key));
  if (!newest) return error;
  return std::move(error)
      .with_header("x-amz-delete-marker", "true")
      .with_header("x-amz-version-id", told_version(bucket, *newest));
}

S3Error is_delete_marker(const ObjectRecord& marker, std::string version_id) {
  return s3_fail(S3Code::kMethodNotAllowed)
      .with("Method", "GET")
      .with("ResourceType", "DeleteMarker")
      .with_header("Allow", "DELETE")
      .with_header("x-amz-delete-marker", "true")
      .with_header("x-amz-version-id", std::move(version_id))
      .with_header("Last-Modified", http_date(WallTime::from_ms(marker.mtime_ms)));
}

}  // namespace

S3Error refusal_error(const Answer& answer, std::string_view bucket, std::string_view key) {
  const auto detail = [&answer](std::string_view fallback) {
    return answer.detail.empty() ? std::string(fallback) : answer.detail;
  };
  switch (answer.refusal) {
    case Refusal::kNoSuchBucket:
      return s3_fail(S3Code::kNoSuchBucket).with("BucketName", detail(bucket));
    case Refusal::kBucketExists: return s3_fail(S3Code::kBucketAlreadyOwnedByYou);
    case Refusal::kBucketNotEmpty:
      return s3_fail(
                 S3Code::kBucketNotEmpty,
                 cat(message_of(S3Code::kBucketNotEmpty),
                     answer.detail.empty() ? "" : " You must delete all versions in the bucket."))
          .with("BucketName", std::string(bucket));
    case Refusal::kNoSuchVersion: return no_such_version(key, answer.detail);
    case Refusal::kIsDeleteMarker:
      return s3_fail(S3Code::kInvalidRequest,
                     "The source of a copy request may not specifically refer to a delete marker "
                     "by version id.");
    case Refusal::kNoSuchKey: return s3_fail(S3Code::kNoSuchKey).with("Key", detail(key));
    case Refusal::kNoSuchUpload:
      return s3_fail(S3Code::kNoSuchUpload).with("UploadId", answer.detail);
    case Refusal::kPreconditionFailed:
      return s3_fail(S3Code::kPreconditionFailed).with("Condition", answer.detail);
    case Refusal::kInvalidPart:
      return s3_fail(S3Code::kInvalidPart).with("PartNumber", answer.detail);
    case Refusal::kInvalidPartOrder: return s3_fail(S3Code::kInvalidPartOrder);
    case Refusal::kPartTooSmall:
      return s3_fail(S3Code::kEntityTooSmall).with("PartNumber", answer.detail);
    case Refusal::kChecksumMismatch: return s3_fail(S3Code::kBadDigest, answer.detail);
    case Refusal::kBadRequest: return s3_fail(S3Code::kInvalidRequest, answer.detail);
    case Refusal::kQuotaExceeded:
      return s3_fail(S3Code::kQuotaExceeded, answer.detail).with("BucketName", std::string(bucket));
    case Refusal::kLocked:
      return s3_fail(S3Code::kAccessDenied,
                     "Access Denied because object protected by object lock.");
    case Refusal::kInvalidBucketState: return s3_fail(S3Code::kInvalidBucketState, answer.detail);
    case Refusal::kGap: return s3_fail(S3Code::kOperationAborted, answer.detail);
    case Refusal::kNone:
    case Refusal::kNothingToDo: break;
  }
  check(false);
  return s3_fail(S3Code::kInternalError);
}

Task<S3Result<Answer>> ObjectService::submit(Ctx& ctx, std::string meta, Bytes payload,
                                             Subject subject) {
  store::Op op;
  op.meta = to_bytes(std::string_view(meta));
  op.payload = std::move(payload);
  CO_TRY(verdict, co_await log_.submit(ctx, std::move(op)));
  if (!verdict.accepted && verdict.answer.empty()) {  // The rows failed, not the request.
    check(verdict.error.has_value());
    co_return *verdict.error;
  }
  CO_TRY(answer, Answer::decode(as_text(verdict.answer)));
  if (answer.refusal == Refusal::kQuotaExceeded) ++quota_refusals_;
  if (answer.refusal != Refusal::kNone && answer.refusal != Refusal::kNothingToDo)
    co_return refusal_error(answer, subject.bucket, subject.key);
  co_return std::move(answer);
}

Task<S3Result<Answer>> ObjectService::submit_body(Ctx& ctx, std::string meta, ReceivedBody body,
                                                  Subject subject) {
  std::optional<SealedBlob> blob = std::move(body.blob);
  S3Result<Answer> answer =
      co_await submit(ctx, std::move(meta), std::move(body.payload), std::move(subject));
  // Only a decided refusal proves that no operation names the blob; an unknown outcome does not.
  const bool refused = !answer.ok() && answer.error().status() < 500;
  if (refused && blob) co_await blobs_.abandon(ctx, std::move(*blob));
  co_return std::move(answer);
}

Task<S3Result<Unit>> ObjectService::create_bucket(Ctx& ctx, std::string name, std::string owner,
                                                  std::string region, bool object_lock,
                                                  std::vector<std::string> documents) {
  CO_DO(check_bucket_name(name));
  CreateBucket op;
  op.name = name;
  op.owner = owner;
  op.region = std::move(region);
  op.object_lock = object_lock;
  op.documents = std::move(documents);
  op.time_ms = now_ms();
  // gcc 12 destroys a brace-made temporary in a co_await expression twice: name it first.
  Subject subject{name, {}};
  S3Result<Answer> answer = co_await submit(ctx, encode_op(op), Bytes(), std::move(subject));
  if (answer.ok()) co_return Unit{};
  if (answer.error().code != S3Code::kBucketAlreadyOwnedByYou) co_return answer.error();
  CO_TRY(bucket, find_bucket(name));
  if (bucket.owner != owner) co_return s3_fail(S3Code::kBucketAlreadyExists);
  // AWS's rule: re-creating one's own bucket is a success in us-east-1 and a conflict elsewhere.
  if (options_.region == "us-east-1") co_return Unit{};
  co_return answer.error();
}

bool ObjectService::has_location(std::string_view name) const {
  const std::vector<std::string>& extra = options_.extra_locations;
  return name == options_.region || std::find(extra.begin(), extra.end(), name) != extra.end();
}

Task<S3Result<Unit>> ObjectService::delete_bucket(Ctx& ctx, std::string name) {
  DeleteBucket op;
  op.name = name;
  Subject subject{name, {}};
  CO_DO(co_await submit(ctx, encode_op(op), Bytes(), std::move(subject)));
  co_return Unit{};
}

S3Result<BucketRecord> ObjectService::find_bucket(std::string_view name) const {
  TRY(bucket, load_bucket(log_.rows(), name));
  if (!bucket) return s3_fail(S3Code::kNoSuchBucket).with("BucketName", std::string(name));
  return std::move(*bucket);
}

Task<S3Result<WriteOutcome>> ObjectService::put_object(Ctx& ctx, PutArguments arguments,
                                                       UploadBody& body, BodyPromise promise) {
  CO_TRY(bucket, find_bucket(arguments.bucket));
  CO_DO(check_quota(bucket, arguments.key, promise.length));
  CO_TRY(wish, resolve(bucket, arguments.encryption));
  CO_TRY(sealing, make_sealing(wish));
  CO_TRY(received, co_await receive_body(ctx, blobs_, body, promise, std::nullopt,
                                         log_.inline_bytes_max(), kPutBytesMax, sealing.piece()));
  PutObject op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.time_ms = now_ms();
  op.size = received.size;
  op.etag = sealing.etag(received.md5);
  op.crc64 = received.crc64;
  op.checksum = stored_checksum(received.checksum);
  op.headers = std::move(arguments.headers);
  op.conditions = std::move(arguments.conditions);
  op.attributes = std::move(arguments.attributes);
  op.body = received.source;
  op.attributes.encryption = sealing.text();
  WriteOutcome outcome;
  const CustomerKey* customer = wish.customer ? &*wish.customer : nullptr;
  outcome.encryption = told(op.attributes.encryption, customer);
  outcome.checksum = received.checksum;
  outcome.checksum_given = received.checksum_given;
  std::string meta = encode_op(op);
  Subject subject{arguments.bucket, arguments.key};
  CO_TRY(answer,
         co_await submit_body(ctx, std::move(meta), std::move(received), std::move(subject)));
  outcome.etag = answer.etag;
  outcome.version_id = answer.version_id;
  outcome.mtime_ms = answer.mtime_ms;
  outcome.size = answer.size;
  co_return std::move(outcome);
}

S3Result<OpenedObject> ObjectService::open(std::string_view bucket, std::string_view key,
                                           std::string_view version_id) const {
  TRY(owner, find_bucket(bucket));
  std::optional<ObjectRecord> record;
  if (version_id.empty()) {
    TRY(current, load_object(log_.rows(), owner.id, key));
    record = std::move(current);
  } else {
    TRY(version, load_version(log_.rows(), owner.id, key, version_id));
    record = std::move(version);
    if (!record) return no_such_version(key, version_id);
  }
  if (!record) {
    TRY(newest, load_newest_older(log_.rows(), owner.id, key));
    return missing(owner, key, newest);
  }
  OpenedObject opened;
  opened.version_id = told_version(owner, *record);
  if (record->delete_marker) return is_delete_marker(*record, opened.version_id);
  if (record->origin.site != 0) opened.replication_status = "REPLICA";
  else if (replication_ != nullptr)
    opened.replication_status = replication_->status(bucket, key, record->lsn);
  opened.name = object_name(bucket, key, record->version_id);
  opened.record = std::move(*record);
  return opened;
}

S3Result<std::vector<PartRef>> ObjectService::parts_of(const OpenedObject& object) const {
  TRY(parts, load_parts(log_.rows(), object.record));
  return std::move(parts);
}

Task<S3Result<DeleteOutcome>> ObjectService::delete_object(Ctx& ctx, DeleteArguments arguments) {
  DeleteObject op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.version_id = arguments.version_id;
  op.time_ms = now_ms();
  op.conditions = std::move(arguments.conditions);
  op.bypass_governance = arguments.bypass_governance;
  op.expected_lsn = arguments.expected_lsn;
  std::string meta = encode_op(op);
  Subject subject{std::move(arguments.bucket), std::move(arguments.key)};
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  DeleteOutcome outcome;
  outcome.existed = answer.existed;
  outcome.delete_marker = answer.delete_marker;
  outcome.mtime_ms = answer.mtime_ms;
  outcome.version_id = answer.version_id.empty() ? op.version_id : answer.version_id;
  co_return std::move(outcome);
}

Task<S3Result<Unit>> ObjectService::set_versioning(Ctx& ctx, std::string bucket,
                                                   Versioning versioning) {
  SetVersioning op;
  op.bucket = bucket;
  op.versioning = versioning;
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{bucket, {}};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

Task<S3Result<Unit>> ObjectService::set_filter(Ctx& ctx, std::string bucket, std::string document) {
  SetFilter op;
  op.bucket = bucket;
  op.document = std::move(document);
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{bucket, {}};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

S3Result<Unit> ObjectService::check_quota(const BucketRecord& bucket, std::string_view key,
                                          std::optional<std::uint64_t> length) {
  const std::uint64_t bytes = bucket.bytes + bucket.upload_bytes + length.value_or(0);
  if (bucket.quota_bytes == 0 || bytes <= bucket.quota_bytes) return Unit{};
  TRY(old, load_object(log_.rows(), bucket.id, key));
  if (old) return Unit{};  // Smaller by what it replaces: judged with the rest.
  ++quota_refusals_;
  return s3_fail(S3Code::kQuotaExceeded, cat("The bucket's quota is ", bucket.quota_bytes,
                                             " bytes; this request would make it ", bytes, "."));
}

Task<S3Result<Unit>> ObjectService::set_quota(Ctx& ctx, std::string bucket, Quota quota) {
  SetQuota op;
  op.bucket = bucket;
  op.bytes = quota.bytes;
  op.objects = quota.objects;
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{bucket, {}};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

S3Result<std::vector<BucketUsage>> ObjectService::usage(std::size_t most) const {
  std::vector<BucketUsage> all;
  TRY(cursor, log_.rows().cursor(store::Table::kBucket));
  TRY(found, cursor->seek(""));
  for (bool more = found; more && all.size() < most;) {
    TRY(record, BucketRecord::decode(cursor->value()));
    all.push_back({std::string(cursor->key()), std::move(record)});
    TRY(next, cursor->next());
    more = next;
  }
  return all;
}

S3Result<std::string> ObjectService::filter(std::string_view bucket) const {
  TRY(owner, find_bucket(bucket));
  TRY(document, load_filter(log_.rows(), owner.id, UINT64_MAX));
  return std::move(document);
}

}  // namespace creel::s3
