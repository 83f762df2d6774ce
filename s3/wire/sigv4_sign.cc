#include "s3/wire/sigv4_sign.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

bool stays_unsigned(std::string_view lower_name) {
  for (std::string_view name : {"authorization", "user-agent", "expect", "transfer-encoding",
                                "connection", "accept-encoding", "te"})
    if (lower_name == name) return true;
  return false;
}

bool has_header(const OutgoingHead& request, std::string_view name) {
  for (const NameValue& header : request.headers)
    if (equal_ignore_case(header.first, name)) return true;
  return false;
}

std::vector<std::string> names_to_sign(const OutgoingHead& request) {
  std::vector<std::string> names;
  for (const NameValue& header : request.headers) {
    std::string name = to_lower(header.first);
    if (!stays_unsigned(name)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : ";").append(name);
  return out;
}

std::string signature_of(const OutgoingHead& request, std::string_view raw_query,
                         const std::vector<std::string>& names, std::string_view payload,
                         const SignedHead& with) {
  const std::vector<HeaderField> fields = header_fields(request.headers);
  const std::string canonical =
      canonical_request({.method = request.method,
                         .path = canonical_path(request.raw_path),
                         .query = canonical_query(raw_query, "X-Amz-Signature"),
                         .headers = canonical_headers(Headers(fields), names),
                         .signed_headers = joined(names),
                         .payload = payload});
  return sign_text(with.key, string_to_sign(with.amz_date, with.scope, canonical));
}

SignedHead begin(const Credentials& credentials, std::string_view region, WallTime now) {
  SignedHead head;
  head.amz_date = iso8601_basic(now);
  head.scope = {head.amz_date.substr(0, 8), std::string(region), "s3"};
  head.key = derive_signing_key(credentials.secret_key, head.scope);
  return head;
}

}  // namespace

std::vector<HeaderField> header_fields(const std::vector<NameValue>& headers) {
  std::vector<HeaderField> fields;
  fields.reserve(headers.size());
  for (const NameValue& header : headers) fields.push_back({header.first, header.second});
  return fields;
}

SignedHead sign_request(OutgoingHead& request, const Credentials& credentials,
                        std::string_view region, std::string_view payload, WallTime now) {
  SignedHead head = begin(credentials, region, now);
  request.headers.emplace_back("x-amz-date", head.amz_date);
  if (!has_header(request, "x-amz-content-sha256"))
    request.headers.emplace_back("x-amz-content-sha256", payload);
  const std::vector<std::string> names = names_to_sign(request);
  head.signature = signature_of(request, request.raw_query, names, payload, head);
  request.headers.emplace_back(
      "Authorization",
      cat(kSigAlgorithm, " Credential=", credentials.access_key, "/", head.scope.text(),
          ", SignedHeaders=", joined(names), ", Signature=", head.signature));
  return head;
}

std::string presign(const OutgoingHead& request, const Credentials& credentials,
                    std::string_view region, std::uint64_t expires_seconds, WallTime now) {
  const SignedHead head = begin(credentials, region, now);
  const std::vector<std::string> names = names_to_sign(request);
  const std::string credential = cat(credentials.access_key, "/", head.scope.text());
  std::string query = request.raw_query;
  query.append(query.empty() ? "" : "&")
      .append(cat("X-Amz-Algorithm=", kSigAlgorithm,
                  "&X-Amz-Credential=", percent_encode(credential, false),
                  "&X-Amz-Date=", head.amz_date, "&X-Amz-Expires=", expires_seconds,
                  "&X-Amz-SignedHeaders=", percent_encode(joined(names), false)));
  return cat(query,
             "&X-Amz-Signature=", signature_of(request, query, names, kUnsignedPayload, head));
}

}  // namespace creel::s3
