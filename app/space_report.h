#pragma once
#include <string>

#include "app/metrics.h"
#include "s3/service/object_service.h"
#include "store/store.h"

namespace creel::app {

// Room, as `creel status --json`, `/-/metrics` and `creel quota` tell it.
std::string space_json(const store::SpaceStatus& space, std::uint64_t quota_refusals);
void add_space_metrics(Metrics& metrics, const store::SpaceStatus& space);
// Bytes, objects and quota a bucket, at most that many buckets.
inline constexpr std::size_t kBucketsReportedMax = 1'000;
Result<std::string> buckets_json(const s3::ObjectService& service);
void add_bucket_metrics(Metrics& metrics, const s3::ObjectService& service);

// The admin call quota/BUCKET/BYTES[/OBJECTS]; `none` or 0: no bound. Errors: kInvalid, kNotFound.
struct QuotaCall {
  std::string bucket;
  s3::Quota quota;
};
Result<QuotaCall> parse_quota_call(std::string_view name);
// "10GiB", "500M", "123456", "none". Errors: kInvalid.
Result<std::uint64_t> parse_quota_bytes(std::string_view text);

}  // namespace creel::app
