#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "s3/wire/error.h"

namespace creel::s3 {

struct CopySource {
  std::string bucket;
  std::string key;
  std::optional<std::string> version_id;  // As written; not judged here.
};
// x-amz-copy-source: [/]bucket/key[?versionId=id], decoded once; an encoded "?versionId=" belongs
// to the key. Errors: InvalidArgument with ArgumentName x-amz-copy-source.
S3Result<CopySource> parse_copy_source(std::string_view header);

// COPY or REPLACE (default COPY): true for REPLACE. Errors: InvalidArgument with `unknown`.
S3Result<bool> parse_directive(std::optional<std::string_view> header, std::string_view name,
                               std::string_view unknown);

}  // namespace creel::s3
