#include "s3/wire/copy_source.h"

#include "platform/base/text.h"
#include "s3/wire/uri.h"

namespace creel::s3 {

S3Result<CopySource> parse_copy_source(std::string_view header) {
  const auto refuse = [header](std::string_view what) {
    return invalid_argument(cat("Invalid copy source ", what), "x-amz-copy-source", header);
  };
  constexpr std::string_view kVersion = "?versionId=";
  CopySource source;
  std::string_view rest = trim(header);
  if (const std::size_t mark = rest.rfind(kVersion); mark != std::string_view::npos) {
    std::optional<std::string> id = percent_decode(rest.substr(mark + kVersion.size()));
    if (!id) return refuse("encoding");
    source.version_id = std::move(*id);
    rest = rest.substr(0, mark);
  }
  // Decoded before it is cut: some clients encode the whole value, the slash between bucket and key
  // too.
  std::optional<std::string> decoded = percent_decode(rest);
  if (!decoded) return refuse("encoding");
  std::string_view name = *decoded;
  if (name.starts_with('/')) name.remove_prefix(1);
  const std::size_t slash = name.find('/');
  source.bucket = name.substr(0, slash);
  if (!is_valid_bucket_name(source.bucket)) return refuse("bucket name");
  if (slash != std::string_view::npos) source.key = name.substr(slash + 1);
  if (!check_key(source.key).ok()) return refuse("object key");
  return source;
}

S3Result<bool> parse_directive(std::optional<std::string_view> header, std::string_view name,
                               std::string_view unknown) {
  if (!header || *header == "COPY") return false;
  if (*header == "REPLACE") return true;
  return invalid_argument(std::string(unknown), name, *header);
}

}  // namespace creel::s3
