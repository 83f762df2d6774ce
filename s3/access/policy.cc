#include "s3/access/policy.h"

#include <algorithm>

namespace creel::s3 {
namespace {

bool is(const PolicyPrincipal& principal, const Caller& caller, bool naming_denies) {
  switch (principal.kind) {
    case PolicyPrincipal::Kind::kEverybody: return true;
    case PolicyPrincipal::Kind::kService: return false;
    case PolicyPrincipal::Kind::kUser:
      // "arn:aws:iam:::user/ID" names an account by its id.
      if (principal.account.empty())
        return !caller.account.empty() && caller.account == principal.user;
      return caller.account == principal.account && caller.user == principal.user;
    case PolicyPrincipal::Kind::kAccount:
      // An account's right is its own key's; its users need a policy of their own. A ban of it is
      // one of all its users.
      return !caller.account.empty() && caller.account == principal.account &&
             (naming_denies || caller.user.empty());
  }
  return false;
}

bool names(const Statement& statement, const Caller& caller) {
  bool named = false;
  for (const PolicyPrincipal& principal : statement.principals)
    named = named || is(principal, caller, statement.deny != statement.not_principal);
  return named != statement.not_principal;
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text,
                 Matching& matching, bool ignore_case) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return pattern_matches(pattern, text, matching, ignore_case);
  });
}

bool applies(const Statement& statement, const PolicyQuestion& question, Matching& matching) {
  if (!question.identity && !names(statement, question.caller)) return false;
  if (any_matches(statement.actions, question.action, matching, true) == statement.not_action)
    return false;
  if (any_matches(statement.resources, question.resource, matching, false) ==
      statement.not_resource)
    return false;
  return std::all_of(
      statement.conditions.begin(), statement.conditions.end(),
      [&matching](const Condition& condition) { return condition_holds(condition, matching); });
}

}  // namespace

Verdict evaluate(const Policy& policy, const PolicyQuestion& question, Matching& matching) {
  Verdict verdict;
  for (const Statement& statement : policy.statements) {
    if (!statement.deny && verdict.kind == Verdict::Kind::kAllow) continue;
    if (!statement.deny && question.without_public && is_public(statement)) continue;
    const bool matched = applies(statement, question, matching);
    if (!matched && !matching.spent()) continue;
    const auto number = static_cast<std::size_t>(&statement - policy.statements.data()) + 1;
    if (statement.deny || matching.spent()) return {Verdict::Kind::kDeny, &statement, number};
    verdict = {Verdict::Kind::kAllow, &statement, number};
  }
  return verdict;
}

bool is_public(const Statement& statement) {
  if (statement.deny) return false;
  const auto everybody = [](const PolicyPrincipal& principal) {
    return principal.kind == PolicyPrincipal::Kind::kEverybody;
  };
  if (std::none_of(statement.principals.begin(), statement.principals.end(), everybody))
    return false;
  return std::none_of(statement.conditions.begin(), statement.conditions.end(), is_fixed_source);
}

bool is_public(const Policy& policy) {
  return std::any_of(policy.statements.begin(), policy.statements.end(),
                     [](const Statement& statement) { return is_public(statement); });
}

}  // namespace creel::s3
