#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "s3/access/policy.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kArn = "arn:aws:s3:::";
constexpr std::string_view kBadJson = "This policy contains invalid Json";
constexpr unsigned kDepthMax = 8;

S3Error malformed(std::string_view text) {
  return s3_fail(S3Code::kMalformedPolicy, std::string(text));
}

struct NoFacts final : RequestFacts {
  bool find(std::string_view, std::vector<std::string>&) const override { return false; }
};

// A string or an array of strings. Errors: `refusal` for an empty one, an empty array, or others.
S3Result<std::vector<std::string_view>> texts_of(JsonValue value, std::string_view refusal) {
  std::vector<std::string_view> texts;
  if (const auto one = value.as_string()) texts.push_back(*one);
  else if (value.is_array())
    for (const JsonItem item : value) {
      const auto text = item.value.as_string();
      if (!text) return malformed(refusal);
      texts.push_back(*text);
    }
  if (texts.empty()) return malformed(refusal);
  for (const std::string_view text : texts)
    if (text.empty()) return malformed(refusal);
  return texts;
}

// Every member known, and there once: parsers must not differ over what a policy says.
S3Result<Unit> check_members(JsonValue object, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) return malformed(kBadJson);
  unsigned seen = 0;
  for (const JsonItem item : object) {
    const auto* found = std::find(known.begin(), known.end(), item.name);
    if (found == known.end()) return malformed(cat("Unknown field ", item.name));
    const unsigned bit = 1u << (found - known.begin());
    if (seen & bit) return malformed(cat("The field ", item.name, " is given twice"));
    seen |= bit;
  }
  return Unit{};
}

class Parser {
 public:
  // `bucket` empty: a policy of a user or group.
  Parser(std::string_view bucket, const PrincipalNames* names) : bucket_(bucket), names_(names) {}

  S3Result<Policy> parse(std::string_view text) {
    if (text.size() > kPolicyBytesMax)
      return malformed("Policy exceeds the maximum allowed document size.");
    if (text.empty() || text[0] != '{')
      return malformed("Policies must be valid JSON and the first byte must be '{'");
    JsonLimits limits;
    limits.bytes_max = kPolicyBytesMax;
    limits.depth_max = kDepthMax;
    Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text), limits);
    if (!doc.ok()) return malformed(kBadJson);
    const JsonValue root = doc.value().root();
    TRY_DO(check_members(root, {"Version", "Id", "Statement"}));
    TRY_DO(read_version(root.find("Version")));
    const JsonValue id = root.find("Id");
    if (!id.absent() && !id.as_string()) return malformed(kBadJson);
    const JsonValue list = root.find("Statement");
    if (list.absent()) return malformed("Missing required field Statement");
    if (list.size() == 0) return malformed("Could not parse the policy: Statement is empty!");
    Policy policy;
    if (list.is_object()) {
      TRY(statement, read_statement(list));
      policy.statements.push_back(std::move(statement));
    } else {
      for (const JsonItem item : list) {
        TRY(statement, read_statement(item.value));
        policy.statements.push_back(std::move(statement));
      }
    }
    return policy;
  }

 private:
  bool of_bucket() const { return !bucket_.empty(); }

  S3Result<Unit> read_version(JsonValue value) {
    if (value.absent()) return Unit{};
    const auto text = value.as_string();
    if (!text || (*text != "2012-10-17" && *text != "2008-10-17"))
      return malformed("The policy must contain a valid version string");
    variables_ = *text == "2012-10-17";
    return Unit{};
  }

  S3Result<Statement> read_statement(JsonValue value) {
    TRY_DO(check_members(value, {"Sid", "Effect", "Principal", "NotPrincipal", "Action",
                                 "NotAction", "Resource", "NotResource", "Condition"}));
    Statement statement;
    const JsonValue sid = value.find("Sid");
    if (!sid.absent()) {
      if (!sid.as_string()) return malformed(kBadJson);
      statement.sid = *sid.as_string();
    }
    const JsonValue effect = value.find("Effect");
    if (effect.absent()) return malformed("Missing required field Effect");
    const std::string_view word = effect.as_string().value_or("");
    if (word != "Allow" && word != "Deny") return malformed(cat("Invalid effect: ", word));
    statement.deny = word == "Deny";
    TRY_DO(read_principals(value, statement));
    TRY_DO(read_actions(value, statement));
    TRY_DO(read_resources(value, statement));
    TRY(conditions, parse_conditions(value.find("Condition"), variables_));
    statement.conditions = std::move(conditions);
    if (of_bucket()) TRY_DO(check_fit(statement));
    return statement;
  }

  // The one of two members that is there. Errors: `missing` if neither, MalformedPolicy if both.
  S3Result<JsonValue> either(JsonValue statement, std::string_view name, std::string_view not_name,
                             bool& negated, std::string_view missing) {
    const JsonValue plain = statement.find(name);
    const JsonValue other = statement.find(not_name);
    if (plain.absent() && other.absent()) return malformed(missing);
    if (!plain.absent() && !other.absent())
      return malformed(cat(name, " and ", not_name, " cannot be given together"));
    negated = plain.absent();
    return negated ? other : plain;
  }

  S3Result<Unit> read_principals(JsonValue value, Statement& statement) {
    if (!of_bucket()) {
      if (value.find("Principal").absent() && value.find("NotPrincipal").absent()) return Unit{};
      return malformed("Policy document should not specify a principal.");
    }
    TRY(given, either(value, "Principal", "NotPrincipal", statement.not_principal,
                      "Missing required field Principal"));
    if (statement.not_principal && !statement.deny)
      return malformed("Allow with NotPrincipal is not allowed.");
    if (!given.is_object()) return add_principals("AWS", given, statement);
    if (given.size() == 0) return malformed("Invalid principal in policy");
    for (const JsonItem item : given) TRY_DO(add_principals(item.name, item.value, statement));
    return Unit{};
  }

  S3Result<Unit> add_principals(std::string_view kind, JsonValue value, Statement& statement) {
    constexpr std::string_view kRefusal = "Invalid principal in policy";
    TRY(texts, texts_of(value, kRefusal));
    for (const std::string_view text : texts) {
      if (text == "*" && texts.size() > 1) return malformed(kRefusal);
      std::optional<PolicyPrincipal> principal = principal_of(kind, text);
      if (!principal || !exists(*principal)) return malformed(kRefusal);
      statement.principals.push_back(std::move(*principal));
    }
    return Unit{};
  }

  static std::optional<PolicyPrincipal> principal_of(std::string_view kind, std::string_view text) {
    PolicyPrincipal principal;
    if (kind == "Service") {
      principal.kind = PolicyPrincipal::Kind::kService;
      principal.user = text;
      if (text.ends_with(".amazonaws.com")) return principal;
      return std::nullopt;
    }
    if (kind != "AWS" && kind != "CanonicalUser") return std::nullopt;
    if (text == "*" && kind == "AWS") return principal;
    principal.kind = PolicyPrincipal::Kind::kAccount;
    constexpr std::string_view kIam = "arn:aws:iam::";
    if (kind == "AWS" && text.starts_with(kIam)) {
      text.remove_prefix(kIam.size());
      const std::size_t colon = text.find(':');
      if (colon == std::string_view::npos) return std::nullopt;
      principal.account = text.substr(0, colon);
      const std::string_view rest = text.substr(colon + 1);
      if (rest == "root" && !principal.account.empty()) return principal;
      if (!rest.starts_with("user/") || rest.ends_with('/')) return std::nullopt;
      principal.kind = PolicyPrincipal::Kind::kUser;
      principal.user = rest.substr(rest.rfind('/') + 1);  // Behind its path.
      return principal;
    }
    principal.account = text;
    return principal;
  }

  bool exists(const PolicyPrincipal& principal) const {
    if (names_ == nullptr) return true;
    if (principal.kind == PolicyPrincipal::Kind::kAccount)
      return names_->has_account(principal.account);
    if (principal.kind == PolicyPrincipal::Kind::kUser)
      return names_->has_user(principal.account, principal.user);
    return true;
  }

  S3Result<Unit> read_actions(JsonValue value, Statement& statement) {
    constexpr std::string_view kRefusal = "Policy has invalid action";
    TRY(given, either(value, "Action", "NotAction", statement.not_action,
                      "Missing required field Action"));
    TRY(texts, texts_of(given, kRefusal));
    PatternRules rules;
    rules.variables = false;
    NoFacts facts;
    for (const std::string_view text : texts) {
      std::string pattern = *compile_pattern(text, rules);
      if (of_bucket() && text != "*") {
        Matching matching(facts);
        const auto named = [&](const ActionInfo& action) {
          return pattern_matches(pattern, action.name, matching, true);
        };
        const bool ours = text.starts_with("s3:") || text.starts_with("creel:");
        if (!ours || std::none_of(s3_actions().begin(), s3_actions().end(), named))
          return malformed(kRefusal);
      } else if (text != "*" && text.find(':') == std::string_view::npos) {
        return malformed(kRefusal);
      }
      statement.actions.push_back(std::move(pattern));
    }
    return Unit{};
  }

  S3Result<Unit> read_resources(JsonValue value, Statement& statement) {
    constexpr std::string_view kRefusal = "Policy has invalid resource";
    TRY(given, either(value, "Resource", "NotResource", statement.not_resource,
                      "Missing required field Resource"));
    TRY(texts, texts_of(given, kRefusal));
    for (const std::string_view text : texts) {
      std::optional<std::string> pattern = compile_pattern(text, {true, variables_});
      if (!pattern) return malformed(kRefusal);
      if (of_bucket() ? !speaks_of_bucket(text) : text != "*" && !text.starts_with("arn:"))
        return malformed(kRefusal);
      statement.resources.push_back(std::move(*pattern));
    }
    return Unit{};
  }

  bool speaks_of_bucket(std::string_view resource) const {
    if (resource == "*") return true;
    if (!resource.starts_with(kArn)) return false;
    const std::string_view path = resource.substr(kArn.size());
    const std::optional<std::string> name =
        compile_pattern(path.substr(0, path.find('/')), {true, false});
    NoFacts facts;
    Matching matching(facts);
    return name && pattern_matches(*name, bucket_, matching);
  }

  // Each action has a resource it can apply to, and each condition key an action that has it.
  S3Result<Unit> check_fit(const Statement& statement) const {
    if (statement.not_action || statement.not_resource) return Unit{};
    bool buckets = false, objects = false;
    for (const std::string& resource : statement.resources) {
      const bool has_key = resource.find('/') != std::string::npos;
      const bool open = resource.size() <= kArn.size() + 1 && !is_fixed(resource);  // "*", "arn…:*"
      objects = objects || has_key || open;
      buckets = buckets || !has_key || open;
    }
    NoFacts facts;
    for (const std::string& pattern : statement.actions) {
      bool fits = false;
      std::uint8_t keys = 0;
      Matching matching(facts);
      for (const ActionInfo& action : s3_actions()) {
        if (!pattern_matches(pattern, action.name, matching, true)) continue;
        fits = fits || (action.level == ActionLevel::kObject ? objects : buckets);
        keys |= action.keys;
      }
      if (!fits) return malformed("Action does not apply to any resource(s) in statement");
      for (const Condition& condition : statement.conditions) {
        const std::uint8_t group = key_group(condition.key);
        if (group != kEveryRequest && (keys & group) == 0)
          return malformed(
              "Conditions do not apply to combination of actions and resources in statement");
      }
    }
    return Unit{};
  }

  std::string_view bucket_;
  const PrincipalNames* names_;
  bool variables_ = false;
};

}  // namespace

S3Result<Policy> parse_bucket_policy(std::string_view text, std::string_view bucket,
                                     const PrincipalNames* names) {
  check(!bucket.empty());
  return Parser(bucket, names).parse(text);
}

S3Result<Policy> parse_identity_policy(std::string_view text) {
  return Parser({}, nullptr).parse(text);
}

}  // namespace creel::s3
