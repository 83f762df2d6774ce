#include "app/space_report.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::app {

std::string space_json(const store::SpaceStatus& space, std::uint64_t quota_refusals) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("size_bytes", space.size).field("level", store::space_level_name(space.level));
  json.field("warning", space.warning);
  json.field("free_bytes", space.free).field("promised_bytes", space.promised);
  json.field("reserve_bytes", space.reserve);
  json.field("reserve_missing_bytes", space.reserve_missing);
  json.field("writes_again_at_bytes", space.refill_at);
  json.field("live_bytes", space.live).field("garbage_bytes", space.garbage);
  json.field("held_by_cursors_bytes", space.held);
  json.field("index_used_bytes", space.index.used_bytes);
  json.field("index_allocated_bytes", space.index.allocated_bytes);
  json.field("index_map_bytes", space.index.map_bytes);
  json.field("refused_full", space.refused_full).field("refused_index", space.refused_index);
  json.field("refused_quota", quota_refusals);
  json.end_object();
  return out;
}

void add_space_metrics(Metrics& metrics, const store::SpaceStatus& space) {
  metrics.set("creel_store_size_bytes", "", space.size);
  metrics.set("creel_store_promised_bytes", "", space.promised);
  metrics.set("creel_store_reserve_bytes", "", space.reserve);
  metrics.set("creel_store_reserve_missing_bytes", "", space.reserve_missing);
  metrics.set("creel_store_full", "", space.level == store::SpaceLevel::kFull ? 1 : 0);
  metrics.set("creel_store_live_bytes", "", space.live);
  metrics.set("creel_store_garbage_bytes", "", space.garbage);
  metrics.set("creel_store_held_bytes", "", space.held);
  metrics.set("creel_store_index_used_bytes", "", space.index.used_bytes);
  metrics.set("creel_store_index_allocated_bytes", "", space.index.allocated_bytes);
  metrics.set("creel_refused_total", "{reason=\"full\"}", space.refused_full);
  metrics.set("creel_refused_total", "{reason=\"index\"}", space.refused_index);
}

Result<std::string> buckets_json(const s3::ObjectService& service) {
  const s3::S3Result<std::vector<s3::BucketUsage>> buckets = service.usage(kBucketsReportedMax);
  if (!buckets.ok()) return fail(ErrorCode::kIo, buckets.error().message);
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const s3::BucketUsage& bucket : buckets.value()) {
    json.begin_object();
    json.field("bucket", bucket.name).field("bytes", bucket.record.bytes);
    json.field("objects", bucket.record.objects);
    json.field("upload_bytes", bucket.record.upload_bytes);
    json.field("quota_bytes", bucket.record.quota_bytes);
    json.field("quota_objects", bucket.record.quota_objects);
    json.end_object();
  }
  json.end_array();
  return out;
}

void add_bucket_metrics(Metrics& metrics, const s3::ObjectService& service) {
  metrics.set("creel_refused_total", "{reason=\"quota\"}", service.quota_refusals());
  for (const char* name : {"creel_bucket_bytes", "creel_bucket_objects",
                           "creel_bucket_upload_bytes", "creel_bucket_quota_bytes"})
    metrics.forget(name);  // Of buckets that are gone.
  const s3::S3Result<std::vector<s3::BucketUsage>> buckets = service.usage(kBucketsReportedMax);
  if (!buckets.ok()) return;
  for (const s3::BucketUsage& bucket : buckets.value()) {
    const std::string label = cat("{bucket=\"", bucket.name, "\"}");
    metrics.set("creel_bucket_bytes", label, bucket.record.bytes);
    metrics.set("creel_bucket_objects", label, bucket.record.objects);
    metrics.set("creel_bucket_upload_bytes", label, bucket.record.upload_bytes);
    if (bucket.record.quota_bytes != 0)
      metrics.set("creel_bucket_quota_bytes", label, bucket.record.quota_bytes);
  }
}

Result<std::uint64_t> parse_quota_bytes(std::string_view text) {
  if (text == "none") return std::uint64_t{0};
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const std::string unit = to_lower(text.substr(digits));
  const std::optional<std::uint64_t> number = parse_u64(text.substr(0, digits));
  std::uint64_t factor = 0;
  if (unit.empty() || unit == "b") factor = 1;
  else if (unit == "k" || unit == "kib") factor = KiB;
  else if (unit == "m" || unit == "mib") factor = MiB;
  else if (unit == "g" || unit == "gib") factor = GiB;
  else if (unit == "t" || unit == "tib") factor = 1'024 * GiB;
  if (!number || factor == 0 || *number > INT64_MAX / factor)
    return fail(ErrorCode::kInvalid,
                cat("'", text, "' is no size; wanted none, or bytes with K, M, G or T"));
  return *number * factor;
}

Result<QuotaCall> parse_quota_call(std::string_view name) {
  constexpr std::string_view kPrefix = "quota/";
  if (!name.starts_with(kPrefix)) return fail(ErrorCode::kInvalid, "no quota call");
  name.remove_prefix(kPrefix.size());
  QuotaCall call;
  const std::size_t slash = name.find('/');
  call.bucket = std::string(name.substr(0, slash));
  if (slash == std::string_view::npos || call.bucket.empty())
    return fail(ErrorCode::kInvalid, "wanted quota/BUCKET/BYTES or quota/BUCKET/BYTES/OBJECTS");
  name.remove_prefix(slash + 1);
  const std::size_t second = name.find('/');
  TRY(bytes, parse_quota_bytes(name.substr(0, second)));
  call.quota.bytes = bytes;
  if (second == std::string_view::npos) return call;
  const std::string_view objects = name.substr(second + 1);
  const std::optional<std::uint64_t> number =
      objects == "none" ? std::optional<std::uint64_t>(0) : parse_u64(objects);
  if (!number) return fail(ErrorCode::kInvalid, cat("'", objects, "' is no number of objects"));
  call.quota.objects = *number;
  return call;
}

}  // namespace creel::app
