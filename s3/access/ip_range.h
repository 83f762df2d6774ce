#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace creel::s3 {

// Addresses as 16 bytes, IPv4 in its mapped form (::ffff:a.b.c.d).
using IpBytes = std::array<std::uint8_t, 16>;

struct IpRange {
  IpBytes first{};
  unsigned bits = 128;  // Of the 128, how many are given.
  bool v4 = false;
  bool contains(const IpBytes& ip) const;
};

// "192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"; no zone, no port.
std::optional<IpBytes> parse_ip(std::string_view text);
// An address, or one with "/bits".
std::optional<IpRange> parse_ip_range(std::string_view text);

}  // namespace creel::s3
