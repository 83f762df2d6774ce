#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "s3/wire/error.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

inline constexpr std::size_t kUserMetadataBytesMax = 2048;  // Names without prefix, and values.
inline constexpr std::string_view kDefaultContentType = "binary/octet-stream";

// The headers an object keeps. Empty is absent, except that content_type is never empty.
struct ObjectHeaders {
  std::string content_type{kDefaultContentType};
  std::string cache_control;
  std::string content_disposition;
  std::string content_encoding;  // Without aws-chunked.
  std::string content_language;
  std::string expires;           // Verbatim.
  std::string website_redirect;
  std::vector<NameValue> user;   // Lower-case names without "x-amz-meta-", sorted.
  bool operator==(const ObjectHeaders&) const = default;
};
// Errors: MetadataTooLarge, InvalidRedirectLocation, InvalidArgument (a nameless x-amz-meta-).
S3Result<ObjectHeaders> collect_object_headers(Headers headers);
// As response headers, user metadata with its prefix. Content-Type comes first.
std::vector<NameValue> object_response_headers(const ObjectHeaders& object);

// Takes every `aws-chunked` token out of a Content-Encoding list.
std::string without_aws_chunked(std::string_view content_encoding);

// x-amz-storage-class: STANDARD (also if absent), REDUCED_REDUNDANCY or one of `labels`.
// Errors: InvalidStorageClass.
S3Result<std::string> parse_storage_class(Headers headers, std::span<const std::string> labels);

}  // namespace creel::s3
