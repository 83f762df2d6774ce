#pragma once
#include <memory>
#include <optional>
#include <string>

#include "platform/http/client.h"
#include "platform/platform.h"
#include "s3/wire/sigv4_sign.h"

namespace creel::s3 {

// Where an S3 service listens.
struct Endpoint {
  Address address;
  bool tls = false;
};
// "http://host[:port]" or "https://host[:port]", without a path. Errors: kInvalid.
Result<Endpoint> parse_endpoint(std::string_view url);

struct ClientOptions {
  Endpoint endpoint;
  std::string ca_pem;  // Whom to trust, with TLS.
  std::string region = "us-east-1";
  Credentials credentials;
  HttpClientOptions http;
};

// One request, path style. The body is signed, so it is small: documents, not objects.
struct ClientRequest {
  std::string method = "GET";
  std::string bucket, key;  // Empty: the service, the bucket.
  std::string query;        // As it is sent: "filter", "list-type=2&prefix=a%2F".
  std::vector<NameValue> headers;
  std::string body;
};

struct ClientAnswer {
  int status = 0;
  std::vector<NameValue> headers;
  std::string body;
  bool ok() const { return status / 100 == 2; }
};

// The other end of routes/: signs, sends, reads the answer. One loop; requests one after another
// keep one connection.
class S3Client {
 public:
  static constexpr std::uint64_t kAnswerBytesMax = 8 * MiB;
  S3Client(Platform& platform, ClientOptions options);

  // Any answer of the service is a value. Errors: those of HttpClient::request; kTooLarge (an
  // answer past kAnswerBytesMax).
  Task<Result<ClientAnswer>> call(Ctx& ctx, ClientRequest request);
  // The same, for callers that want it done: an answer but 2xx becomes an Error with the service's
  // code and message: kDenied (401, 403), kNotFound, kExists (409), kConflict (412), kInvalid
  // (other 4xx), kUnsupported (501), kNoSpace (507), kUnavailable (other 5xx).
  Task<Result<ClientAnswer>> must(Ctx& ctx, ClientRequest request);

 private:
  HttpClient http_;
  Platform& platform_;
  ClientOptions options_;
};

// What a refusal says: "NoSuchBucket: The specified bucket does not exist".
std::string refusal_text(const ClientAnswer& answer);

}  // namespace creel::s3
