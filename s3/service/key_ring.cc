#include "s3/service/key_ring.h"

#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kMasterIdBytes = 8;

SecretKey derived(ByteView key, std::string_view what) {
  return SecretKey(hmac_sha256(key, as_bytes(what)));
}

// What a wrapped key is bound to. Not the object's name: copies share bytes and their key.
std::string context_of(const Encryption& encryption) {
  return cat("creel data key 1 ", static_cast<unsigned>(encryption.kind), ' ', encryption.key_id);
}

}  // namespace

void KeyRing::add_master_key(ByteView key) {
  const auto id = hmac_sha256(key, as_bytes(std::string_view("creel master key id 1")));
  masters_.push_back(
      {hex_encode(ByteView(id).first(kMasterIdBytes)), derived(key, "creel sse-s3 1")});
}

void KeyRing::add_kms_key(std::string name, ByteView key) {
  kms_.push_back({std::move(name), derived(key, "creel sse-kms 1")});
}

std::string_view KeyRing::master_key_id() const {
  return masters_.empty() ? std::string_view() : masters_.front().name;
}

std::string_view KeyRing::default_kms_key() const {
  return kms_.empty() ? std::string_view() : kms_.front().name;
}

const KeyRing::Named* KeyRing::find(const std::vector<Named>& keys, std::string_view name) {
  for (const Named& named : keys)
    if (named.name == name) return &named;
  return nullptr;
}

Result<SecretKey> KeyRing::wrapping_key(const Encryption& encryption,
                                        const CustomerKey* customer) const {
  switch (encryption.kind) {
    case EncryptionKind::kCustomer:
      if (customer == nullptr) return fail(ErrorCode::kDenied, "the customer's key is missing");
      return derived(customer->key.view(), "creel sse-c 1");
    case EncryptionKind::kServer:
      if (const Named* master = find(masters_, encryption.key_id)) return master->key;
      return fail(ErrorCode::kNotFound, cat("this server has no master key ", encryption.key_id));
    case EncryptionKind::kKms:
      if (const Named* named = find_kms(encryption.key_id)) return named->key;
      return fail(ErrorCode::kNotFound, cat("Key '", encryption.key_id, "' does not exist"));
    case EncryptionKind::kNone: break;
  }
  return fail(ErrorCode::kCorrupt, "no kind of encryption");
}

Result<Unit> KeyRing::wrap(Encryption& encryption, const SecretKey& data_key,
                           const CustomerKey* customer, Random& random) const {
  if (encryption.kind == EncryptionKind::kServer) {
    if (masters_.empty())
      return fail(ErrorCode::kNotFound, "this server has no master key: set [s3] master_key");
    encryption.key_id = masters_.front().name;
  }
  TRY(key, wrapping_key(encryption, customer));
  std::array<std::uint8_t, kSealNonceBytes> nonce;
  random.fill(nonce);
  encryption.wrapped =
      to_string(seal(key.view(), nonce, as_bytes(context_of(encryption)), data_key.view()));
  return Unit{};
}

Result<SecretKey> KeyRing::unwrap(const Encryption& encryption, const CustomerKey* customer) const {
  TRY(key, wrapping_key(encryption, customer));
  Result<Bytes> opened =
      open_sealed(key.view(), as_bytes(context_of(encryption)), as_bytes(encryption.wrapped));
  const bool of_customer = encryption.kind == EncryptionKind::kCustomer;
  if (!opened.ok() && of_customer)
    return fail(ErrorCode::kDenied, "the customer's key is another one");
  if (!opened.ok() || opened.value().size() != kSealKeyBytes)
    return fail(ErrorCode::kCorrupt, "the object's data key does not open");
  const SecretKey data_key(opened.value());
  wipe(opened.value());
  return data_key;
}

SecretKey make_data_key(Random& random) {
  SecretKey key;
  random.fill(key.room());
  return key;
}

std::string sealed_etag(const SecretKey& data_key, ByteView md5) {
  HmacSha256 hmac(data_key.view());
  hmac.update(as_bytes(std::string_view("creel etag 1")));
  hmac.update(md5);
  const auto code = hmac.finish();
  return hex_encode(ByteView(code).first(16));
}

}  // namespace creel::s3
