#include "s3/wire/tags.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kKeyCharsMax = 128;
constexpr std::size_t kValueCharsMax = 256;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Letters and digits of any script, spaces and a few signs.
bool is_plain(std::string_view text) {
  constexpr std::string_view kSigns = " +-=._:/@";
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && (c & 0x80) == 0 && kSigns.find(c) == std::string_view::npos) return false;
  }
  return is_utf8(text);
}

S3Error invalid_tag(std::string message, const Tag& tag) {
  return s3_fail(S3Code::kInvalidTag, std::move(message))
      .with("TagKey", tag.key)
      .with("TagValue", tag.value);
}

S3Result<Unit> check_tag(const Tag& tag) {
  if (tag.key.empty() || characters(tag.key) > kKeyCharsMax || !is_plain(tag.key))
    return invalid_tag("The TagKey you have provided is invalid", tag);
  if (to_lower(tag.key.substr(0, 4)) == "aws:")
    return invalid_tag("System tags cannot be added/updated by requester", tag);
  if (characters(tag.value) > kValueCharsMax || !is_plain(tag.value))
    return invalid_tag("The TagValue you have provided is invalid", tag);
  return Unit{};
}

bool has_key(const Tags& tags, std::string_view key) {
  return std::any_of(tags.begin(), tags.end(), [key](const Tag& tag) { return tag.key == key; });
}

S3Result<Unit> check_count(std::size_t count, bool of_bucket) {
  if (count <= (of_bucket ? kBucketTagsMax : kObjectTagsMax)) return Unit{};
  return s3_fail(S3Code::kBadRequest, of_bucket ? "Bucket tag count cannot be greater than 50"
                                                : "Object tags cannot be greater than 10");
}

// Calls `take` with each pair; false if one is broken.
template <class Take>
bool for_each_pair(std::string_view text, const Take& take) {
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    auto key = percent_decode(pair.substr(0, equals), true);
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!key || !value || !take(Tag{std::move(*key), std::move(*value)})) return false;
  }
  return true;
}

}  // namespace

S3Result<Tags> parse_tagging_header(std::string_view text) {
  Tags tags;
  const bool whole = for_each_pair(text, [&tags](Tag tag) {
    if (tag.key.empty() || has_key(tags, tag.key) || tags.size() > kBucketTagsMax) return false;
    tags.push_back(std::move(tag));
    return true;
  });
  if (!whole)
    return invalid_argument(
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.",
        "x-amz-tagging", text);
  TRY_DO(check_count(tags.size(), false));
  for (const Tag& tag : tags) TRY_DO(check_tag(tag));
  std::sort(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) { return a.key < b.key; });
  return tags;
}

S3Result<Tags> parse_tagging(ByteView body, bool of_bucket) {
  TRY(root, parse_document(body, "Tagging"));
  const XmlNode* set = root.child("TagSet");
  if (set == nullptr) return s3_fail(S3Code::kMalformedXml);
  Tags tags;
  for (const XmlNode& node : set->children) {
    const auto key = node.child_text("Key");
    const auto value = node.child_text("Value");
    if (node.name != "Tag" || !key || !value) return s3_fail(S3Code::kMalformedXml);
    Tag tag{std::string(*key), std::string(*value)};
    if (has_key(tags, tag.key))
      return invalid_tag("Cannot provide multiple Tags with the same key", tag);
    tags.push_back(std::move(tag));
    TRY_DO(check_count(tags.size(), of_bucket));
  }
  for (const Tag& tag : tags) TRY_DO(check_tag(tag));
  return tags;
}

std::string encode_tags(const Tags& tags) {
  std::string out;
  for (const Tag& tag : tags)
    out.append(out.empty() ? "" : "&")
        .append(percent_encode(tag.key, false))
        .append("=")
        .append(percent_encode(tag.value, false));
  return out;
}

Tags decode_tags(std::string_view text) {
  Tags tags;
  for_each_pair(text, [&tags](Tag tag) {
    tags.push_back(std::move(tag));
    return true;
  });
  return tags;
}

std::size_t count_tags(std::string_view encoded) {
  if (encoded.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::count(encoded.begin(), encoded.end(), '&'));
}

std::string tagging_xml(const Tags& tags) {
  std::string out;
  XmlWriter xml(out);
  xml.open("Tagging", kXmlNamespace).open("TagSet");
  for (const Tag& tag : tags) xml.open("Tag").leaf("Key", tag.key).leaf("Value", tag.value).close();
  xml.close().close();
  return out;
}

}  // namespace creel::s3
