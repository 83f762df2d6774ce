#include "platform/codec/utf8.h"

namespace creel {

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned first = byte(0);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;  // A continuation byte, or an overlong form.
  if (first < 0xe0) return follows(1) ? 2 : 0;
  if (first < 0xf0) {
    if (!follows(1) || !follows(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;   // Overlong.
    if (first == 0xed && byte(1) >= 0xa0) return 0;  // Surrogates.
    return 3;
  }
  if (first > 0xf4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;   // Overlong.
  if (first == 0xf4 && byte(1) >= 0x90) return 0;  // Above U+10FFFF.
  return 4;
}

}  // namespace creel
