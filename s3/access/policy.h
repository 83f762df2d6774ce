#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3/access/condition.h"
#include "s3/access/pattern.h"
#include "s3/wire/error.h"

namespace creel::s3 {

inline constexpr std::size_t kPolicyBytesMax = 20 * KiB;

// Who asks, as policies name them. An account's own key has no user name.
struct Caller {
  std::string_view account;  // Canonical id; empty: anonymous.
  std::string_view user;
};

// A principal a policy names.
struct PolicyPrincipal {
  enum class Kind : std::uint8_t { kEverybody, kAccount, kUser, kService };
  Kind kind = Kind::kEverybody;
  std::string account;
  std::string user;  // kUser; for kService its name.
};

struct Statement {
  std::string sid;
  bool deny = false;
  bool not_principal = false, not_action = false, not_resource = false;
  std::vector<PolicyPrincipal> principals;
  std::vector<std::string> actions;    // Patterns of "s3:GetObject".
  std::vector<std::string> resources;  // Patterns of "arn:aws:s3:::bucket/key".
  std::vector<Condition> conditions;
};

struct Policy {
  std::vector<Statement> statements;
};

// Which principals exist: a policy may not name others.
class PrincipalNames {
 public:
  virtual bool has_account(std::string_view id) const = 0;
  virtual bool has_user(std::string_view account, std::string_view name) const = 0;

 protected:
  ~PrincipalNames() = default;
};

// A bucket's policy. Unknown principals are refused if `names` is given. Errors: MalformedPolicy,
// with AWS's words.
S3Result<Policy> parse_bucket_policy(std::string_view text, std::string_view bucket,
                                     const PrincipalNames* names);
// A policy of a user or group: it has no principals, and may speak of other services, which it then
// says nothing about here.
S3Result<Policy> parse_identity_policy(std::string_view text);

// What a policy says of one request.
struct Verdict {
  enum class Kind : std::uint8_t { kSilent, kAllow, kDeny };
  Kind kind = Kind::kSilent;
  const Statement* statement = nullptr;  // The one that decided.
  std::size_t number = 0;  // Of it, from 1.
};

struct PolicyQuestion {
  Caller caller;
  std::string_view action;
  std::string_view resource;  // "arn:aws:s3:::bucket/key"
  // Allow statements to everybody count for nothing (RestrictPublicBuckets).
  bool without_public = false;
  bool identity = false;  // A policy of the caller: principals are not looked at.
};
// An explicit deny wins over every allow. When the work is too much, it is a deny.
Verdict evaluate(const Policy& policy, const PolicyQuestion& question, Matching& matching);

// Whether it lets the world in: an Allow for everybody without a fixed source.
bool is_public(const Policy& policy);
bool is_public(const Statement& statement);

}  // namespace creel::s3
