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

Task<S3Result<Unit>> keep(Ctx& ctx, Call& call, BucketDocument kind, std::string text) {
  std::string bucket(call.bucket());
  co_return co_await call.service.set_bucket_document(ctx, std::move(bucket), kind,
                                                      std::move(text));
}

S3Error without(const Call& call, S3Code code) {
  return s3_fail(code).with("BucketName", std::string(call.bucket()));
}

}  // namespace

Task<S3Result<Reply>> get_bucket_policy(Ctx&, Call& call) {
  CO_TRY(document, call.service.bucket_document(*call.record, BucketDocument::kPolicy));
  if (document.empty()) co_return without(call, S3Code::kNoSuchBucketPolicy);
  Reply reply;
  reply.headers.add("Content-Type", "application/json");
  reply.text = policy_text(document);
  co_return std::move(reply);
}

Task<S3Result<Reply>> put_bucket_policy(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, false));
  CO_TRY(policy, parse_bucket_policy(document, call.bucket(), &call.access));
  if (call.rules->block.block_policy && is_public(policy)) co_return s3_fail(S3Code::kAccessDenied);
  const std::string_view confirmed =
      call.header("x-amz-confirm-remove-self-bucket-access").value_or("");
  if (equal_ignore_case(confirmed, "true")) document.insert(0, 1, kBindsOwner);
  CO_DO(co_await keep(ctx, call, BucketDocument::kPolicy, std::move(document)));
  co_return empty_reply(204);
}

Task<S3Result<Reply>> delete_bucket_policy(Ctx& ctx, Call& call) {
  CO_DO(co_await keep(ctx, call, BucketDocument::kPolicy, std::string()));
  co_return empty_reply(204);
}

Task<S3Result<Reply>> get_bucket_policy_status(Ctx&, Call& call) {
  const bool lists_count =
      call.rules->ownership != Ownership::kBucketOwnerEnforced && !call.rules->block.ignore_acls;
  const bool is_open = (call.rules->policy_public && !call.rules->block.restrict_buckets) ||
                       (lists_count && has_public_grant(call.rules->grants));
  std::string out;
  XmlWriter xml(out);
  xml.open("PolicyStatus", kNamespace).leaf("IsPublic", is_open).close();
  co_return xml_reply(std::move(out));
}

Task<S3Result<Reply>> get_public_access_block(Ctx&, Call& call) {
  if ((call.record->document_kinds & document_bit(BucketDocument::kPublicAccessBlock)) == 0)
    co_return without(call, S3Code::kNoSuchPublicAccessBlockConfiguration);
  std::string out;
  XmlWriter xml(out);
  xml.open("PublicAccessBlockConfiguration", kNamespace);
  for (const Flag& flag : kFlags) xml.leaf(flag.element, call.rules->block.*flag.member);
  xml.close();
  co_return xml_reply(std::move(out));
}

Task<S3Result<Reply>> put_public_access_block(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(root, parse_setting(document, "PublicAccessBlockConfiguration"));
  PublicAccessBlock block;
  for (const Flag& flag : kFlags) {
    const std::string_view text = trim(root.child_text(flag.element).value_or("false"));
    if (!equal_ignore_case(text, "true") && !equal_ignore_case(text, "false"))
      co_return s3_fail(S3Code::kMalformedXml);
    block.*flag.member = equal_ignore_case(text, "true");
  }
  CO_DO(co_await keep(ctx, call, BucketDocument::kPublicAccessBlock, encode_block(block)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> delete_public_access_block(Ctx& ctx, Call& call) {
  CO_DO(co_await keep(ctx, call, BucketDocument::kPublicAccessBlock, std::string()));
  co_return empty_reply(204);
}

Task<S3Result<Reply>> get_bucket_ownership(Ctx&, Call& call) {
  CO_TRY(document, call.service.bucket_document(*call.record, BucketDocument::kOwnershipControls));
  // AWS makes each bucket with controls; without them lists count, as where they were removed.
  const bool by_default =
      document.empty() && call.rules->ownership == Ownership::kBucketOwnerEnforced;
  if (!by_default && !parse_ownership(document))
    co_return without(call, S3Code::kOwnershipControlsNotFound);
  std::string out;
  XmlWriter xml(out);
  xml.open("OwnershipControls", kNamespace).open("Rule");
  xml.leaf("ObjectOwnership", ownership_name(call.rules->ownership)).close().close();
  co_return xml_reply(std::move(out));
}

Task<S3Result<Reply>> put_bucket_ownership(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(root, parse_setting(document, "OwnershipControls"));
  const XmlNode* rule = root.child("Rule");
  const std::optional<Ownership> wanted =
      rule == nullptr || root.children.size() != 1
          ? std::nullopt
          : parse_ownership(trim(rule->child_text("ObjectOwnership").value_or("")));
  if (!wanted) co_return s3_fail(S3Code::kMalformedXml);
  if (*wanted == Ownership::kBucketOwnerEnforced &&
      has_foreign_grant(call.rules->grants, call.record->owner))
    co_return s3_fail(
        S3Code::kInvalidBucketAclWithObjectOwnership,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
  std::string name(ownership_name(*wanted));
  CO_DO(co_await keep(ctx, call, BucketDocument::kOwnershipControls, std::move(name)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> delete_bucket_ownership(Ctx& ctx, Call& call) {
  CO_DO(co_await keep(ctx, call, BucketDocument::kOwnershipControls,
                      std::string(kNoOwnershipControls)));
  co_return empty_reply(204);
}

}  // namespace creel::s3
