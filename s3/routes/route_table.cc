#include "s3/routes/route_table.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

enum class Level : std::uint8_t { kService, kBucket, kObject };

struct Row {
  Level level;
  std::string_view method;
  std::string_view sub;     // Sub-resource that must be there; empty: none of kSubResources is.
  std::string_view header;  // Header that must be there; empty: does not matter.
  Route route;
};

// First match wins: rows with a header come before those without.
constexpr Row kRows[] = {
    {Level::kService, "GET", "", "", {list_buckets, "s3:ListAllMyBuckets"}},
    {Level::kBucket, "PUT", "", "", {create_bucket, "s3:CreateBucket"}},
    {Level::kBucket, "HEAD", "", "", {head_bucket, "s3:ListBucket"}},
    {Level::kBucket, "DELETE", "", "", {delete_bucket, "s3:DeleteBucket"}},
    {Level::kBucket, "GET", "", "", {list_objects, "s3:ListBucket"}},
    {Level::kBucket, "GET", "location", "", {get_bucket_location, "s3:GetBucketLocation"}},
    {Level::kBucket, "GET", "versioning", "", {get_bucket_versioning, "s3:GetBucketVersioning"}},
    {Level::kBucket, "PUT", "versioning", "", {put_bucket_versioning, "s3:PutBucketVersioning"}},
    {Level::kBucket, "GET", "versions", "", {list_object_versions, "s3:ListBucketVersions"}},
    {Level::kBucket, "GET", "uploads", "", {list_uploads, "s3:ListBucketMultipartUploads"}},
    {Level::kBucket, "POST", "delete", "", {delete_objects, "s3:DeleteObject"}},
    {Level::kBucket, "POST", "", "", {post_object, "s3:PutObject"}},
    {Level::kBucket, "PUT", "filter", "", {put_bucket_filter, "creel:PutBucketFilter"}},
    {Level::kBucket, "GET", "filter", "", {get_bucket_filter, "creel:GetBucketFilter"}},
    {Level::kBucket, "DELETE", "filter", "", {delete_bucket_filter, "creel:PutBucketFilter"}},
    {Level::kObject, "PUT", "uploadId", "x-amz-copy-source", {upload_part_copy, "s3:PutObject"}},
    {Level::kObject, "PUT", "uploadId", "", {upload_part, "s3:PutObject"}},
    {Level::kObject, "PUT", "", "x-amz-copy-source", {copy_object, "s3:PutObject"}},
    {Level::kObject, "PUT", "", "", {put_object, "s3:PutObject"}},
    {Level::kObject, "GET", "", "", {get_object, "s3:GetObject"}},
    {Level::kObject, "HEAD", "", "", {get_object, "s3:GetObject"}},
    {Level::kObject, "DELETE", "", "", {delete_object, "s3:DeleteObject"}},
    {Level::kObject, "POST", "uploads", "", {create_upload, "s3:PutObject"}},
    {Level::kObject, "GET", "uploadId", "", {list_parts, "s3:ListMultipartUploadParts"}},
    {Level::kObject, "POST", "uploadId", "", {complete_upload, "s3:PutObject"}},
    {Level::kObject, "DELETE", "uploadId", "", {abort_upload, "s3:AbortMultipartUpload"}},
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

Level level_of(const Call& call) {
  if (call.name.bucket.empty()) return Level::kService;
  return call.name.key.empty() ? Level::kBucket : Level::kObject;
}

// The sub-resource of the request; empty if it has none.
std::string_view sub_resource(const Call& call) {
  for (const QueryParam& param : call.query.params())
    for (const std::string_view name : kSubResources)
      if (param.name == name) return name;
  return {};
}

S3Error method_not_allowed(const Call& call, std::string allow) {
  const Level level = level_of(call);
  const std::string_view type = level == Level::kService  ? "SERVICE"
                                : level == Level::kBucket ? "BUCKET"
                                                          : "OBJECT";
  return s3_fail(S3Code::kMethodNotAllowed)
      .with("Method", call.http.head.method)
      .with("ResourceType", std::string(type))
      .with_header("Allow", std::move(allow));
}

}  // namespace

S3Result<Route> find_route(const Call& call) {
  const Level level = level_of(call);
  const std::string_view sub = sub_resource(call);
  std::string allow;
  bool known_sub = sub.empty();
  for (const Row& row : kRows) {
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
  if (level == Level::kBucket && call.http.head.method == "POST" && sub.empty())
    return s3_fail(S3Code::kNotImplemented,
                   "POST uploads by form are not implemented by this server.");
  return method_not_allowed(call, std::move(allow));
}

}  // namespace creel::s3
