#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "s3/wire/error.h"

namespace creel::s3 {

struct Tag {
  std::string key, value;
  bool operator==(const Tag&) const = default;
};
using Tags = std::vector<Tag>;

inline constexpr std::size_t kObjectTagsMax = 10;
inline constexpr std::size_t kBucketTagsMax = 50;

// x-amz-tagging, form-encoded; sorted by key. Errors: InvalidArgument (broken or twice the same
// key), InvalidTag, BadRequest (more than ten).
S3Result<Tags> parse_tagging_header(std::string_view text);
// The body of PutObjectTagging and PutBucketTagging. Errors: MalformedXML, InvalidTag, BadRequest.
S3Result<Tags> parse_tagging(ByteView body, bool of_bucket);

// As the header has it; the form that objects keep. Decoding skips what is no pair.
std::string encode_tags(const Tags& tags);
Tags decode_tags(std::string_view text);
std::size_t count_tags(std::string_view encoded);
std::string tagging_xml(const Tags& tags);

}  // namespace creel::s3
