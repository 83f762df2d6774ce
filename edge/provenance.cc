#include "edge/provenance.h"

#include <algorithm>

#include "filters/language/rule_canonical.h"
#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/wire/uri.h"

namespace creel::edge {
namespace {

constexpr std::string_view kUserPrefix = "x-amz-meta-";
constexpr std::size_t kSourceTextMax = 256;  // So that all of provenance stays below 600 bytes.

bool is_user(std::string_view name) { return name.starts_with(kUserPrefix); }

bool user_header_travels(std::string_view name, const filters::Rule* rule) {
  if (name.starts_with(kProvenancePrefix)) return false;
  if (rule == nullptr || rule->metadata == filters::MetadataPolicy::kCopy) return true;
  if (rule->metadata == filters::MetadataPolicy::kNone) return false;
  const std::string_view bare = name.substr(kUserPrefix.size());
  return std::find(rule->metadata_names.begin(), rule->metadata_names.end(), bare) !=
         rule->metadata_names.end();
}

std::string rule_id(const filters::Rule& rule) {
  return cat(rule.name, '@', rule.identity_hex().substr(0, 12));
}

std::string hashed(std::string_view text) { return hex_encode(Sha256::of(as_bytes(text))); }

// Header values are plain text, keys are any UTF-8.
std::string source_text(std::string_view bucket, std::string_view key) {
  std::string text = cat(bucket, '/', percent_encode(key, true));
  if (text.size() > kSourceTextMax) text = cat(bucket, "/sha256:", hashed(key));
  return text;
}

// Headers that say how to treat the content, not what is in it.
bool is_neutral(std::string_view name) {
  return name == "cache-control" || name == "content-language" || name == "expires";
}

}  // namespace

std::vector<s3::Header> raw_headers(const std::vector<s3::Header>& stored,
                                    const filters::Rule* rule) {
  std::vector<s3::Header> out;
  for (const s3::Header& header : stored)
    if (!is_user(header.first) || user_header_travels(header.first, rule)) out.push_back(header);
  return out;
}

std::vector<s3::Header> output_headers(const std::vector<s3::Header>& stored,
                                       const filters::Rule& rule,
                                       const filters::RecordFilter& filter, const Source& source) {
  std::vector<s3::Header> out;
  out.emplace_back("content-type", std::string(filter.output_content_type()));
  if (filter.output_is_zstd()) out.emplace_back("content-encoding", "zstd");
  const bool copies = rule.metadata == filters::MetadataPolicy::kCopy;
  for (const s3::Header& header : stored) {
    const bool travels =
        is_user(header.first)
            ? user_header_travels(header.first, &rule)
            // A file name may tell a person's; the body's own headers were replaced.
            : is_neutral(header.first) || (copies && header.first == "content-disposition");
    if (travels) out.push_back(header);
  }
  const filters::Counters& counted = filter.counters();
  const auto add = [&out](std::string_view name, std::string value) {
    out.emplace_back(cat(kProvenancePrefix, name), std::move(value));
  };
  add("src", source_text(source.bucket, source.key));
  add("ver", std::string(source.version));
  // An ETag is an MD5: it would confirm a guess of a short record.
  if (!rule.redacting) add("etag", std::string(source.etag));
  add("filter", rule_id(rule));
  add("engine", std::to_string(filters::kEngineAbi));
  add("in", cat(counted.rows, '/', counted.bytes_in));
  add("out", cat(counted.kept, '/', counted.bytes_out));
  add("drop", std::to_string(counted.dropped));
  add("dlq", std::to_string(counted.dead));
  if (!source.site.empty()) add("site", std::string(source.site));
  return out;
}

std::string dead_letter_key(std::string_view key, std::string_view version,
                            const filters::Rule& rule) {
  const std::string tail = cat('/', version, '/', rule_id(rule), ".ndjson");
  if (key.size() + tail.size() <= s3::kKeyBytesMax) return cat(key, tail);
  return cat(hashed(key), tail);
}

}  // namespace creel::edge
