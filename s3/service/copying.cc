#include "platform/base/text.h"
#include "s3/service/object_reader.h"
#include "s3/service/object_service.h"
#include "s3/wire/etag.h"

namespace creel::s3 {
namespace {

// Digests of an object's bytes, read back without writing anything.
class NoBlobs final : public Blobs {
 public:
  Result<Unit> admit(std::uint64_t) const override { return Unit{}; }
  Task<Result<std::unique_ptr<BlobWriter>>> start(Ctx&, BlobHint) override {
    struct Nowhere final : BlobWriter {
      Task<Result<Unit>> write(Ctx&, ByteView) override { co_return Unit{}; }
      Task<Result<SealedBlob>> seal(Ctx&) override { co_return SealedBlob(); }
    };
    co_return std::unique_ptr<BlobWriter>(std::make_unique<Nowhere>());
  }
  Task<Result<Unit>> read(Ctx&, std::string, std::uint64_t, MutableBytes) override {
    co_return fail(ErrorCode::kUnsupported, "nothing is kept here");
  }
  Task<void> abandon(Ctx&, SealedBlob) override { co_return; }
};

// A delete marker by its id is no source: 400, where a GET says 405.
S3Error source_error(S3Error error) {
  if (error.code != S3Code::kMethodNotAllowed) return error;
  return s3_fail(S3Code::kInvalidRequest,
                 "The source of a copy request may not specifically refer to a delete marker by "
                 "version id.");
}

}  // namespace

S3Result<OpenedObject> ObjectService::open_source(const CopySource& source) const {
  S3Result<OpenedObject> opened = open(source.bucket, source.key, source.version_id.value_or(""));
  if (!opened.ok()) return source_error(opened.error());
  return opened;
}

// Bytes are shared, not copied. They are read only if the copy needs digests the source lacks: the
// ETag of a multipart source, or another checksum algorithm.
Task<S3Result<WriteOutcome>> ObjectService::copy_object(Ctx& ctx, CopyArguments arguments) {
  CO_TRY(bucket, find_bucket(arguments.bucket));
  CO_DO(blobs_.admit(0));
  CO_TRY(source, open_source(arguments.source));
  CO_DO(unlock(source, arguments.source_customer ? &*arguments.source_customer : nullptr));
  const ObjectState state{source.record.etag, WallTime::from_ms(source.record.mtime_ms)};
  CO_DO(check_copy_source(arguments.source_conditions, state, platform_.clock.wall()));
  // An older version onto its own key brings that version back.
  const bool onto_itself = arguments.source.bucket == arguments.bucket &&
                           arguments.source.key == arguments.key && !arguments.source.version_id;
  const bool other_keys = arguments.encryption.kind != EncryptionKind::kNone;
  if (onto_itself && !arguments.replace_headers && !other_keys)
    co_return s3_fail(
        S3Code::kInvalidRequest,
        "This copy request is illegal because it is trying to copy an object to itself without "
        "changing the object's metadata, storage class, website redirect location or encryption "
        "attributes.");
  if (source.record.size > kPutBytesMax)
    co_return s3_fail(S3Code::kInvalidRequest,
                      "The specified copy source is larger than the maximum allowable size for a "
                      "copy source: 5368709120");
  CO_TRY(wish, resolve(bucket, arguments.encryption));
  if (!shares_bytes(source.record, wish))
    co_return co_await copy_anew(ctx, std::move(arguments), std::move(source), std::move(wish));
  CopyObject op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.source_bucket = arguments.source.bucket;
  op.source_key = arguments.source.key;
  op.source_etag = source.record.etag;
  op.source_version = arguments.source.version_id.value_or("");
  op.etag = source.record.etag;
  op.time_ms = now_ms();
  op.replace_headers = arguments.replace_headers;
  op.headers = std::move(arguments.headers);
  op.conditions = std::move(arguments.conditions);
  op.attributes = std::move(arguments.attributes);
  op.replace_tags = arguments.replace_tags;
  const bool other_algorithm =
      arguments.algorithm &&
      algorithm_of_name(source.record.checksum.algorithm) != arguments.algorithm;
  const bool composite = source.record.checksum.type == "COMPOSITE";
  if (source.record.part_count > 0 || other_algorithm || composite) {
    CO_TRY(reader, read(source, 0, source.record.size));
    CopyBody body(*reader);
    NoBlobs nowhere;
    BodyPromise promise;
    promise.length = source.record.size;
    std::optional<ChecksumAlgorithm> algorithm = arguments.algorithm;
    if (!algorithm) algorithm = algorithm_of_name(source.record.checksum.algorithm);
    CO_TRY(digested,
           co_await receive_body(ctx, nowhere, body, promise, algorithm, 0, kPutBytesMax));
    op.etag = simple_etag(digested.md5);
    if (wish.kind == EncryptionKind::kKms) {
      CO_TRY(encryption, Encryption::decode(source.record.attributes.encryption));
      CO_TRY(data_key, open_key(encryption, nullptr));
      op.etag = sealed_etag(data_key, digested.md5);
    }
    op.checksum = stored_checksum(digested.checksum);
  }
  std::string meta = encode_op(op);
  Subject subject{arguments.bucket, arguments.key};
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  WriteOutcome outcome;
  outcome.etag = answer.etag;
  outcome.version_id = answer.version_id;
  outcome.mtime_ms = answer.mtime_ms;
  outcome.size = answer.size;
  outcome.checksum = wire_checksum(answer.checksum);
  outcome.source_version = std::move(source.version_id);
  outcome.encryption = told(source.record.attributes.encryption, nullptr);
  co_return std::move(outcome);
}

Task<S3Result<WriteOutcome>> ObjectService::copy_anew(Ctx& ctx, CopyArguments arguments,
                                                      OpenedObject source,
                                                      EncryptionWish resolved) {
  const ObjectRecord& from = source.record;
  std::optional<ChecksumAlgorithm> algorithm = arguments.algorithm;
  if (!algorithm) algorithm = algorithm_of_name(from.checksum.algorithm);
  CO_TRY(sealing, make_sealing(resolved));
  CO_TRY(reader, read(source, 0, from.size));
  CopyBody body(*reader);
  BodyPromise promise;
  promise.length = from.size;
  CO_TRY(received, co_await receive_body(ctx, blobs_, body, promise, algorithm,
                                         log_.inline_bytes_max(), kPutBytesMax, sealing.piece()));
  PutObject op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.time_ms = now_ms();
  op.size = received.size;
  op.etag = sealing.etag(received.md5);
  op.crc64 = received.crc64;
  op.checksum = stored_checksum(received.checksum);
  op.headers = arguments.replace_headers ? std::move(arguments.headers) : from.headers;
  op.conditions = std::move(arguments.conditions);
  op.body = received.source;
  op.attributes = std::move(arguments.attributes);
  if (!arguments.replace_tags) op.attributes.tags = from.attributes.tags;
  op.attributes.encryption = sealing.text();
  WriteOutcome outcome;
  outcome.encryption =
      told(op.attributes.encryption, resolved.customer ? &*resolved.customer : nullptr);
  outcome.checksum = received.checksum;
  outcome.source_version = source.version_id;
  std::string meta = encode_op(op);
  Subject subject{std::move(arguments.bucket), std::move(arguments.key)};
  CO_TRY(answer,
         co_await submit_body(ctx, std::move(meta), std::move(received), std::move(subject)));
  outcome.etag = answer.etag;
  outcome.version_id = answer.version_id;
  outcome.mtime_ms = answer.mtime_ms;
  outcome.size = answer.size;
  co_return std::move(outcome);
}

Task<S3Result<WriteOutcome>> ObjectService::copy_part(Ctx& ctx, PartArguments arguments,
                                                      CopySource source, ReadConditions conditions,
                                                      std::optional<std::string> range_header,
                                                      std::optional<CustomerKey> source_customer) {
  CO_DO(find_upload(arguments.bucket, arguments.key, arguments.upload_id));
  CO_TRY(opened, open_source(source));
  CO_DO(unlock(opened, source_customer ? &*source_customer : nullptr));
  const ObjectState state{opened.record.etag, WallTime::from_ms(opened.record.mtime_ms)};
  CO_DO(check_copy_source(conditions, state, platform_.clock.wall()));
  std::uint64_t offset = 0;
  std::uint64_t length = opened.record.size;
  if (range_header) {
    CO_TRY(range, parse_copy_range(*range_header));
    CO_DO(check_copy_range(range, opened.record.size, *range_header));
    offset = range.first;
    length = range.length();
  }
  CO_TRY(reader, read(opened, offset, length));
  CopyBody body(*reader);
  BodyPromise promise;
  promise.length = length;
  CO_TRY(outcome, co_await put_part(ctx, std::move(arguments), body, std::move(promise)));
  outcome.source_version = std::move(opened.version_id);
  co_return std::move(outcome);
}

}  // namespace creel::s3
