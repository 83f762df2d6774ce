// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
#include "s3/wire/cors.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kRulesMax = 100;
constexpr std::string_view kMethods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

S3Result<Unit> check_stars(std::string_view element, std::string_view value) {
  if (std::count(value.begin(), value.end(), '*') <= 1) return Unit{};
  return s3_fail(S3Code::kInvalidRequest,
                 cat(element, " \"", value, "\" can not have more than one wildcard."));
}

// One '*' stands for anything, of any length.
bool fits(std::string_view pattern, std::string_view text, bool ignore_case) {
  const auto same = [ignore_case](std::string_view a, std::string_view b) {
    return ignore_case ? equal_ignore_case(a, b) : a == b;
  };
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return same(pattern, text);
  const std::string_view head = pattern.substr(0, star);
  const std::string_view tail = pattern.substr(star + 1);
  return text.size() >= head.size() + tail.size() && same(head, text.substr(0, head.size())) &&
         same(tail, text.substr(text.size() - tail.size()));
}

bool fits_any(const std::vector<std::string>& patterns, std::string_view text, bool ignore_case) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return fits(pattern, text, ignore_case); });
}

bool allows_headers(const CorsRule& rule, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    if (!trim(name).empty() && !fits_any(rule.allowed_headers, trim(name), true)) return false;
  }
  return true;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out.append(out.empty() ? "" : ", ").append(text);
  return out;
}

S3Result<CorsRule> parse_rule(const XmlNode& node) {
  CorsRule rule;
  for (const XmlNode& child : node.children) {
    const std::string text(trim(child.text));
    if (child.name == "AllowedMethod") {
      if (std::find(std::begin(kMethods), std::end(kMethods), text) == std::end(kMethods))
        return s3_fail(
            S3Code::kInvalidRequest,
            cat("Found unsupported HTTP method in CORS config. Unsupported method is ", text));
      rule.methods.push_back(text);
    } else if (child.name == "AllowedOrigin") {
      TRY_DO(check_stars("AllowedOrigin", text));
      rule.origins.push_back(text);
    } else if (child.name == "AllowedHeader") {
      TRY_DO(check_stars("AllowedHeader", text));
      rule.allowed_headers.push_back(text);
    } else if (child.name == "ExposeHeader") {
      rule.exposed_headers.push_back(text);
    } else if (child.name == "MaxAgeSeconds") {
      rule.max_age_seconds = parse_u64(text);
      if (!rule.max_age_seconds) return s3_fail(S3Code::kMalformedXml);
    }
  }
  if (rule.methods.empty() || rule.origins.empty()) return s3_fail(S3Code::kMalformedXml);
  return rule;
}

}  // namespace

S3Result<CorsRules> parse_cors(ByteView body) {
  TRY(root, parse_document(body, "CORSConfiguration"));
  CorsRules found;
  for (const XmlNode& node : root.children) {
    if (node.name != "CORSRule" || found.rules.size() == kRulesMax)
      return s3_fail(S3Code::kMalformedXml);
    TRY(rule, parse_rule(node));
    found.rules.push_back(std::move(rule));
  }
  if (found.rules.empty()) return s3_fail(S3Code::kMalformedXml);
  return found;
}

const CorsRule* find_cors_rule(const CorsRules& rules, const CorsQuestion& question) {
  for (const CorsRule& rule : rules.rules) {
    const auto& methods = rule.methods;
    if (std::find(methods.begin(), methods.end(), question.method) != methods.end() &&
        fits_any(rule.origins, question.origin, false) && allows_headers(rule, question.headers))
      return &rule;
  }
  return nullptr;
}

std::vector<NameValue> cors_headers(const CorsRule& rule, const CorsQuestion& question) {
  std::vector<NameValue> headers;
  const bool any = std::find(rule.origins.begin(), rule.origins.end(), "*") != rule.origins.end();
  headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(question.origin));
  headers.emplace_back("Access-Control-Allow-Methods", joined(rule.methods));
  if (!any) headers.emplace_back("Access-Control-Allow-Credentials", "true");
  if (!question.headers.empty())
    headers.emplace_back("Access-Control-Allow-Headers", to_lower(question.headers));
  if (!rule.exposed_headers.empty())
    headers.emplace_back("Access-Control-Expose-Headers", joined(rule.exposed_headers));
  if (rule.max_age_seconds)
    headers.emplace_back("Access-Control-Max-Age", cat(*rule.max_age_seconds));
  headers.emplace_back("Vary",
                       "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  return headers;
}

}  // namespace creel::s3
