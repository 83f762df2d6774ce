#include "s3/wire/listing.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::uint64_t kIntegerMax = 2'147'483'647;  // AWS reads these as 32-bit integers.

std::string text_of(const Query& query, std::string_view name) {
  return std::string(query.find(name).value_or(""));
}

bool is_negative(std::string_view text) {
  return text.starts_with('-') && parse_u64(text.substr(1)).has_value();
}

// A count with its default and ceiling; an empty one counts as absent.
S3Result<std::uint32_t> parse_count(const Query& query, std::string_view name,
                                    std::uint32_t ceiling) {
  const auto text = query.find(name);
  if (!text || text->empty()) return ceiling;
  if (is_negative(*text))
    return invalid_argument(
        name == "max-keys"
            ? std::string("max-keys cannot be negative")
            : cat("Argument ", name, " must be an integer between 0 and ", kIntegerMax),
        name, *text);
  const std::optional<std::uint64_t> value = parse_u64(*text);
  if (!value || *value > kIntegerMax)
    return invalid_argument(cat("Provided ", name, " not an integer or within integer range"), name,
                            *text);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(*value, ceiling));
}

S3Result<bool> parse_encoding(const Query& query) {
  const auto text = query.find("encoding-type");
  if (!text || text->empty()) return false;
  if (equal_ignore_case(*text, "url")) return true;
  return invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", *text);
}

S3Result<Unit> parse_common(const Query& query, std::string_view count_name, ListParams& out) {
  out.prefix = text_of(query, "prefix");
  out.delimiter = text_of(query, "delimiter");
  TRY(encoding_url, parse_encoding(query));
  out.encoding_url = encoding_url;
  TRY(count_max, parse_count(query, count_name, kListKeysMax));
  out.count_max = count_max;
  return Unit{};
}

S3Result<std::string> parse_token(std::string_view token) {
  std::optional<std::string> name = decode_list_token(token);
  if (!name)
    return invalid_argument("The continuation token provided is incorrect", "continuation-token",
                            token);
  return std::move(*name);
}

S3Result<Unit> parse_v2(const Query& query, ListObjectsParams& out) {
  out.fetch_owner = equal_ignore_case(text_of(query, "fetch-owner"), "true");
  if (const auto start = query.find("start-after")) out.start_after.emplace(*start);
  out.after = out.start_after.value_or("");
  const auto token = query.find("continuation-token");
  if (!token) return Unit{};
  out.continuation_token.emplace(*token);
  if (token->empty()) return Unit{};
  TRY(after, parse_token(*token));
  out.after = std::move(after);
  return Unit{};
}

}  // namespace

S3Result<ListObjectsParams> parse_list_objects(const Query& query) {
  ListObjectsParams out;
  const auto type = query.find("list-type");
  if (type && !type->empty() && *type != "2")
    return invalid_argument("Invalid List Type specified in Request", "list-type", *type);
  out.v2 = type && *type == "2";
  TRY_DO(parse_common(query, "max-keys", out));
  if (out.v2) {
    TRY_DO(parse_v2(query, out));
  } else {
    out.marker = text_of(query, "marker");
    out.after = out.marker;
  }
  return out;
}

S3Result<ListVersionsParams> parse_list_versions(const Query& query) {
  ListVersionsParams out;
  TRY_DO(parse_common(query, "max-keys", out));
  out.key_marker = text_of(query, "key-marker");
  out.version_id_marker = text_of(query, "version-id-marker");
  if (!out.version_id_marker.empty() && out.key_marker.empty())
    return invalid_argument("A version-id marker cannot be specified without a key marker.",
                            "version-id-marker", out.version_id_marker);
  return out;
}

S3Result<ListUploadsParams> parse_list_uploads(const Query& query) {
  ListUploadsParams out;
  TRY_DO(parse_common(query, "max-uploads", out));
  out.key_marker = text_of(query, "key-marker");
  if (!out.key_marker.empty()) out.upload_id_marker = text_of(query, "upload-id-marker");
  return out;
}

S3Result<ListPartsParams> parse_list_parts(const Query& query) {
  ListPartsParams out;
  out.upload_id = text_of(query, "uploadId");
  TRY(encoding_url, parse_encoding(query));
  out.encoding_url = encoding_url;
  TRY(count_max, parse_count(query, "max-parts", kListKeysMax));
  out.count_max = count_max;
  const auto marker = query.find("part-number-marker");
  if (!marker || marker->empty()) return out;
  TRY(number, parse_count(query, "part-number-marker", static_cast<std::uint32_t>(kIntegerMax)));
  out.part_number_marker = number;
  return out;
}

S3Result<ListBucketsParams> parse_list_buckets(const Query& query) {
  ListBucketsParams out;
  out.prefix = text_of(query, "prefix");
  if (const auto region = query.find("bucket-region"); region && !region->empty())
    out.region.emplace(*region);
  if (const auto text = query.find("max-buckets"); text && !text->empty()) {
    const std::optional<std::uint64_t> count = parse_u64(*text);
    if (!count || *count < 1 || *count > kListBucketsMax)
      return invalid_argument("Argument max-buckets must be an integer between 1 and 10000.",
                              "max-buckets", *text);
    out.count_max = static_cast<std::uint32_t>(*count);
  }
  const auto token = query.find("continuation-token");
  if (!token || token->empty()) return out;
  TRY(after, parse_token(*token));
  out.after = std::move(after);
  return out;
}

// Base64 in the URL alphabet without padding, behind a letter that names this form.
std::string encode_list_token(std::string_view name) {
  std::string token = "k" + base64_encode(as_bytes(name));
  std::replace(token.begin(), token.end(), '+', '-');
  std::replace(token.begin(), token.end(), '/', '_');
  while (token.ends_with('=')) token.pop_back();
  return token;
}

std::optional<std::string> decode_list_token(std::string_view token) {
  if (!token.starts_with('k')) return std::nullopt;
  std::string text(token.substr(1));
  if (text.find_first_of("+/=") != std::string::npos) return std::nullopt;
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  while (text.size() % 4 != 0) text.push_back('=');
  const std::optional<Bytes> name = base64_decode(text);
  if (!name) return std::nullopt;
  return to_string(*name);
}

std::string listed_name(std::string_view name, bool encoding_url) {
  return encoding_url ? percent_encode(name, true) : std::string(name);
}

}  // namespace creel::s3
