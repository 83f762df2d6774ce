#include "store/space.h"

#include <algorithm>
#include <utility>

namespace creel::store {

std::string_view space_level_name(SpaceLevel level) {
  switch (level) {
    case SpaceLevel::kPlenty: return "plenty";
    case SpaceLevel::kLow: return "low";
    case SpaceLevel::kScarce: return "scarce";
    case SpaceLevel::kFull: break;
  }
  return "full";
}

SpacePlan plan_space(std::uint64_t size_bytes, std::uint64_t segment_bytes) {
  constexpr std::uint64_t kIndexBytesMin = 64 * MiB;
  const std::uint64_t segments = segment_bytes == 0 ? 0 : size_bytes / segment_bytes;
  SpacePlan plan;
  plan.clean_segments = segments >= 32 ? 2 : segments >= 16 ? 1 : 0;
  plan.ahead_segments = static_cast<std::size_t>(std::clamp<std::uint64_t>(segments / 8, 1, 4));
  plan.index_bytes = std::max(size_bytes / 25, std::min(kIndexBytesMin, size_bytes / 16));
  return plan;
}

std::uint64_t space_floor(std::uint64_t size_bytes, std::uint64_t segment_bytes, bool tight) {
  return std::max(size_bytes / 100 * (tight ? 7 : 5), (tight ? 3 : 2) * segment_bytes);
}

SpaceToken::SpaceToken(std::shared_ptr<std::uint64_t> promised, std::uint64_t bytes)
    : promised_(std::move(promised)), bytes_(bytes) {
  *promised_ += bytes;
}

SpaceToken::SpaceToken(SpaceToken&& other) noexcept
    : promised_(std::move(other.promised_)), bytes_(std::exchange(other.bytes_, 0)) {}

SpaceToken& SpaceToken::operator=(SpaceToken&& other) noexcept {
  if (this == &other) return *this;
  use(bytes_);
  promised_ = std::move(other.promised_);
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

void SpaceToken::use(std::uint64_t bytes) {
  if (promised_ == nullptr) return;
  const std::uint64_t taken = std::min(bytes, bytes_);
  bytes_ -= taken;
  *promised_ -= taken;
}

void SpaceToken::add(SpaceToken other) {
  if (promised_ == nullptr) promised_ = other.promised_;
  bytes_ += std::exchange(other.bytes_, 0);
}

std::uint64_t IndexRoom::capacity() const {
  if (map_bytes == 0) return allocated_bytes;
  return allocated_bytes == 0 ? map_bytes : std::min(map_bytes, allocated_bytes);
}

}  // namespace creel::store
