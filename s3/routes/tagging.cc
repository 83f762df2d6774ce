#include "s3/routes/call.h"
#include "s3/wire/tags.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

Reply of_version(Reply reply, const std::string& version_id) {
  if (!version_id.empty()) reply.headers.add("x-amz-version-id", version_id);
  return reply;
}

Task<S3Result<std::string>> set_tags(Ctx& ctx, Call& call, std::string tags) {
  AttributeArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  CO_TRY(version_id, wanted_version(call));
  arguments.version_id = std::move(version_id);
  arguments.kind = AttributeKind::kTags;
  arguments.attributes.tags = std::move(tags);
  co_return co_await call.service.set_object_attribute(ctx, std::move(arguments));
}

}  // namespace

Task<S3Result<Reply>> put_object_tagging(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(tags, parse_tagging(as_bytes(document), false));
  std::string encoded = encode_tags(tags);
  CO_TRY(version_id, co_await set_tags(ctx, call, std::move(encoded)));
  co_return of_version(empty_reply(200), version_id);
}

Task<S3Result<Reply>> get_object_tagging(Ctx&, Call& call) {
  CO_TRY(version_id, wanted_version(call));
  CO_TRY(object, call.service.open(call.bucket(), call.key(), version_id));
  co_return of_version(xml_reply(tagging_xml(decode_tags(object.record.attributes.tags))),
                       object.version_id);
}

Task<S3Result<Reply>> delete_object_tagging(Ctx& ctx, Call& call) {
  CO_TRY(version_id, co_await set_tags(ctx, call, std::string()));
  co_return of_version(empty_reply(204), version_id);
}

Task<S3Result<Reply>> put_bucket_tagging(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(tags, parse_tagging(as_bytes(document), true));
  std::string bucket(call.bucket());
  std::string text = encode_tags(tags);
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), BucketDocument::kTagging,
                                                  std::move(text)));
  co_return empty_reply(204);
}

Task<S3Result<Reply>> get_bucket_tagging(Ctx&, Call& call) {
  CO_TRY(text, call.service.bucket_document(*call.record, BucketDocument::kTagging));
  if (text.empty())
    co_return s3_fail(S3Code::kNoSuchTagSet).with("BucketName", std::string(call.bucket()));
  co_return xml_reply(tagging_xml(decode_tags(text)));
}

}  // namespace creel::s3
