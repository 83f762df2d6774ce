#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "platform/base/units.h"

namespace creel::core {

// The 95th percentile of the last 128 durations.
class Latency {
 public:
  void add(Duration took) { last_[count_++ % last_.size()] = took.ns; }
  Duration p95() const {
    const std::size_t have = std::min<std::size_t>(count_, last_.size());
    if (have == 0) return {};
    std::array<std::int64_t, 128> sorted = last_;
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(have * 95 / 100);
    std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(have));
    return {*at};
  }

 private:
  std::array<std::int64_t, 128> last_{};
  std::size_t count_ = 0;
};

}  // namespace creel::core
