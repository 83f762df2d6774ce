#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "s3/wire/sigv4.h"
#include "s3/wire/sigv4_sign.h"

namespace creel::s3::test {

// The account of AWS's published examples.
inline const Credentials kExample{"AKIAIOSFODNN7EXAMPLE",
                                  "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
inline constexpr std::string_view kExampleHost = "examplebucket.s3.amazonaws.com";

inline WallTime at(std::string_view basic) {
  const std::optional<WallTime> time = parse_iso8601_basic(basic);
  check(time.has_value());
  return *time;
}
inline WallTime example_time() { return at("20130524T000000Z"); }
inline SigPolicy example_policy() { return {.region = "us-east-1"}; }

inline std::optional<std::string> example_secret(std::string_view access_key) {
  if (access_key == kExample.access_key) return kExample.secret_key;
  return std::nullopt;
}

inline S3Result<Identity> verify(const OutgoingHead& head, WallTime now = example_time(),
                                 const SigPolicy& policy = example_policy()) {
  SigningKeyCache keys;
  const std::vector<HeaderField> fields = header_fields(head.headers);
  return verify_request({head.method, head.raw_path, head.raw_query, Headers(fields)}, policy,
                        example_secret, keys, now);
}

inline void set_header(OutgoingHead& head, std::string_view name, std::string value) {
  for (NameValue& header : head.headers) {
    if (!equal_ignore_case(header.first, name)) continue;
    header.second = std::move(value);
    return;
  }
  head.headers.emplace_back(name, std::move(value));
}

inline void drop_header(OutgoingHead& head, std::string_view name) {
  std::erase_if(head.headers,
                [&](const NameValue& header) { return equal_ignore_case(header.first, name); });
}

inline std::string header_of(const OutgoingHead& head, std::string_view name) {
  for (const NameValue& header : head.headers)
    if (equal_ignore_case(header.first, name)) return header.second;
  return {};
}

inline std::string extra_of(const S3Error& error, std::string_view name) {
  for (const NameValue& element : error.extra)
    if (element.first == name) return element.second;
  return "(absent)";
}

}  // namespace creel::s3::test
