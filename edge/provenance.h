#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/record_filter.h"
#include "s3/model/records.h"

namespace creel::edge {

inline constexpr std::string_view kProvenancePrefix = "x-amz-meta-fz-";

struct Source {
  std::string_view bucket, key, version, etag, site;
};

// The headers of an object that goes out as it is: what the rule's `metadata` lets travel. `rule`
// null: all of them. Provenance that the object brought along stays behind: it is not ours to
// vouch.
std::vector<s3::Header> raw_headers(const std::vector<s3::Header>& stored,
                                    const filters::Rule* rule);

// Those of a filtered output: content headers of the output, metadata by the rule, and provenance
// x-amz-meta-fz-*, at most 600 bytes (docs/filters.md).
std::vector<s3::Header> output_headers(const std::vector<s3::Header>& stored,
                                       const filters::Rule& rule,
                                       const filters::RecordFilter& filter, const Source& source);

// Key of the dead letters of one evaluation: KEY/VERSION/RULE@IDENTITY.ndjson, at most 1,024 bytes.
std::string dead_letter_key(std::string_view key, std::string_view version,
                            const filters::Rule& rule);

}  // namespace creel::edge
