#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "s3/access/policy.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

// Bits; what FULL_CONTROL gives is all of them.
enum Permission : std::uint8_t {
  kNoPermission = 0,
  kRead = 1,
  kWrite = 2,
  kReadAcp = 4,
  kWriteAcp = 8,
  kFullControl = 15,
};

// One line of an access control list: a permission and who has it.
struct Grant {
  enum class To : std::uint8_t { kAccount, kEverybody, kAuthenticated, kLogDelivery };
  To to = To::kAccount;
  std::string id;  // kAccount: its canonical id.
  std::uint8_t permission = kNoPermission;
  bool operator==(const Grant&) const = default;
};
inline constexpr std::size_t kGrantsMax = 100;  // AWS's bound of one list.

// Who may write lists, and whose objects are (s3.md §11).
enum class Ownership : std::uint8_t { kBucketOwnerEnforced, kBucketOwnerPreferred, kObjectWriter };
std::string_view ownership_name(Ownership ownership);
std::optional<Ownership> parse_ownership(std::string_view name);

// As a row keeps it; empty is the default, FULL_CONTROL for the owner alone.
std::string encode_grants(const std::vector<Grant>& grants);
// Errors: kCorrupt.
Result<std::vector<Grant>> decode_grants(std::string_view bytes);

// Permission an action needs of the list of its bucket, or of its object; kNoPermission: lists do
// not give it.
std::uint8_t bucket_permission(std::string_view action);
std::uint8_t object_permission(std::string_view action);

// Whether the list gives it. `public_counts`: grants to groups too.
bool grants_give(const std::vector<Grant>& grants, const Caller& caller, std::uint8_t permission,
                 bool public_counts);
bool has_public_grant(const std::vector<Grant>& grants);
// Grants to others than `owner`.
bool has_foreign_grant(const std::vector<Grant>& grants, std::string_view owner);

struct AclOwners {
  std::string_view owner;         // Of what the list is for.
  std::string_view bucket_owner;  // The same for a bucket's list.
};
// A canned list by name. Errors: InvalidArgument.
S3Result<std::vector<Grant>> canned_grants(std::string_view name, AclOwners owners);

// What the headers of a request ask for: x-amz-acl or x-amz-grant-…; nullopt: neither is there.
// Errors: InvalidRequest (both), InvalidArgument (unknown word or id), MethodNotAllowed (e-mail).
S3Result<std::optional<std::vector<Grant>>> header_grants(const Headers& headers, AclOwners owners,
                                                          const PrincipalNames& names);
// Body of a ?acl request. Errors: MalformedACLError, and as header_grants().
S3Result<std::vector<Grant>> parse_acl(ByteView body, AclOwners owners,
                                       const PrincipalNames& names);

// AccessControlPolicy. `name_of` gives the display name of an account.
std::string acl_xml(std::string_view owner, const std::vector<Grant>& grants,
                    const std::function<std::string(std::string_view)>& name_of);

}  // namespace creel::s3
