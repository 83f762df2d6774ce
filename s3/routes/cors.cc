#include "s3/wire/cors.h"

#include "s3/routes/call.h"

namespace creel::s3 {
namespace {

// Of the bucket asked for, if it is there and has any.
std::shared_ptr<const CorsRules> rules_of(const Call& call) {
  if (call.record) return call.service.cors_rules(*call.record);
  if (call.name.bucket.empty()) return nullptr;
  const S3Result<BucketRecord> bucket = call.service.find_bucket(call.name.bucket);
  return bucket.ok() ? call.service.cors_rules(bucket.value()) : nullptr;
}

CorsQuestion question_of(const Call& call) {
  CorsQuestion question;
  question.origin = call.header("origin").value_or("");
  question.method = call.header("access-control-request-method").value_or(call.http.head.method);
  question.headers = call.header("access-control-request-headers").value_or("");
  return question;
}

}  // namespace

void add_cors_headers(const Call& call, HeaderList& headers) {
  if (!call.header("origin") || call.http.head.method == "OPTIONS") return;
  const std::shared_ptr<const CorsRules> rules = rules_of(call);
  if (!rules) return;
  const CorsQuestion question = question_of(call);
  if (const CorsRule* rule = find_cors_rule(*rules, question))
    for (const NameValue& header : cors_headers(*rule, question))
      headers.set(header.first, header.second);
}

S3Result<Reply> answer_preflight(const Call& call) {
  if (!call.header("origin") || !call.header("access-control-request-method"))
    return s3_fail(S3Code::kBadRequest, "Insufficient information. Origin request header needed.");
  if (!call.name.bucket.empty()) TRY_DO(call.service.find_bucket(call.name.bucket));
  const std::shared_ptr<const CorsRules> rules = rules_of(call);
  if (!rules)
    return s3_fail(S3Code::kAccessForbidden, "CORSResponse: CORS is not enabled for this bucket.");
  const CorsQuestion question = question_of(call);
  const CorsRule* rule = find_cors_rule(*rules, question);
  if (rule == nullptr)
    return s3_fail(S3Code::kAccessForbidden,
                   "CORSResponse: This CORS request is not allowed. This is usually because the "
                   "evaluation of Origin, request method / Access-Control-Request-Method or "
                   "Access-Control-Request-Headers are not whitelisted by the resource's CORS "
                   "spec.");
  Reply reply = empty_reply(200);
  for (const NameValue& header : cors_headers(*rule, question))
    reply.headers.set(header.first, header.second);
  return reply;
}

}  // namespace creel::s3
