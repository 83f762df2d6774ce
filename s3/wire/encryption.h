#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "platform/cpu/seal.h"
#include "platform/http/header_list.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

// Whose key seals an object. Numbers are on disk.
enum class EncryptionKind : std::uint8_t {
  kNone = 0,
  kCustomer = 1,  // SSE-C: the client's, sent with every request and kept nowhere.
  kServer = 2,    // SSE-S3: made from the master key.
  kKms = 3,       // SSE-KMS: one of the key ring, by name.
};

// A client's own key, as its three headers gave it.
struct CustomerKey {
  SecretKey key;
  std::string md5;  // Base64, to be echoed.
};

// How an object is to be sealed.
struct EncryptionWish {
  EncryptionKind kind = EncryptionKind::kNone;  // None: as the bucket says.
  std::string kms_key;                          // kKms; empty: the server's default key.
  bool bucket_key = false;                      // kKms; kept and told, without effect here.
  std::optional<CustomerKey> customer;          // kCustomer.
};

// What a write asks for. Errors: InvalidArgument: a value that is none, two kinds at once, a key id
// without aws:kms, and those of parse_customer_key().
S3Result<EncryptionWish> parse_encryption(const Headers& headers);
// The key of the three SSE-C headers, or of their copy-source forms; nullopt if there is none of
// them. Errors: InvalidArgument: one is missing, another algorithm than AES256, no key of 32 bytes,
// an MD5 that is not the key's. No text holds the key.
S3Result<std::optional<CustomerKey>> parse_customer_key(const Headers& headers, bool of_source);
// Reading names no encryption: it is the object's. Errors: InvalidArgument.
S3Result<Unit> check_no_encryption(const Headers& headers);

// What an answer says of an object's encryption.
struct ToldEncryption {
  EncryptionKind kind = EncryptionKind::kNone;
  std::string kms_key;  // Of kKms.
  bool bucket_key = false;  // Of kKms.
  std::string customer_md5;  // Of kCustomer, as sent.
};
void add_encryption_headers(HeaderList& headers, const ToldEncryption& told);

// ServerSideEncryptionConfiguration of a bucket: one rule. Errors: those of XML; MalformedXML (no
// rule or several, another algorithm), InvalidArgument (a key id without aws:kms).
S3Result<EncryptionWish> parse_bucket_encryption(ByteView body);
std::string bucket_encryption_xml(const EncryptionWish& wish);

}  // namespace creel::s3
