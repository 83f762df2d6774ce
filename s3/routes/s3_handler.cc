#include "s3/routes/s3_handler.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/unsupported.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kSendBytes = 256 * KiB;
constexpr std::string_view kHostId = "creel";

void add_common(HeaderList& headers, std::string_view request_id) {
  headers.set("x-amz-request-id", request_id);
  headers.set("x-amz-id-2", kHostId);
  headers.set("Server", "Creel");
}

// The authority a virtual-host bucket is read from.
std::string_view host_of(const Call& call) { return call.header("host").value_or(""); }

S3Result<Unit> check_names(const Call& call) {
  // Creating says InvalidBucketName; for all else such a bucket does not exist (s3.md §1).
  if (!call.name.key.empty()) TRY_DO(check_key(call.name.key));
  return Unit{};
}

S3Result<Unit> check_owner(const Call& call) {
  const std::optional<std::string_view> expected = call.header("x-amz-expected-bucket-owner");
  if (expected && call.record && call.record->owner != *expected)
    return s3_fail(S3Code::kAccessDenied);
  return Unit{};
}

// The one place where a request as a whole is allowed or refused.
S3Result<Unit> check_rights(Call& call, const Route& route) {
  if (call.principal.anonymous && !route.signed_only.empty())
    return s3_fail(S3Code::kAccessDenied, std::string(route.signed_only));
  Wanted wanted = own_object(call);
  const bool of_version = call.query.has("versionId") && !route.version_action.empty();
  wanted.action = of_version ? route.version_action : route.action;
  TRY_DO(authorise(call, wanted));
  return authorise_headers(call, wanted);
}

}  // namespace

Reply empty_reply(int status) {
  Reply reply;
  reply.status = status;
  return reply;
}

Reply xml_reply(std::string xml) {
  Reply reply;
  reply.headers.add("Content-Type", "application/xml");
  reply.text = std::move(xml);
  return reply;
}

std::string S3Handler::new_request_id() {
  std::uint8_t raw[8];
  service_.platform().random.fill(raw);
  std::string id = hex_encode(raw);
  std::transform(id.begin(), id.end(), id.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  return id;
}

Task<Result<Unit>> S3Handler::handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) {
  Call call{service_, request, access_};
  call.rules = &access_.default_rules();
  call.filters = filters_;
  call.request_id = new_request_id();
  call.fields.reserve(request.head.headers.size());
  for (const creel::Header field : request.head.headers)
    call.fields.push_back({field.name, field.value});
  S3Result<Reply> reply = co_await run(ctx, call);
  RequestReport report{call.request_id,
                       request.head.method,
                       request.head.target,
                       call.identity.access_key,
                       {},
                       0,
                       &call};
  report.status = reply.ok() ? reply.value().status : reply.error().status();
  if (!reply.ok()) report.code = name_of(reply.error().code);
  if (observer_ != nullptr) observer_->finished(report);
  if (!reply.ok()) {
    const S3Error error = reply.error();
    co_return co_await send_error(ctx, call, error, out);
  }
  Reply answer = reply.take();
  co_return co_await send(ctx, call, std::move(answer), out);
}

S3Result<Unit> S3Handler::authenticate(Call& call, const Route& route) {
  const RequestHead head{call.http.head.method, call.target.raw_path, call.target.raw_query,
                         call.headers()};
  const SecretLookup secret_of = [this](std::string_view key) { return access_.secret_of(key); };
  SigPolicy policy;
  policy.region = service_.region();
  policy.clock_window = options_.clock_window;
  TRY(identity, verify_request(head, policy, secret_of, keys_, service_.platform().clock.wall()));
  call.identity = std::move(identity);
  call.principal = access_.principal_of(call.identity.access_key);
  const bool takes_unsigned_stream =
      route.operation == put_object || route.operation == upload_part;
  TRY_DO(check_payload_allowed(call.identity.payload, takes_unsigned_stream));
  return Unit{};
}

S3Result<Unit> S3Handler::find_bucket(Call& call) {
  TRY(bucket, service_.find_bucket(call.name.bucket));
  call.record = std::move(bucket);
  TRY(rules, service_.rules(call.name.bucket, *call.record, access_.default_rules()));
  if (rules) call.rules = rules.get();
  call.rules_held = std::move(rules);
  return Unit{};
}

// The order decides which error a client sees: route, signature, bucket, rights, the operation.
Task<S3Result<Reply>> S3Handler::run(Ctx& ctx, Call& call) {
  call.target = split_target(call.http.head.target);
  CO_TRY(query, parse_query(call.target.raw_query));
  call.query = std::move(query);
  CO_TRY(name, parse_resource(call.target.raw_path, host_of(call), options_.base_domains));
  call.name = std::move(name);
  if (call.http.head.method == "OPTIONS") co_return answer_preflight(call);
  CO_TRY(route, find_route(call));
  // A form is signed inside of its body: post_object() does for it what follows here.
  const bool is_form = route.operation == post_object;
  if (!is_form) CO_DO(authenticate(call, route));
  CO_DO(check_names(call));
  if (!call.name.bucket.empty() && route.operation != create_bucket) CO_DO(find_bucket(call));
  CO_DO(check_owner(call));
  if (route.judged == Route::Judged::kBefore) CO_DO(check_rights(call, route));
  CO_DO(check_wishes(call));
  S3Result<Reply> reply = co_await route.operation(ctx, call);
  // A copy's missing source has been judged where the copy asked for it.
  const bool of_key = !call.name.key.empty() && call.record && !call.header("x-amz-copy-source");
  if (!reply.ok() && of_key) co_return missing_as_told(call, own_object(call), reply.error());
  co_return std::move(reply);
}

Task<Result<Unit>> S3Handler::send(Ctx& ctx, Call& call, Reply reply, ResponseWriter& out) {
  add_common(reply.headers, call.request_id);
  add_cors_headers(call, reply.headers);
  if (!reply.body) {
    HttpResponse response;
    response.status = reply.status;
    response.headers = std::move(reply.headers);
    response.body = std::move(reply.text);
    co_return co_await out.respond(ctx, std::move(response));
  }
  const creel::BodyLength length = creel::BodyLength::of(reply.body_bytes);
  std::uint64_t left = reply.body_bytes;
  if (call.is_head() || left == 0) {
    CO_DO(out.head(ctx, reply.status, reply.headers, length));
    co_return co_await out.finish(ctx);
  }
  // The first piece is read before the head goes out: damage found there is still a clean error.
  Bytes buffer(static_cast<std::size_t>(std::min<std::uint64_t>(left, kSendBytes)));
  Result<std::size_t> first = co_await reply.body->read(ctx, buffer);
  if (!first.ok()) {
    const S3Error error = from_error(first.error());
    co_return co_await send_error(ctx, call, error, out);
  }
  CO_DO(out.head(ctx, reply.status, reply.headers, length));
  for (std::size_t got = first.value();;) {
    if (got == 0) co_return fail(ErrorCode::kCorrupt, "object ended early");
    CO_DO(co_await out.write(ctx, ByteView(buffer).first(got)));
    left -= got;
    if (left == 0) break;
    const std::size_t want = static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()));
    CO_TRY(more, co_await reply.body->read(ctx, MutableBytes(buffer).first(want)));
    got = more;
  }
  co_return co_await out.finish(ctx);
}

Task<Result<Unit>> S3Handler::send_error(Ctx& ctx, Call& call, const S3Error& error,
                                         ResponseWriter& out) {
  HttpResponse response;
  response.status = error.status();
  for (const NameValue& header : error.headers) response.headers.add(header.first, header.second);
  add_common(response.headers, call.request_id);
  add_cors_headers(call, response.headers);
  if (error.status() == 503) response.headers.set("Retry-After", "1");
  const bool bodiless = error.status() == 304 || call.is_head();
  if (!bodiless) {
    response.headers.add("Content-Type", "application/xml");
    ErrorPlace place;
    place.resource = call.target.raw_path;
    place.request_id = call.request_id;
    place.host_id = kHostId;
    response.body = render_error(error, place);
  }
  co_return co_await out.respond(ctx, std::move(response));
}

HttpResponse S3Handler::refusal(int status, std::string_view reason) {
  const S3Code code = status == 408 ? S3Code::kRequestTimeout : S3Code::kBadRequest;
  const std::string id = new_request_id();
  HttpResponse response;
  response.status = status;
  response.headers.add("Content-Type", "application/xml");
  add_common(response.headers, id);
  ErrorPlace place;
  place.request_id = id;
  place.host_id = kHostId;
  response.body = render_error(s3_fail(code, std::string(reason)), place);
  return response;
}

}  // namespace creel::s3
