#include "core/placement/place.h"

#include <bit>
#include <string>
#include <vector>

#include "platform/base/text.h"

namespace creel::core {
namespace {

enum class Fitness { kGood, kSlow, kFull, kAway };

Fitness fitness(const Drives& drives, unsigned seat, std::uint64_t bytes) {
  const auto store = drives.store_at(seat);
  if (!store) return Fitness::kAway;
  const Result<Unit> room = store->store().admit(bytes);
  if (!room.ok()) return room.error().code == ErrorCode::kNoSpace ? Fitness::kFull : Fitness::kAway;
  return store->slow() ? Fitness::kSlow : Fitness::kGood;
}

Error refuse(const Drives& drives, const Layout& layout, const std::vector<unsigned>& full,
             const std::vector<unsigned>& away) {
  const bool space = !full.empty() && away.size() <= layout.parity;
  std::string text = cat("cannot write ", layout.write_quorum(), " of ", layout.slots(), " shards");
  for (unsigned seat : full) text += cat("; ", drives.seat_text(seat), " is full");
  for (unsigned seat : away) text += cat("; ", drives.seat_text(seat), " is down");
  return fail(space ? ErrorCode::kNoSpace : ErrorCode::kUnavailable, text);
}

}  // namespace

bool is_safe(const Layout& layout, const std::array<std::uint8_t, kSlotsMax>& seat,
             std::uint32_t sealed) {
  const unsigned count = static_cast<unsigned>(std::popcount(sealed));
  if (count < layout.write_quorum()) return false;
  if (layout.parity == 0) return true;
  std::array<unsigned, kSlotsMax> on_seat{};
  for (unsigned slot = 0; slot < layout.slots(); ++slot)
    if (sealed >> slot & 1) ++on_seat[seat[slot]];
  for (unsigned each : on_seat)
    if (count - each < layout.data) return false;
  return true;
}

Result<Placement> place(const Drives& drives, const Layout& layout, std::uint64_t turn,
                        std::uint64_t shard_bytes) {
  const unsigned seats = drives.config().seat_count();
  std::vector<unsigned> good, slow, full, away;
  for (unsigned i = 0; i < seats; ++i) {
    const auto seat = static_cast<unsigned>((i + turn) % seats);
    switch (fitness(drives, seat, shard_bytes)) {
      case Fitness::kGood: good.push_back(seat); break;
      case Fitness::kSlow: slow.push_back(seat); break;
      case Fitness::kFull: full.push_back(seat); break;
      case Fitness::kAway: away.push_back(seat); break;
    }
  }
  std::vector<unsigned> usable = good;
  usable.insert(usable.end(), slow.begin(), slow.end());
  std::vector<unsigned> others = away;
  others.insert(others.end(), full.begin(), full.end());
  Placement placement;
  const auto give = [&](unsigned slot, unsigned seat, bool writable) {
    placement.seat[slot] = static_cast<std::uint8_t>(seat);
    if (writable) placement.writable |= 1u << slot;
  };
  const unsigned slots = layout.slots();
  unsigned slot = 0;
  for (; slot < slots && slot < usable.size(); ++slot) give(slot, usable[slot], true);
  const unsigned distinct = slot;
  for (; slot < slots && slot - distinct < others.size(); ++slot)
    give(slot, others[slot - distinct], false);
  for (; slot < slots && !usable.empty(); ++slot) give(slot, usable[slot % usable.size()], true);
  if (slot == slots && is_safe(layout, placement.seat, placement.writable)) return placement;
  if (usable.empty()) return refuse(drives, layout, full, away);
  for (slot = distinct; slot < slots; ++slot) give(slot, usable[slot % usable.size()], true);
  if (is_safe(layout, placement.seat, placement.writable)) return placement;
  return refuse(drives, layout, full, away);
}

int spare_seat(const Drives& drives, std::uint32_t used, std::uint64_t shard_bytes) {
  int slow = -1;
  for (unsigned seat = 0; seat < drives.config().seat_count(); ++seat) {
    if (used >> seat & 1) continue;
    const Fitness fit = fitness(drives, seat, shard_bytes);
    if (fit == Fitness::kGood) return static_cast<int>(seat);
    if (fit == Fitness::kSlow && slow < 0) slow = static_cast<int>(seat);
  }
  return slow;
}

}  // namespace creel::core
