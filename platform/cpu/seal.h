#pragma once
#include <array>
#include <memory>

#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

// Secrets at rest: AES-256-GCM over a value, bound to the place it belongs to. By CPU instructions
// where they exist (mbedTLS looks at run time).
inline constexpr std::size_t kSealKeyBytes = 32;
inline constexpr std::size_t kSealNonceBytes = 12;
inline constexpr std::size_t kSealTagBytes = 16;

// Overwrites what must not be found in memory later.
void wipe(MutableBytes bytes);

// 32 bytes of key, wiped when they go.
class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(ByteView bytes);  // Exactly kSealKeyBytes.
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey() { wipe(bytes_); }
  ByteView view() const { return bytes_; }
  MutableBytes room() { return bytes_; }

 private:
  std::array<std::uint8_t, kSealKeyBytes> bytes_{};
};

// nonce ‖ ciphertext ‖ tag. `context` is what the value is for: opening under another one fails.
// The nonce is random and never used twice with one key.
Bytes seal(ByteView key, ByteView nonce, ByteView context, ByteView plain);
// Errors: kCorrupt: another key or context, or changed bytes; which, nobody can tell.
Result<Bytes> open_sealed(ByteView key, ByteView context, ByteView sealed);

// The same for many values under one key, in place. The caller counts the nonces.
class Sealer {
 public:
  explicit Sealer(ByteView key);
  ~Sealer();
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;

  void seal(ByteView nonce, ByteView context, MutableBytes bytes, MutableBytes tag);
  // False: another key, nonce or context, or changed bytes; `bytes` then hold nothing.
  bool open(ByteView nonce, ByteView context, MutableBytes bytes, ByteView tag);

 private:
  struct Gcm;
  std::unique_ptr<Gcm> gcm_;
};

}  // namespace creel
