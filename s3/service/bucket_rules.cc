#include "s3/service/bucket_rules.h"

namespace creel::s3 {
namespace {

// What is read of a policy that no build could have written: nobody comes in.
Policy closed_policy() {
  Statement statement;
  statement.deny = true;
  statement.sid = "unreadable";
  statement.principals.emplace_back();
  statement.actions.push_back(*compile_pattern("*", {}));
  statement.resources.push_back(*compile_pattern("*", {}));
  Policy policy;
  policy.statements.push_back(std::move(statement));
  return policy;
}

Result<std::string> document_of(const store::RowReader& rows, const BucketRecord& bucket,
                                BucketDocument kind) {
  if ((bucket.document_kinds & document_bit(kind)) == 0) return std::string();
  return load_bucket_document(rows, bucket.id, kind);
}

Result<BucketRules> load(const store::RowReader& rows, std::string_view name,
                         const BucketRecord& bucket, const BucketRules& defaults) {
  BucketRules rules = defaults;
  TRY(ownership, document_of(rows, bucket, BucketDocument::kOwnershipControls));
  rules.ownership_chosen = !ownership.empty();
  if (rules.ownership_chosen)
    rules.ownership = parse_ownership(ownership).value_or(Ownership::kObjectWriter);
  TRY(block, document_of(rows, bucket, BucketDocument::kPublicAccessBlock));
  rules.block = decode_block(block);
  TRY(grants_text, document_of(rows, bucket, BucketDocument::kAcl));
  TRY(grants, decode_grants(grants_text));
  rules.grants = std::move(grants);
  TRY(document, document_of(rows, bucket, BucketDocument::kPolicy));
  if (document.empty()) return rules;
  rules.policy_binds_owner = document.front() == kBindsOwner;
  S3Result<Policy> policy = parse_bucket_policy(policy_text(document), name, nullptr);
  rules.policy = policy.ok() ? policy.take() : closed_policy();
  rules.policy_public = is_public(*rules.policy);
  return rules;
}

}  // namespace

std::string_view policy_text(std::string_view document) {
  if (!document.empty() && document.front() == kBindsOwner) document.remove_prefix(1);
  return document;
}

std::string encode_block(const PublicAccessBlock& block) {
  std::string out;
  for (const bool flag :
       {block.block_acls, block.ignore_acls, block.block_policy, block.restrict_buckets})
    out.push_back(flag ? '1' : '0');
  return out;
}

PublicAccessBlock decode_block(std::string_view document) {
  const auto flag = [document](std::size_t at) {
    return at < document.size() && document[at] == '1';
  };
  return {flag(0), flag(1), flag(2), flag(3)};
}

Result<std::shared_ptr<const BucketRules>> RulesCache::get(const store::RowReader& rows,
                                                           std::string_view name,
                                                           const BucketRecord& bucket,
                                                           const BucketRules& defaults) {
  Entry& entry = entries_[bucket.id % entries_.size()];
  if (entry.bucket == bucket.id && entry.settings_lsn == bucket.settings_lsn) return entry.rules;
  TRY(rules, load(rows, name, bucket, defaults));
  entry = {bucket.id, bucket.settings_lsn, std::make_shared<const BucketRules>(std::move(rules))};
  return entry.rules;
}

}  // namespace creel::s3
