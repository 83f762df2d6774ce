#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/cpu/seal.h"
#include "platform/random.h"
#include "s3/model/encryption.h"

namespace creel::s3 {

// The keys that seal data keys: master keys for SSE-S3 and named ones for SSE-KMS. They come from
// outside of the data folders and are wiped at the end. Made once at the start.
class KeyRing {
 public:
  // A master key has at least 32 bytes. The first one added seals; all of them open.
  void add_master_key(ByteView key);
  // Exactly 32 bytes. The first one added is the default.
  void add_kms_key(std::string name, ByteView key);

  bool has_master_key() const { return !masters_.empty(); }
  // Of the one that seals; empty: there is none.
  std::string_view master_key_id() const;
  bool has_kms_key(std::string_view name) const { return find_kms(name) != nullptr; }
  // Empty: there is none.
  std::string_view default_kms_key() const;

  // A data key under a key that is not kept: fills `key_id` (of kServer) and `wrapped`, by kind
  // and, of kKms, `key_id`. Errors: kNotFound (no such key), kInvalid (a customer key is missing).
  Result<Unit> wrap(Encryption& encryption, const SecretKey& data_key, const CustomerKey* customer,
                    Random& random) const;
  // Errors: kNotFound: the key that sealed it is not here; kDenied: the customer key is missing or
  // another one; kCorrupt: it does not open.
  Result<SecretKey> unwrap(const Encryption& encryption, const CustomerKey* customer) const;

 private:
  struct Named {
    std::string name;
    SecretKey key;
  };
  static const Named* find(const std::vector<Named>& keys, std::string_view name);
  const Named* find_kms(std::string_view name) const { return find(kms_, name); }
  Result<SecretKey> wrapping_key(const Encryption& encryption, const CustomerKey* customer) const;

  std::vector<Named> masters_;  // Named by their ids.
  std::vector<Named> kms_;
};

// A fresh data key.
SecretKey make_data_key(Random& random);
// 32 hex digits that stand for a body whose MD5 shall not be told.
std::string sealed_etag(const SecretKey& data_key, ByteView md5);

}  // namespace creel::s3
