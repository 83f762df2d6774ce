#pragma once
#include <cstdint>
#include <string_view>

#include "filters/eval/program.h"

namespace creel::filters {

// An IPv4 or IPv6 address in its text form; v4 stands in the first four bytes.
struct Address {
  std::uint8_t bytes[16] = {};
  bool v6 = false;
};

// Strict: dotted quad without leading zeros, or RFC 4291 §2.2 text without a zone.
bool parse_address(std::string_view text, Address& out);
// "10.0.0.0/8", "2001:db8::/32"; bits past the prefix must be zero.
bool parse_cidr(std::string_view text, CidrRange& out);
bool contains(const CidrRange& range, const Address& address);
// The network that is left: /24 of v4 ("192.0.2.0"), /48 of v6 ("2001:db8:7::"). At most 24 bytes.
std::size_t print_truncated(const Address& address, char* out);

}  // namespace creel::filters
