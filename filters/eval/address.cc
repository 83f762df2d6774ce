#include "filters/eval/address.h"

#include <cstdio>
#include <cstring>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

bool parse_v4(std::string_view text, std::uint8_t* out) {
  for (int i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos || dot == 0 || dot > 3) return false;
    const std::string_view part = text.substr(0, dot);
    if (part.size() > 1 && part[0] == '0') return false;
    const auto number = parse_u64(part);
    if (!number || *number > 255) return false;
    out[i] = static_cast<std::uint8_t>(*number);
    text.remove_prefix(i < 3 ? dot + 1 : dot);
  }
  return text.empty();
}

bool parse_group(std::string_view text, std::uint8_t* out) {
  if (text.empty() || text.size() > 4) return false;
  const auto number = parse_hex_u64(text);
  if (!number) return false;
  out[0] = static_cast<std::uint8_t>(*number >> 8);
  out[1] = static_cast<std::uint8_t>(*number);
  return true;
}

// Groups between colons, the last of which may be a dotted quad. False on a foreign group or too
// many.
bool parse_groups(std::string_view text, std::uint8_t* out, std::size_t& bytes) {
  bytes = 0;
  if (text.empty()) return true;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
      if (bytes > 12 || !parse_v4(group, out + bytes)) return false;
      bytes += 4;
      return true;
    }
    if (bytes > 14 || !parse_group(group, out + bytes)) return false;
    bytes += 2;
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

bool parse_v6(std::string_view text, std::uint8_t* out) {
  const std::size_t gap = text.find("::");
  std::uint8_t head[16] = {};
  std::uint8_t tail[16] = {};
  std::size_t head_bytes = 0;
  std::size_t tail_bytes = 0;
  if (gap == std::string_view::npos) {
    if (!parse_groups(text, head, head_bytes) || head_bytes != 16) return false;
  } else {
    if (text.substr(gap + 2).find("::") != std::string_view::npos) return false;
    const std::string_view before = text.substr(0, gap);
    if (before.find('.') != std::string_view::npos) return false;
    if (!parse_groups(before, head, head_bytes) ||
        !parse_groups(text.substr(gap + 2), tail, tail_bytes))
      return false;
    if (head_bytes + tail_bytes > 14) return false;
  }
  std::memcpy(out, head, 16);
  if (tail_bytes != 0) std::memcpy(out + 16 - tail_bytes, tail, tail_bytes);
  return true;
}

}  // namespace

bool parse_address(std::string_view text, Address& out) {
  if (text.size() > 45) return false;
  out.v6 = text.find(':') != std::string_view::npos;
  return out.v6 ? parse_v6(text, out.bytes) : parse_v4(text, out.bytes);
}

bool parse_cidr(std::string_view text, CidrRange& out) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  Address address;
  const auto bits = parse_u64(text.substr(slash + 1));
  if (!parse_address(text.substr(0, slash), address) || !bits) return false;
  if (*bits > (address.v6 ? 128u : 32u)) return false;
  out.bits = static_cast<unsigned>(*bits);
  out.v6 = address.v6;
  std::memcpy(out.bytes, address.bytes, 16);
  for (unsigned bit = out.bits; bit < (address.v6 ? 128u : 32u); ++bit)
    if ((address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

bool contains(const CidrRange& range, const Address& address) {
  if (range.v6 != address.v6) return false;
  const unsigned whole = range.bits / 8;
  if (std::memcmp(range.bytes, address.bytes, whole) != 0) return false;
  const unsigned rest = range.bits % 8;
  return rest == 0 || ((range.bytes[whole] ^ address.bytes[whole]) >> (8 - rest)) == 0;
}

std::size_t print_truncated(const Address& address, char* out) {
  const std::uint8_t* b = address.bytes;
  if (!address.v6)
    return static_cast<std::size_t>(std::snprintf(out, 24, "%u.%u.%u.0", b[0], b[1], b[2]));
  int groups = 3;
  while (groups > 0 && b[2 * groups - 2] == 0 && b[2 * groups - 1] == 0) --groups;
  std::size_t size = 0;
  for (int i = 0; i < groups; ++i)
    size += static_cast<std::size_t>(
        std::snprintf(out + size, 24 - size, i == 0 ? "%x" : ":%x", b[2 * i] << 8 | b[2 * i + 1]));
  std::memcpy(out + size, "::", 2);
  return size + 2;
}

}  // namespace creel::filters
