#include "s3/access/actions.h"

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

using enum ActionLevel;

constexpr ActionInfo kActions[] = {
    {"s3:AbortMultipartUpload", kObject, 0},
    {"s3:BypassGovernanceRetention", kObject, kLockKeys | kAclKeys | kRequestTagKeys},
    {"s3:CreateBucket", kBucket, kAclKeys},
    {"s3:DeleteBucket", kBucket, 0},
    {"s3:DeleteBucketPolicy", kBucket, 0},
    {"s3:DeleteBucketWebsite", kBucket, 0},
    {"s3:DeleteObject", kObject, kWriteKeys | kExistingTagKeys},
    {"s3:DeleteObjectTagging", kObject, kExistingTagKeys},
    {"s3:DeleteObjectVersion", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:DeleteObjectVersionTagging", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:GetAccelerateConfiguration", kBucket, 0},
    {"s3:GetAnalyticsConfiguration", kBucket, 0},
    {"s3:GetBucketAcl", kBucket, 0},
    {"s3:GetBucketCORS", kBucket, 0},
    {"s3:GetBucketLocation", kBucket, 0},
    {"s3:GetBucketLogging", kBucket, 0},
    {"s3:GetBucketNotification", kBucket, 0},
    {"s3:GetBucketObjectLockConfiguration", kBucket, 0},
    {"s3:GetBucketOwnershipControls", kBucket, 0},
    {"s3:GetBucketPolicy", kBucket, 0},
    {"s3:GetBucketPolicyStatus", kBucket, 0},
    {"s3:GetBucketPublicAccessBlock", kBucket, 0},
    {"s3:GetBucketRequestPayment", kBucket, 0},
    {"s3:GetBucketTagging", kBucket, 0},
    {"s3:GetBucketVersioning", kBucket, 0},
    {"s3:GetBucketWebsite", kBucket, 0},
    {"s3:GetEncryptionConfiguration", kBucket, 0},
    {"s3:GetIntelligentTieringConfiguration", kBucket, 0},
    {"s3:GetInventoryConfiguration", kBucket, 0},
    {"s3:GetLifecycleConfiguration", kBucket, 0},
    {"s3:GetMetricsConfiguration", kBucket, 0},
    {"s3:GetObject", kObject, kExistingTagKeys},
    {"s3:GetObjectAcl", kObject, kExistingTagKeys},
    {"s3:GetObjectAttributes", kObject, kExistingTagKeys},
    {"s3:GetObjectLegalHold", kObject, kExistingTagKeys},
    {"s3:GetObjectRetention", kObject, kExistingTagKeys},
    {"s3:GetObjectTagging", kObject, kExistingTagKeys},
    {"s3:GetObjectTorrent", kObject, 0},
    {"s3:GetObjectVersion", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:GetObjectVersionAcl", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:GetObjectVersionAttributes", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:GetObjectVersionForReplication", kObject, kExistingTagKeys},
    {"s3:GetObjectVersionTagging", kObject, kVersionKeys | kExistingTagKeys},
    {"s3:GetObjectVersionTorrent", kObject, kVersionKeys},
    {"s3:GetReplicationConfiguration", kBucket, 0},
    {"s3:InitiateReplication", kObject, 0},
    {"s3:ListAllMyBuckets", kService, 0},
    {"s3:ListBucket", kBucket, kListKeys},
    {"s3:ListBucketMultipartUploads", kBucket, 0},
    {"s3:ListBucketVersions", kBucket, kListKeys},
    {"s3:ListMultipartUploadParts", kObject, 0},
    {"s3:PutAccelerateConfiguration", kBucket, 0},
    {"s3:PutAnalyticsConfiguration", kBucket, 0},
    {"s3:PutBucketAcl", kBucket, kAclKeys},
    {"s3:PutBucketCORS", kBucket, 0},
    {"s3:PutBucketLogging", kBucket, 0},
    {"s3:PutBucketNotification", kBucket, 0},
    {"s3:PutBucketObjectLockConfiguration", kBucket, 0},
    {"s3:PutBucketOwnershipControls", kBucket, 0},
    {"s3:PutBucketPolicy", kBucket, 0},
    {"s3:PutBucketPublicAccessBlock", kBucket, 0},
    {"s3:PutBucketRequestPayment", kBucket, 0},
    {"s3:PutBucketTagging", kBucket, 0},
    {"s3:PutBucketVersioning", kBucket, 0},
    {"s3:PutBucketWebsite", kBucket, 0},
    {"s3:PutEncryptionConfiguration", kBucket, 0},
    {"s3:PutIntelligentTieringConfiguration", kBucket, 0},
    {"s3:PutInventoryConfiguration", kBucket, 0},
    {"s3:PutLifecycleConfiguration", kBucket, 0},
    {"s3:PutMetricsConfiguration", kBucket, 0},
    {"s3:PutObject", kObject,
     kAclKeys | kWriteKeys | kExistingTagKeys | kRequestTagKeys | kLockKeys},
    {"s3:PutObjectAcl", kObject, kAclKeys | kExistingTagKeys},
    {"s3:PutObjectLegalHold", kObject, kLockKeys | kExistingTagKeys},
    {"s3:PutObjectRetention", kObject, kLockKeys | kExistingTagKeys},
    {"s3:PutObjectTagging", kObject, kExistingTagKeys | kRequestTagKeys},
    {"s3:PutObjectVersionAcl", kObject, kAclKeys | kVersionKeys | kExistingTagKeys},
    {"s3:PutObjectVersionTagging", kObject, kVersionKeys | kExistingTagKeys | kRequestTagKeys},
    {"s3:PutReplicationConfiguration", kBucket, 0},
    {"s3:ReplicateDelete", kObject, 0},
    {"s3:ReplicateObject", kObject, kWriteKeys},
    {"s3:ReplicateTags", kObject, 0},
    {"s3:RestoreObject", kObject, 0},
    // Ours: the record filter of a bucket.
    {"creel:GetBucketFilter", kBucket, 0},
    {"creel:PutBucketFilter", kBucket, 0},
};

}  // namespace

std::span<const ActionInfo> s3_actions() { return kActions; }

const ActionInfo* find_action(std::string_view name) {
  for (const ActionInfo& action : kActions)
    if (equal_ignore_case(action.name, name)) return &action;
  return nullptr;
}

}  // namespace creel::s3
