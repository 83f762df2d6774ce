#include "s3/wire/encryption.h"

#include "s3/routes/call.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

S3Result<Unit> check_secure(const Call& call, bool has_key) {
  if (!has_key || call.http.head.peer.tls || call.service.takes_customer_keys_over_http())
    return Unit{};
  return s3_fail(S3Code::kInvalidRequest,
                 "Requests specifying Server Side Encryption with Customer provided keys must be "
                 "made over a secure connection.");
}

}  // namespace

S3Result<EncryptionWish> wanted_encryption(const Call& call) {
  TRY(wish, parse_encryption(call.headers()));
  TRY_DO(check_secure(call, wish.customer.has_value()));
  return wish;
}

S3Result<std::optional<CustomerKey>> sent_customer_key(const Call& call, bool of_source) {
  TRY(key, parse_customer_key(call.headers(), of_source));
  TRY_DO(check_secure(call, key.has_value()));
  return key;
}

Task<S3Result<Reply>> put_bucket_encryption(Ctx& ctx, Call& call) {
  CO_TRY(text, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(wish, parse_bucket_encryption(as_bytes(text)));
  EncryptionWish checked = wish;  // Without a key id it stays the default of the day.
  CO_DO(call.service.check_keys(checked));
  std::string bucket(call.bucket());
  CO_DO(co_await call.service.set_bucket_document(
      ctx, std::move(bucket), BucketDocument::kEncryption, bucket_encryption_xml(wish)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_bucket_encryption(Ctx&, Call& call) {
  CO_TRY(bucket, call.service.find_bucket(call.bucket()));
  CO_TRY(wish, call.service.default_encryption(bucket));
  if (wish.kind == EncryptionKind::kNone)
    co_return s3_fail(S3Code::kServerSideEncryptionConfigurationNotFound)
        .with("BucketName", std::string(call.bucket()));
  co_return xml_reply(bucket_encryption_xml(wish));
}

Task<S3Result<Reply>> delete_bucket_encryption(Ctx& ctx, Call& call) {
  std::string bucket(call.bucket());
  CO_DO(co_await call.service.set_bucket_document(ctx, std::move(bucket),
                                                  BucketDocument::kEncryption, std::string()));
  co_return empty_reply(204);
}

}  // namespace creel::s3
