#include "s3/service/access.h"

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kPolicyActions[] = {"s3:GetBucketPolicy", "s3:PutBucketPolicy",
                                               "s3:DeleteBucketPolicy"};

bool is_policy_action(std::string_view action) {
  for (const std::string_view name : kPolicyActions)
    if (name == action) return true;
  return false;
}

std::string resource_of(const AccessRequest& request) {
  constexpr std::string_view kArn = "arn:aws:s3:::";
  if (request.bucket.empty()) return cat(kArn, '*');
  if (request.key.empty()) return cat(kArn, request.bucket);
  return cat(kArn, request.bucket, '/', request.key);
}

std::string statement_name(const Verdict& verdict, std::string_view of) {
  std::string name = cat("statement ", verdict.number);
  if (!verdict.statement->sid.empty()) name += cat(" (", verdict.statement->sid, ')');
  return cat(name, " of ", of);
}

Decision allowed(Decision::Why why, std::string statement = {}) {
  return {true, false, why, std::move(statement)};
}
Decision denied(Decision::Why why, std::string statement) {
  return {false, true, why, std::move(statement)};
}

// Policies of the bucket and of the caller, in one pass: whether one denies, and which allow.
struct PolicyOutcome {
  std::optional<Decision> denial;
  std::string by_bucket, by_user;  // The statement that allows; empty: none does.
};

class Deciding {
 public:
  Deciding(const Principal& principal, const AccessRequest& request)
      : principal_(principal), request_(request), matching_(request.facts) {
    own_ = !principal.anonymous && (request.owner.empty() || request.owner == principal.id);
    whole_account_ = own_ && principal.user.empty();
  }

  Decision decide() {
    const bool silent = request_.rules.plain() && !principal_.policies;
    if (!silent) {
      question_ = {{principal_.id, principal_.user}, request_.action, {}};
      resource_ = resource_of(request_);
      question_.resource = resource_;
      ask_policies();
      if (outcome_.denial) return std::move(*outcome_.denial);
    }
    if (principal_.root) return allowed(Decision::Why::kRoot);
    if (whole_account_ && !is_foreign_object()) return allowed(Decision::Why::kOwner);
    if (silent) return {};
    return by_rules();
  }

 private:
  void ask_policies() {
    if (request_.rules.policy) {
      const Verdict verdict = evaluate(*request_.rules.policy, question_, matching_);
      if (verdict.kind == Verdict::Kind::kDeny && !may_mend())
        outcome_.denial =
            denied(Decision::Why::kBucketPolicy, statement_name(verdict, "the bucket policy"));
      const bool closed = request_.rules.block.restrict_buckets && request_.rules.policy_public;
      if (verdict.kind == Verdict::Kind::kAllow && (own_ || !closed))
        outcome_.by_bucket = statement_name(verdict, "the bucket policy");
    }
    if (outcome_.denial || !principal_.policies) return;
    question_.identity = true;
    for (const NamedPolicy& named : *principal_.policies) {
      const Verdict verdict = evaluate(named.policy, question_, matching_);
      if (verdict.kind == Verdict::Kind::kSilent) continue;
      std::string statement = statement_name(verdict, named.name);
      if (verdict.kind == Verdict::Kind::kDeny) {
        outcome_.denial = denied(Decision::Why::kUserPolicy, std::move(statement));
        return;
      }
      outcome_.by_user = std::move(statement);
    }
  }

  // A policy that shuts everybody out can be taken away by the account it shut out.
  bool may_mend() const {
    if (!is_policy_action(request_.action)) return false;
    if (principal_.root && !own_) return true;
    return (principal_.root || whole_account_) && !request_.rules.policy_binds_owner;
  }

  // Another account's object in the caller's bucket: reading it takes a grant.
  bool is_foreign_object() const {
    if (request_.rules.ownership == Ownership::kBucketOwnerEnforced) return false;
    if (request_.key.empty() || object_permission(request_.action) == kNoPermission) return false;
    const ObjectAcl* acl = request_.facts.object_acl();
    return acl != nullptr && !acl->owner.empty() && acl->owner != request_.owner;
  }

  Decision by_rules() {
    const bool one_of_us = own_ && !principal_.user.empty();
    if (!outcome_.by_bucket.empty()) {
      // A user of another account needs its own account's leave as well.
      const bool stranger = !own_ && !principal_.user.empty();
      if (!stranger || !outcome_.by_user.empty())
        return allowed(Decision::Why::kBucketPolicy, std::move(outcome_.by_bucket));
    }
    if (one_of_us && !outcome_.by_user.empty())
      return allowed(Decision::Why::kUserPolicy, std::move(outcome_.by_user));
    if (request_.rules.ownership == Ownership::kBucketOwnerEnforced) return {};
    // Grants are to accounts; a user needs its account's leave to use one.
    if (!principal_.user.empty() && outcome_.by_user.empty()) return {};
    return by_grants() ? allowed(Decision::Why::kAcl) : Decision();
  }

  bool by_grants() const {
    const Caller caller{principal_.id, principal_.user};
    const bool public_counts = !request_.rules.block.ignore_acls;
    const std::uint8_t of_bucket = bucket_permission(request_.action);
    if (of_bucket != kNoPermission)
      return grants_give(request_.rules.grants, caller, of_bucket, public_counts);
    const std::uint8_t of_object = object_permission(request_.action);
    if (of_object == kNoPermission || request_.key.empty()) return false;
    const ObjectAcl* acl = request_.facts.object_acl();
    if (acl == nullptr) return false;
    const std::string_view owner = acl->owner.empty() ? request_.owner : acl->owner;
    if (!principal_.anonymous && owner == principal_.id) return true;
    return grants_give(acl->grants, caller, of_object, public_counts);
  }

  const Principal& principal_;
  const AccessRequest& request_;
  Matching matching_;
  bool own_ = false;
  bool whole_account_ = false;
  std::string resource_;
  PolicyQuestion question_;
  PolicyOutcome outcome_;
};

}  // namespace

std::string arn_of(const Principal& principal) {
  if (principal.anonymous) return {};
  return principal.user.empty() ? cat("arn:aws:iam::", principal.id, ":root")
                                : cat("arn:aws:iam::", principal.id, ":user/", principal.user);
}

std::string_view why_name(Decision::Why why) {
  switch (why) {
    case Decision::Why::kRoot: return "root key";
    case Decision::Why::kOwner: return "bucket owner";
    case Decision::Why::kBucketPolicy: return "bucket policy";
    case Decision::Why::kUserPolicy: return "user policy";
    case Decision::Why::kAcl: return "access control list";
    case Decision::Why::kNoRule: break;
  }
  return "no rule";
}

void Access::add_key(std::string access_key, std::string secret, Principal owner) {
  keys_[std::move(access_key)] = Key{std::move(secret), std::move(owner)};
}

std::optional<std::string> Access::secret_of(std::string_view access_key) const {
  const Key* found = find_key(access_key);
  if (found == nullptr) return std::nullopt;
  return found->secret;
}

const Access::Key* Access::find_key(std::string_view access_key) const {
  const auto own = keys_.find(access_key);
  if (own != keys_.end()) return &own->second;
  const auto found = user_keys_.find(access_key);
  return found == user_keys_.end() ? nullptr : &found->second;
}

void Access::replace_users(std::vector<UserKey> users) {
  user_keys_.clear();
  users_.clear();
  for (UserKey& user : users) {
    users_[cat(user.principal.id, '/', user.principal.user)] = true;
    if (!user.access_key.empty())
      user_keys_[std::move(user.access_key)] =
          Key{std::move(user.secret), std::move(user.principal)};
  }
}

Principal Access::principal_of(std::string_view access_key) const {
  if (const Key* found = find_key(access_key)) return found->owner;
  Principal nobody;
  nobody.anonymous = true;
  return nobody;
}

std::string Access::display_name_of(std::string_view id) const {
  for (const auto& [access_key, key] : keys_)
    if (key.owner.id == id) return key.owner.display_name;
  return std::string(id);
}

bool Access::has_account(std::string_view id) const {
  for (const auto& [access_key, key] : keys_)
    if (key.owner.id == id) return true;
  return false;
}

// "arn:aws:iam:::user/ID" is an account by its id.
bool Access::has_user(std::string_view account, std::string_view name) const {
  if (account.empty()) return has_account(name);
  return users_.find(cat(account, '/', name)) != users_.end();
}

Decision Access::decide(const Principal& principal, const AccessRequest& request) const {
  return Deciding(principal, request).decide();
}

S3Error access_denied(const Principal& principal, const AccessRequest& request,
                      const Decision& decision) {
  if (!decision.denied || principal.anonymous) return s3_fail(S3Code::kAccessDenied);
  const bool by_bucket = decision.why == Decision::Why::kBucketPolicy;
  return s3_fail(S3Code::kAccessDenied,
                 cat("User: ", arn_of(principal), " is not authorized to perform: ", request.action,
                     " on resource: \"", resource_of(request), "\" with an explicit deny in ",
                     by_bucket ? "a resource-based policy" : "an identity-based policy"));
}

}  // namespace creel::s3
