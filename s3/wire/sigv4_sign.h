#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/units.h"
#include "s3/wire/error.h"
#include "s3/wire/sigv4_canonical.h"

namespace creel::s3 {

struct Credentials {
  std::string access_key;
  std::string secret_key;
};

// A request about to be sent. Headers must hold Host; names in any case.
struct OutgoingHead {
  std::string method;
  std::string raw_path;   // Percent-encoded as it will be sent.
  std::string raw_query;  // The same.
  std::vector<NameValue> headers;
};

// What a stream of signed chunks goes on from.
struct SignedHead {
  std::string signature;
  std::string amz_date;
  SigScope scope;
  SigningKey key;
};

// Signs in the header form: adds x-amz-date, x-amz-content-sha256 (unless there) and Authorization.
// All headers are signed but those that proxies change (User-Agent, Expect, Transfer-Encoding, …).
// `payload` is the hex SHA-256 of the body or one of the words of PayloadMode.
SignedHead sign_request(OutgoingHead& request, const Credentials& credentials,
                        std::string_view region, std::string_view payload, WallTime now);

// Returns raw_query with the six X-Amz-* parameters added. All headers of `request` are signed, so
// the later caller must send them exactly so. `expires_seconds` ≤ 604800.
std::string presign(const OutgoingHead& request, const Credentials& credentials,
                    std::string_view region, std::uint64_t expires_seconds, WallTime now);

// Views of owned headers, for the functions that read Headers. They borrow from `headers`.
std::vector<HeaderField> header_fields(const std::vector<NameValue>& headers);

}  // namespace creel::s3
