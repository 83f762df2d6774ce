#include "store/reclaim/pins.h"

#include <algorithm>

namespace creel::store {

Pins::~Pins() {
  holds_.for_each([](Hold& hold) { hold.pins_ = nullptr; });
}

Pins::Hold::~Hold() { clear(); }

void Pins::Hold::add(std::uint32_t segment) {
  if (pins_ == nullptr || std::find(segments_.begin(), segments_.end(), segment) != segments_.end())
    return;
  segments_.push_back(segment);
  ++pins_->held_[segment];
}

void Pins::Hold::clear() {
  if (pins_ == nullptr) return;
  for (const std::uint32_t segment : segments_) {
    const auto held = pins_->held_.find(segment);
    if (--held->second == 0) pins_->held_.erase(held);
  }
  segments_.clear();
}

bool Pins::pinned(std::uint32_t segment) const {
  if (held_.contains(segment)) return true;
  const auto unnamed = unnamed_.lower_bound(Place{segment, 0, 0});
  return unnamed != unnamed_.end() && std::get<0>(unnamed->first) == segment;
}

void Pins::sealed(std::span<const Extent> extents, Instant now) {
  for (const Extent& extent : extents)
    unnamed_[{extent.segment, extent.generation, extent.offset}] = now;
}

void Pins::named(std::uint32_t segment, std::uint32_t generation, std::uint64_t offset) {
  if (!unnamed_.empty()) unnamed_.erase({segment, generation, offset});
}

void Pins::abandoned(std::span<const Extent> extents) {
  for (const Extent& extent : extents)
    unnamed_.erase({extent.segment, extent.generation, extent.offset});
}

void Pins::expire(Instant now) {
  std::erase_if(unnamed_, [&](const auto& item) { return now - item.second > kUnnamedKept; });
}

}  // namespace creel::store
