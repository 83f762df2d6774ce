#pragma once
#include <array>
#include <cstdint>

#include "core/drives/drives.h"
#include "core/erasure/layout.h"
#include "platform/base/result.h"

namespace creel::core {

// Which seat each slot of a new blob goes to.
struct Placement {
  std::array<std::uint8_t, kSlotsMax> seat{};
  std::uint32_t writable = 0;  // Slots whose drive can take it now; the others wait for a repair.
};

// Are these slots enough to name the blob? At least W of them, and the loss of any one more drive
// leaves k (where the layout has parity at all): doubled-up shards need more than W.
bool is_safe(const Layout& layout, const std::array<std::uint8_t, kSlotsMax>& seat,
             std::uint32_t sealed);

// Spreads the slots over drives with room for `shard_bytes` each: different ones, beginning at
// another with each `turn` so that parity and wear are even, slow ones last. With fewer usable
// drives than slots the rest waits; where that would not be safe, drives take two: the domain is
// relaxed before the width. Errors: kNoSpace (names the full ones), kUnavailable (names who is
// away).
Result<Placement> place(const Drives& drives, const Layout& layout, std::uint64_t turn,
                        std::uint64_t shard_bytes);

// A usable seat outside `used`, for a slot whose drive failed; -1: none.
int spare_seat(const Drives& drives, std::uint32_t used, std::uint64_t shard_bytes);

}  // namespace creel::core
