#pragma once
#include <cstdint>
#include <string_view>

#include "platform/base/units.h"
#include "platform/random.h"

namespace creel {

// Luck from a seed. Each (seed, node, purpose) has its own, so one node's draws never shift
// another's. Integers only: the same numbers on every machine. Not for secrets.
class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed) : state_(mix(seed) | 1) {}
  SimRandom(std::uint64_t seed, std::string_view node, std::string_view purpose);

  void fill(MutableBytes out) override;
  std::uint64_t next();
  bool chance(double probability);
  // Mean `mean`, rarely up to 8 times as much, never negative.
  Duration around(Duration mean);
  Duration between(Duration low, Duration high);  // Both ends included.

  // SplitMix64's finalizer: neighbouring inputs give unrelated outputs.
  static std::uint64_t mix(std::uint64_t x);

 private:
  std::uint64_t state_;
};

}  // namespace creel
