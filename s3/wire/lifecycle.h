#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/units.h"
#include "s3/wire/error.h"
#include "s3/wire/tags.h"

namespace creel::s3 {

// One rule of a bucket's lifecycle. Absent actions are nullopt.
struct LifecycleRule {
  std::string id;
  bool enabled = false;
  std::string prefix;
  Tags tags;  // All of them.
  std::optional<std::uint64_t> larger_than, smaller_than;  // Bytes, both exclusive.
  std::optional<std::uint32_t> expire_days;
  std::optional<WallTime> expire_at;
  bool expired_marker = false;  // Markers with nothing behind them.
  std::optional<std::uint32_t> noncurrent_days;
  std::uint32_t newer_kept = 0;  // Noncurrent versions that stay whatever their age.
  std::optional<std::uint32_t> abort_days;
};
using LifecycleRules = std::vector<LifecycleRule>;

// LifecycleConfiguration. Rules without an id get one, in `document` too: what a GET returns, in
// the form that was given. Errors: MalformedXML, InvalidArgument, InvalidRequest, NotImplemented
// (transitions).
struct LifecycleDocument {
  LifecycleRules rules;
  std::string document;
};
S3Result<LifecycleDocument> parse_lifecycle(ByteView body);

// What is asked of an object or version.
struct LifecycleSubject {
  std::string_view key;
  std::string_view tags;  // Encoded.
  std::uint64_t size = 0;
};
bool applies(const LifecycleRule& rule, const LifecycleSubject& subject);

// How long a day is. Real days end at midnight UTC, others do not.
struct LifecycleDay {
  std::int64_t ms = 24 * 3'600'000;
  bool real() const { return ms == 24 * 3'600'000; }
};
// The moment `days` after `from_ms`, rounded up to midnight.
std::int64_t due_ms(std::int64_t from_ms, std::uint32_t days, LifecycleDay day);

// The first rule that will expire a current version, and when.
struct Expiration {
  std::int64_t at_ms = 0;
  std::string_view rule_id;
};
std::optional<Expiration> expiration_of(const LifecycleRules& rules,
                                        const LifecycleSubject& subject, std::int64_t mtime_ms,
                                        LifecycleDay day);
// x-amz-expiration.
std::string expiration_header(const Expiration& expiration);

}  // namespace creel::s3
