#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "store/types.h"

namespace creel::s3 {

// A blob's manifest: byte 0 its kind, byte 1 flags, then the kind's own fields
// (docs/formats/manifest.md). The state machine looks at these two bytes only.
inline constexpr char kLogManifest = 'L';      // Extents in the operation log's own store.
inline constexpr char kErasureManifest = 'E';  // Shards on drives: core/erasure.
inline constexpr char kManifestDegraded = 1;   // Flag: written with slots missing, to be healed.

std::string log_manifest(const std::vector<store::Extent>& extents);
Result<std::vector<store::Extent>> parse_log_manifest(std::string_view manifest);
// Appends where extents lie in `value`, a row in TLV: from byte `skip` of the field `tag` on, if
// that is a whole number of them. For store::ExtentFinder.
void find_extents_in_field(std::string_view value, std::uint16_t tag, std::size_t skip,
                           std::vector<std::size_t>& at);
inline bool is_log_manifest(std::string_view m) { return !m.empty() && m[0] == kLogManifest; }
inline bool is_degraded(std::string_view m) { return m.size() > 1 && (m[1] & kManifestDegraded); }

}  // namespace creel::s3
