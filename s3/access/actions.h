#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace creel::s3 {

// What an action works on: decides which resources of a statement it can apply to.
enum class ActionLevel : std::uint8_t { kService, kBucket, kObject };

// Which groups of condition keys an action has.
enum KeyGroup : std::uint8_t {
  kEveryRequest = 0,
  kListKeys = 1,         // s3:prefix, delimiter, max-keys
  kAclKeys = 2,          // s3:x-amz-acl, x-amz-grant-…
  kVersionKeys = 4,      // s3:VersionId
  kWriteKeys = 8,        // copy source, encryption, storage class, write conditions
  kExistingTagKeys = 16, // s3:ExistingObjectTag/…
  kRequestTagKeys = 32,  // s3:RequestObjectTag/…, RequestObjectTagKeys
  kLockKeys = 64,        // s3:object-lock-…
};

struct ActionInfo {
  std::string_view name;  // "s3:GetObject"
  ActionLevel level;
  std::uint8_t keys;  // KeyGroup bits.
};
// Every action a bucket policy may name: AWS's list for buckets and objects.
// Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
std::span<const ActionInfo> s3_actions();
// nullptr: unknown. Actions ignore case.
const ActionInfo* find_action(std::string_view name);

}  // namespace creel::s3
