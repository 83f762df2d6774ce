#include "core/erasure/manifest.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/manifest.h"

namespace creel::core {
namespace {
constexpr std::size_t kHeadBytes = 48;
constexpr std::uint8_t kVersion = 1;
}  // namespace

bool ErasureManifest::degraded() const {
  if (present != (std::uint32_t{1} << layout.slots()) - 1) return true;
  std::uint32_t seats = 0;
  for (unsigned slot = 0; slot < layout.slots(); ++slot) {
    if (seats >> seat[slot] & 1) return true;
    seats |= 1u << seat[slot];
  }
  return false;
}

std::string ErasureManifest::encode() const {
  Bytes out(kHeadBytes);
  out[0] = static_cast<std::uint8_t>(s3::kErasureManifest);
  out[1] = degraded() ? static_cast<std::uint8_t>(s3::kManifestDegraded) : std::uint8_t{0};
  out[2] = kVersion;
  out[3] = layout.data;
  out[4] = layout.parity;
  store_le<std::uint32_t>(out, 8, present);
  const auto id = blob.bytes();
  std::copy(id.begin(), id.end(), out.begin() + 16);
  store_le<std::uint64_t>(out, 32, size);
  store_le<std::uint64_t>(out, 40, crc64);
  out.insert(out.end(), seat.begin(), seat.begin() + layout.slots());
  return to_string(out);
}

Result<ErasureManifest> ErasureManifest::parse(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  if (bytes.size() < kHeadBytes || text[0] != s3::kErasureManifest)
    return fail(ErrorCode::kCorrupt,
                cat("manifest of ", bytes.size(), " bytes is not one of shards"));
  if (bytes[2] != kVersion)
    return fail(ErrorCode::kUnsupported, cat("manifest of shards, version ", unsigned{bytes[2]}));
  ErasureManifest manifest;
  manifest.layout = {bytes[3], bytes[4]};
  const unsigned slots = manifest.layout.slots();
  if (manifest.layout.data == 0 || slots > kSlotsMax || bytes.size() != kHeadBytes + slots)
    return fail(ErrorCode::kCorrupt, cat("manifest with layout ", unsigned{bytes[3]}, "+",
                                         unsigned{bytes[4]}, " in ", bytes.size(), " bytes"));
  manifest.present = load_le<std::uint32_t>(bytes, 8);
  manifest.blob = BlobId::parse(bytes.subspan(16, 16));
  manifest.size = load_le<std::uint64_t>(bytes, 32);
  manifest.crc64 = load_le<std::uint64_t>(bytes, 40);
  for (unsigned slot = 0; slot < slots; ++slot) {
    manifest.seat[slot] = bytes[kHeadBytes + slot];
    if (manifest.seat[slot] >= kSlotsMax)
      return fail(ErrorCode::kCorrupt, cat("manifest of blob ", manifest.blob.text(),
                                           " names seat ", unsigned{manifest.seat[slot]}));
  }
  return manifest;
}

}  // namespace creel::core
