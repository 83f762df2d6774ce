#pragma once
#include <cstddef>
#include <string_view>

namespace creel {

// Bytes of the well-formed character (RFC 3629) at the start of `text`, 1 to 4; 0 if there is none.
std::size_t utf8_length(std::string_view text);

}  // namespace creel
