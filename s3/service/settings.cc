// Settings of buckets and attributes of objects: what changes without new bytes.
#include "s3/service/object_service.h"

namespace creel::s3 {

Task<S3Result<Unit>> ObjectService::set_bucket_document(Ctx& ctx, std::string bucket,
                                                        BucketDocument kind, std::string document) {
  if (document.size() > kBucketDocumentBytesMax)
    co_return s3_fail(S3Code::kMaxMessageLengthExceeded);
  SetBucketDocument op;
  op.bucket = bucket;
  op.kind = kind;
  op.document = std::move(document);
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{std::move(bucket), {}};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

S3Result<std::string> ObjectService::bucket_document(const BucketRecord& bucket,
                                                     BucketDocument kind) const {
  if ((bucket.document_kinds & document_bit(kind)) == 0) return std::string();
  TRY(document, load_bucket_document(log_.rows(), bucket.id, kind));
  return std::move(document);
}

S3Result<std::shared_ptr<const BucketRules>> ObjectService::rules(std::string_view name,
                                                                  const BucketRecord& bucket,
                                                                  const BucketRules& defaults) {
  constexpr std::uint32_t kOfRights = document_bit(BucketDocument::kPolicy) |
                                      document_bit(BucketDocument::kAcl) |
                                      document_bit(BucketDocument::kOwnershipControls) |
                                      document_bit(BucketDocument::kPublicAccessBlock);
  if ((bucket.document_kinds & kOfRights) == 0) return std::shared_ptr<const BucketRules>();
  TRY(rules, rules_.get(log_.rows(), name, bucket, defaults));
  return std::move(rules);
}

Task<S3Result<Unit>> ObjectService::set_object_lock(Ctx& ctx, std::string bucket, BucketLock lock) {
  SetObjectLock op;
  op.bucket = bucket;
  op.lock = lock;
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{std::move(bucket), {}};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

Task<S3Result<std::string>> ObjectService::set_object_attribute(Ctx& ctx,
                                                                AttributeArguments arguments) {
  CO_DO(open(arguments.bucket, arguments.key, arguments.version_id));
  SetObjectAttribute op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.version_id = std::move(arguments.version_id);
  op.kind = arguments.kind;
  op.attributes = std::move(arguments.attributes);
  op.bypass_governance = arguments.bypass_governance;
  op.time_ms = now_ms();
  std::string meta = encode_op(op);
  Subject subject{std::move(arguments.bucket), std::move(arguments.key)};
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return answer.version_id;
}

}  // namespace creel::s3
