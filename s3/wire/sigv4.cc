#include "s3/wire/sigv4.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/wire/sigv4_parse.h"
#include "s3/wire/uri.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kSha256Header = "x-amz-content-sha256";

std::string seconds_text(WallTime time) {
  return iso8601_ms(time).substr(0, 19) + "Z";  // Without the milliseconds.
}

// "41 57 53 34": the form AWS shows bytes in, so that people see stray spaces and line ends.
std::string spaced_hex(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size() * 3);
  for (std::uint8_t byte : as_bytes(text)) {
    if (!out.empty()) out.push_back(' ');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

bool is_signed(const SigParts& parts, std::string_view lower_name) {
  return std::find(parts.signed_names.begin(), parts.signed_names.end(), lower_name) !=
         parts.signed_names.end();
}

// Host and every x-amz-* header must be covered, or a middleman could add meaning to a request.
S3Result<Unit> check_coverage(const RequestHead& request, const SigParts& parts, AuthKind kind) {
  std::string bare;
  for (const HeaderField& field : request.headers) {
    const std::string name = to_lower(field.name);
    if (name != "host" && !name.starts_with("x-amz-")) continue;
    // An unsigned one says nothing about a presigned body: that stays UNSIGNED-PAYLOAD.
    if (kind == AuthKind::kQuery && name == kSha256Header) continue;
    if (is_signed(parts, name)) continue;
    if (!bare.empty()) bare.append(", ");
    bare.append(name);
  }
  if (bare.empty()) return Unit{};
  return s3_fail(S3Code::kAccessDenied,
                 "There were headers present in the request which were not signed")
      .with("HeadersNotSigned", std::move(bare));
}

S3Error skewed(std::string_view request_time, WallTime now, Duration window) {
  return s3_fail(S3Code::kRequestTimeTooSkewed)
      .with("RequestTime", std::string(request_time))
      .with("ServerTime", seconds_text(now))
      .with("MaxAllowedSkewMilliseconds", cat(window.ms()));
}

struct RequestTime {
  std::string amz_date;  // Basic ISO 8601, what the string to sign holds.
  std::string shown;     // As the client wrote it.
  WallTime time;
};

S3Result<RequestTime> header_time(const RequestHead& request) {
  const S3Error refusal = s3_fail(S3Code::kAccessDenied,
                                  "AWS authentication requires a valid Date or x-amz-date header.");
  if (const auto text = request.headers.find("x-amz-date")) {
    if (const auto time = parse_iso8601_basic(*text))
      return RequestTime{std::string(*text), std::string(*text), *time};
    const auto time = parse_http_date(*text);
    if (!time) return refusal;
    return RequestTime{iso8601_basic(*time), std::string(*text), *time};
  }
  const auto text = request.headers.find("date");
  if (!text) return refusal;
  auto time = parse_http_date(*text);
  if (!time) time = parse_iso8601_basic(*text);
  if (!time) return refusal;
  return RequestTime{iso8601_basic(*time), std::string(*text), *time};
}

S3Error mismatch(const SigParts& parts, std::string_view to_sign, std::string_view canonical) {
  return s3_fail(S3Code::kSignatureDoesNotMatch)
      .with("AWSAccessKeyId", parts.access_key)
      .with("StringToSign", std::string(to_sign))
      .with("SignatureProvided", parts.signature)
      .with("StringToSignBytes", spaced_hex(to_sign))
      .with("CanonicalRequest", std::string(canonical))
      .with("CanonicalRequestBytes", spaced_hex(canonical));
}

// Compares the signature, with '*' in the path encoded and, if there is one, bare.
S3Result<Unit> check_signature(const RequestHead& request, const SigParts& parts,
                               const SigningKey& key, std::string_view amz_date,
                               std::string_view payload) {
  const std::string query = canonical_query(request.raw_query, "X-Amz-Signature");
  const std::string headers = canonical_headers(request.headers, parts.signed_names);
  std::string path = canonical_path(request.raw_path);
  const auto canonical_for = [&](std::string_view with_path) {
    return canonical_request({.method = request.method,
                              .path = with_path,
                              .query = query,
                              .headers = headers,
                              .signed_headers = parts.signed_headers,
                              .payload = payload});
  };
  const auto agrees = [&](std::string_view to_sign) {
    return equal_constant_time(as_bytes(sign_text(key, to_sign)), as_bytes(parts.signature));
  };
  const std::string canonical = canonical_for(path);
  const std::string to_sign = string_to_sign(amz_date, parts.scope, canonical);
  if (agrees(to_sign)) return Unit{};
  const std::string starred = canonical_path(request.raw_path, true);
  if (starred != path && agrees(string_to_sign(amz_date, parts.scope, canonical_for(starred))))
    return Unit{};
  return mismatch(parts, to_sign, canonical);
}

S3Error unknown_key(const SigParts& parts) {
  return s3_fail(S3Code::kInvalidAccessKeyId).with("AWSAccessKeyId", parts.access_key);
}

Identity identity_of(AuthKind kind, SigParts&& parts, const SigningKey& key, Payload payload,
                     std::string amz_date) {
  Identity who;
  who.kind = kind;
  who.access_key = std::move(parts.access_key);
  who.payload = payload.mode;
  who.payload_sha256 = payload.sha256;
  who.key = key;
  who.scope = std::move(parts.scope);
  who.amz_date = std::move(amz_date);
  who.signature = std::move(parts.signature);
  return who;
}

S3Result<Identity> verify_header_form(const RequestHead& request, const SigPolicy& policy,
                                      const SecretLookup& secret_of, SigningKeyCache& keys,
                                      WallTime now) {
  TRY(parts, parse_authorization(*request.headers.find("authorization"), policy));
  const auto content_sha256 = request.headers.find(kSha256Header);
  if (!content_sha256)
    return s3_fail(S3Code::kInvalidRequest,
                   "Missing required header for this request: x-amz-content-sha256");
  TRY(payload, parse_payload(*content_sha256));
  const std::optional<std::string> secret = secret_of(parts.access_key);
  if (!secret) return unknown_key(parts);
  TRY(when, header_time(request));
  if (when.amz_date.substr(0, 8) != parts.scope.date)
    return s3_fail(S3Code::kAuthorizationHeaderMalformed,
                   "The authorization header is malformed; Invalid credential date. Date is not "
                   "the same as X-Amz-Date.");
  const std::int64_t off = now.seconds() - when.time.seconds();
  const std::int64_t window = policy.clock_window.ms() / 1000;
  if (off > window || -off > window) return skewed(when.shown, now, policy.clock_window);
  TRY_DO(check_coverage(request, parts, AuthKind::kHeader));
  const SigningKey key = keys.get(parts.access_key, *secret, parts.scope);
  TRY_DO(check_signature(request, parts, key, when.amz_date, *content_sha256));
  return identity_of(AuthKind::kHeader, std::move(parts), key, payload, when.amz_date);
}

S3Result<Unit> check_presigned_time(const SigParts& parts, const SigPolicy& policy, WallTime now) {
  const std::optional<WallTime> signed_at = parse_iso8601_basic(parts.amz_date);
  check(signed_at.has_value());  // parse_presigned() saw to it.
  const std::int64_t expires_at =
      signed_at->seconds() + static_cast<std::int64_t>(parts.expires_seconds);
  if (now.seconds() > expires_at)
    return s3_fail(S3Code::kAccessDenied, "Request has expired.")
        .with("X-Amz-Expires", cat(parts.expires_seconds))
        .with("Expires", seconds_text(WallTime::from_ms(expires_at * 1000)))
        .with("ServerTime", seconds_text(now));
  if (signed_at->seconds() - now.seconds() > policy.clock_window.ms() / 1000)
    return s3_fail(S3Code::kAccessDenied, "Request is not valid yet.")
        .with("X-Amz-Date", parts.amz_date)
        .with("ServerTime", seconds_text(now));
  return Unit{};
}

// The payload word of a presigned request: a signed header, a parameter (JavaScript hoists the
// header into the query), else UNSIGNED-PAYLOAD.
std::string presigned_payload(const RequestHead& request, const Query& query,
                              const SigParts& parts) {
  if (is_signed(parts, kSha256Header))
    if (const auto value = request.headers.find(kSha256Header)) return std::string(*value);
  if (const auto value = query.find("X-Amz-Content-Sha256")) return std::string(*value);
  return std::string(kUnsignedPayload);
}

S3Result<Identity> verify_query_form(const RequestHead& request, const Query& query,
                                     const SigPolicy& policy, const SecretLookup& secret_of,
                                     SigningKeyCache& keys, WallTime now) {
  TRY(parts, parse_presigned(query, policy));
  const std::optional<std::string> secret = secret_of(parts.access_key);
  if (!secret) return unknown_key(parts);
  TRY_DO(check_presigned_time(parts, policy, now));
  TRY_DO(check_coverage(request, parts, AuthKind::kQuery));
  const std::string payload_text = presigned_payload(request, query, parts);
  TRY(payload, parse_payload(payload_text));
  const SigningKey key = keys.get(parts.access_key, *secret, parts.scope);
  TRY_DO(check_signature(request, parts, key, parts.amz_date, payload_text));
  std::string amz_date = parts.amz_date;
  return identity_of(AuthKind::kQuery, std::move(parts), key, payload, std::move(amz_date));
}

S3Result<Identity> anonymous(const RequestHead& request) {
  Identity nobody;
  const auto value = request.headers.find(kSha256Header);
  if (!value) return nobody;
  TRY(payload, parse_payload(*value));
  if (has_signed_chunks(payload.mode))
    return s3_fail(S3Code::kInvalidRequest,
                   "Anonymous requests don't support this x-amz-content-sha256 value. Please use "
                   "UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.");
  nobody.payload = payload.mode;
  nobody.payload_sha256 = payload.sha256;
  return nobody;
}

}  // namespace

bool is_streaming(PayloadMode mode) {
  return mode != PayloadMode::kHash && mode != PayloadMode::kUnsigned;
}
bool has_signed_chunks(PayloadMode mode) {
  return mode == PayloadMode::kStreamingSigned || mode == PayloadMode::kStreamingSignedTrailer;
}
bool has_trailer(PayloadMode mode) {
  return mode == PayloadMode::kStreamingSignedTrailer ||
         mode == PayloadMode::kStreamingUnsignedTrailer;
}

std::string_view payload_mode_text(PayloadMode mode) {
  switch (mode) {
    case PayloadMode::kUnsigned: return kUnsignedPayload;
    case PayloadMode::kStreamingSigned: return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    case PayloadMode::kStreamingSignedTrailer: return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    case PayloadMode::kStreamingUnsignedTrailer: return "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    case PayloadMode::kHash: break;
  }
  check(false);
  return {};
}

S3Result<Identity> verify_request(const RequestHead& request, const SigPolicy& policy,
                                  const SecretLookup& secret_of, SigningKeyCache& keys,
                                  WallTime now) {
  TRY(query, parse_query(request.raw_query));
  const std::size_t headers = request.headers.count("authorization");
  const bool v4_query =
      query.has("X-Amz-Algorithm") || query.has("X-Amz-Signature") || query.has("X-Amz-Credential");
  const bool v2_query = query.has("Signature") && query.has("AWSAccessKeyId");
  if (headers + (v4_query ? 1 : 0) + (v2_query ? 1 : 0) > 1)
    return invalid_argument(
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified",
        "Authorization", {});
  if (v2_query)
    return s3_fail(S3Code::kInvalidRequest,
                   "The authorization mechanism you have provided is not supported. Please use "
                   "AWS4-HMAC-SHA256.");
  if (headers == 1) return verify_header_form(request, policy, secret_of, keys, now);
  if (v4_query) return verify_query_form(request, query, policy, secret_of, keys, now);
  return anonymous(request);
}

S3Result<Unit> check_payload_allowed(PayloadMode mode, bool is_put_object_or_upload_part) {
  if (mode != PayloadMode::kStreamingUnsignedTrailer || is_put_object_or_upload_part) return Unit{};
  return s3_fail(S3Code::kInvalidRequest, "The value of x-amz-content-sha256 header is invalid.");
}

}  // namespace creel::s3
