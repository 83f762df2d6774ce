#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "s3/wire/error.h"

namespace creel::s3 {

struct CorsRule {
  std::vector<std::string> origins, methods, allowed_headers, exposed_headers;
  std::optional<std::uint64_t> max_age_seconds;
};
struct CorsRules {
  std::vector<CorsRule> rules;  // 1…100
};
// CORSConfiguration. Errors: MalformedXML, InvalidRequest (a method, or more than one '*').
S3Result<CorsRules> parse_cors(ByteView body);

struct CorsQuestion {
  std::string_view origin, method;
  std::string_view headers;  // Access-Control-Request-Headers: names, comma-separated.
};
// The first rule that lets it pass; null: none.
const CorsRule* find_cors_rule(const CorsRules& rules, const CorsQuestion& question);
// Access-Control-* and Vary for a request that the rule lets pass.
std::vector<NameValue> cors_headers(const CorsRule& rule, const CorsQuestion& question);

}  // namespace creel::s3
