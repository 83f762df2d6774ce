#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

// The building blocks of Signature Version 4, shared by the verifier, the signer and the chunk
// codec. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

inline constexpr std::string_view kSigAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kSigTerminal = "aws4_request";
inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

using Sha256Digest = std::array<std::uint8_t, 32>;
using SigningKey = std::array<std::uint8_t, 32>;

// The day, region and service a signature is good for.
struct SigScope {
  std::string date;  // yyyymmdd
  std::string region;
  std::string service = "s3";
  std::string text() const;  // "20130524/us-east-1/s3/aws4_request"
};

SigningKey derive_signing_key(std::string_view secret, const SigScope& scope);
// Lower-case hex of HMAC-SHA256, the form of every signature on the wire.
std::string sign_text(const SigningKey& key, std::string_view text);
std::string sha256_hex(std::string_view text);

// The path decoded once and encoded once; dots and double slashes stay. `bare_star` leaves '*' as
// it is, as some clients do. A broken escape is kept as bytes: the signature then simply differs.
std::string canonical_path(std::string_view raw_path, bool bare_star = false);
// Parameters decoded ('+' is a space), re-encoded and sorted by encoded name, then value;
// duplicates stay; `a` becomes `a=`. The parameter `left_out` (X-Amz-Signature) is dropped unless
// empty.
std::string canonical_query(std::string_view raw_query, std::string_view left_out = {});
// The lines `name:value\n` of the signed headers in the order given: values trimmed, inner runs of
// spaces folded, fields of one name joined by ','. A header that is absent counts as empty.
std::string canonical_headers(Headers headers, const std::vector<std::string>& signed_names);

struct CanonicalParts {
  std::string_view method;
  std::string_view path;     // Canonical already.
  std::string_view query;    // Canonical already.
  std::string_view headers;  // canonical_headers()
  std::string_view signed_headers;  // "host;x-amz-date", as the client wrote it.
  std::string_view payload;  // The x-amz-content-sha256 value or UNSIGNED-PAYLOAD.
};
std::string canonical_request(const CanonicalParts& parts);
// `amz_date` is "20130524T000000Z".
std::string string_to_sign(std::string_view amz_date, const SigScope& scope,
                           std::string_view canonical_request);

// Signing keys by (access key, secret, scope), a handful of them, oldest thrown out first. One
// owner, one thread. The secret is part of the key, so a rotated secret never meets an old signing
// key.
class SigningKeyCache {
 public:
  const SigningKey& get(std::string_view access_key, std::string_view secret,
                        const SigScope& scope);

 private:
  struct Entry {
    std::string access_key, secret, scope;
    SigningKey key;
  };
  static constexpr std::size_t kEntriesMax = 32;
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
};

}  // namespace creel::s3
