#include "s3/routes/route_table.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kNoAnonymous =
    "Anonymous users cannot invoke this API. Please authenticate.";
constexpr std::string_view kNoAnonymousUploads =
    "Anonymous users cannot initiate multipart uploads. Please authenticate.";
constexpr std::string_view kNoAnonymousCopies =
    "Anonymous users cannot copy objects. Please authenticate.";
constexpr Route::Judged kInside = Route::Judged::kInside;

using enum RouteLevel;

// First match wins: rows with a header come before those without.
constexpr RouteRow kRows[] = {
    {kService, "GET", "", "", {list_buckets, "s3:ListAllMyBuckets", "", kNoAnonymous}},
    {kBucket, "PUT", "", "", {create_bucket, "s3:CreateBucket", "", kNoAnonymous}},
    {kBucket, "HEAD", "", "", {head_bucket, "s3:ListBucket"}},
    {kBucket, "DELETE", "", "", {delete_bucket, "s3:DeleteBucket"}},
    {kBucket, "GET", "", "", {list_objects, "s3:ListBucket"}},
    {kBucket, "GET", "location", "", {get_bucket_location, "s3:GetBucketLocation"}},
    {kBucket, "GET", "versioning", "", {get_bucket_versioning, "s3:GetBucketVersioning"}},
    {kBucket, "PUT", "versioning", "", {put_bucket_versioning, "s3:PutBucketVersioning"}},
    {kBucket, "GET", "versions", "", {list_object_versions, "s3:ListBucketVersions"}},
    {kBucket, "GET", "uploads", "", {list_uploads, "s3:ListBucketMultipartUploads"}},
    {kBucket, "POST", "delete", "", {delete_objects, "s3:DeleteObject", "", "", kInside}},
    {kBucket, "POST", "", "", {post_object, "s3:PutObject", "", "", kInside}},
    {kBucket, "GET", "policy", "", {get_bucket_rule, "s3:GetBucketPolicy"}},
    {kBucket, "PUT", "policy", "", {put_bucket_rule, "s3:PutBucketPolicy"}},
    {kBucket, "DELETE", "policy", "", {delete_bucket_rule, "s3:DeleteBucketPolicy"}},
    {kBucket, "GET", "policyStatus", "", {get_bucket_rule, "s3:GetBucketPolicyStatus"}},
    {kBucket, "GET", "publicAccessBlock", "", {get_bucket_rule, "s3:GetBucketPublicAccessBlock"}},
    {kBucket, "PUT", "publicAccessBlock", "", {put_bucket_rule, "s3:PutBucketPublicAccessBlock"}},
    {kBucket,
     "DELETE",
     "publicAccessBlock",
     "",
     {delete_bucket_rule, "s3:PutBucketPublicAccessBlock"}},
    {kBucket, "GET", "ownershipControls", "", {get_bucket_rule, "s3:GetBucketOwnershipControls"}},
    {kBucket, "PUT", "ownershipControls", "", {put_bucket_rule, "s3:PutBucketOwnershipControls"}},
    {kBucket,
     "DELETE",
     "ownershipControls",
     "",
     {delete_bucket_rule, "s3:PutBucketOwnershipControls"}},
    {kBucket, "GET", "acl", "", {get_acl, "s3:GetBucketAcl"}},
    {kBucket, "PUT", "acl", "", {put_acl, "s3:PutBucketAcl"}},
    {kObject, "GET", "acl", "", {get_acl, "s3:GetObjectAcl", "s3:GetObjectVersionAcl"}},
    {kObject, "PUT", "acl", "", {put_acl, "s3:PutObjectAcl", "s3:PutObjectVersionAcl"}},
    {kBucket, "PUT", "encryption", "", {put_bucket_encryption, "s3:PutEncryptionConfiguration"}},
    {kBucket, "GET", "encryption", "", {get_bucket_encryption, "s3:GetEncryptionConfiguration"}},
    {kBucket,
     "DELETE",
     "encryption",
     "",
     {delete_bucket_encryption, "s3:PutEncryptionConfiguration"}},
    {kBucket, "PUT", "cors", "", {put_bucket_setting, "s3:PutBucketCORS"}},
    {kBucket, "GET", "cors", "", {get_bucket_setting, "s3:GetBucketCORS"}},
    {kBucket, "DELETE", "cors", "", {delete_bucket_setting, "s3:PutBucketCORS"}},
    {kBucket, "PUT", "lifecycle", "", {put_bucket_setting, "s3:PutLifecycleConfiguration"}},
    {kBucket, "GET", "lifecycle", "", {get_bucket_setting, "s3:GetLifecycleConfiguration"}},
    {kBucket, "DELETE", "lifecycle", "", {delete_bucket_setting, "s3:PutLifecycleConfiguration"}},
    {kBucket, "PUT", "tagging", "", {put_bucket_tagging, "s3:PutBucketTagging"}},
    {kBucket, "GET", "tagging", "", {get_bucket_tagging, "s3:GetBucketTagging"}},
    {kBucket, "DELETE", "tagging", "", {delete_bucket_setting, "s3:PutBucketTagging"}},
    {kBucket, "PUT", "object-lock", "", {put_object_lock, "s3:PutBucketObjectLockConfiguration"}},
    {kBucket, "GET", "object-lock", "", {get_object_lock, "s3:GetBucketObjectLockConfiguration"}},
    {kObject,
     "GET",
     "attributes",
     "",
     {get_object_attributes, "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"}},
    {kObject,
     "PUT",
     "tagging",
     "",
     {put_object_tagging, "s3:PutObjectTagging", "s3:PutObjectVersionTagging"}},
    {kObject,
     "GET",
     "tagging",
     "",
     {get_object_tagging, "s3:GetObjectTagging", "s3:GetObjectVersionTagging"}},
    {kObject,
     "DELETE",
     "tagging",
     "",
     {delete_object_tagging, "s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"}},
    {kObject, "PUT", "retention", "", {put_object_retention, "s3:PutObjectRetention"}},
    {kObject, "GET", "retention", "", {get_object_retention, "s3:GetObjectRetention"}},
    {kObject, "PUT", "legal-hold", "", {put_object_legal_hold, "s3:PutObjectLegalHold"}},
    {kObject, "GET", "legal-hold", "", {get_object_legal_hold, "s3:GetObjectLegalHold"}},
    {kBucket, "PUT", "filter", "", {put_bucket_filter, "creel:PutBucketFilter"}},
    {kBucket, "GET", "filter", "", {get_bucket_filter, "creel:GetBucketFilter"}},
    {kBucket, "DELETE", "filter", "", {delete_bucket_filter, "creel:PutBucketFilter"}},
    {kObject,
     "PUT",
     "uploadId",
     "x-amz-copy-source",
     {upload_part_copy, "s3:PutObject", "", kNoAnonymousCopies}},
    {kObject, "PUT", "uploadId", "", {upload_part, "s3:PutObject"}},
    {kObject,
     "PUT",
     "",
     "x-amz-copy-source",
     {copy_object, "s3:PutObject", "", kNoAnonymousCopies}},
    {kObject, "PUT", "", "", {put_object, "s3:PutObject"}},
    {kObject, "GET", "", "", {get_object, "s3:GetObject", "s3:GetObjectVersion"}},
    {kObject, "HEAD", "", "", {get_object, "s3:GetObject", "s3:GetObjectVersion"}},
    {kObject, "DELETE", "", "", {delete_object, "s3:DeleteObject", "s3:DeleteObjectVersion"}},
    {kObject, "POST", "uploads", "", {create_upload, "s3:PutObject", "", kNoAnonymousUploads}},
    {kObject, "GET", "uploadId", "", {list_parts, "s3:ListMultipartUploadParts"}},
    {kObject, "POST", "uploadId", "", {complete_upload, "s3:PutObject"}},
    {kObject, "DELETE", "uploadId", "", {abort_upload, "s3:AbortMultipartUpload"}},
};

// Every name that changes what a request means (s3.md §2). Parameters outside of this list only
// inform (x-id, prefix, response-*): they are signed and otherwise ignored.
constexpr std::string_view kSubResources[] = {
    "accelerate",
    "acl",
    "analytics",
    "annotations",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "filter",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataConfiguration",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
    "abac",
};

RouteLevel level_of(const Call& call) {
  if (call.name.bucket.empty()) return kService;
  return call.name.key.empty() ? kBucket : kObject;
}

// The sub-resource of the request; empty if it has none. Two would leave it open whether the right
// that was asked for is the right to what is then done. Errors: InvalidArgument.
S3Result<std::string_view> sub_resource(const Call& call) {
  std::string_view found;
  for (const QueryParam& param : call.query.params())
    for (const std::string_view name : kSubResources) {
      if (param.name != name || name == found) continue;
      if (!found.empty())
        return invalid_argument(cat("Conflicting query string parameters: ", found, ", ", name),
                                "ResourceType", name);
      found = name;
    }
  return found;
}

S3Error method_not_allowed(const Call& call, std::string allow) {
  const RouteLevel level = level_of(call);
  const std::string_view type = level == kService  ? "SERVICE"
                                : level == kBucket ? "BUCKET"
                                                   : "OBJECT";
  return s3_fail(S3Code::kMethodNotAllowed)
      .with("Method", call.http.head.method)
      .with("ResourceType", std::string(type))
      .with_header("Allow", std::move(allow));
}

}  // namespace

std::span<const RouteRow> route_rows() { return kRows; }

S3Result<Route> find_route(const Call& call) {
  const RouteLevel level = level_of(call);
  TRY(sub, sub_resource(call));
  std::string allow;
  bool known_sub = sub.empty();
  for (const RouteRow& row : kRows) {
    if (row.level != level || row.sub != sub) continue;
    known_sub = true;
    if (row.method == call.http.head.method) {
      if (row.header.empty() || call.header(row.header)) return row.route;
    } else if (allow.find(row.method) == std::string::npos) {
      allow.append(allow.empty() ? "" : ", ").append(row.method);
    }
  }
  if (!known_sub)
    return s3_fail(S3Code::kNotImplemented,
                   cat("The sub-resource '", sub, "' is not implemented by this server."))
        .with("Header", std::string(sub));
  // A sub-resource that is read but not yet written (PUT ?versioning) is not implemented either.
  if (!sub.empty() && (call.http.head.method == "PUT" || call.http.head.method == "DELETE"))
    return s3_fail(S3Code::kNotImplemented, cat(call.http.head.method, " of the sub-resource '",
                                                sub, "' is not implemented by this server."))
        .with("Header", std::string(sub));
  if (level == kBucket && call.http.head.method == "POST" && sub.empty())
    return s3_fail(S3Code::kNotImplemented,
                   "POST uploads by form are not implemented by this server.");
  return method_not_allowed(call, std::move(allow));
}

}  // namespace creel::s3
