#include <algorithm>

#include "platform/base/text.h"
#include "s3/model/apply.h"

namespace creel::s3 {
namespace {

// Counters of an index older than they are may be too low: never below nothing.
std::uint64_t moved(std::uint64_t counter, std::uint64_t before, std::uint64_t after) {
  return std::max(counter, before) - before + after;
}

std::uint64_t charged(const BucketRecord& bucket) { return bucket.bytes + bucket.upload_bytes; }

}  // namespace

Apply::Change Apply::replaces(const std::optional<ObjectRecord>& old, std::uint64_t size) {
  Change change;
  change.bytes_before = old ? old->size : 0;
  change.bytes_after = size;
  change.objects_before = old ? 1 : 0;
  change.objects_after = 1;
  return change;
}

void Apply::count(std::string_view name, BucketRecord bucket, const Change& change) {
  bucket.bytes = moved(bucket.bytes, change.bytes_before, change.bytes_after);
  bucket.objects = moved(bucket.objects, change.objects_before, change.objects_after);
  bucket.upload_bytes =
      moved(bucket.upload_bytes, change.upload_bytes_before, change.upload_bytes_after);
  rows_.put(store::Table::kBucket, name, bucket.encode());
}

// What does not grow is taken even above the quota, which may have been lowered.
std::optional<Answer> Apply::charge(std::string_view name, BucketRecord bucket,
                                    const Change& change) {
  const std::uint64_t before = change.bytes_before + change.upload_bytes_before;
  const std::uint64_t after = change.bytes_after + change.upload_bytes_after;
  const std::uint64_t bytes = moved(charged(bucket), before, after);
  if (bucket.quota_bytes != 0 && after > before && bytes > bucket.quota_bytes)
    return refuse(Refusal::kQuotaExceeded,
                  cat("The bucket holds ", charged(bucket), " of the ", bucket.quota_bytes,
                      " bytes that its quota allows; this request would make it ", bytes, "."));
  const std::uint64_t objects = moved(bucket.objects, change.objects_before, change.objects_after);
  if (bucket.quota_objects != 0 && change.objects_after > change.objects_before &&
      objects > bucket.quota_objects)
    return refuse(Refusal::kQuotaExceeded,
                  cat("The bucket holds ", bucket.objects, " of the ", bucket.quota_objects,
                      " objects that its quota allows."));
  count(name, std::move(bucket), change);
  return std::nullopt;
}

Result<Answer> Apply::set_quota(const SetQuota& op) {
  TRY(bucket, load_bucket(rows_, op.bucket));
  if (!bucket) return refuse(Refusal::kNoSuchBucket);
  bucket->quota_bytes = op.bytes;
  bucket->quota_objects = op.objects;
  rows_.put(store::Table::kBucket, op.bucket, bucket->encode());
  return Answer{};
}

}  // namespace creel::s3
