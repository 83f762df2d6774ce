// Keys of objects: which one seals a new body, and whether a client may open an old one.
#include "platform/base/text.h"
#include "s3/service/object_service.h"
#include "s3/wire/etag.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kWrongKey =
    "The provided encryption parameters did not match the ones used originally.";

Encryption decoded(std::string_view text) {
  Result<Encryption> read = Encryption::decode(text);
  return read.ok() ? read.take() : Encryption();
}

}  // namespace

const KeyRing& ObjectService::keys() const {
  static const KeyRing kNone;
  return options_.keys != nullptr ? *options_.keys : kNone;
}

std::string ObjectService::Sealing::etag(const Md5Digest& md5) const {
  const bool hidden =
      encryption.kind == EncryptionKind::kCustomer || encryption.kind == EncryptionKind::kKms;
  return hidden ? sealed_etag(seal.data_key, md5) : simple_etag(md5);
}

ToldEncryption ObjectService::told(std::string_view encryption, const CustomerKey* customer) {
  ToldEncryption told;
  if (encryption.empty()) return told;
  Encryption found = decoded(encryption);
  told.kind = found.kind;
  if (found.kind == EncryptionKind::kKms) told.kms_key = std::move(found.key_id);
  told.bucket_key = found.bucket_key;
  if (customer != nullptr) told.customer_md5 = customer->md5;
  return told;
}

S3Result<EncryptionWish> ObjectService::default_encryption(const BucketRecord& bucket) const {
  TRY(document, bucket_document(bucket, BucketDocument::kEncryption));
  if (!document.empty()) return parse_bucket_encryption(as_bytes(document));
  EncryptionWish wish;
  wish.kind = options_.default_encryption;
  return wish;
}

S3Result<Unit> ObjectService::check_keys(EncryptionWish& wish) const {
  if (wish.kind == EncryptionKind::kServer && !keys().has_master_key())
    return s3_fail(S3Code::kInvalidRequest,
                   "Server-side encryption needs a master key, and this server has none "
                   "([s3] master_key).");
  if (wish.kind != EncryptionKind::kKms) return Unit{};
  if (wish.kms_key.empty()) wish.kms_key = keys().default_kms_key();
  if (keys().has_kms_key(wish.kms_key)) return Unit{};
  return s3_fail(S3Code::kKmsNotFound,
                 wish.kms_key.empty() ? std::string("This server has no KMS keys ([s3] kms_keys).")
                                      : cat("Key '", wish.kms_key, "' does not exist"));
}

S3Result<EncryptionWish> ObjectService::resolve(const BucketRecord& bucket,
                                                EncryptionWish wish) const {
  if (wish.kind == EncryptionKind::kNone) {
    TRY(of_bucket, default_encryption(bucket));
    wish = std::move(of_bucket);
  }
  TRY_DO(check_keys(wish));
  return wish;
}

S3Result<ObjectService::Sealing> ObjectService::make_sealing(const EncryptionWish& resolved) {
  Sealing sealing;
  if (resolved.kind == EncryptionKind::kNone) return sealing;
  sealing.encryption.kind = resolved.kind;
  if (resolved.kind == EncryptionKind::kKms) sealing.encryption.key_id = resolved.kms_key;
  sealing.encryption.bucket_key = resolved.bucket_key;
  sealing.seal.data_key = make_data_key(platform_.random);
  platform_.random.fill(sealing.seal.salt);
  TRY_DO(keys().wrap(sealing.encryption, sealing.seal.data_key,
                     resolved.customer ? &*resolved.customer : nullptr, platform_.random));
  return sealing;
}

S3Result<SecretKey> ObjectService::open_key(const Encryption& encryption,
                                            const CustomerKey* customer) const {
  Result<SecretKey> key = keys().unwrap(encryption, customer);
  if (key.ok()) return key.take();
  switch (key.error().code) {
    case ErrorCode::kDenied: return s3_fail(S3Code::kInvalidRequest, std::string(kWrongKey));
    // The operator took a key away: an answer that says which one helps more than a 500.
    case ErrorCode::kNotFound:
      return s3_fail(S3Code::kServiceUnavailable,
                     cat("The object is sealed by a key that is not here: ", key.error().detail));
    default: return from_error(key.error());
  }
}

S3Result<ObjectService::Sealing> ObjectService::part_sealing(const UploadRecord& upload,
                                                             std::uint16_t number,
                                                             const CustomerKey* customer) {
  Sealing sealing;
  if (!upload.attributes.encryption.empty()) {
    TRY(encryption, Encryption::decode(upload.attributes.encryption));
    sealing.encryption = std::move(encryption);
  }
  const bool of_customer = sealing.encryption.kind == EncryptionKind::kCustomer;
  if (customer != nullptr && !of_customer)
    return s3_fail(S3Code::kInvalidRequest,
                   "The multipart upload initiate did not request encryption. Please resend the "
                   "request without sending encryption parameters.");
  if (customer == nullptr && of_customer)
    return s3_fail(S3Code::kInvalidRequest,
                   "The multipart upload initiate requested encryption. Subsequent part requests "
                   "must include the appropriate encryption parameters.");
  if (!sealing.on()) return sealing;
  TRY(data_key, open_key(sealing.encryption, customer));
  sealing.seal.data_key = data_key;
  sealing.seal.number = number;
  platform_.random.fill(sealing.seal.salt);
  return sealing;
}

S3Result<Unit> ObjectService::unlock(OpenedObject& object, const CustomerKey* customer) const {
  const std::string& text = object.record.attributes.encryption;
  Encryption encryption;
  if (!text.empty()) {
    TRY(read, Encryption::decode(text));
    encryption = std::move(read);
  }
  const bool of_customer = encryption.kind == EncryptionKind::kCustomer;
  if (customer != nullptr && !of_customer)
    return s3_fail(S3Code::kInvalidRequest,
                   "The encryption parameters are not applicable to this object.");
  if (!of_customer) return Unit{};
  if (customer == nullptr)
    return s3_fail(S3Code::kInvalidRequest,
                   "The object was stored using a form of Server Side Encryption. The correct "
                   "parameters must be provided to retrieve the object.");
  TRY(data_key, open_key(encryption, customer));
  object.data_key = data_key;
  return Unit{};
}

S3Result<std::unique_ptr<BodyReader>> ObjectService::read(const OpenedObject& object,
                                                          std::uint64_t offset,
                                                          std::uint64_t length) const {
  const DamageReport damage{&log_, object.name};
  const std::string& text = object.record.attributes.encryption;
  if (text.empty() || length == 0) {
    TRY(runs, body_runs(log_.rows(), object.record, offset, length));
    return std::unique_ptr<BodyReader>(
        std::make_unique<ObjectReader>(blobs_, std::move(runs), damage));
  }
  TRY(encryption, Encryption::decode(text));
  SecretKey data_key;
  if (object.data_key) {
    data_key = *object.data_key;
  } else {
    TRY(opened, open_key(encryption, nullptr));
    data_key = opened;
  }
  TRY(reader, read_sealed(log_.rows(), blobs_, object.record, encryption, data_key, offset, length,
                          damage));
  return std::move(reader);
}

bool ObjectService::shares_bytes(const ObjectRecord& source, const EncryptionWish& resolved) const {
  const std::string& text = source.attributes.encryption;
  if (text.empty()) return resolved.kind == EncryptionKind::kNone;
  const Encryption from = decoded(text);
  if (from.kind != resolved.kind || from.bucket_key != resolved.bucket_key) return false;
  // A customer's key opens its own object only; an old master key gives way to the new one.
  if (from.kind == EncryptionKind::kServer) return from.key_id == keys().master_key_id();
  return from.kind == EncryptionKind::kKms && from.key_id == resolved.kms_key;
}

}  // namespace creel::s3
