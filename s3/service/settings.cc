// Settings of buckets and attributes of objects: what changes without new bytes.
#include "s3/service/object_service.h"
#include "s3/service/upload_body.h"

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

// The last buckets asked for. A document that is damaged counts as none, and is said when it is
// read.
template <class T, class Parse>
std::shared_ptr<const T> ObjectService::kept(Kept<T>& cache, const BucketRecord& bucket,
                                             BucketDocument kind, Parse parse) const {
  constexpr std::size_t kBucketsMax = 32;
  if ((bucket.document_kinds & document_bit(kind)) == 0) return nullptr;
  for (const auto& one : cache.all)
    if (one.bucket_id == bucket.id && one.settings_lsn == bucket.settings_lsn) return one.parsed;
  const Result<std::string> document = load_bucket_document(log_.rows(), bucket.id, kind);
  if (!document.ok()) return nullptr;
  std::shared_ptr<const T> parsed = parse(as_bytes(document.value()));
  std::erase_if(cache.all, [&](const auto& one) { return one.bucket_id == bucket.id; });
  if (cache.all.size() == kBucketsMax) cache.all.erase(cache.all.begin());
  cache.all.push_back({bucket.id, bucket.settings_lsn, parsed});
  return parsed;
}

std::shared_ptr<const CorsRules> ObjectService::cors_rules(const BucketRecord& bucket) const {
  return kept(cors_, bucket, BucketDocument::kCors, [](ByteView text) {
    S3Result<CorsRules> rules = parse_cors(text);
    return rules.ok() ? std::make_shared<const CorsRules>(rules.take()) : nullptr;
  });
}

std::shared_ptr<const LifecycleRules> ObjectService::lifecycle_rules(
    const BucketRecord& bucket) const {
  return kept(lifecycle_, bucket, BucketDocument::kLifecycle, [](ByteView text) {
    S3Result<LifecycleDocument> found = parse_lifecycle(text);
    return found.ok() ? std::make_shared<const LifecycleRules>(std::move(found.value().rules))
                      : nullptr;
  });
}

bool ObjectService::waits_for_replication(std::string_view bucket, std::string_view key,
                                          std::uint64_t lsn) const {
  if (replication_ == nullptr) return false;
  const std::string status = replication_->status(bucket, key, lsn);
  return status == "PENDING" || status == "FAILED";
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

S3Result<std::vector<Checksum>> ObjectService::part_checksums_of(const OpenedObject& object) const {
  std::vector<Checksum> checksums;
  const auto algorithm = algorithm_of_name(object.record.checksum.algorithm);
  if (!algorithm || object.record.digest_bytes == 0 || object.record.part_count == 0)
    return checksums;
  TRY(digests,
      load_document(log_.rows(), object.record.documents, 'c', object.record.digest_bytes));
  const std::size_t bytes = digests.size() / object.record.part_count;
  for (std::size_t at = 0; bytes > 0 && at + bytes <= digests.size(); at += bytes)
    checksums.push_back(Checksum{*algorithm, ChecksumType::kFullObject, 0,
                                 to_bytes(std::string_view(digests).substr(at, bytes))});
  return checksums;
}

}  // namespace creel::s3
