#pragma once
#include <string>
#include <string_view>

#include "platform/base/bytes.h"
#include "platform/cpu/hash.h"

namespace creel::filters {

// HMAC-SHA-256 cut to 16 bytes, as 32 hex digits: the token that stands for a value. The same key
// gives the same token on every site. The key is held here only and never printed.
class KeyedHash {
 public:
  static constexpr std::size_t kTokenBytes = 32;
  static constexpr std::size_t kKeyBytesMin = 32;

  explicit KeyedHash(ByteView key) : ready_(key) {}
  void token(std::string_view text, char* out) const;
  // 12 hex digits that tell whether two sites hold the same key without revealing it.
  std::string check_value() const;

 private:
  HmacSha256 ready_;  // The key hashed once.
};

}  // namespace creel::filters
