#include "platform/base/text.h"
#include "s3/routes/acl.h"
#include "s3/routes/call.h"
#include "s3/wire/listing.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {

// Sources: the API_*.html pages of the Amazon S3 API reference named like the functions.

Task<S3Result<Reply>> list_buckets(Ctx&, Call& call) {
  CO_TRY(params, parse_list_buckets(call.query));
  const std::string whose = call.principal.root ? std::string() : call.principal.id;
  CO_TRY(found, call.service.list_buckets(params.prefix, params.after, params.count_max, whose));
  const bool truncated = found.size() > params.count_max;
  if (truncated) found.pop_back();
  std::vector<BucketEntry> entries;
  for (const ListedBucket& bucket : found)
    entries.push_back(
        {bucket.name, WallTime::from_ms(bucket.record.created_ms), bucket.record.region});
  const std::string token = truncated ? encode_list_token(found.back().name) : std::string();
  const Owner owner{call.principal.id, call.principal.display_name};
  co_return xml_reply(list_buckets_xml(owner, entries, params.prefix, token));
}

Task<S3Result<Reply>> create_bucket(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, false));
  std::string region;
  if (!document.empty()) {
    CO_TRY(wanted, parse_create_bucket(as_bytes(document)));
    region = std::move(wanted);
  }
  if (!region.empty() && !call.service.has_location(region))
    co_return s3_fail(S3Code::kInvalidLocationConstraint).with("LocationConstraint", region);
  if (region.empty()) region = call.service.region();
  std::string name(call.bucket());
  std::string owner = call.principal.id;
  CO_TRY(documents, first_documents(call));
  const bool object_lock =
      equal_ignore_case(call.header("x-amz-bucket-object-lock-enabled").value_or(""), "true");
  CO_DO(co_await call.service.create_bucket(ctx, std::move(name), std::move(owner),
                                            std::move(region), object_lock, std::move(documents)));
  Reply reply = empty_reply(200);
  reply.headers.add("Location", cat('/', call.bucket()));
  co_return std::move(reply);
}

Task<S3Result<Reply>> head_bucket(Ctx&, Call& call) {
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  Reply reply = empty_reply(200);
  reply.headers.add("x-amz-bucket-region",
                    bucket.region.empty() ? call.service.region() : bucket.region);
  co_return std::move(reply);
}

Task<S3Result<Reply>> delete_bucket(Ctx& ctx, Call& call) {
  std::string name(call.bucket());
  CO_DO(co_await call.service.delete_bucket(ctx, std::move(name)));
  co_return empty_reply(204);
}

Task<S3Result<Reply>> get_bucket_location(Ctx&, Call& call) {
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  co_return xml_reply(location_xml(bucket.region.empty() ? call.service.region() : bucket.region));
}

Task<S3Result<Reply>> get_bucket_versioning(Ctx&, Call& call) {
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  const bool enabled = bucket.versioning == Versioning::kEnabled;
  const bool never = bucket.versioning == Versioning::kNever;
  co_return xml_reply(versioning_xml(never ? "" : enabled ? "Enabled" : "Suspended"));
}

Task<S3Result<Reply>> put_bucket_versioning(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(status, parse_versioning(as_bytes(document)));
  const Versioning wanted = status == "Enabled" ? Versioning::kEnabled : Versioning::kSuspended;
  std::string name(call.bucket());
  CO_DO(co_await call.service.set_versioning(ctx, std::move(name), wanted));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> put_bucket_filter(Ctx& ctx, Call& call) {
  if (call.filters == nullptr)
    co_return s3_fail(S3Code::kNotImplemented, "This server has no record filters.");
  CO_TRY(document, co_await read_document(ctx, call, 256 * KiB, false));
  const Result<Unit> judged = call.filters->check(document);
  if (!judged.ok())
    co_return s3_fail(S3Code::kInvalidArgument,
                      cat("The filter is not valid: ", judged.error().detail));
  std::string name(call.bucket());
  std::string text = document;
  CO_DO(co_await call.service.set_filter(ctx, std::move(name), std::move(text)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_bucket_filter(Ctx&, Call& call) {
  CO_TRY(document, call.service.filter(call.bucket()));
  if (document.empty()) co_return s3_fail(S3Code::kNoSuchKey, "The bucket has no filter.");
  Reply reply;
  reply.headers.add("Content-Type", "text/plain; charset=utf-8");
  reply.text = std::move(document);
  co_return std::move(reply);
}

Task<S3Result<Reply>> delete_bucket_filter(Ctx& ctx, Call& call) {
  std::string name(call.bucket());
  CO_DO(co_await call.service.set_filter(ctx, std::move(name), std::string()));
  co_return empty_reply(204);
}

}  // namespace creel::s3
