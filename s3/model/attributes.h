#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

namespace creel::s3 {

// How a version is kept from being removed. Numbers are on disk.
enum class RetentionMode : std::uint8_t { kNone = 0, kGovernance = 1, kCompliance = 2 };

// Numbers are on disk. Off is what a client said, unset what nobody did.
enum class LegalHold : std::uint8_t { kUnset = 0, kOn = 1, kOff = 2 };

struct Retention {
  RetentionMode mode = RetentionMode::kNone;
  std::int64_t until_ms = 0;
  bool operator==(const Retention&) const = default;
};

// What is beside an object and can change without a new version: it leaves LastModified, ETag and
// LSN alone. One TLV in operations, rows and replicated records (docs/formats/rows.md).
struct ObjectAttributes {
  std::string owner;       // Canonical id of who owns the object; empty: the bucket's owner.
  std::string tags;        // Form-encoded as in x-amz-tagging; empty: none.
  std::string acl;         // Opaque here; empty: the default.
  std::string encryption;  // Opaque here; empty: plain bytes.
  Retention retention;
  LegalHold legal_hold = LegalHold::kUnset;

  bool operator==(const ObjectAttributes&) const = default;
  std::string encode() const;  // Empty if there is nothing to say.
  // Errors: kCorrupt, kUnsupported (a critical field that this build does not know).
  static Result<ObjectAttributes> decode(std::string_view bytes);
  // Whether the version must not be removed at `now_ms`, and whether that can be overruled.
  bool locked(std::int64_t now_ms, bool bypass_governance) const;
};
inline constexpr std::size_t kAttributesBytesMax = 60'000;  // Encoded.

// Which of the attributes an operation sets. Numbers are on disk.
enum class AttributeKind : std::uint8_t { kTags = 1, kAcl = 2, kRetention = 3, kLegalHold = 4 };

// Object lock of a bucket: on or off, and the retention of versions that come without one.
struct BucketLock {
  bool enabled = false;
  RetentionMode mode = RetentionMode::kNone;  // Of the default; kNone: there is none.
  std::uint32_t days = 0;                     // Days xor years.
  std::uint32_t years = 0;
  bool operator==(const BucketLock&) const = default;
  // The default retention of a version written at `time_ms`.
  Retention retention_at(std::int64_t time_ms) const;
};

}  // namespace creel::s3
