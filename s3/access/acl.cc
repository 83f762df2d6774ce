#include "s3/access/acl.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

struct PermissionName {
  std::string_view word;    // FULL_CONTROL
  std::string_view header;  // x-amz-grant-full-control
  std::uint8_t permission;
};
constexpr PermissionName kPermissions[] = {
    {"READ", "x-amz-grant-read", kRead},
    {"WRITE", "x-amz-grant-write", kWrite},
    {"READ_ACP", "x-amz-grant-read-acp", kReadAcp},
    {"WRITE_ACP", "x-amz-grant-write-acp", kWriteAcp},
    {"FULL_CONTROL", "x-amz-grant-full-control", kFullControl},
};

struct ActionPermission {
  std::string_view action;
  std::uint8_t bucket, object;
};
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
constexpr ActionPermission kNeeds[] = {
    {"s3:ListBucket", kRead, 0},
    {"s3:ListBucketVersions", kRead, 0},
    {"s3:ListBucketMultipartUploads", kRead, 0},
    {"s3:PutObject", kWrite, 0},
    {"s3:DeleteObject", kWrite, 0},
    {"s3:AbortMultipartUpload", kWrite, 0},
    {"s3:ListMultipartUploadParts", kWrite, 0},
    {"s3:GetBucketAcl", kReadAcp, 0},
    {"s3:PutBucketAcl", kWriteAcp, 0},
    {"s3:GetObject", 0, kRead},
    {"s3:GetObjectVersion", 0, kRead},
    {"s3:GetObjectAttributes", 0, kRead},
    {"s3:GetObjectVersionAttributes", 0, kRead},
    {"s3:GetObjectAcl", 0, kReadAcp},
    {"s3:GetObjectVersionAcl", 0, kReadAcp},
    {"s3:PutObjectAcl", 0, kWriteAcp},
    {"s3:PutObjectVersionAcl", 0, kWriteAcp},
    // AWS knows no list that gives these; other servers read them as the object's own.
    {"s3:GetObjectTagging", 0, kRead},
    {"s3:GetObjectVersionTagging", 0, kRead},
    {"s3:PutObjectTagging", 0, kWrite},
    {"s3:PutObjectVersionTagging", 0, kWrite},
    {"s3:DeleteObjectTagging", 0, kWrite},
    {"s3:DeleteObjectVersionTagging", 0, kWrite},
};

constexpr std::string_view kGroups = "http://acs.amazonaws.com/groups/";
constexpr char kTargets[] = {'u', 'A', 'G', 'L'};  // By Grant::To.

std::string_view group_uri(Grant::To to) {
  switch (to) {
    case Grant::To::kEverybody: return "global/AllUsers";
    case Grant::To::kAuthenticated: return "global/AuthenticatedUsers";
    case Grant::To::kLogDelivery: return "s3/LogDelivery";
    case Grant::To::kAccount: break;
  }
  return {};
}

std::optional<Grant::To> group_of(std::string_view uri) {
  for (const Grant::To to :
       {Grant::To::kEverybody, Grant::To::kAuthenticated, Grant::To::kLogDelivery})
    if (uri.starts_with(kGroups) && uri.substr(kGroups.size()) == group_uri(to)) return to;
  return std::nullopt;
}

// A grantee by the kind of its name.
S3Result<Grant> grantee(std::string_view kind, std::string_view value,
                        const PrincipalNames& names) {
  Grant grant;
  if (equal_ignore_case(kind, "id")) {
    if (!names.has_account(value)) return invalid_argument("Invalid id", "CanonicalUser/ID", value);
    grant.id = value;
    return grant;
  }
  if (equal_ignore_case(kind, "uri")) {
    const std::optional<Grant::To> to = group_of(value);
    if (!to) return invalid_argument("Invalid group uri", "Group/URI", value);
    grant.to = *to;
    return grant;
  }
  if (equal_ignore_case(kind, "emailAddress"))
    return s3_fail(S3Code::kMethodNotAllowed, "Grantees by e-mail address are not supported.");
  return invalid_argument("Argument format not recognized", "Grantee", kind);
}

// `id="…", uri="…"`; quotes may be missing.
S3Result<Unit> add_header_grants(std::string_view list, std::uint8_t permission,
                                 const PrincipalNames& names, std::vector<Grant>& grants) {
  while (!list.empty()) {
    const std::string_view item = trim(list.substr(0, list.find(',')));
    list.remove_prefix(std::min(
        list.size(), list.find(',') == std::string_view::npos ? list.size() : list.find(',') + 1));
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos)
      return invalid_argument("Argument format not recognized", "Grantee", item);
    std::string_view value = trim(item.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    TRY(grant, grantee(trim(item.substr(0, equals)), value, names));
    grant.permission = permission;
    if (grants.size() == kGrantsMax)
      return s3_fail(S3Code::kInvalidRequest, cat("A list holds at most ", kGrantsMax, " grants."));
    grants.push_back(std::move(grant));
  }
  return Unit{};
}

S3Result<Grant> xml_grant(const XmlNode& node, const PrincipalNames& names) {
  const S3Error malformed = s3_fail(S3Code::kMalformedAcl);
  const XmlNode* who = node.child("Grantee");
  const std::string_view word = trim(node.child_text("Permission").value_or(""));
  const auto* found =
      std::find_if(std::begin(kPermissions), std::end(kPermissions),
                   [word](const PermissionName& permission) { return permission.word == word; });
  if (who == nullptr || found == std::end(kPermissions)) return malformed;
  const std::string_view type = who->attribute("type").value_or("");
  std::string_view kind = "id", element = "ID";
  if (type == "Group") kind = element = "URI";
  else if (type == "AmazonCustomerByEmail") kind = element = "EmailAddress";
  else if (type != "CanonicalUser") return malformed;
  const std::optional<std::string_view> value = who->child_text(element);
  if (!value) return malformed;
  TRY(grant, grantee(kind, trim(*value), names));
  grant.permission = found->permission;
  return grant;
}

}  // namespace

std::string_view ownership_name(Ownership ownership) {
  switch (ownership) {
    case Ownership::kBucketOwnerEnforced: return "BucketOwnerEnforced";
    case Ownership::kBucketOwnerPreferred: return "BucketOwnerPreferred";
    case Ownership::kObjectWriter: break;
  }
  return "ObjectWriter";
}

std::optional<Ownership> parse_ownership(std::string_view name) {
  for (const Ownership ownership : {Ownership::kBucketOwnerEnforced,
                                    Ownership::kBucketOwnerPreferred, Ownership::kObjectWriter})
    if (ownership_name(ownership) == name) return ownership;
  return std::nullopt;
}

std::string encode_grants(const std::vector<Grant>& grants) {
  std::string out;
  for (const Grant& grant : grants) {
    out.push_back(kTargets[static_cast<std::size_t>(grant.to)]);
    out.push_back(static_cast<char>('0' + grant.permission));
    out.append(grant.id).push_back('\n');
  }
  return out;
}

Result<std::vector<Grant>> decode_grants(std::string_view bytes) {
  std::vector<Grant> grants;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const char* target = std::find(std::begin(kTargets), std::end(kTargets), bytes[0]);
    if (end == std::string_view::npos || end < 2 || target == std::end(kTargets) ||
        bytes[1] < '1' || bytes[1] > '0' + kFullControl)
      return fail(ErrorCode::kCorrupt, "an access control list is malformed");
    Grant grant;
    grant.to = static_cast<Grant::To>(target - std::begin(kTargets));
    grant.permission = static_cast<std::uint8_t>(bytes[1] - '0');
    grant.id = bytes.substr(2, end - 2);
    grants.push_back(std::move(grant));
    bytes.remove_prefix(end + 1);
  }
  return grants;
}

std::uint8_t bucket_permission(std::string_view action) {
  for (const ActionPermission& need : kNeeds)
    if (need.action == action) return need.bucket;
  return kNoPermission;
}

std::uint8_t object_permission(std::string_view action) {
  for (const ActionPermission& need : kNeeds)
    if (need.action == action) return need.object;
  return kNoPermission;
}

bool grants_give(const std::vector<Grant>& grants, const Caller& caller, std::uint8_t permission,
                 bool public_counts) {
  return std::any_of(grants.begin(), grants.end(), [&](const Grant& grant) {
    if ((grant.permission & permission) != permission) return false;
    switch (grant.to) {
      case Grant::To::kAccount: return !caller.account.empty() && grant.id == caller.account;
      case Grant::To::kEverybody: return public_counts;
      case Grant::To::kAuthenticated: return public_counts && !caller.account.empty();
      case Grant::To::kLogDelivery: break;
    }
    return false;
  });
}

bool has_public_grant(const std::vector<Grant>& grants) {
  return std::any_of(grants.begin(), grants.end(), [](const Grant& grant) {
    return grant.to == Grant::To::kEverybody || grant.to == Grant::To::kAuthenticated;
  });
}

bool has_foreign_grant(const std::vector<Grant>& grants, std::string_view owner) {
  return std::any_of(grants.begin(), grants.end(), [owner](const Grant& grant) {
    return grant.to != Grant::To::kAccount || grant.id != owner;
  });
}

S3Result<std::vector<Grant>> canned_grants(std::string_view name, AclOwners owners) {
  std::vector<Grant> grants;
  const auto add = [&grants](Grant::To to, std::uint8_t permission, std::string_view id = {}) {
    grants.push_back({to, std::string(id), permission});
  };
  const bool foreign = owners.owner != owners.bucket_owner;
  bool known = name == "private" || name == "aws-exec-read";
  if (name == "public-read" || name == "public-read-write") {
    known = true;
    add(Grant::To::kEverybody, kRead);
    if (name == "public-read-write") add(Grant::To::kEverybody, kWrite);
  } else if (name == "authenticated-read") {
    known = true;
    add(Grant::To::kAuthenticated, kRead);
  } else if (name == "log-delivery-write") {
    known = true;
    add(Grant::To::kLogDelivery, kWrite);
    add(Grant::To::kLogDelivery, kReadAcp);
  }
  // Groups stand in front of accounts: suites compare lists in this order.
  add(Grant::To::kAccount, kFullControl, owners.owner);
  if (name == "bucket-owner-read" || name == "bucket-owner-full-control") {
    known = true;
    if (foreign)
      add(Grant::To::kAccount, name == "bucket-owner-read" ? kRead : kFullControl,
          owners.bucket_owner);
  }
  if (known) return grants;
  return invalid_argument("The canned ACL is not valid", "x-amz-acl", name);
}

S3Result<std::optional<std::vector<Grant>>> header_grants(const Headers& headers, AclOwners owners,
                                                          const PrincipalNames& names) {
  using Wanted = std::optional<std::vector<Grant>>;
  std::vector<Grant> grants;
  bool granted = false;
  for (const PermissionName& permission : kPermissions) {
    const std::optional<std::string> list = headers.joined(permission.header);
    if (!list) continue;
    granted = true;
    TRY_DO(add_header_grants(*list, permission.permission, names, grants));
  }
  const std::optional<std::string_view> canned = headers.find("x-amz-acl");
  if (canned && granted)
    return s3_fail(S3Code::kInvalidRequest,
                   "Specifying both Canned ACLs and Header Grants is not allowed.");
  if (granted) return Wanted(std::move(grants));
  if (!canned) return Wanted();
  TRY(named, canned_grants(*canned, owners));
  return Wanted(std::move(named));
}

S3Result<std::vector<Grant>> parse_acl(ByteView body, AclOwners owners,
                                       const PrincipalNames& names) {
  const S3Error malformed = s3_fail(S3Code::kMalformedAcl);
  if (body.empty()) return s3_fail(S3Code::kMissingRequestBody);
  Result<XmlNode> parsed =
      parse_xml(body, {.bytes_max = kXmlBodyBytesMax, .nodes_max = 10 * kGrantsMax});
  if (!parsed.ok() || parsed.value().name != "AccessControlPolicy") return malformed;
  const XmlNode& root = parsed.value();
  const XmlNode* owner = root.child("Owner");
  const XmlNode* list = root.child("AccessControlList");
  if (owner == nullptr || list == nullptr) return malformed;
  // A list does not move what it is for to somebody else.
  const std::string_view id = trim(owner->child_text("ID").value_or(""));
  if (!id.empty() && id != owners.owner) return s3_fail(S3Code::kAccessDenied);
  std::vector<Grant> grants;
  for (const XmlNode& node : list->children) {
    if (node.name != "Grant" || grants.size() == kGrantsMax) return malformed;
    TRY(grant, xml_grant(node, names));
    grants.push_back(std::move(grant));
  }
  return grants;
}

std::string acl_xml(std::string_view owner, const std::vector<Grant>& grants,
                    const std::function<std::string(std::string_view)>& name_of) {
  std::string out;
  XmlWriter xml(out);
  const auto account = [&](std::string_view id) {
    xml.leaf("ID", id).leaf("DisplayName", std::string_view(name_of(id)));
  };
  xml.open("AccessControlPolicy", "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
  xml.open("Owner");
  account(owner);
  xml.close().open("AccessControlList");
  for (const Grant& grant : grants) {
    const bool group = grant.to != Grant::To::kAccount;
    xml.open("Grant").open("Grantee",
                           group ? "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                   "xsi:type=\"Group\""
                                 : "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                                   "xsi:type=\"CanonicalUser\"");
    if (group) xml.leaf("URI", std::string_view(cat(kGroups, group_uri(grant.to))));
    else account(grant.id);
    xml.close();
    for (const PermissionName& permission : kPermissions)
      if (permission.permission == grant.permission) xml.leaf("Permission", permission.word);
    xml.close();
  }
  xml.close().close();
  return out;
}

}  // namespace creel::s3
