#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/units.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

// The four headers of GET, HEAD and, with the prefix x-amz-copy-source-, of a copy's source.
struct ReadConditions {
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<WallTime> if_modified_since;  // A date nobody can read counts as absent (RFC 9110).
  std::optional<WallTime> if_unmodified_since;
  bool any() const { return if_match || if_none_match || if_modified_since || if_unmodified_since; }
};
ReadConditions parse_read_conditions(Headers headers);
ReadConditions parse_copy_conditions(Headers headers);

// What a condition is measured against. `etag` is bare.
struct ObjectState {
  std::string_view etag;
  WallTime modified;
};
// RFC 9110 §13.2.2, in whole seconds. Errors: 304 NotModified with ETag and Last-Modified headers,
// 412 PreconditionFailed with Condition.
S3Result<Unit> check_read(const ReadConditions& conditions, const ObjectState& object,
                          WallTime now);
// The same precedence for a copy's source, but always 412.
S3Result<Unit> check_copy_source(const ReadConditions& conditions, const ObjectState& object,
                                 WallTime now);

// If-Match and If-None-Match of PUT, Complete, POST, a copy's destination and DELETE, as they
// travel in an op: empty is absent.
struct WriteConditions {
  std::string if_match;
  std::string if_none_match;
  bool any() const { return !if_match.empty() || !if_none_match.empty(); }
  bool operator==(const WriteConditions&) const = default;
};
// Errors: 501 NotImplemented with Header if both are there.
S3Result<WriteConditions> parse_write_conditions(Headers headers);
// `current` is the bare ETag of the current version; nullopt if the key is absent or a delete
// marker. Deterministic, so apply() uses it. Errors: 412 PreconditionFailed; 404 NoSuchKey for
// If-Match on an absent key.
S3Result<Unit> check_write(const WriteConditions& conditions,
                           std::optional<std::string_view> current, std::string_view key);
// For DELETE: absent counts as different, so always 412.
S3Result<Unit> check_delete(const WriteConditions& conditions,
                            std::optional<std::string_view> current);

}  // namespace creel::s3
