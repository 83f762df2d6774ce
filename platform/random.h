#pragma once
#include <cstdint>

#include "platform/base/bytes.h"

namespace creel {

// Unpredictable bytes: getrandom() in production, seeded per node and purpose in the simulator.
class Random {
 public:
  virtual void fill(MutableBytes out) = 0;
  std::uint64_t u64() {
    std::uint8_t raw[8];
    fill(raw);
    std::uint64_t value = 0;
    for (std::uint8_t byte : raw) value = value << 8 | byte;
    return value;
  }
  // Uniform enough in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return u64() % bound; }

 protected:
  ~Random() = default;
};

}  // namespace creel
