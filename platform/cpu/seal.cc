#include "platform/cpu/seal.h"

#include <mbedtls/gcm.h>

#include <algorithm>

#include "platform/base/check.h"

namespace creel {
namespace {

struct Gcm {
  explicit Gcm(ByteView key) {
    check(key.size() == kSealKeyBytes);
    mbedtls_gcm_init(&context);
    check(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key.data(), 256) == 0);
  }
  ~Gcm() { mbedtls_gcm_free(&context); }
  Gcm(const Gcm&) = delete;
  Gcm& operator=(const Gcm&) = delete;
  mbedtls_gcm_context context;
};

}  // namespace

Bytes seal(ByteView key, ByteView nonce, ByteView context, ByteView plain) {
  check(nonce.size() == kSealNonceBytes);
  Gcm gcm(key);
  Bytes out(kSealNonceBytes + plain.size() + kSealTagBytes);
  std::copy(nonce.begin(), nonce.end(), out.begin());
  std::uint8_t* cipher = out.data() + kSealNonceBytes;
  check(mbedtls_gcm_crypt_and_tag(&gcm.context, MBEDTLS_GCM_ENCRYPT, plain.size(), nonce.data(),
                                  nonce.size(), context.data(), context.size(), plain.data(),
                                  cipher, kSealTagBytes, cipher + plain.size()) == 0);
  return out;
}

Result<Bytes> open_sealed(ByteView key, ByteView context, ByteView sealed) {
  if (sealed.size() < kSealNonceBytes + kSealTagBytes)
    return fail(ErrorCode::kCorrupt, "a sealed value is too short");
  Gcm gcm(key);
  const ByteView nonce = sealed.first(kSealNonceBytes);
  const ByteView tag = sealed.last(kSealTagBytes);
  const ByteView cipher =
      sealed.subspan(kSealNonceBytes, sealed.size() - kSealNonceBytes - kSealTagBytes);
  Bytes plain(cipher.size());
  if (mbedtls_gcm_auth_decrypt(&gcm.context, cipher.size(), nonce.data(), nonce.size(),
                               context.data(), context.size(), tag.data(), tag.size(),
                               cipher.data(), plain.data()) != 0)
    return fail(ErrorCode::kCorrupt, "a sealed value does not open: another master key?");
  return plain;
}

}  // namespace creel
