#include "app/front.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/cpu/hash.h"

namespace creel::app {
namespace {

constexpr std::string_view kAdmin = "/-/admin/v1/";

HttpResponse text_response(int status, std::string text, std::string_view type = "text/plain") {
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", type);
  response.headers.add("Cache-Control", "no-store");
  response.body = std::move(text);
  return response;
}

HttpResponse json_error(int status, std::string_view code, std::string_view text) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.name("error").string(code);
  json.name("detail").string(text);
  json.end_object();
  return text_response(status, std::move(out), "application/json");
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kInvalid: return 400;
    case ErrorCode::kUnsupported: return 501;
    case ErrorCode::kExists:
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kTooLarge: return 400;
    default: return 503;
  }
}

}  // namespace

Task<Result<Unit>> Front::handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) {
  if (!request.head.target.starts_with("/-/")) co_return co_await s3_.handle(ctx, request, out);
  HttpResponse response = co_await own(ctx, request);
  co_return co_await out.respond(ctx, std::move(response));
}

Task<HttpResponse> Front::own(Ctx& ctx, HttpRequest& request) {
  const std::string_view target = request.head.target;
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.starts_with(kAdmin)) {
    std::string name(path.substr(kAdmin.size()));
    co_return co_await admin(ctx, request, std::move(name));
  }
  if (request.head.method != "GET" && request.head.method != "HEAD")
    co_return text_response(405, "GET only\n");
  if (path == "/-/live") co_return text_response(200, "live\n");
  if (path == "/-/metrics")
    co_return text_response(200, sources_.metrics(), "text/plain; version=0.0.4");
  if (path == "/-/ready") {
    const Health health = sources_.health();
    co_return health.ready
        ? text_response(200, health.warning.empty() ? "ready\n"
                                                    : cat("ready\nwarning: ", health.warning, '\n'))
        : text_response(503, cat("not ready: ", health.reason, '\n'));
  }
  co_return text_response(404, "no such page\n");
}

// Signed with a root key, as S3 requests are; the service name in the scope is s3 too.
Task<HttpResponse> Front::admin(Ctx& ctx, HttpRequest& request, std::string name) {
  std::vector<s3::HeaderField> fields;
  for (const creel::Header field : request.head.headers)
    fields.push_back({field.name, field.value});
  const s3::Target target = s3::split_target(request.head.target);
  const s3::RequestHead head{request.head.method, target.raw_path, target.raw_query,
                             s3::Headers(fields)};
  s3::SigPolicy policy;
  policy.region = region_;
  const s3::SecretLookup secret_of = [this](std::string_view key) {
    return access_.secret_of(key);
  };
  const s3::S3Result<s3::Identity> identity =
      s3::verify_request(head, policy, secret_of, keys_, platform_.clock.wall());
  if (!identity.ok())
    co_return json_error(identity.error().status(), s3::name_of(identity.error().code),
                         identity.error().message);
  if (!access_.principal_of(identity.value().access_key).root)
    co_return json_error(403, "AccessDenied",
                         "The admin API wants a request signed by the root key.");
  AdminCall call;
  call.method = request.head.method;
  call.name = std::move(name);
  s3::S3Result<s3::Query> query = s3::parse_query(target.raw_query);
  if (!query.ok()) co_return json_error(400, "InvalidURI", query.error().message);
  call.query = query.take();
  Result<std::string> body = co_await read_all(ctx, request.body, kAdminBodyBytesMax);
  if (!body.ok()) co_return json_error(400, error_name(body.error().code), body.error().detail);
  // What the body says is signed as the rest is.
  const bool covered = identity.value().payload == s3::PayloadMode::kHash &&
                       identity.value().payload_sha256 == Sha256::of(as_bytes(body.value()));
  if (!covered && !body.value().empty())
    co_return json_error(400, "XAmzContentSHA256Mismatch",
                         "The body of an admin call is signed: x-amz-content-sha256 is its hash.");
  call.body = body.take();
  Result<std::string> answer = co_await sources_.admin(ctx, std::move(call));
  if (!answer.ok())
    co_return json_error(status_of(answer.error().code), error_name(answer.error().code),
                         answer.error().detail);
  co_return text_response(200, answer.take(), "application/json");
}

}  // namespace creel::app
