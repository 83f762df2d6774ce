#include "s3/wire/metadata.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kUserPrefix = "x-amz-meta-";

S3Result<std::vector<NameValue>> collect_user_metadata(Headers headers) {
  std::vector<NameValue> user;
  std::size_t bytes = 0;
  for (const HeaderField& field : headers) {
    const std::string name = to_lower(field.name);
    if (!name.starts_with(kUserPrefix)) continue;
    std::string bare = name.substr(kUserPrefix.size());
    if (bare.empty())
      return invalid_argument("A metadata header has no name.", kUserPrefix, field.value);
    const std::string_view value = trim(field.value);
    const auto same = std::find_if(user.begin(), user.end(),
                                   [&](const NameValue& other) { return other.first == bare; });
    bytes += value.size();
    if (same != user.end()) {
      same->second.append(",").append(value);
      ++bytes;
    } else {
      bytes += bare.size();
      user.emplace_back(std::move(bare), value);
    }
    if (bytes > kUserMetadataBytesMax)
      return s3_fail(S3Code::kMetadataTooLarge)
          .with("Size", cat(bytes))
          .with("MaxSizeAllowed", cat(kUserMetadataBytesMax));
  }
  std::sort(user.begin(), user.end());
  return user;
}

S3Result<std::string> parse_redirect(Headers headers) {
  const std::string text(headers.find("x-amz-website-redirect-location").value_or(""));
  if (text.empty() || text.starts_with('/') || text.starts_with("http://") ||
      text.starts_with("https://"))
    return text;
  return s3_fail(S3Code::kInvalidRedirectLocation);
}

}  // namespace

S3Result<ObjectHeaders> collect_object_headers(Headers headers) {
  ObjectHeaders out;
  const auto text = [&](std::string_view name) {
    return std::string(headers.find(name).value_or(""));
  };
  if (std::string type = text("content-type"); !type.empty()) out.content_type = std::move(type);
  out.cache_control = text("cache-control");
  out.content_disposition = text("content-disposition");
  out.content_encoding =
      without_aws_chunked(headers.joined("content-encoding").value_or(std::string()));
  out.content_language = text("content-language");
  out.expires = text("expires");
  TRY(redirect, parse_redirect(headers));
  out.website_redirect = std::move(redirect);
  TRY(user, collect_user_metadata(headers));
  out.user = std::move(user);
  return out;
}

std::vector<NameValue> object_response_headers(const ObjectHeaders& object) {
  std::vector<NameValue> out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    if (!value.empty()) out.emplace_back(name, value);
  };
  add("Content-Type", object.content_type);
  add("Cache-Control", object.cache_control);
  add("Content-Disposition", object.content_disposition);
  add("Content-Encoding", object.content_encoding);
  add("Content-Language", object.content_language);
  add("Expires", object.expires);
  add("x-amz-website-redirect-location", object.website_redirect);
  // An empty value is still metadata.
  for (const NameValue& one : object.user)
    out.emplace_back(cat(kUserPrefix, one.first), one.second);
  return out;
}

std::string without_aws_chunked(std::string_view content_encoding) {
  const std::string_view whole = content_encoding;
  std::string out;
  bool found = false;
  for (;;) {
    const std::size_t end = content_encoding.find(',');
    const std::string_view token = trim(content_encoding.substr(0, end));
    if (equal_ignore_case(token, "aws-chunked")) found = true;
    else if (!token.empty()) out.append(out.empty() ? "" : ",").append(token);
    if (end == std::string_view::npos) return found ? out : std::string(whole);
    content_encoding.remove_prefix(end + 1);
  }
}

S3Result<std::string> parse_storage_class(Headers headers, std::span<const std::string> labels) {
  const std::string name(headers.find("x-amz-storage-class").value_or("STANDARD"));
  if (name == "STANDARD" || name == "REDUCED_REDUNDANCY" ||
      std::find(labels.begin(), labels.end(), name) != labels.end())
    return name;
  return s3_fail(S3Code::kInvalidStorageClass).with("StorageClassRequested", name);
}

}  // namespace creel::s3
