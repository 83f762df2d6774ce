#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "s3/wire/error.h"

namespace creel::s3 {

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kQueryParamsMax = 256;

// A request target cut at its first '?'. Nothing is decoded and no dot or double slash is folded:
// keys are bytes. The absolute form loses its scheme and authority. Views into the argument.
struct Target {
  std::string_view raw_path;  // Starts with '/', or is "*".
  std::string_view raw_query;
};
Target split_target(std::string_view target);

struct QueryParam {
  std::string name;
  std::string value;       // "" both for `a=` and for a bare `a`.
  bool has_equals = false; // Tells `?uploads` from `?uploads=`.
};

// The query, decoded once ('+' is a space), in order, duplicates kept. Names are case-sensitive.
class Query {
 public:
  // The first value of that name; nullopt if there is none.
  std::optional<std::string_view> find(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  const std::vector<QueryParam>& params() const { return params_; }
  void add(std::string name, std::string value);

 private:
  friend S3Result<Query> parse_query(std::string_view raw_query);
  std::vector<QueryParam> params_;
};
// Errors: InvalidURI for a broken escape or more than kQueryParamsMax parameters.
S3Result<Query> parse_query(std::string_view raw_query);

// The bucket and key a request names. Both empty: the service. Key empty: the bucket.
struct ResourceName {
  std::string bucket;
  std::string key;
  bool virtual_host = false;  // The bucket came from the Host header.
};
// Path style is /bucket/key; virtual-host style is bucket.domain[:port]/key for one of
// `base_domains` (lower case, without port; the longest that matches wins). An IP literal is always
// path style. Neither name is validated beyond decoding. Errors: InvalidURI for a broken escape.
S3Result<ResourceName> parse_resource(std::string_view raw_path, std::string_view host,
                                      std::span<const std::string> base_domains);

// 3…63 of a-z 0-9 . -, letter or digit at both ends, no "..", ".-", "-.", not an IPv4 address.
bool is_valid_bucket_name(std::string_view name);
// Errors: InvalidBucketName with BucketName.
S3Result<Unit> check_bucket_name(std::string_view name);

// 1…1024 bytes of UTF-8. Errors: KeyTooLongError, InvalidURI (not UTF-8), InvalidRequest (empty).
S3Result<Unit> check_key(std::string_view key);

}  // namespace creel::s3
