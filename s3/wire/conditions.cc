#include "s3/wire/conditions.h"

#include "platform/base/text.h"
#include "s3/wire/etag.h"

namespace creel::s3 {
namespace {

ReadConditions parse_with_prefix(Headers headers, std::string_view prefix) {
  const auto text = [&](std::string_view name) { return headers.joined(cat(prefix, name)); };
  const auto date = [&](std::string_view name) -> std::optional<WallTime> {
    const auto value = headers.find(cat(prefix, name));
    if (!value) return std::nullopt;
    // AWS's own tools send ISO 8601 for the copy headers.
    const std::optional<WallTime> http = parse_http_date(*value);
    return http ? http : parse_iso8601(*value);
  };
  return {.if_match = text("if-match"),
          .if_none_match = text("if-none-match"),
          .if_modified_since = date("if-modified-since"),
          .if_unmodified_since = date("if-unmodified-since")};
}

S3Error failed(std::string_view condition) {
  return s3_fail(S3Code::kPreconditionFailed).with("Condition", std::string(condition));
}

enum class Verdict : unsigned char {
  kHolds,
  kIfMatch,
  kIfUnmodifiedSince,
  kIfNoneMatch,
  kIfModifiedSince,
};

// Which condition fails first, in the order of RFC 9110 §13.2.2.
Verdict judge(const ReadConditions& conditions, const ObjectState& object, WallTime now) {
  const std::int64_t modified = object.modified.seconds();
  if (conditions.if_match) {
    if (!etag_list_matches(*conditions.if_match, object.etag)) return Verdict::kIfMatch;
  } else if (conditions.if_unmodified_since) {
    if (modified > conditions.if_unmodified_since->seconds()) return Verdict::kIfUnmodifiedSince;
  }
  if (conditions.if_none_match) {
    if (etag_list_matches(*conditions.if_none_match, object.etag)) return Verdict::kIfNoneMatch;
  } else if (conditions.if_modified_since) {
    const std::int64_t since = conditions.if_modified_since->seconds();
    // Under load a version's time runs ahead of the clock, a millisecond a version: its own date is
    // then no date of the future.
    const bool in_future = since > now.seconds() && since > modified;
    if (!in_future && modified <= since) return Verdict::kIfModifiedSince;
  }
  return Verdict::kHolds;
}

}  // namespace

ReadConditions parse_read_conditions(Headers headers) { return parse_with_prefix(headers, ""); }
ReadConditions parse_copy_conditions(Headers headers) {
  return parse_with_prefix(headers, "x-amz-copy-source-");
}

S3Result<Unit> check_read(const ReadConditions& conditions, const ObjectState& object,
                          WallTime now) {
  switch (judge(conditions, object, now)) {
    case Verdict::kHolds: return Unit{};
    case Verdict::kIfMatch: return failed("If-Match");
    case Verdict::kIfUnmodifiedSince: return failed("If-Unmodified-Since");
    case Verdict::kIfNoneMatch:
    case Verdict::kIfModifiedSince: break;
  }
  return s3_fail(S3Code::kNotModified)
      .with_header("ETag", quoted_etag(object.etag))
      .with_header("Last-Modified", http_date(object.modified));
}

S3Result<Unit> check_copy_source(const ReadConditions& conditions, const ObjectState& object,
                                 WallTime now) {
  switch (judge(conditions, object, now)) {
    case Verdict::kHolds: return Unit{};
    case Verdict::kIfMatch: return failed("x-amz-copy-source-If-Match");
    case Verdict::kIfUnmodifiedSince: return failed("x-amz-copy-source-If-Unmodified-Since");
    case Verdict::kIfNoneMatch: return failed("x-amz-copy-source-If-None-Match");
    case Verdict::kIfModifiedSince: return failed("x-amz-copy-source-If-Modified-Since");
  }
  check(false);
  return Unit{};
}

S3Result<WriteConditions> parse_write_conditions(Headers headers) {
  const std::optional<std::string> match = headers.joined("if-match");
  const std::optional<std::string> none_match = headers.joined("if-none-match");
  if (match && none_match) return s3_fail(S3Code::kNotImplemented).with("Header", "If-None-Match");
  return WriteConditions{match.value_or(""), none_match.value_or("")};
}

S3Result<Unit> check_write(const WriteConditions& conditions,
                           std::optional<std::string_view> current, std::string_view key) {
  if (!conditions.if_match.empty()) {
    if (!current) return s3_fail(S3Code::kNoSuchKey).with("Key", std::string(key));
    if (!etag_list_matches(conditions.if_match, *current)) return failed("If-Match");
  }
  if (!conditions.if_none_match.empty() && current &&
      etag_list_matches(conditions.if_none_match, *current))
    return failed("If-None-Match");
  return Unit{};
}

S3Result<Unit> check_delete(const WriteConditions& conditions,
                            std::optional<std::string_view> current) {
  if (conditions.if_match.empty()) return Unit{};
  if (current && etag_list_matches(conditions.if_match, *current)) return Unit{};
  return failed("If-Match");
}

}  // namespace creel::s3
