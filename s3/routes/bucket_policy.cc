#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/routes/call.h"
#include "s3/service/bucket_rules.h"
#include "s3/wire/xml_in.h"

// Sources: the API_*.html pages of the Amazon S3 API reference named like the functions.
namespace creel::s3 {
namespace {

constexpr std::string_view kNamespace = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

struct Flag {
  std::string_view element;
  bool PublicAccessBlock::* member;
};
constexpr Flag kFlags[] = {
    {"BlockPublicAcls", &PublicAccessBlock::block_acls},
    {"IgnorePublicAcls", &PublicAccessBlock::ignore_acls},
    {"BlockPublicPolicy", &PublicAccessBlock::block_policy},
    {"RestrictPublicBuckets", &PublicAccessBlock::restrict_buckets},
};

S3Result<XmlNode> parse_setting(std::string_view document, std::string_view root) {
  if (document.empty()) return s3_fail(S3Code::kMissingRequestBody);
  Result<XmlNode> parsed = parse_xml(as_bytes(document), {.nodes_max = 100});
  if (!parsed.ok() || parsed.value().name != root) return s3_fail(S3Code::kMalformedXml);
  return parsed.take();
}

S3Error without(const Call& call, S3Code code) {
  return s3_fail(code).with("BucketName", std::string(call.bucket()));
}

S3Result<Reply> show_policy(const Call& call) {
  TRY(document, call.service.bucket_document(*call.record, BucketDocument::kPolicy));
  if (document.empty()) return without(call, S3Code::kNoSuchBucketPolicy);
  Reply reply;
  reply.headers.add("Content-Type", "application/json");
  reply.text = policy_text(document);
  return reply;
}

S3Result<std::string> judge_policy(const Call& call, std::string document) {
  TRY(policy, parse_bucket_policy(document, call.bucket(), &call.access));
  if (call.rules->block.block_policy && is_public(policy)) return s3_fail(S3Code::kAccessDenied);
  const std::string_view confirmed =
      call.header("x-amz-confirm-remove-self-bucket-access").value_or("");
  if (equal_ignore_case(confirmed, "true")) document.insert(0, 1, kBindsOwner);
  return document;
}

S3Result<Reply> show_policy_status(const Call& call) {
  const bool lists_count =
      call.rules->ownership != Ownership::kBucketOwnerEnforced && !call.rules->block.ignore_acls;
  const bool is_open = (call.rules->policy_public && !call.rules->block.restrict_buckets) ||
                       (lists_count && has_public_grant(call.rules->grants));
  std::string out;
  XmlWriter xml(out);
  xml.open("PolicyStatus", kNamespace).leaf("IsPublic", is_open).close();
  return xml_reply(std::move(out));
}

S3Result<Reply> show_block(const Call& call) {
  if ((call.record->document_kinds & document_bit(BucketDocument::kPublicAccessBlock)) == 0)
    return without(call, S3Code::kNoSuchPublicAccessBlockConfiguration);
  std::string out;
  XmlWriter xml(out);
  xml.open("PublicAccessBlockConfiguration", kNamespace);
  for (const Flag& flag : kFlags) xml.leaf(flag.element, call.rules->block.*flag.member);
  xml.close();
  return xml_reply(std::move(out));
}

S3Result<std::string> judge_block(const Call&, std::string document) {
  TRY(root, parse_setting(document, "PublicAccessBlockConfiguration"));
  PublicAccessBlock block;
  for (const Flag& flag : kFlags) {
    const std::string_view text = trim(root.child_text(flag.element).value_or("false"));
    if (!equal_ignore_case(text, "true") && !equal_ignore_case(text, "false"))
      return s3_fail(S3Code::kMalformedXml);
    block.*flag.member = equal_ignore_case(text, "true");
  }
  return encode_block(block);
}

S3Result<Reply> show_ownership(const Call& call) {
  TRY(document, call.service.bucket_document(*call.record, BucketDocument::kOwnershipControls));
  // AWS makes each bucket with controls; without them lists count, as where they were removed.
  const bool by_default =
      document.empty() && call.rules->ownership == Ownership::kBucketOwnerEnforced;
  if (!by_default && !parse_ownership(document))
    return without(call, S3Code::kOwnershipControlsNotFound);
  std::string out;
  XmlWriter xml(out);
  xml.open("OwnershipControls", kNamespace).open("Rule");
  xml.leaf("ObjectOwnership", ownership_name(call.rules->ownership)).close().close();
  return xml_reply(std::move(out));
}

S3Result<std::string> judge_ownership(const Call& call, std::string document) {
  TRY(root, parse_setting(document, "OwnershipControls"));
  const XmlNode* rule = root.child("Rule");
  const std::optional<Ownership> wanted =
      rule == nullptr || root.children.size() != 1
          ? std::nullopt
          : parse_ownership(trim(rule->child_text("ObjectOwnership").value_or("")));
  if (!wanted) return s3_fail(S3Code::kMalformedXml);
  if (*wanted == Ownership::kBucketOwnerEnforced &&
      has_foreign_grant(call.rules->grants, call.record->owner))
    return s3_fail(S3Code::kInvalidBucketAclWithObjectOwnership);
  return std::string(ownership_name(*wanted));
}

// One row a sub-resource.
struct Rule {
  std::string_view sub;
  BucketDocument kind;
  S3Result<Reply> (*show)(const Call& call);
  S3Result<std::string> (*judge)(const Call& call, std::string document);
  bool needs_digest;
  int put_status;
  std::string_view removed;  // What a DELETE leaves.
};
constexpr Rule kRules[] = {
    {"policy", BucketDocument::kPolicy, show_policy, judge_policy, false, 204, ""},
    {"policyStatus", BucketDocument::kPolicy, show_policy_status, nullptr, false, 0, ""},
    {"publicAccessBlock", BucketDocument::kPublicAccessBlock, show_block, judge_block, true, 200,
     ""},
    {"ownershipControls", BucketDocument::kOwnershipControls, show_ownership, judge_ownership, true,
     200, kNoOwnershipControls},
};

// find_route() saw to it that the request names just one.
const Rule& rule_of(const Call& call) {
  for (const Rule& rule : kRules)
    if (call.query.has(rule.sub)) return rule;
  check(false);
  return kRules[0];
}

}  // namespace

Task<S3Result<Reply>> get_bucket_rule(Ctx&, Call& call) { co_return rule_of(call).show(call); }

Task<S3Result<Reply>> put_bucket_rule(Ctx& ctx, Call& call) {
  const Rule& rule = rule_of(call);
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, rule.needs_digest));
  CO_TRY(text, rule.judge(call, std::move(document)));
  std::string bucket(call.bucket());
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), rule.kind,
                                                  std::move(text)));
  co_return empty_reply(rule.put_status);
}

Task<S3Result<Reply>> delete_bucket_rule(Ctx& ctx, Call& call) {
  const Rule& rule = rule_of(call);
  std::string bucket(call.bucket()), text(rule.removed);
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), rule.kind,
                                                  std::move(text)));
  co_return empty_reply(204);
}

}  // namespace creel::s3
