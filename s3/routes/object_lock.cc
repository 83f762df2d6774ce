#include "s3/wire/object_lock.h"

#include "platform/base/text.h"
#include "s3/routes/authorise.h"
#include "s3/routes/call.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

S3Result<Unit> check_lock(const Call& call) {
  if (call.record->lock.enabled) return Unit{};
  return s3_fail(S3Code::kInvalidRequest, "Bucket is missing Object Lock Configuration");
}

S3Result<AttributeArguments> attribute_arguments(const Call& call, AttributeKind kind) {
  TRY_DO(check_lock(call));
  AttributeArguments arguments;
  arguments.bucket = call.bucket();
  arguments.key = call.key();
  TRY(version_id, wanted_version(call));
  arguments.version_id = std::move(version_id);
  arguments.kind = kind;
  return arguments;
}

S3Result<OpenedObject> open_lockable(const Call& call) {
  TRY_DO(check_lock(call));
  TRY(version_id, wanted_version(call));
  return call.service.open(call.bucket(), call.key(), version_id);
}

}  // namespace

Task<S3Result<Reply>> put_object_lock(Ctx& ctx, Call& call) {
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(wishes, parse_object_lock(as_bytes(document)));
  const BucketLock lock{true, retention_mode(wishes.mode), wishes.days, wishes.years};
  std::string bucket(call.bucket());
  CO_DO(co_await call.service.set_object_lock(ctx, std::move(bucket), lock));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_object_lock(Ctx&, Call& call) {
  const BucketLock& lock = call.record->lock;
  if (!lock.enabled)
    co_return s3_fail(S3Code::kObjectLockConfigurationNotFound)
        .with("BucketName", std::string(call.bucket()));
  LockWishes wishes;
  wishes.mode = retention_name(lock.mode);
  wishes.days = lock.days;
  wishes.years = lock.years;
  co_return xml_reply(object_lock_xml(wishes));
}

Task<S3Result<Reply>> put_object_retention(Ctx& ctx, Call& call) {
  CO_TRY(arguments, attribute_arguments(call, AttributeKind::kRetention));
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(wish, parse_retention(as_bytes(document)));
  if (!wish.mode.empty()) CO_DO(check_retain_until(call, wish.until));
  arguments.attributes.retention = {retention_mode(wish.mode), wish.until.ms()};
  CO_TRY(bypass, may_bypass_governance(call, own_object(call)));
  arguments.bypass_governance = bypass;
  CO_DO(co_await call.service.set_object_attribute(ctx, std::move(arguments)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_object_retention(Ctx&, Call& call) {
  CO_TRY(object, open_lockable(call));
  const Retention& retention = object.record.attributes.retention;
  if (retention.mode == RetentionMode::kNone)
    co_return s3_fail(S3Code::kNoSuchObjectLockConfiguration);
  co_return xml_reply(
      retention_xml(retention_name(retention.mode), WallTime::from_ms(retention.until_ms)));
}

Task<S3Result<Reply>> put_object_legal_hold(Ctx& ctx, Call& call) {
  CO_TRY(arguments, attribute_arguments(call, AttributeKind::kLegalHold));
  CO_TRY(document, co_await read_document(ctx, call, kXmlBodyBytesMax, true));
  CO_TRY(on, parse_legal_hold(as_bytes(document)));
  arguments.attributes.legal_hold = on ? LegalHold::kOn : LegalHold::kOff;
  CO_DO(co_await call.service.set_object_attribute(ctx, std::move(arguments)));
  co_return empty_reply(200);
}

Task<S3Result<Reply>> get_object_legal_hold(Ctx&, Call& call) {
  CO_TRY(object, open_lockable(call));
  const LegalHold hold = object.record.attributes.legal_hold;
  if (hold == LegalHold::kUnset) co_return s3_fail(S3Code::kNoSuchObjectLockConfiguration);
  co_return xml_reply(legal_hold_xml(hold == LegalHold::kOn));
}

}  // namespace creel::s3
