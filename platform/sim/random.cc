#include "platform/sim/random.h"

#include "platform/base/check.h"

namespace creel {

namespace {
std::uint64_t absorb(std::uint64_t hash, std::string_view text) {
  for (char c : text) hash = SimRandom::mix(hash ^ static_cast<unsigned char>(c));
  return SimRandom::mix(hash ^ text.size());
}
}  // namespace

std::uint64_t SimRandom::mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

SimRandom::SimRandom(std::uint64_t seed, std::string_view node, std::string_view purpose)
    : SimRandom(absorb(absorb(mix(seed), node), purpose)) {}

std::uint64_t SimRandom::next() {  // xorshift64*
  state_ ^= state_ >> 12;
  state_ ^= state_ << 25;
  state_ ^= state_ >> 27;
  return state_ * 0x2545f4914f6cdd1du;
}

void SimRandom::fill(MutableBytes out) {
  std::size_t at = 0;
  while (at < out.size()) {
    std::uint64_t word = next();
    for (int i = 0; i < 8 && at < out.size(); ++i, word >>= 8)
      out[at++] = static_cast<std::uint8_t>(word);
  }
}

bool SimRandom::chance(double probability) {
  if (probability <= 0) return false;  // Draws nothing, so a knob at zero shifts no other luck.
  return static_cast<double>(next() >> 11) < probability * 9007199254740992.0;  // 2^53
}

Duration SimRandom::around(Duration mean) {
  if (mean.ns <= 0) return {0};
  const auto span = static_cast<std::uint64_t>(mean.ns);
  if (below(64) == 0) return {static_cast<std::int64_t>(below(span * 8))};
  return {static_cast<std::int64_t>(below(span * 2))};
}

Duration SimRandom::between(Duration low, Duration high) {
  check(low <= high);
  const auto width = static_cast<std::uint64_t>(high.ns - low.ns) + 1;
  return {low.ns + static_cast<std::int64_t>(below(width))};
}

}  // namespace creel
