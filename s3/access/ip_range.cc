#include "s3/access/ip_range.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kGroups = 8;

bool parse_v4(std::string_view text, std::uint8_t* out) {
  for (int part = 0; part < 4; ++part) {
    const std::string_view word = text.substr(0, text.find('.'));
    const std::optional<std::uint64_t> value = parse_u64(word);
    if (word.empty() || word.size() > 3 || !value || *value > 255) return false;
    out[part] = static_cast<std::uint8_t>(*value);
    text.remove_prefix(word.size());
    if (part == 3) return text.empty();
    if (text.empty()) return false;
    text.remove_prefix(1);
  }
  return false;
}

// Groups of a part without "::"; its last may be an IPv4 address. Bytes written, or nullopt.
std::optional<std::size_t> parse_groups(std::string_view text, std::uint8_t* out) {
  std::size_t count = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(':'));
    text.remove_prefix(word.size());
    if (word.find('.') != std::string_view::npos) {
      if (!text.empty() || count > kGroups - 2 || !parse_v4(word, out + 2 * count))
        return std::nullopt;
      return 2 * count + 4;
    }
    const std::optional<std::uint64_t> value = parse_hex_u64(word);
    if (word.empty() || word.size() > 4 || !value || count == kGroups) return std::nullopt;
    out[2 * count] = static_cast<std::uint8_t>(*value >> 8);
    out[2 * count + 1] = static_cast<std::uint8_t>(*value);
    ++count;
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;  // A colon at the end.
  }
  return 2 * count;
}

}  // namespace

std::optional<IpBytes> parse_ip(std::string_view text) {
  IpBytes ip{};
  if (text.find(':') == std::string_view::npos) {
    ip[10] = ip[11] = 0xff;
    if (!parse_v4(text, ip.data() + 12)) return std::nullopt;
    return ip;
  }
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (parse_groups(text, ip.data()) != 16u) return std::nullopt;
    return ip;
  }
  IpBytes tail{};
  const std::optional<std::size_t> front = parse_groups(text.substr(0, gap), ip.data());
  const std::optional<std::size_t> back = parse_groups(text.substr(gap + 2), tail.data());
  if (!front || !back || *front + *back > 14) return std::nullopt;
  std::copy_n(tail.begin(), *back, ip.end() - static_cast<std::ptrdiff_t>(*back));
  return ip;
}

std::optional<IpRange> parse_ip_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpBytes> ip = parse_ip(text.substr(0, slash));
  if (!ip) return std::nullopt;
  IpRange range;
  range.first = *ip;
  range.v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  if (slash == std::string_view::npos) return range;
  const std::optional<std::uint64_t> bits = parse_u64(text.substr(slash + 1));
  if (!bits || *bits > (range.v4 ? 32u : 128u)) return std::nullopt;
  range.bits = static_cast<unsigned>(*bits) + (range.v4 ? 96 : 0);
  return range;
}

bool IpRange::contains(const IpBytes& ip) const {
  for (unsigned bit = 0; bit < bits; bit += 8) {
    const unsigned left = bits - bit;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff << (8 - left));
    if ((ip[bit / 8] & mask) != (first[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace creel::s3
