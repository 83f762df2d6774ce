#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "s3/wire/error.h"
#include "s3/wire/sigv4.h"
#include "s3/wire/uri.h"

namespace creel::s3 {

// The parts of a V4 signature, from either form. Syntax and scope are checked, the signature is
// not.
struct SigParts {
  std::string access_key;
  SigScope scope;
  std::string signed_headers;             // As written: "host;x-amz-date".
  std::vector<std::string> signed_names;  // Split and lower-cased.
  std::string signature;
  std::string amz_date;             // Query form only; the header form has it in a header.
  std::uint64_t expires_seconds = 0;  // Query form only, ≤ 604800.
};

// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`, parted by "," or ", ".
// Errors: InvalidArgument (scheme, spaces), InvalidRequest (V2), AuthorizationHeaderMalformed.
S3Result<SigParts> parse_authorization(std::string_view authorization, const SigPolicy& policy);
// X-Amz-Algorithm, -Credential, -Date, -Expires, -SignedHeaders, -Signature.
// Errors: AuthorizationQueryParametersError.
S3Result<SigParts> parse_presigned(const Query& query, const SigPolicy& policy);

struct Payload {
  PayloadMode mode = PayloadMode::kUnsigned;
  Sha256Digest sha256{};
};
// Errors: InvalidArgument with ArgumentName x-amz-content-sha256.
S3Result<Payload> parse_payload(std::string_view value);

}  // namespace creel::s3
