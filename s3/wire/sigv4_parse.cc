#include "s3/wire/sigv4_parse.h"

#include <algorithm>
#include <array>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::uint64_t kExpiresSecondsMax = 604'800;  // A week.

// The same faults of a credential are told in two ways, by where the credential stood.
struct FaultForm {
  S3Code code;
  std::string_view opening;
};
constexpr FaultForm kHeaderForm{S3Code::kAuthorizationHeaderMalformed,
                                "The authorization header is malformed; "};
constexpr FaultForm kQueryForm{S3Code::kAuthorizationQueryParametersError,
                               "Error parsing the X-Amz-Credential parameter; "};

S3Error fault(const FaultForm& form, std::string_view text) {
  return s3_fail(form.code, cat(form.opening, text));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_date8(std::string_view text) {
  return text.size() == 8 && parse_iso8601_basic(cat(text, "T000000Z")).has_value();
}

S3Result<Unit> parse_credential(std::string_view text, const SigPolicy& policy,
                                const FaultForm& form, SigParts& out) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() != 5 || parts[0].empty())
    return fault(form,
                 "the Credential is mal-formed; expecting "
                 "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  if (parts[3] != policy.service)
    return fault(form, cat("incorrect service \"", parts[3], "\". This endpoint belongs to \"",
                           policy.service, "\"."));
  if (parts[4] != kSigTerminal)
    return fault(
        form, cat("incorrect terminal \"", parts[4], "\". This endpoint uses \"aws4_request\"."));
  if (!is_date8(parts[1]))
    return fault(form, cat("incorrect date format \"", parts[1],
                           "\". This date in the credential must be in the format \"yyyyMMdd\"."));
  if (parts[2] != policy.region)
    return fault(form,
                 cat("the region \"", parts[2], "\" is wrong; expecting \"", policy.region, "\""))
        .with("Region", policy.region)
        .with_header("x-amz-bucket-region", policy.region);
  out.access_key = parts[0];
  out.scope = {std::string(parts[1]), std::string(parts[2]), std::string(parts[3])};
  return Unit{};
}

void set_signed_headers(std::string_view text, SigParts& out) {
  out.signed_headers = text;
  for (std::string_view name : split(text, ';')) out.signed_names.push_back(to_lower(name));
}

// The value of `name=value`; nullopt if the part bears another name.
std::optional<std::string_view> value_of(std::string_view part, std::string_view name) {
  if (!part.starts_with(name) || part.size() == name.size() || part[name.size()] != '=')
    return std::nullopt;
  return part.substr(name.size() + 1);
}

S3Error missing_parameters() { return s3_fail(S3Code::kAuthorizationQueryParametersError); }
S3Error query_fault(std::string text) {
  return s3_fail(S3Code::kAuthorizationQueryParametersError, std::move(text));
}

S3Result<std::uint64_t> parse_expires(std::string_view text) {
  if (text.starts_with('-') && parse_u64(text.substr(1)))
    return query_fault("X-Amz-Expires must be non-negative");
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!digits) return query_fault("X-Amz-Expires should be a number");
  const std::optional<std::uint64_t> seconds = parse_u64(text);
  if (!seconds || *seconds > kExpiresSecondsMax)
    return query_fault(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds");
  return *seconds;
}

}  // namespace

S3Result<SigParts> parse_authorization(std::string_view authorization, const SigPolicy& policy) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos)
    return invalid_argument(
        "Authorization header is invalid -- one and only one ' ' (space) required.",
        "Authorization", {});
  const std::string_view scheme = authorization.substr(0, space);
  if (scheme == "AWS")
    return s3_fail(S3Code::kInvalidRequest,
                   "The authorization mechanism you have provided is not supported. Please use "
                   "AWS4-HMAC-SHA256.");
  if (scheme != kSigAlgorithm)
    return invalid_argument("Unsupported Authorization Type", "Authorization", scheme);

  const std::vector<std::string_view> parts = split(authorization.substr(space + 1), ',');
  if (parts.size() != 3)
    return fault(kHeaderForm,
                 "the authorization header requires three components: Credential, SignedHeaders, "
                 "and Signature.");
  for (std::string_view part : parts)
    if (std::count(part.begin(), part.end(), '=') != 1)
      return fault(kHeaderForm,
                   cat("the authorization component \"", trim(part), "\" is malformed."));
  static constexpr std::array<std::string_view, 3> kNames{"Credential", "SignedHeaders",
                                                          "Signature"};
  std::array<std::string_view, 3> values;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    std::optional<std::string_view> value;
    for (std::string_view part : parts)
      if (!value) value = value_of(trim(part), kNames[i]);
    if (!value || value->empty()) return fault(kHeaderForm, cat("missing ", kNames[i], "."));
    values[i] = *value;
  }
  SigParts out;
  TRY_DO(parse_credential(values[0], policy, kHeaderForm, out));
  set_signed_headers(values[1], out);
  out.signature = values[2];
  return out;
}

S3Result<SigParts> parse_presigned(const Query& query, const SigPolicy& policy) {
  const auto algorithm = query.find("X-Amz-Algorithm");
  const auto credential = query.find("X-Amz-Credential");
  const auto date = query.find("X-Amz-Date");
  const auto expires = query.find("X-Amz-Expires");
  const auto headers = query.find("X-Amz-SignedHeaders");
  const auto signature = query.find("X-Amz-Signature");
  for (const auto& value : {algorithm, credential, date, expires, headers, signature})
    if (!value || value->empty()) return missing_parameters();
  if (*algorithm == "AWS4-ECDSA-P256-SHA256")
    return query_fault("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  if (*algorithm != kSigAlgorithm)
    return query_fault(
        "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"");

  SigParts out;
  TRY_DO(parse_credential(*credential, policy, kQueryForm, out));
  TRY(seconds, parse_expires(*expires));
  if (!parse_iso8601_basic(*date))
    return query_fault("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  if (date->substr(0, 8) != out.scope.date)
    return query_fault(cat("Invalid credential date \"", out.scope.date,
                           "\". This date is not the same as X-Amz-Date: \"", *date, "\"."));
  set_signed_headers(*headers, out);
  out.signature = *signature;
  out.amz_date = *date;
  out.expires_seconds = seconds;
  return out;
}

S3Result<Payload> parse_payload(std::string_view value) {
  for (PayloadMode mode :
       {PayloadMode::kUnsigned, PayloadMode::kStreamingSigned, PayloadMode::kStreamingSignedTrailer,
        PayloadMode::kStreamingUnsignedTrailer})
    if (value == payload_mode_text(mode)) return Payload{mode, {}};
  const std::optional<Bytes> digest = hex_decode(value);
  if (digest && digest->size() == sizeof(Sha256Digest)) {
    Payload payload{PayloadMode::kHash, {}};
    std::copy(digest->begin(), digest->end(), payload.sha256.begin());
    return payload;
  }
  return invalid_argument(
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
      "x-amz-content-sha256", value);
}

}  // namespace creel::s3
