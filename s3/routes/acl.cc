#include "s3/routes/acl.h"

#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/service/bucket_rules.h"
#include "s3/wire/xml_in.h"

// Sources: the API_*Acl.html pages of the Amazon S3 API reference.
namespace creel::s3 {
namespace {

constexpr std::string_view kFull = "bucket-owner-full-control";

S3Error no_lists() {
  return s3_fail(S3Code::kAccessControlListNotSupported, "The bucket does not allow ACLs.");
}

bool enforced(const Call& call) { return call.rules->ownership == Ownership::kBucketOwnerEnforced; }

std::string_view bucket_owner(const Call& call) {
  return call.record ? std::string_view(call.record->owner) : std::string_view();
}

S3Result<Unit> check_block(const Call& call, const std::vector<Grant>& grants) {
  if (call.rules->block.block_acls && has_public_grant(grants))
    return s3_fail(S3Code::kAccessDenied);
  return Unit{};
}

// The default is not written down.
std::string kept_grants(const std::vector<Grant>& grants, std::string_view owner) {
  const bool plain = grants.size() == 1 && grants[0].to == Grant::To::kAccount &&
                     grants[0].id == owner && grants[0].permission == kFullControl;
  return plain ? std::string() : encode_grants(grants);
}

std::string list_xml(const Call& call, std::string_view owner, std::vector<Grant> grants) {
  if (grants.empty()) grants.push_back({Grant::To::kAccount, std::string(owner), kFullControl});
  const auto name_of_id = [&call](std::string_view id) { return call.access.display_name_of(id); };
  return acl_xml(owner, grants, name_of_id);
}

S3Result<OpenedObject> open_for_list(Call& call) {
  TRY(version_id, wanted_version(call));
  S3Result<OpenedObject> opened = call.service.open(call.bucket(), call.key(), version_id);
  if (!opened.ok()) return missing_as_told(call, own_object(call), opened.error());
  return opened;
}

std::string owner_of(const Call& call, const OpenedObject& object) {
  const std::string_view owner = object.record.attributes.owner;
  return std::string(owner.empty() || enforced(call) ? bucket_owner(call) : owner);
}

}  // namespace

S3Result<ObjectAttributes> written_attributes(const Call& call) {
  ObjectAttributes attributes;
  const std::optional<std::string_view> canned = call.headers().find("x-amz-acl");
  if (enforced(call)) {
    const std::string_view writer = bucket_owner(call);
    TRY(grants, header_grants(call.headers(), {writer, writer}, call.access));
    if (grants && canned != kFull && !kept_grants(*grants, writer).empty()) return no_lists();
    // rclone and others send "private" with every write: it asks for what holds anyway, so where
    // nobody switched lists off by hand it is taken.
    const bool harmless = canned == kFull || (canned == "private" && !call.rules->ownership_chosen);
    if (grants && canned && !harmless) return no_lists();
    return attributes;
  }
  // What nobody in particular writes is the bucket owner's.
  std::string_view owner = call.principal.anonymous ? bucket_owner(call) : call.principal.id;
  if (call.rules->ownership == Ownership::kBucketOwnerPreferred && canned == kFull)
    owner = bucket_owner(call);
  TRY(grants, header_grants(call.headers(), {owner, bucket_owner(call)}, call.access));
  if (owner != bucket_owner(call)) attributes.owner = owner;
  if (!grants) return attributes;
  TRY_DO(check_block(call, *grants));
  attributes.acl = kept_grants(*grants, owner);
  return attributes;
}

S3Result<std::vector<std::string>> first_documents(const Call& call) {
  std::vector<std::string> documents;
  const auto add = [&documents](BucketDocument kind, std::string_view text) {
    if (!text.empty()) documents.push_back(cat(static_cast<char>(kind), text));
  };
  Ownership ownership = call.rules->ownership;
  if (const auto asked = call.header("x-amz-object-ownership")) {
    const std::optional<Ownership> parsed = parse_ownership(*asked);
    if (!parsed)
      return invalid_argument("Invalid x-amz-object-ownership header", "x-amz-object-ownership",
                              *asked);
    ownership = *parsed;
    add(BucketDocument::kOwnershipControls, ownership_name(ownership));
  }
  const AclOwners owners{call.principal.id, call.principal.id};
  TRY(grants, header_grants(call.headers(), owners, call.access));
  if (!grants) return documents;
  const std::string kept = kept_grants(*grants, call.principal.id);
  if (ownership == Ownership::kBucketOwnerEnforced && !kept.empty())
    return s3_fail(
        S3Code::kInvalidBucketAclWithObjectOwnership,
        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
  add(BucketDocument::kAcl, kept);
  return documents;
}

Owner owner_of_upload(const Call& call, const UploadRecord& upload) {
  const std::string_view written = upload.attributes.owner;
  const std::string owner(written.empty() || enforced(call) ? bucket_owner(call) : written);
  return {owner, call.access.display_name_of(owner)};
}

Task<S3Result<Reply>> get_acl(Ctx&, Call& call) {
  if (call.key().empty()) {
    const bool counts = !enforced(call);
    co_return xml_reply(
        list_xml(call, bucket_owner(call), counts ? call.rules->grants : std::vector<Grant>()));
  }
  CO_TRY(object, open_for_list(call));
  CO_TRY(grants, decode_grants(object.record.attributes.acl));
  const std::string owner = owner_of(call, object);
  Reply reply = xml_reply(list_xml(call, owner, enforced(call) ? std::vector<Grant>() : grants));
  add_new_version(reply.headers, object.version_id);
  co_return std::move(reply);
}

// The list comes in headers or in the body: in just one of them.
Task<S3Result<Reply>> put_acl(Ctx& ctx, Call& call) {
  std::optional<OpenedObject> object;
  if (!call.key().empty()) {
    CO_TRY(opened, open_for_list(call));
    object = std::move(opened);
  }
  if (enforced(call)) co_return no_lists();
  const std::string owner = object ? owner_of(call, *object) : std::string(bucket_owner(call));
  const AclOwners owners{owner, bucket_owner(call)};
  CO_TRY(grants, header_grants(call.headers(), owners, call.access));
  const bool has_body = call.http.head.chunked || call.http.head.content_length.value_or(0) > 0;
  if (grants && has_body)
    co_return s3_fail(S3Code::kUnexpectedContent, "This request does not support content");
  if (!grants && !has_body)
    co_return s3_fail(S3Code::kMissingSecurityHeader, "Your request was missing a required header");
  if (!grants) {
    CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
    CO_TRY(parsed, parse_acl(as_bytes(document), owners, call.access));
    grants = std::move(parsed);
  }
  CO_DO(check_block(call, *grants));
  std::string text = kept_grants(*grants, owner);
  Reply reply = empty_reply(200);
  std::string bucket(call.bucket());
  if (!object) {
    CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), BucketDocument::kAcl,
                                                    std::move(text)));
    co_return std::move(reply);
  }
  AttributeArguments arguments;
  arguments.bucket = std::move(bucket);
  arguments.key = call.key();
  arguments.version_id = call.query.find("versionId").value_or("");
  arguments.kind = AttributeKind::kAcl;
  arguments.attributes.owner = object->record.attributes.owner;
  arguments.attributes.acl = std::move(text);
  CO_DO(co_await call.service.set_object_attribute(ctx, std::move(arguments)));
  add_new_version(reply.headers, object->version_id);
  co_return std::move(reply);
}

}  // namespace creel::s3
