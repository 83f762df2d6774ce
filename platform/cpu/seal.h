#pragma once
#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

// Small secrets at rest: AES-256-GCM over a value, bound to the place it belongs to.
inline constexpr std::size_t kSealKeyBytes = 32;
inline constexpr std::size_t kSealNonceBytes = 12;
inline constexpr std::size_t kSealTagBytes = 16;

// nonce ‖ ciphertext ‖ tag. `context` is what the value is for: opening under another one fails.
// The nonce is random and never used twice with one key.
Bytes seal(ByteView key, ByteView nonce, ByteView context, ByteView plain);
// Errors: kCorrupt: another key or context, or changed bytes; which, nobody can tell.
Result<Bytes> open_sealed(ByteView key, ByteView context, ByteView sealed);

}  // namespace creel
