#include "s3/model/attributes.h"

#include "platform/base/text.h"
#include "s3/model/tlv.h"

namespace creel::s3 {
namespace {

enum Tag : std::uint16_t {
  kOwner = 1,
  kTags,
  kAcl,
  kEncryption,
  kRetentionMode,
  kRetainUntil,
  kLegalHold,
};
constexpr std::uint16_t kCritical = 0x8000;
constexpr std::int64_t kDayMs = 24 * 3'600'000;
constexpr std::int64_t kYearDays = 365;

// Bytes that are encrypted, or must not be removed, are nothing for a build that ignores it.
constexpr std::uint16_t on_disk(Tag tag) {
  return static_cast<std::uint16_t>(tag >= kEncryption ? tag | kCritical : tag);
}

}  // namespace

std::string ObjectAttributes::encode() const {
  TlvWriter out;
  out.text(kOwner, owner).text(kTags, tags).text(kAcl, acl);
  out.text(on_disk(kEncryption), encryption);
  out.number(on_disk(kRetentionMode), static_cast<std::uint64_t>(retention.mode));
  out.number(on_disk(kRetainUntil), static_cast<std::uint64_t>(retention.until_ms));
  return out.number(on_disk(kLegalHold), static_cast<std::uint64_t>(legal_hold)).take();
}

Result<ObjectAttributes> ObjectAttributes::decode(std::string_view bytes) {
  ObjectAttributes found;
  if (bytes.empty()) return found;
  TRY(fields, TlvReader::parse(bytes));
  if (const std::uint16_t tag = fields.critical_above(kLegalHold); tag != 0)
    return fail(ErrorCode::kUnsupported, cat("object attributes: unknown field ", tag));
  found.owner = fields.text(kOwner);
  found.tags = fields.text(kTags);
  found.acl = fields.text(kAcl);
  found.encryption = fields.text(kEncryption);
  const std::uint64_t mode = fields.number(kRetentionMode);
  if (mode > static_cast<std::uint64_t>(RetentionMode::kCompliance))
    return fail(ErrorCode::kCorrupt, cat("object attributes: retention of kind ", mode));
  found.retention.mode = static_cast<RetentionMode>(mode);
  found.retention.until_ms = static_cast<std::int64_t>(fields.number(kRetainUntil));
  const std::uint64_t hold = fields.number(kLegalHold);
  if (hold > static_cast<std::uint64_t>(LegalHold::kOff))
    return fail(ErrorCode::kCorrupt, cat("object attributes: legal hold of kind ", hold));
  found.legal_hold = static_cast<LegalHold>(hold);
  return found;
}

bool ObjectAttributes::locked(std::int64_t now_ms, bool bypass_governance) const {
  if (legal_hold == LegalHold::kOn) return true;
  if (retention.mode == RetentionMode::kNone || retention.until_ms <= now_ms) return false;
  return retention.mode == RetentionMode::kCompliance || !bypass_governance;
}

Retention BucketLock::retention_at(std::int64_t time_ms) const {
  if (!enabled || mode == RetentionMode::kNone) return {};
  return {mode, time_ms + (days + years * kYearDays) * kDayMs};
}

}  // namespace creel::s3
