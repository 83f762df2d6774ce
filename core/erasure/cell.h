#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/bytes.h"

namespace creel::core {

// Unique without clocks: `boot` rises durably at each process start, `counter` within it.
struct BlobId {
  std::uint16_t node = 0;
  std::uint16_t kind = 0;
  std::uint32_t boot = 0;
  std::uint64_t counter = 0;
  auto operator<=>(const BlobId&) const = default;
  std::array<std::uint8_t, 16> bytes() const;  // Big-endian: byte order is the order of making.
  static BlobId parse(ByteView bytes);         // Exactly 16.
  std::string text() const;                    // For logs and error texts.
};

// CRC-64/NVME of a cell, seeded with whose cell it is: a misdirected, stale or swapped cell fails
// like a flipped one. `crc` is the plain CRC of its `bytes` bytes (padding included). The seed is
// linear: taking it out (the same call again) gives the plain CRC back.
std::uint64_t seed_cell_crc(std::uint64_t crc, std::uint64_t bytes, const BlobId& blob,
                            unsigned slot, std::uint32_t cell);
// Does a cell, its CRC behind it, hold what was encoded for this place?
bool cell_holds(ByteView cell_and_crc, const BlobId& blob, unsigned slot, std::uint32_t cell);

}  // namespace creel::core
