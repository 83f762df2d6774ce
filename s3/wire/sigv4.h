#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/units.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"
#include "s3/wire/sigv4_canonical.h"

namespace creel::s3 {

// How the body is covered by the signature: the value of x-amz-content-sha256.
enum class PayloadMode : unsigned char {
  kHash,                      // 64 hex digits, compared after the body.
  kUnsigned,                  // UNSIGNED-PAYLOAD
  kStreamingSigned,           // STREAMING-AWS4-HMAC-SHA256-PAYLOAD
  kStreamingSignedTrailer,    // STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER
  kStreamingUnsignedTrailer,  // STREAMING-UNSIGNED-PAYLOAD-TRAILER
};
bool is_streaming(PayloadMode mode);         // The body is aws-chunked.
bool has_signed_chunks(PayloadMode mode);
bool has_trailer(PayloadMode mode);
std::string_view payload_mode_text(PayloadMode mode);  // Not for kHash.

enum class AuthKind : unsigned char { kAnonymous, kHeader, kQuery };

// Who signed the request, and what the body still has to prove.
struct Identity {
  AuthKind kind = AuthKind::kAnonymous;
  std::string access_key;  // Empty for kAnonymous.
  PayloadMode payload = PayloadMode::kUnsigned;
  Sha256Digest payload_sha256{};  // For kHash.
  // What a signed stream of chunks goes on from; unset for kAnonymous.
  SigningKey key{};
  SigScope scope;
  std::string amz_date;
  std::string signature;
};

struct SigPolicy {
  std::string region;                    // The one this endpoint answers for.
  Duration clock_window = 15_min;        // How far the client's clock may be off, either way.
  std::string service = "s3";
};

// The secret of an access key; nullopt if it is unknown. Called at most once a request.
using SecretLookup = std::function<std::optional<std::string>(std::string_view access_key)>;

// Checks the signature of a request head, in its header or query (presigned) form, at wall time
// `now`. A request without any signature is anonymous and passes: what that may do is decided
// later. Errors: the table of s3.md §3, each with AWS's code, text and extra elements.
S3Result<Identity> verify_request(const RequestHead& request, const SigPolicy& policy,
                                  const SecretLookup& secret_of, SigningKeyCache& keys,
                                  WallTime now);

// Unsigned streaming is for PutObject and UploadPart only. Errors: InvalidRequest.
S3Result<Unit> check_payload_allowed(PayloadMode mode, bool is_put_object_or_upload_part);

}  // namespace creel::s3
