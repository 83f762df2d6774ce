#include "s3/client/s3_client.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/codec/xml.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

std::optional<TlsSettings> tls_of(const ClientOptions& options) {
  if (!options.endpoint.tls) return std::nullopt;
  TlsSettings tls;
  tls.ca_pem = options.ca_pem;
  tls.server_name = options.endpoint.address.host;
  return tls;
}

ErrorCode code_of(int status) {
  switch (status) {
    case 401:
    case 403: return ErrorCode::kDenied;
    case 404: return ErrorCode::kNotFound;
    case 409: return ErrorCode::kExists;
    case 412: return ErrorCode::kConflict;
    case 501: return ErrorCode::kUnsupported;
    case 507: return ErrorCode::kNoSpace;
    default: return status / 100 == 5 ? ErrorCode::kUnavailable : ErrorCode::kInvalid;
  }
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view url) {
  const auto refuse = [url](std::string_view why) {
    return fail(ErrorCode::kInvalid, cat("endpoint '", url, "': ", why));
  };
  Endpoint endpoint;
  std::string_view rest = url;
  if (rest.starts_with("https://")) endpoint.tls = true;
  else if (!rest.starts_with("http://"))
    return refuse("expected http://HOST:PORT or https://HOST:PORT");
  rest.remove_prefix(endpoint.tls ? 8 : 7);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos)
    return refuse("only host and port belong here");
  std::optional<Address> address = parse_address(rest);
  if (!address) address = parse_address(cat(rest, endpoint.tls ? ":443" : ":80"));
  if (!address) return refuse("host or port is malformed");
  endpoint.address = std::move(*address);
  return endpoint;
}

S3Client::S3Client(Platform& platform, ClientOptions options)
    : http_(platform.network, options.endpoint.address, tls_of(options), options.http),
      platform_(platform),
      options_(std::move(options)) {}

Task<Result<ClientAnswer>> S3Client::call(Ctx& ctx, ClientRequest request) {
  OutgoingHead head;
  head.method = request.method;
  head.raw_path = "/";
  if (!request.bucket.empty()) head.raw_path += percent_encode(request.bucket, false);
  if (!request.key.empty()) head.raw_path += cat('/', percent_encode(request.key, true));
  head.raw_query = request.query;
  head.headers = std::move(request.headers);
  head.headers.emplace_back("Host", address_text(options_.endpoint.address));
  const std::string digest = hex_encode(Sha256::of(as_bytes(request.body)));
  sign_request(head, options_.credentials, options_.region, digest, platform_.clock.wall());
  HttpClientRequest http;
  http.method = head.method;
  http.target = head.raw_query.empty() ? head.raw_path : cat(head.raw_path, '?', head.raw_query);
  for (const NameValue& header : head.headers) http.headers.add(header.first, header.second);
  http.body = std::move(request.body);
  CO_TRY(exchange, co_await http_.request(ctx, std::move(http)));
  ClientAnswer answer;
  answer.status = exchange->head().status;
  for (const creel::Header header : exchange->head().headers)
    answer.headers.emplace_back(std::string(header.name), std::string(header.value));
  if (head.method != "HEAD") {
    CO_TRY(body, co_await read_all(ctx, exchange->body(), kAnswerBytesMax));
    answer.body = std::move(body);
  }
  co_return std::move(answer);
}

Task<Result<ClientAnswer>> S3Client::must(Ctx& ctx, ClientRequest request) {
  CO_TRY(answer, co_await call(ctx, std::move(request)));
  if (!answer.ok()) co_return fail(code_of(answer.status), refusal_text(answer));
  co_return std::move(answer);
}

std::string refusal_text(const ClientAnswer& answer) {
  if (answer.body.starts_with('{')) {  // Of the admin API.
    const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(answer.body));
    if (doc.ok())
      return cat(doc.value().root().find("error").as_string().value_or("refused"), ": ",
                 doc.value().root().find("detail").as_string().value_or("no message"));
  }
  const Result<XmlNode> parsed = parse_xml(as_bytes(answer.body));
  if (!parsed.ok()) return cat("the server answered ", answer.status);
  const XmlNode& root = parsed.value();
  return cat(root.child_text("Code").value_or("refused"), ": ",
             root.child_text("Message").value_or("no message"));
}

}  // namespace creel::s3
