#include "platform/network.h"

#include "platform/base/text.h"

namespace creel {

std::optional<Address> parse_address(std::string_view text) {
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find(':') != colon) return std::nullopt;
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  const std::optional<std::uint64_t> number = parse_u64(port);
  if (host.empty() || host.size() > 255 || !number || *number > 65535) return std::nullopt;
  return Address{std::string(host), static_cast<std::uint16_t>(*number)};
}

std::string address_text(const Address& address) {
  if (address.host.find(':') != std::string::npos)
    return cat('[', address.host, "]:", address.port);
  return cat(address.host, ':', address.port);
}

}  // namespace creel
