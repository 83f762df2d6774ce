// Settings that are a document: judged when put, given back as they were.
#include "platform/base/text.h"
#include "s3/routes/call.h"
#include "s3/wire/cors.h"
#include "s3/wire/lifecycle.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

// The document to keep.
using Judge = S3Result<std::string> (*)(ByteView body);

template <class Parsed, S3Result<Parsed> (*kParse)(ByteView)>
S3Result<std::string> judge_by(ByteView body) {
  TRY(parsed, kParse(body));
  (void)parsed;
  TRY(root, parse_xml(body));
  return written_document(root);
}

S3Result<std::string> judge_lifecycle(ByteView body) {
  TRY(parsed, parse_lifecycle(body));
  return std::move(parsed.document);
}

struct Setting {
  std::string_view sub;
  BucketDocument kind;
  Judge judge;
  S3Code absent;
};
constexpr Setting kSettings[] = {
    {"cors", BucketDocument::kCors, judge_by<CorsRules, parse_cors>,
     S3Code::kNoSuchCorsConfiguration},
    {"lifecycle", BucketDocument::kLifecycle, judge_lifecycle,
     S3Code::kNoSuchLifecycleConfiguration},
};

const Setting& setting_of(const Call& call) {
  for (const Setting& setting : kSettings)
    if (call.query.has(setting.sub)) return setting;
  check(false);
  return kSettings[0];
}

}  // namespace

Task<S3Result<Reply>> put_bucket_setting(Ctx& ctx, Call& call) {
  const Setting& setting = setting_of(call);
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(kept, setting.judge(as_bytes(document)));
  std::string bucket(call.bucket());
  std::string text = std::move(kept);
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), setting.kind,
                                                  std::move(text)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_bucket_setting(Ctx&, Call& call) {
  const Setting& setting = setting_of(call);
  CO_TRY(text, call.service.bucket_document(*call.record, setting.kind));
  if (text.empty())
    co_return s3_fail(setting.absent).with("BucketName", std::string(call.bucket()));
  co_return xml_reply(std::move(text));
}

Task<S3Result<Reply>> delete_bucket_setting(Ctx& ctx, Call& call) {
  const BucketDocument kind =
      call.query.has("tagging") ? BucketDocument::kTagging : setting_of(call).kind;
  std::string bucket(call.bucket());
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket), kind, std::string()));
  co_return empty_reply(204);
}

}  // namespace creel::s3
