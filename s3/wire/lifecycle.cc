// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
#include "s3/wire/lifecycle.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kRulesMax = 1'000;
constexpr std::size_t kIdBytesMax = 255;
constexpr std::int64_t kDayMs = 24 * 3'600'000;
constexpr std::uint32_t kNewerMax = 100;

S3Error malformed() { return s3_fail(S3Code::kMalformedXml); }
S3Error bad(std::string text) { return s3_fail(S3Code::kInvalidArgument, std::move(text)); }

S3Result<std::uint32_t> days_of(std::string_view text, std::string_view what) {
  const std::optional<std::int64_t> days = parse_i64(trim(text));
  if (!days) return malformed();
  if (*days < 1 || *days > INT32_MAX) return bad(cat("'", what, "' must be a positive integer"));
  return static_cast<std::uint32_t>(*days);
}

S3Result<Tag> tag_of(const XmlNode& node) {
  const auto key = node.child_text("Key");
  const auto value = node.child_text("Value");
  if (!key || !value) return malformed();
  return Tag{std::string(*key), std::string(*value)};
}

// One condition of a filter; false if it is none.
S3Result<bool> take_condition(const XmlNode& node, LifecycleRule& rule) {
  const std::optional<std::uint64_t> number = parse_u64(trim(node.text));
  if (node.name == "Prefix") {
    rule.prefix = node.text;
  } else if (node.name == "Tag") {
    TRY(tag, tag_of(node));
    rule.tags.push_back(std::move(tag));
  } else if (node.name == "ObjectSizeGreaterThan" && number) {
    rule.larger_than = number;
  } else if (node.name == "ObjectSizeLessThan" && number) {
    rule.smaller_than = number;
  } else {
    return false;
  }
  return true;
}

S3Result<Unit> take_filter(const XmlNode& filter, LifecycleRule& rule) {
  // Several conditions beside an <And>: AWS wants all in one, clients of other servers do not.
  for (const XmlNode& child : filter.children) {
    if (child.name == "And") {
      for (const XmlNode& node : child.children) {
        TRY(known, take_condition(node, rule));
        if (!known) return malformed();
      }
      continue;
    }
    TRY(known, take_condition(child, rule));
    if (!known) return malformed();
  }
  for (std::size_t i = 0; i < rule.tags.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (rule.tags[i].key == rule.tags[j].key) return malformed();
  return Unit{};
}

S3Result<Unit> take_expiration(const XmlNode& node, LifecycleRule& rule) {
  if (node.children.size() != 1) return malformed();
  const XmlNode& only = node.children[0];
  if (only.name == "Days") {
    TRY(days, days_of(only.text, "Days' for Expiration action"));
    rule.expire_days = days;
  } else if (only.name == "Date") {
    const std::optional<WallTime> date = parse_iso8601(trim(only.text));
    if (!date) return malformed();
    if (date->ms() % kDayMs != 0) return bad("'Date' must be at midnight GMT");
    rule.expire_at = date;
  } else if (only.name == "ExpiredObjectDeleteMarker") {
    const std::optional<bool> value = parse_xml_bool(only.text);
    if (!value) return malformed();
    rule.expired_marker = *value;
  } else {
    return malformed();
  }
  return Unit{};
}

S3Result<Unit> take_noncurrent(const XmlNode& node, LifecycleRule& rule) {
  const auto days = node.child_text("NoncurrentDays");
  if (!days) return malformed();
  TRY(number, days_of(*days, "NoncurrentDays"));
  rule.noncurrent_days = number;
  if (const auto newer = node.child_text("NewerNoncurrentVersions")) {
    TRY(kept, days_of(*newer, "NewerNoncurrentVersions"));
    if (kept > kNewerMax) return bad("'NewerNoncurrentVersions' must be at most 100");
    rule.newer_kept = kept;
  }
  return Unit{};
}

S3Result<Unit> take_abort(const XmlNode& node, LifecycleRule& rule) {
  const auto days = node.child_text("DaysAfterInitiation");
  if (!days) return malformed();
  TRY(number, days_of(*days, "DaysAfterInitiation"));
  rule.abort_days = number;
  return Unit{};
}

// Judged before it is refused, so that a bad one is told from one this server does not do.
S3Result<Unit> refuse_transition(const XmlNode& node) {
  if (const auto date = node.child_text("Date")) {
    const std::optional<WallTime> at = parse_iso8601(trim(*date));
    if (!at) return malformed();
    if (at->ms() % kDayMs != 0) return bad("'Date' must be at midnight GMT");
  }
  return s3_fail(S3Code::kNotImplemented, "This server has one storage class only.")
      .with("Header", node.name);
}

S3Result<Unit> check_rule(const LifecycleRule& rule, bool scoped, bool acts) {
  if (!scoped) return malformed();
  if (!acts)
    return s3_fail(S3Code::kInvalidRequest, "At least one action needs to be specified in a rule");
  if (rule.id.size() > kIdBytesMax) return bad("ID length should not exceed allowed limit of 255");
  const bool sized = rule.larger_than || rule.smaller_than;
  if (rule.abort_days && (!rule.tags.empty() || sized))
    return s3_fail(S3Code::kInvalidRequest,
                   "AbortIncompleteMultipartUpload cannot be specified with Tags or sizes");
  if (rule.expired_marker && !rule.tags.empty())
    return s3_fail(S3Code::kInvalidRequest,
                   "ExpiredObjectDeleteMarker cannot be specified with Tags");
  if (rule.larger_than && rule.smaller_than && *rule.larger_than >= *rule.smaller_than)
    return s3_fail(S3Code::kInvalidRequest,
                   "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'");
  return Unit{};
}

S3Result<LifecycleRule> parse_rule(const XmlNode& node) {
  LifecycleRule rule;
  bool acts = false;
  unsigned scopes = 0;
  std::string_view status;
  for (const XmlNode& child : node.children) {
    S3Result<Unit> taken = Unit{};
    if (child.name == "ID") {
      rule.id = child.text;
    } else if (child.name == "Status") {
      status = child.text;
    } else if (child.name == "Prefix") {
      rule.prefix = child.text;
      ++scopes;
    } else if (child.name == "Filter") {
      taken = take_filter(child, rule);
      ++scopes;
    } else {
      acts = true;
      if (child.name == "Expiration") taken = take_expiration(child, rule);
      else if (child.name == "NoncurrentVersionExpiration") taken = take_noncurrent(child, rule);
      else if (child.name == "AbortIncompleteMultipartUpload") taken = take_abort(child, rule);
      else if (child.name == "Transition" || child.name == "NoncurrentVersionTransition")
        taken = refuse_transition(child);
      else taken = malformed();
    }
    TRY_DO(std::move(taken));
  }
  if (status != "Enabled" && status != "Disabled") return malformed();
  rule.enabled = status == "Enabled";
  TRY_DO(check_rule(rule, scopes == 1, acts));
  return rule;
}

}  // namespace

S3Result<LifecycleDocument> parse_lifecycle(ByteView body) {
  TRY(root, parse_document(body, "LifecycleConfiguration"));
  LifecycleDocument found;
  for (XmlNode& node : root.children) {
    if (node.name != "Rule" || found.rules.size() == kRulesMax) return malformed();
    TRY(rule, parse_rule(node));
    if (rule.id.empty()) {
      rule.id = cat("rule-", found.rules.size() + 1);
      std::erase_if(node.children, [](const XmlNode& child) { return child.name == "ID"; });
      XmlNode id;
      id.name = "ID";
      id.text = rule.id;
      node.children.insert(node.children.begin(), std::move(id));
    }
    for (const LifecycleRule& other : found.rules)
      if (other.id == rule.id)
        return bad("Rule ID must be unique. Found same ID for more than one rule");
    found.rules.push_back(std::move(rule));
  }
  if (found.rules.empty()) return malformed();
  found.document = written_document(root);
  return found;
}

bool applies(const LifecycleRule& rule, const LifecycleSubject& subject) {
  if (!rule.enabled || !subject.key.starts_with(rule.prefix)) return false;
  if (rule.larger_than && subject.size <= *rule.larger_than) return false;
  if (rule.smaller_than && subject.size >= *rule.smaller_than) return false;
  if (rule.tags.empty()) return true;
  const Tags held = decode_tags(subject.tags);
  return std::all_of(rule.tags.begin(), rule.tags.end(), [&held](const Tag& wanted) {
    return std::find(held.begin(), held.end(), wanted) != held.end();
  });
}

std::int64_t due_ms(std::int64_t from_ms, std::uint32_t days, LifecycleDay day) {
  const std::int64_t due = from_ms + days * day.ms;
  return day.real() ? (due + day.ms - 1) / day.ms * day.ms : due;
}

std::optional<Expiration> expiration_of(const LifecycleRules& rules,
                                        const LifecycleSubject& subject, std::int64_t mtime_ms,
                                        LifecycleDay day) {
  std::optional<Expiration> first;
  for (const LifecycleRule& rule : rules) {
    if ((!rule.expire_days && !rule.expire_at) || !applies(rule, subject)) continue;
    const std::int64_t at =
        rule.expire_days ? due_ms(mtime_ms, *rule.expire_days, day) : rule.expire_at->ms();
    if (!first || at < first->at_ms) first = Expiration{at, rule.id};
  }
  return first;
}

std::string expiration_header(const Expiration& expiration) {
  return cat("expiry-date=\"", http_date(WallTime::from_ms(expiration.at_ms)), "\", rule-id=\"",
             percent_encode(expiration.rule_id, false), "\"");
}

}  // namespace creel::s3
