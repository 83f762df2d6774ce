#include "s3/model/manifest.h"

#include "platform/base/text.h"
#include "s3/model/tlv.h"

namespace creel::s3 {

std::string log_manifest(const std::vector<store::Extent>& extents) {
  Bytes out = {static_cast<std::uint8_t>(kLogManifest), 0};
  for (const store::Extent& extent : extents) store::append_extent(out, extent);
  return to_string(out);
}

Result<std::vector<store::Extent>> parse_log_manifest(std::string_view manifest) {
  if (!is_log_manifest(manifest) || (manifest.size() - 2) % store::kExtentBytes != 0)
    return fail(ErrorCode::kCorrupt,
                cat("manifest of ", manifest.size(), " bytes lists no extents"));
  std::vector<store::Extent> extents;
  for (std::size_t at = 2; at < manifest.size(); at += store::kExtentBytes) {
    TRY(extent, store::parse_extent(as_bytes(manifest), at));
    extents.push_back(extent);
  }
  return extents;
}

void find_extents_in_field(std::string_view value, std::uint16_t tag, std::size_t skip,
                           std::vector<std::size_t>& at) {
  const Result<TlvReader> fields = TlvReader::parse(value);
  if (!fields.ok()) return;
  const TlvReader::Spot field = fields.value().spot(tag);
  if (field.bytes < skip || (field.bytes - skip) % store::kExtentBytes != 0) return;
  if (skip > 0 && !is_log_manifest(value.substr(field.at, field.bytes))) return;
  for (std::size_t i = skip; i < field.bytes; i += store::kExtentBytes) at.push_back(field.at + i);
}

}  // namespace creel::s3
