#include "s3/wire/object_lock.h"

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

constexpr std::uint64_t kLockDaysMax = 36'500;
constexpr std::uint64_t kLockYearsMax = 100;

S3Error malformed() { return s3_fail(S3Code::kMalformedXml); }

S3Result<std::uint32_t> positive(std::string_view text, std::uint64_t most) {
  const std::optional<std::int64_t> number = parse_i64(trim(text));
  if (!number) return malformed();
  if (*number <= 0)
    return s3_fail(S3Code::kInvalidArgument,
                   "Default retention period must be a positive integer value.");
  if (static_cast<std::uint64_t>(*number) > most)
    return s3_fail(S3Code::kInvalidArgument, "Default retention period too large.");
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

bool is_lock_mode(std::string_view mode) { return mode == "GOVERNANCE" || mode == "COMPLIANCE"; }

S3Result<LockWishes> parse_object_lock(ByteView body) {
  TRY(root, parse_document(body, "ObjectLockConfiguration"));
  if (root.child_text("ObjectLockEnabled").value_or("") != "Enabled") return malformed();
  LockWishes wishes;
  const XmlNode* rule = root.child("Rule");
  if (rule == nullptr) return wishes;
  const XmlNode* retention = rule->child("DefaultRetention");
  if (retention == nullptr) return malformed();
  wishes.mode = retention->child_text("Mode").value_or("");
  const auto days = retention->child_text("Days");
  const auto years = retention->child_text("Years");
  if (!is_lock_mode(wishes.mode) || days.has_value() == years.has_value()) return malformed();
  if (days) {
    TRY(number, positive(*days, kLockDaysMax));
    wishes.days = number;
  } else {
    TRY(number, positive(*years, kLockYearsMax));
    wishes.years = number;
  }
  return wishes;
}

std::string object_lock_xml(const LockWishes& lock) {
  std::string out;
  XmlWriter xml(out);
  xml.open("ObjectLockConfiguration", kXmlNamespace).leaf("ObjectLockEnabled", "Enabled");
  if (!lock.mode.empty()) {
    xml.open("Rule").open("DefaultRetention").leaf("Mode", std::string_view(lock.mode));
    if (lock.days != 0) xml.leaf("Days", lock.days);
    else xml.leaf("Years", lock.years);
    xml.close().close();
  }
  xml.close();
  return out;
}

S3Result<RetentionWish> parse_retention(ByteView body) {
  TRY(root, parse_document(body, "Retention"));
  RetentionWish wish;
  if (root.children.empty()) return wish;
  wish.mode = root.child_text("Mode").value_or("");
  const auto until = parse_iso8601(trim(root.child_text("RetainUntilDate").value_or("")));
  if (!is_lock_mode(wish.mode) || !until) return malformed();
  wish.until = *until;
  return wish;
}

std::string retention_xml(std::string_view mode, WallTime until) {
  std::string out;
  XmlWriter xml(out);
  xml.open("Retention", kXmlNamespace).leaf("Mode", mode);
  xml.leaf("RetainUntilDate", std::string_view(iso8601_ms(until))).close();
  return out;
}

S3Result<bool> parse_legal_hold(ByteView body) {
  TRY(root, parse_document(body, "LegalHold"));
  const std::string_view status = trim(root.child_text("Status").value_or(""));
  if (status == "ON" || status == "OFF") return status == "ON";
  return malformed();
}

std::string legal_hold_xml(bool on) {
  std::string out;
  XmlWriter xml(out);
  xml.open("LegalHold", kXmlNamespace).leaf("Status", on ? "ON" : "OFF").close();
  return out;
}

}  // namespace creel::s3
