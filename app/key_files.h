#pragma once
#include "filters/language/rule_set.h"

namespace creel::app {

// Keys of HMAC rules by reference: "file:PATH" (a plain file, 0600, at least 32 bytes, taken as
// they are but for one line feed at the end) or "env:NAME" (the variable's text, at least 32
// bytes). Blocking; loop thread or start-up. No error text holds key bytes.
class KeyFiles final : public filters::KeyLoader {
 public:
  static constexpr std::size_t kKeyBytesMax = 4'096;
  // Errors: kNotFound, kDenied (others may read it), kIo, kTooLarge; kInvalid (too short, or
  // another kind of reference).
  Result<Bytes> load(std::string_view reference) const override;
};

}  // namespace creel::app
