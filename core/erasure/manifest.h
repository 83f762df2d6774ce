#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/erasure/cell.h"
#include "core/erasure/layout.h"
#include "platform/base/result.h"

namespace creel::core {

// Where the shards of one blob lie: kind 'E' of docs/formats/manifest.md, 48 + n bytes. It names
// seats, not drives: whoever sits in a seat may change without touching metadata.
struct ErasureManifest {
  BlobId blob;
  Layout layout;
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;     // CRC-64/NVME of the plain bytes.
  std::uint32_t present = 0;   // A bit a slot: sealed when this was written.
  std::array<std::uint8_t, kSlotsMax> seat{};

  Geometry geometry() const { return {layout, size}; }
  // Slots are missing, or two of them share a seat: to be healed.
  bool degraded() const;
  std::string encode() const;
  static Result<ErasureManifest> parse(std::string_view bytes);  // kCorrupt.
};

}  // namespace creel::core
