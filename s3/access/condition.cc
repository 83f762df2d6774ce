#include "s3/access/condition.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/access/ip_range.h"

namespace creel::s3 {

enum class Family : std::uint8_t {
  kText,
  kTextFold,
  kLike,
  kNumber,
  kDate,
  kBool,
  kBinary,
  kIp,
  kArn,
  kNull
};
enum class Order : std::uint8_t { kSame, kLess, kLessOrSame, kMore, kMoreOrSame };

struct OperatorInfo {
  std::string_view name;
  Family family;
  bool negated = false;
  Order order = Order::kSame;
};

namespace {

constexpr OperatorInfo kOperators[] = {
    {"StringEquals", Family::kText},
    {"StringNotEquals", Family::kText, true},
    {"StringEqualsIgnoreCase", Family::kTextFold},
    {"StringNotEqualsIgnoreCase", Family::kTextFold, true},
    {"StringLike", Family::kLike},
    {"StringNotLike", Family::kLike, true},
    {"NumericEquals", Family::kNumber},
    {"NumericNotEquals", Family::kNumber, true},
    {"NumericLessThan", Family::kNumber, false, Order::kLess},
    {"NumericLessThanEquals", Family::kNumber, false, Order::kLessOrSame},
    {"NumericGreaterThan", Family::kNumber, false, Order::kMore},
    {"NumericGreaterThanEquals", Family::kNumber, false, Order::kMoreOrSame},
    {"DateEquals", Family::kDate},
    {"DateNotEquals", Family::kDate, true},
    {"DateLessThan", Family::kDate, false, Order::kLess},
    {"DateLessThanEquals", Family::kDate, false, Order::kLessOrSame},
    {"DateGreaterThan", Family::kDate, false, Order::kMore},
    {"DateGreaterThanEquals", Family::kDate, false, Order::kMoreOrSame},
    {"Bool", Family::kBool},
    {"BinaryEquals", Family::kBinary},
    {"IpAddress", Family::kIp},
    {"NotIpAddress", Family::kIp, true},
    {"ArnEquals", Family::kArn},
    {"ArnNotEquals", Family::kArn, true},
    {"ArnLike", Family::kArn},
    {"ArnNotLike", Family::kArn, true},
    {"Null", Family::kNull},
};

struct KeyInfo {
  std::string_view name;  // Lower case; one that ends in '/' stands for all that begin with it.
  std::uint8_t group;
};

constexpr KeyInfo kKeys[] = {
    {"aws:calledvia", 0},
    {"aws:currenttime", 0},
    {"aws:epochtime", 0},
    {"aws:principalaccount", 0},
    {"aws:principalarn", 0},
    {"aws:principalisawsservice", 0},
    {"aws:principalorgid", 0},
    {"aws:principalorgpaths", 0},
    {"aws:principaltag/", 0},
    {"aws:principaltype", 0},
    {"aws:referer", 0},
    {"aws:requestedregion", 0},
    {"aws:resourceaccount", 0},
    {"aws:resourceorgid", 0},
    {"aws:securetransport", 0},
    {"aws:sourceaccount", 0},
    {"aws:sourcearn", 0},
    {"aws:sourceip", 0},
    {"aws:sourceorgid", 0},
    {"aws:sourceowner", 0},
    {"aws:sourcevpc", 0},
    {"aws:sourcevpce", 0},
    {"aws:tokenissuetime", 0},
    {"aws:useragent", 0},
    {"aws:userid", 0},
    {"aws:username", 0},
    {"aws:viaawsservice", 0},
    {"aws:vpcsourceip", 0},
    {"s3:authtype", 0},
    {"s3:dataaccesspointarn", 0},
    {"s3:resourceaccount", 0},
    {"s3:signatureage", 0},
    {"s3:signatureversion", 0},
    {"s3:tlsversion", 0},
    {"s3:x-amz-content-sha256", 0},
    {"s3:locationconstraint", 0},
    {"s3:x-amz-object-ownership", 0},
    {"s3:prefix", kListKeys},
    {"s3:delimiter", kListKeys},
    {"s3:max-keys", kListKeys},
    {"s3:x-amz-acl", kAclKeys},
    {"s3:x-amz-grant-read", kAclKeys},
    {"s3:x-amz-grant-write", kAclKeys},
    {"s3:x-amz-grant-read-acp", kAclKeys},
    {"s3:x-amz-grant-write-acp", kAclKeys},
    {"s3:x-amz-grant-full-control", kAclKeys},
    {"s3:versionid", kVersionKeys},
    {"s3:if-match", kWriteKeys},
    {"s3:if-none-match", kWriteKeys},
    {"s3:x-amz-copy-source", kWriteKeys},
    {"s3:x-amz-metadata-directive", kWriteKeys},
    {"s3:x-amz-server-side-encryption", kWriteKeys},
    {"s3:x-amz-server-side-encryption-aws-kms-key-id", kWriteKeys},
    {"s3:x-amz-server-side-encryption-customer-algorithm", kWriteKeys},
    {"s3:x-amz-storage-class", kWriteKeys},
    {"s3:x-amz-website-redirect-location", kWriteKeys},
    {"s3:objectcreationoperation", kWriteKeys},
    {"s3:existingobjecttag/", kExistingTagKeys},
    {"s3:requestobjecttag/", kRequestTagKeys},
    {"s3:requestobjecttagkeys", kRequestTagKeys},
    {"s3:object-lock-mode", kLockKeys},
    {"s3:object-lock-legal-hold", kLockKeys},
    {"s3:object-lock-retain-until-date", kLockKeys},
    {"s3:object-lock-remaining-retention-days", kLockKeys},
};

// Keys whose fixed values keep a statement from being public.
constexpr std::string_view kSourceKeys[] = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:username",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
};

const KeyInfo* find_key(std::string_view key) {
  for (const KeyInfo& info : kKeys) {
    const bool open = info.name.ends_with('/');
    if (open ? key.starts_with(info.name) && key.size() > info.name.size() : key == info.name)
      return &info;
  }
  return nullptr;
}

S3Error malformed(std::string text) { return s3_fail(S3Code::kMalformedPolicy, std::move(text)); }

const OperatorInfo* find_operator(std::string_view name, Condition& condition) {
  const auto take_front = [&name](std::string_view front) {
    if (!name.starts_with(front)) return false;
    name.remove_prefix(front.size());
    return true;
  };
  if (take_front("ForAllValues:")) condition.each = Condition::Each::kAll;
  else if (take_front("ForAnyValue:")) condition.each = Condition::Each::kAny;
  if (name.ends_with("IfExists")) {
    condition.if_exists = true;
    name.remove_suffix(8);
  }
  for (const OperatorInfo& info : kOperators)
    if (info.name == name && !(info.family == Family::kNull && condition.if_exists)) return &info;
  return nullptr;
}

// Milliseconds of an ISO 8601 time or of seconds since 1970.
std::optional<std::int64_t> parse_moment(std::string_view text) {
  if (const std::optional<std::int64_t> seconds = parse_i64(text)) {
    if (*seconds > INT64_MAX / 1000 || *seconds < INT64_MIN / 1000) return std::nullopt;
    return *seconds * 1000;
  }
  if (const std::optional<WallTime> time = parse_iso8601(text)) return time->ms();
  if (text.size() == 10)  // A date alone.
    if (const std::optional<WallTime> time = parse_iso8601(cat(text, "T00:00:00Z")))
      return time->ms();
  return std::nullopt;
}

// One value of a policy, checked and made ready.
S3Result<std::string> parse_value(const Condition& condition, std::string text, bool variables) {
  const Family family = condition.op->family;
  if ((condition.key == "aws:sourceip" || family == Family::kIp) && !parse_ip_range(text))
    return malformed("Invalid IP address in Conditions");
  bool sound = true;
  switch (family) {
    case Family::kNumber: sound = parse_i64(text).has_value(); break;
    case Family::kDate: sound = parse_moment(text).has_value(); break;
    case Family::kBool:
    case Family::kNull:
      sound = equal_ignore_case(text, "true") || equal_ignore_case(text, "false");
      break;
    case Family::kText:
    case Family::kTextFold:
    case Family::kLike:
    case Family::kArn: {
      PatternRules rules;
      rules.variables = variables;
      rules.wildcards = family == Family::kLike || family == Family::kArn;
      std::optional<std::string> pattern = compile_pattern(text, rules);
      if (pattern) return std::move(*pattern);
      sound = false;
      break;
    }
    default: break;
  }
  if (sound) return text;
  return malformed(cat("Invalid value '", text, "' for the condition ", condition.op->name));
}

std::optional<std::string> scalar_text(JsonValue value) {
  if (const auto text = value.as_string()) return std::string(*text);
  if (const auto flag = value.as_bool()) return std::string(*flag ? "true" : "false");
  if (const auto number = value.as_i64()) return cat(*number);
  return std::nullopt;
}

S3Result<Unit> add_value(Condition& condition, JsonValue value, bool variables) {
  std::optional<std::string> text = scalar_text(value);
  if (!text) return malformed("This policy contains invalid Json");
  TRY(ready, parse_value(condition, std::move(*text), variables));
  condition.values.push_back(std::move(ready));
  return Unit{};
}

bool ordered(Order order, std::int64_t actual, std::int64_t wanted) {
  switch (order) {
    case Order::kSame: return actual == wanted;
    case Order::kLess: return actual < wanted;
    case Order::kLessOrSame: return actual <= wanted;
    case Order::kMore: return actual > wanted;
    case Order::kMoreOrSame: return actual >= wanted;
  }
  return false;
}

// An ARN's six parts are compared one by one, so that '*' does not reach over a colon but in the
// last.
bool arn_matches(std::string_view pattern, std::string_view text, Matching& matching) {
  for (int part = 0; part < 5; ++part) {
    const std::size_t p = pattern.find(':'), t = text.find(':');
    if (p == std::string_view::npos || t == std::string_view::npos) break;
    if (!pattern_matches(pattern.substr(0, p), text.substr(0, t), matching)) return false;
    pattern.remove_prefix(p + 1);
    text.remove_prefix(t + 1);
  }
  return pattern_matches(pattern, text, matching);
}

// Whether one value of the request meets one of the policy, negation aside.
bool meets(const OperatorInfo& op, std::string_view wanted, std::string_view actual,
           Matching& matching) {
  switch (op.family) {
    case Family::kText:
    case Family::kLike: return pattern_matches(wanted, actual, matching);
    case Family::kTextFold: return pattern_matches(wanted, actual, matching, true);
    case Family::kArn: return arn_matches(wanted, actual, matching);
    case Family::kBinary: return wanted == actual;
    case Family::kBool: return equal_ignore_case(wanted, actual);
    case Family::kNumber: {
      const auto left = parse_i64(actual), right = parse_i64(wanted);
      return left && right && ordered(op.order, *left, *right);
    }
    case Family::kDate: {
      const auto left = parse_moment(actual), right = parse_moment(wanted);
      return left && right && ordered(op.order, *left, *right);
    }
    case Family::kIp: {
      const auto ip = parse_ip(actual);
      const auto range = parse_ip_range(wanted);
      return ip && range && range->contains(*ip);
    }
    case Family::kNull: break;
  }
  return false;
}

bool value_holds(const Condition& condition, std::string_view actual, Matching& matching) {
  for (const std::string& wanted : condition.values)
    if (meets(*condition.op, wanted, actual, matching)) return !condition.op->negated;
  return condition.op->negated;
}

}  // namespace

S3Result<std::vector<Condition>> parse_conditions(JsonValue block, bool variables) {
  std::vector<Condition> conditions;
  if (block.absent()) return conditions;
  if (!block.is_object()) return malformed("This policy contains invalid Json");
  for (const JsonItem by_operator : block) {
    Condition shape;
    shape.op = find_operator(by_operator.name, shape);
    if (shape.op == nullptr) return malformed(cat("Invalid Condition type : ", by_operator.name));
    if (!by_operator.value.is_object()) return malformed("This policy contains invalid Json");
    for (const JsonItem by_key : by_operator.value) {
      Condition condition = shape;
      condition.key = to_lower(by_key.name);
      if (find_key(condition.key) == nullptr)
        return malformed("Policy has an invalid condition key");
      if (by_key.value.is_array()) {
        for (const JsonItem item : by_key.value)
          TRY_DO(add_value(condition, item.value, variables));
      } else {
        TRY_DO(add_value(condition, by_key.value, variables));
      }
      conditions.push_back(std::move(condition));
    }
  }
  return conditions;
}

std::uint8_t key_group(std::string_view key) {
  const KeyInfo* info = find_key(key);
  return info == nullptr ? std::uint8_t{kEveryRequest} : info->group;
}

bool condition_holds(const Condition& condition, Matching& matching) {
  std::vector<std::string> actual;
  const bool present = matching.facts().find(condition.key, actual);
  if (condition.op->family == Family::kNull) {
    for (const std::string& wanted : condition.values)
      if (equal_ignore_case(wanted, present ? "false" : "true")) return true;
    return false;
  }
  if (!present || actual.empty()) {
    if (condition.if_exists || condition.each == Condition::Each::kAll) return true;
    return condition.op->negated && condition.each == Condition::Each::kOne;
  }
  // A key with several values and no quantifier: one that meets it is enough, one that must not be
  // there spoils it.
  const bool all = condition.each == Condition::Each::kAll ||
                   (condition.each == Condition::Each::kOne && condition.op->negated);
  for (const std::string& value : actual)
    if (value_holds(condition, value, matching) != all) return !all;
  return all;
}

bool is_fixed_source(const Condition& condition) {
  const Family family = condition.op->family;
  const bool ties = !condition.op->negated && !condition.if_exists &&
                    condition.each != Condition::Each::kAll &&
                    (family == Family::kText || family == Family::kTextFold ||
                     family == Family::kLike || family == Family::kArn || family == Family::kIp);
  if (!ties || std::find(std::begin(kSourceKeys), std::end(kSourceKeys), condition.key) ==
                   std::end(kSourceKeys))
    return false;
  for (const std::string& value : condition.values) {
    if (family != Family::kIp) {
      if (!is_fixed(value)) return false;
      continue;
    }
    // A range that holds a great part of the Internet names no place.
    const std::optional<IpRange> range = parse_ip_range(value);
    if (!range || range->bits < (range->v4 ? 96u + 8 : 32u)) return false;
  }
  return true;
}

}  // namespace creel::s3
