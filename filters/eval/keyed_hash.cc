#include "filters/eval/keyed_hash.h"

#include "platform/base/text.h"

namespace creel::filters {

void KeyedHash::token(std::string_view text, char* out) const {
  const HmacSha256::Digest digest = ready_.of(as_bytes(text));
  constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t i = 0; i < kTokenBytes / 2; ++i) {
    out[2 * i] = kHex[digest[i] >> 4];
    out[2 * i + 1] = kHex[digest[i] & 15];
  }
}

std::string KeyedHash::check_value() const {
  const HmacSha256::Digest digest = ready_.of(as_bytes("creel key check v1"));
  return hex_encode(ByteView(digest.data(), 6));
}

}  // namespace creel::filters
