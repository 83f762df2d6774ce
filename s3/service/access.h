#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3/access/acl.h"
#include "s3/access/policy.h"
#include "s3/wire/error.h"

namespace creel::s3 {

struct NamedPolicy {
  std::string name;  // For people: "policy readers of group staff".
  Policy policy;
};
using UserPolicies = std::vector<NamedPolicy>;

// Who asks. The canonical id owns what it creates.
struct Principal {
  std::string id;
  std::string display_name;
  bool anonymous = false;
  bool root = false;  // The server's own key: owns nothing less than everything.
  std::string user;   // One of the account's users; empty: the account's own key.
  // A user's and its groups', as they were when the request came. Null: none.
  std::shared_ptr<const UserPolicies> policies;
};
// "arn:aws:iam::ID:root" or "…:user/NAME"; empty for anonymous callers.
std::string arn_of(const Principal& principal);

struct PublicAccessBlock {
  bool block_acls = false, ignore_acls = false, block_policy = false, restrict_buckets = false;
};

// Everything but its owner that decides who may use a bucket. Immutable once made.
struct BucketRules {
  Ownership ownership = Ownership::kBucketOwnerEnforced;
  bool ownership_chosen = false;  // By the bucket's own controls.
  PublicAccessBlock block;
  std::optional<Policy> policy;
  bool policy_public = false;
  // Its author gave up the right of the owner's own key to mend it.
  bool policy_binds_owner = false;
  std::vector<Grant> grants;  // The bucket's list; empty: the owner's alone.
  // Nobody but the owner, the server's key and users with policies has any right.
  bool plain() const { return ownership == Ownership::kBucketOwnerEnforced && !policy; }
};

struct ObjectAcl {
  std::string owner;  // Empty: the bucket's.
  std::vector<Grant> grants;
};

// What a decision may want to know of a request and its object, asked for only when it matters.
class AccessFacts : public RequestFacts {
 public:
  // Of the object asked for; null: there is none.
  virtual const ObjectAcl* object_acl() const = 0;

 protected:
  ~AccessFacts() = default;
};

// What is asked of what, in IAM's words: "s3:GetObject" on bucket and key.
struct AccessRequest {
  std::string_view action;
  std::string_view bucket;
  std::string_view key;
  std::string_view owner;  // Of the bucket; empty: there is none yet.
  const BucketRules& rules;
  const AccessFacts& facts;
};

// The answer and its reason, for the audit log and for `creel explain`.
struct Decision {
  enum class Why : std::uint8_t {
    kNoRule,        // Nothing allows it.
    kRoot,          // The server's own key.
    kOwner,         // The bucket is the caller's.
    kBucketPolicy,  // A statement of it.
    kUserPolicy,    // A statement of one of the caller's.
    kAcl,           // A grant.
  };
  bool allowed = false;
  bool denied = false;  // By a statement, not for want of one.
  Why why = Why::kNoRule;
  std::string statement;  // "statement 2 (Sid)" of which policy, if one decided.
};
std::string_view why_name(Decision::Why why);

// A user of an account and one of its keys; without an access key: the user alone.
struct UserKey {
  std::string access_key, secret;
  Principal principal;
};

// Keys and accounts, and the one place where a request is allowed or refused.
class Access : public PrincipalNames {
 public:
  // Of buckets that have no ownership controls of their own.
  void set_default_ownership(Ownership ownership) { default_rules_.ownership = ownership; }
  const BucketRules& default_rules() const { return default_rules_; }
  void add_key(std::string access_key, std::string secret, Principal owner);
  // All users and their keys at once, instead of the former ones. A key of add_key() is never
  // theirs.
  void replace_users(std::vector<UserKey> users);
  // nullopt: unknown key. The secret stays inside the process.
  std::optional<std::string> secret_of(std::string_view access_key) const;
  // An empty access key is an anonymous caller.
  Principal principal_of(std::string_view access_key) const;
  // As its owner is shown; the id itself if nobody has it any more.
  std::string display_name_of(std::string_view id) const;
  bool has_account(std::string_view id) const override;
  bool has_user(std::string_view account, std::string_view name) const override;

  // Explicit deny, then the server's key, then the owner, then what allows. No allocation for an
  // owner of a bucket without a policy.
  Decision decide(const Principal& principal, const AccessRequest& request) const;

 private:
  struct Key {
    std::string secret;
    Principal owner;
  };
  const Key* find_key(std::string_view access_key) const;
  std::map<std::string, Key, std::less<>> keys_;       // Of accounts: the configuration's.
  std::map<std::string, Key, std::less<>> user_keys_;
  std::map<std::string, bool, std::less<>> users_;     // "account/name"
  BucketRules default_rules_;
};

// A refusal in AWS's words. Errors: AccessDenied.
S3Error access_denied(const Principal& principal, const AccessRequest& request,
                      const Decision& decision);

}  // namespace creel::s3
