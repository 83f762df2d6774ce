#include "core/erasure/layout.h"

#include <algorithm>

#include "platform/base/check.h"

namespace creel::core {

Layout default_layout(unsigned drives) {
  check(drives >= 1);
  if (drives <= 3) return {1, static_cast<std::uint8_t>(drives - 1)};
  if (drives == 4) return {2, 2};
  if (drives == 5) return {3, 2};
  if (drives <= 7) return {4, 2};
  if (drives <= 11) return {5, 3};
  return {8, 4};
}

Layout small_layout(unsigned drives) {
  check(drives >= 1);
  return {1, static_cast<std::uint8_t>(std::min(drives, 3u) - 1)};
}

std::vector<Layout> shipped_layouts() {
  std::vector<Layout> all;
  for (unsigned drives = 1; drives <= kSlotsMax; ++drives)
    for (const Layout& layout : {default_layout(drives), small_layout(drives)})
      if (std::find(all.begin(), all.end(), layout) == all.end()) all.push_back(layout);
  return all;
}

std::uint64_t Geometry::plain_bytes(std::uint64_t stripe) const {
  check(stripe < stripes());
  return std::min(layout_.stripe_bytes(), size_ - stripe * layout_.stripe_bytes());
}

std::uint64_t Geometry::cell_for(std::uint64_t plain) const {
  const std::uint64_t share = (plain + layout_.data - 1) / layout_.data;
  return (share + kCellAlign - 1) / kCellAlign * kCellAlign;
}

std::uint64_t Geometry::shard_bytes() const {
  const std::uint64_t count = stripes();
  if (count == 0) return 0;
  return shard_offset(count - 1) + cell_bytes(count - 1) + kCellCrcBytes;
}

}  // namespace creel::core
