#include "platform/cpu/seal.h"

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include <algorithm>

#include "platform/base/check.h"

namespace creel {

struct Sealer::Gcm {
  explicit Gcm(ByteView key) {
    check(key.size() == kSealKeyBytes);
    mbedtls_gcm_init(&context);
    check(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key.data(), 256) == 0);
  }
  ~Gcm() { mbedtls_gcm_free(&context); }  // Wipes the key schedule.
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;
  mbedtls_gcm_context context;
};

Sealer::Sealer(ByteView key) : gcm_(std::make_unique<Gcm>(key)) {}
Sealer::~Sealer() = default;
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;

void Sealer::seal(ByteView nonce, ByteView context, MutableBytes bytes, MutableBytes tag) {
  check(nonce.size() == kSealNonceBytes && tag.size() == kSealTagBytes);
  check(mbedtls_gcm_crypt_and_tag(&gcm_->context, MBEDTLS_GCM_ENCRYPT, bytes.size(), nonce.data(),
                                  nonce.size(), context.data(), context.size(), bytes.data(),
                                  bytes.data(), tag.size(), tag.data()) == 0);
}

bool Sealer::open(ByteView nonce, ByteView context, MutableBytes bytes, ByteView tag) {
  check(nonce.size() == kSealNonceBytes && tag.size() == kSealTagBytes);
  return mbedtls_gcm_auth_decrypt(&gcm_->context, bytes.size(), nonce.data(), nonce.size(),
                                  context.data(), context.size(), tag.data(), tag.size(),
                                  bytes.data(), bytes.data()) == 0;
}

void wipe(MutableBytes bytes) { mbedtls_platform_zeroize(bytes.data(), bytes.size()); }

SecretKey::SecretKey(ByteView bytes) {
  check(bytes.size() == bytes_.size());
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

Bytes seal(ByteView key, ByteView nonce, ByteView context, ByteView plain) {
  Bytes out(kSealNonceBytes + plain.size() + kSealTagBytes);
  std::copy(nonce.begin(), nonce.end(), out.begin());
  const MutableBytes cipher(out.data() + kSealNonceBytes, plain.size());
  std::copy(plain.begin(), plain.end(), cipher.begin());
  Sealer(key).seal(nonce, context, cipher, MutableBytes(out).last(kSealTagBytes));
  return out;
}

Result<Bytes> open_sealed(ByteView key, ByteView context, ByteView sealed) {
  if (sealed.size() < kSealNonceBytes + kSealTagBytes)
    return fail(ErrorCode::kCorrupt, "a sealed value is too short");
  const ByteView cipher =
      sealed.subspan(kSealNonceBytes, sealed.size() - kSealNonceBytes - kSealTagBytes);
  Bytes plain(cipher.begin(), cipher.end());
  if (!Sealer(key).open(sealed.first(kSealNonceBytes), context, plain, sealed.last(kSealTagBytes)))
    return fail(ErrorCode::kCorrupt, "a sealed value does not open: another master key?");
  return plain;
}

}  // namespace creel
