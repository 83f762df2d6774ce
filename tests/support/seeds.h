// Seeds for property tests: `for (Seed seed : seeds(500)) { SCOPED_TRACE(seed.replay_hint()); … }`.
// Every run is the same run, unless the environment says otherwise:
//   CREEL_SEED=0x1f2e…  only this seed: what replay_hint() prints
//   CREEL_SEEDS=N       N seeds wherever a test asks for some
//   CREEL_SEEDS_MAX=N   at most N seeds (slow machines, emulators, sanitizers)
//   CREEL_SEED_BASE=0x… another family of seeds
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace creel::test {

// SplitMix64's finalizer: neighbouring inputs give unrelated outputs.
inline uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

struct Seed {
  uint64_t value = 0;

  // The environment that runs this very case again, in any test program.
  std::string replay_hint() const {
    char text[64];
    std::snprintf(text, sizeof text, "replay with CREEL_SEED=0x%016llx",
                  static_cast<unsigned long long>(value));
    return text;
  }
};

namespace seeds_detail {

// A number from the environment, decimal or 0x…; `absent` when it is not set or not a number.
inline uint64_t env_number(const char* name, uint64_t absent) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return absent;
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 0);
  if (*end != '\0') {
    std::fprintf(stderr, "%s=%s is not a number\n", name, text);
    std::abort();
  }
  return value;
}

}  // namespace seeds_detail

// `count` different seeds, the same ones each time (see above for what the environment may change).
inline std::vector<Seed> seeds(size_t count) {
  constexpr uint64_t kNone = ~uint64_t{0};
  using seeds_detail::env_number;
  const char* one = std::getenv("CREEL_SEED");
  if (one != nullptr && *one != '\0') return {Seed{env_number("CREEL_SEED", 0)}};
  count = static_cast<size_t>(env_number("CREEL_SEEDS", count));
  const uint64_t most = env_number("CREEL_SEEDS_MAX", kNone);
  if (count > most) count = static_cast<size_t>(most);
  const uint64_t base = env_number("CREEL_SEED_BASE", 0x6372656c);
  std::vector<Seed> all;
  all.reserve(count);
  for (size_t i = 0; i < count; ++i) all.push_back(Seed{mix64(mix64(base) + i)});
  return all;
}

// A small generator for test data (xorshift64*): the same on every machine. Not for secrets.
class TestRandom {
 public:
  explicit TestRandom(Seed seed) : state_(mix64(seed.value) | 1) {}
  explicit TestRandom(uint64_t seed) : TestRandom(Seed{seed}) {}

  uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du;
  }

  // Uniform enough for tests: 0 .. limit - 1; 0 when limit is 0.
  uint64_t below(uint64_t limit) { return limit == 0 ? 0 : next() % limit; }

  // Both ends included; low <= high. Any integer or enumeration type.
  template <class T>
  T between(T low, T high) {
    const uint64_t width = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    return static_cast<T>(static_cast<uint64_t>(low) + (width == 0 ? next() : below(width)));
  }

  // Mostly small, sometimes anything: 0 .. limit - 1, where 0, 1 and limit - 1 are likely.
  uint64_t skewed_below(uint64_t limit) {
    if (limit < 2) return 0;
    switch (below(8)) {
      case 0: return 0;
      case 1: return 1;
      case 2: return limit - 1;
      case 3: return below(limit);
      default: {
        unsigned bits = 0;
        while (bits < 63 && (uint64_t{1} << bits) < limit) ++bits;
        const uint64_t value = below(uint64_t{1} << below(bits + 1));
        return value < limit ? value : below(limit);
      }
    }
  }

  bool chance(double probability) {
    return static_cast<double>(next() >> 11) < probability * 9007199254740992.0;  // 2^53
  }

  // Any bytes, as creel::Bytes; binary() is the same as a string.
  std::vector<uint8_t> bytes(size_t count) { return fill(std::vector<uint8_t>(count)); }
  std::string binary(size_t count) { return fill(std::string(count, '\0')); }

  // `count` characters, each drawn from `alphabet`, which must not be empty.
  std::string text(size_t count, const std::string& alphabet) {
    std::string out(count, '\0');
    for (char& c : out) c = alphabet[below(alphabet.size())];
    return out;
  }

  // One element of a container with operator[] and size(); it must not be empty.
  template <class Container>
  auto& pick(Container& from) {
    return from[static_cast<size_t>(below(from.size()))];
  }
  template <class T, size_t N>
  T& pick(T (&from)[N]) {
    return from[static_cast<size_t>(below(N))];
  }

  template <class Container>
  void shuffle(Container& all) {
    for (size_t i = all.size(); i > 1; --i) {
      using std::swap;
      swap(all[i - 1], all[static_cast<size_t>(below(i))]);
    }
  }

 private:
  template <class Container>
  Container fill(Container out) {
    size_t at = 0;
    while (at < out.size()) {
      uint64_t word = next();
      for (int i = 0; i < 8 && at < out.size(); ++i, word >>= 8) {
        out[at++] = static_cast<typename Container::value_type>(word);
      }
    }
    return out;
  }

  uint64_t state_;
};

}  // namespace creel::test
