// What is beside an object, as headers say it: tags, retention, legal hold, expiration.
#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/call.h"
#include "s3/wire/lifecycle.h"
#include "s3/wire/object_lock.h"
#include "s3/wire/tags.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kMode = "x-amz-object-lock-mode";
constexpr std::string_view kUntil = "x-amz-object-lock-retain-until-date";
constexpr std::string_view kHold = "x-amz-object-lock-legal-hold";

S3Result<Retention> retention_headers(const Call& call) {
  const auto mode = call.headers().find(kMode);
  const auto until = call.headers().find(kUntil);
  if (!mode && !until) return Retention{};
  if (!mode || !until)
    return s3_fail(S3Code::kInvalidArgument,
                   "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be "
                   "supplied");
  if (!is_lock_mode(*mode)) return invalid_argument("Unknown wormMode directive.", kMode, *mode);
  const std::optional<WallTime> time = parse_iso8601(*until);
  if (!time)
    return invalid_argument("The retain until date must be provided in ISO 8601 format", kUntil,
                            *until);
  TRY_DO(check_retain_until(call, *time));
  return Retention{retention_mode(*mode), time->ms()};
}

S3Result<LegalHold> hold_header(const Call& call) {
  const auto said = call.headers().find(kHold);
  if (!said) return LegalHold::kUnset;
  if (*said == "ON") return LegalHold::kOn;
  if (*said == "OFF") return LegalHold::kOff;
  return invalid_argument("Legal Hold must be either of 'ON' or 'OFF'", kHold, *said);
}

}  // namespace

RetentionMode retention_mode(std::string_view name) {
  return name == "GOVERNANCE"   ? RetentionMode::kGovernance
         : name == "COMPLIANCE" ? RetentionMode::kCompliance
                                : RetentionMode::kNone;
}

std::string_view retention_name(RetentionMode mode) {
  return mode == RetentionMode::kGovernance   ? "GOVERNANCE"
         : mode == RetentionMode::kCompliance ? "COMPLIANCE"
                                              : "";
}

S3Result<Unit> check_retain_until(const Call& call, WallTime until) {
  if (until > call.service.platform().clock.wall()) return Unit{};
  return s3_fail(S3Code::kInvalidArgument, "The retain until date must be in the future!");
}

S3Result<Unit> take_tags_and_lock(const Call& call, ObjectAttributes& attributes) {
  if (const auto tags = call.headers().find("x-amz-tagging")) {
    TRY(parsed, parse_tagging_header(*tags));
    attributes.tags = encode_tags(parsed);
  }
  TRY(retention, retention_headers(call));
  TRY(hold, hold_header(call));
  attributes.retention = retention;
  attributes.legal_hold = hold;
  if (wants_lock(attributes) && !(call.record && call.record->lock.enabled))
    return s3_fail(S3Code::kInvalidRequest, "Bucket is missing ObjectLockConfiguration");
  return Unit{};
}

bool wants_lock(const ObjectAttributes& attributes) {
  return attributes.retention.mode != RetentionMode::kNone ||
         attributes.legal_hold != LegalHold::kUnset;
}

S3Result<bool> may_bypass_governance(Call& call, const Wanted& object) {
  if (!equal_ignore_case(call.header("x-amz-bypass-governance-retention").value_or(""), "true"))
    return false;
  Wanted wanted = object;
  wanted.action = "s3:BypassGovernanceRetention";
  TRY_DO(authorise(call, wanted));
  return true;
}

void add_attribute_headers(HeaderList& headers, const ObjectAttributes& attributes) {
  if (const std::size_t count = count_tags(attributes.tags); count > 0)
    headers.add("x-amz-tagging-count", static_cast<std::uint64_t>(count));
  if (attributes.retention.mode != RetentionMode::kNone) {
    headers.add(kMode, retention_name(attributes.retention.mode));
    headers.add(kUntil, iso8601_ms(WallTime::from_ms(attributes.retention.until_ms)));
  }
  if (attributes.legal_hold != LegalHold::kUnset)
    headers.add(kHold, attributes.legal_hold == LegalHold::kOn ? "ON" : "OFF");
}

void add_expiration(HeaderList& headers, const Call& call, std::string_view tags,
                    std::uint64_t size, std::int64_t mtime_ms) {
  if (!call.record) return;
  const auto rules = call.service.lifecycle_rules(*call.record);
  if (!rules) return;
  const LifecycleSubject subject{call.key(), tags, size};
  const auto due = expiration_of(*rules, subject, mtime_ms, call.service.lifecycle_day());
  if (due) headers.add("x-amz-expiration", expiration_header(*due));
}

}  // namespace creel::s3
