#pragma once
#include <compare>
#include <cstdint>

namespace creel {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;

// A span of time in nanoseconds; may be negative.
struct Duration {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Duration&) const = default;
  constexpr std::int64_t ms() const { return ns / 1'000'000; }
  constexpr double seconds() const { return static_cast<double>(ns) / 1e9; }
  constexpr Duration operator+(Duration more) const { return {ns + more.ns}; }
  constexpr Duration operator-(Duration less) const { return {ns - less.ns}; }
  constexpr Duration operator*(std::int64_t times) const { return {ns * times}; }
  constexpr Duration operator/(std::int64_t parts) const { return {ns / parts}; }
};

// A point on the monotonic clock, arbitrary origin. Deadlines, timeouts, rates.
struct Instant {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const Instant&) const = default;
  constexpr Instant operator+(Duration d) const { return {ns + d.ns}; }
  constexpr Instant operator-(Duration d) const { return {ns - d.ns}; }
  constexpr Duration operator-(Instant then) const { return {ns - then.ns}; }
  static constexpr Instant never() { return {INT64_MAX}; }
};

// Nanoseconds since 1970-01-01 UTC. May jump either way: never subtract two of these.
struct WallTime {
  std::int64_t ns = 0;
  constexpr auto operator<=>(const WallTime&) const = default;
  constexpr std::int64_t ms() const { return ns / 1'000'000; }
  constexpr std::int64_t seconds() const { return ns / 1'000'000'000; }
  static constexpr WallTime from_ms(std::int64_t ms) { return {ms * 1'000'000}; }
};

constexpr Duration operator""_ns(unsigned long long n) { return {static_cast<std::int64_t>(n)}; }
constexpr Duration operator""_us(unsigned long long n) {
  return {static_cast<std::int64_t>(n) * 1'000};
}
constexpr Duration operator""_ms(unsigned long long n) {
  return {static_cast<std::int64_t>(n) * 1'000'000};
}
constexpr Duration operator""_s(unsigned long long n) {
  return {static_cast<std::int64_t>(n) * 1'000'000'000};
}
constexpr Duration operator""_min(unsigned long long n) {
  return {static_cast<std::int64_t>(n) * 60'000'000'000};
}

// A number that cannot be mixed up with another kind: `struct LsnTag; using Lsn = Id<LsnTag>;`
template <class Tag, class Rep = std::uint64_t>
struct Id {
  Rep value = 0;
  constexpr auto operator<=>(const Id&) const = default;
  constexpr Id next() const { return {static_cast<Rep>(value + 1)}; }
};

}  // namespace creel
