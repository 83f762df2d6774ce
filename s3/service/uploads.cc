#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/service/object_reader.h"
#include "s3/service/object_service.h"
#include "s3/wire/etag.h"

namespace creel::s3 {
namespace {

std::optional<ChecksumAlgorithm> algorithm_of(const UploadRecord& upload) {
  return algorithm_of_name(upload.checksum.algorithm);
}

S3Error mismatch(ChecksumAlgorithm expected, ChecksumAlgorithm actual) {
  return s3_fail(S3Code::kInvalidRequest,
                 cat("Checksum Type mismatch occurred, expected checksum Type: ",
                     to_lower(algorithm_name(expected)),
                     ", actual checksum Type: ", to_lower(algorithm_name(actual))));
}

// The parts' checksums against the request and the upload's own choice (s3.md §4).
S3Result<Unit> check_part(const UploadRecord& upload, const CompletePart& wanted,
                          const PartRecord& part) {
  const std::optional<ChecksumAlgorithm> algorithm = algorithm_of(upload);
  if (!algorithm) return Unit{};  // Ignored: the upload was created without one.
  if (!wanted.checksum) {
    if (upload.checksum.type != "COMPOSITE") return Unit{};
    return s3_fail(S3Code::kInvalidRequest,
                   cat("The upload was created using a ", to_lower(algorithm_name(*algorithm)),
                       " checksum. The complete request must include the checksum for each part. "
                       "It was missing for part ",
                       wanted.number, " in the request."));
  }
  if (wanted.checksum->algorithm != *algorithm)
    return mismatch(*algorithm, wanted.checksum->algorithm);
  if (wanted.checksum->text() != part.checksum.value)
    return s3_fail(S3Code::kInvalidPart).with("PartNumber", cat(wanted.number));
  return Unit{};
}

// The ETag that a list of parts stands for; empty if one of them cannot be ours.
std::string listed_etag(const std::vector<CompletePart>& parts) {
  std::vector<Md5Raw> md5s;
  for (const CompletePart& part : parts) {
    const std::optional<Bytes> md5 = hex_decode(part.etag);
    if (!md5 || md5->size() != 16) return {};
    std::copy(md5->begin(), md5->end(), md5s.emplace_back().begin());
  }
  return multipart_etag(md5s);
}

struct CompletedWhole {
  std::string etag;
  Checksum checksum;
};

// ETag and checksum of the finished object, from the part rows.
S3Result<CompletedWhole> combine(const store::RowReader& rows, const UploadRecord& upload,
                                 std::uint64_t lsn, const std::vector<CompletePart>& wanted) {
  const std::optional<ChecksumAlgorithm> algorithm = algorithm_of(upload);
  std::vector<PartChecksum> parts;
  for (const CompletePart& one : wanted) {
    TRY(part, load_part(rows, lsn, static_cast<std::uint16_t>(one.number)));
    if (!part || part->etag != one.etag)
      return s3_fail(S3Code::kInvalidPart).with("PartNumber", cat(one.number));
    TRY_DO(check_part(upload, one, *part));
    PartChecksum piece;
    piece.length = part->size;
    if (algorithm) {
      const std::optional<Checksum> own = wire_checksum(part->checksum);
      if (!own || own->algorithm != *algorithm)
        return s3_fail(S3Code::kInvalidPart).with("PartNumber", cat(one.number));
      piece.raw = own->raw;
    } else {
      append_be<std::uint64_t>(piece.raw, part->crc64);
    }
    parts.push_back(std::move(piece));
  }
  CompletedWhole whole;
  whole.etag = listed_etag(wanted);
  if (!algorithm) whole.checksum = combined_checksum(ChecksumAlgorithm::kCrc64nvme, parts);
  else if (upload.checksum.type == "COMPOSITE")
    whole.checksum = composite_checksum(*algorithm, parts);
  else whole.checksum = combined_checksum(*algorithm, parts);
  return whole;
}

// An upload that was created without an algorithm ignores what Complete says of checksums.
S3Result<Unit> check_whole(const CompleteArguments& arguments, const UploadRecord& upload,
                           const Checksum& actual) {
  if (!algorithm_of(upload)) return Unit{};
  if (arguments.checksum_type && *arguments.checksum_type != actual.type)
    return s3_fail(S3Code::kInvalidRequest,
                   cat("The upload was created using the ", checksum_type_name(actual.type),
                       " checksum mode. The complete request must use the same checksum mode."));
  if (!arguments.checksum) return Unit{};
  if (arguments.checksum->algorithm != actual.algorithm)
    return mismatch(actual.algorithm, arguments.checksum->algorithm);
  if (arguments.checksum->raw != actual.raw)
    return s3_fail(S3Code::kBadDigest,
                   cat("The ", to_lower(algorithm_name(actual.algorithm)),
                       " you specified did not match the calculated checksum."));
  return Unit{};
}

}  // namespace

Task<S3Result<std::string>> ObjectService::create_upload(Ctx& ctx, UploadArguments arguments) {
  CO_DO(blobs_.admit(0));
  CO_TRY(bucket, find_bucket(arguments.bucket));
  CO_TRY(wish, resolve(bucket, arguments.encryption));
  CO_TRY(sealing, make_sealing(wish));
  CreateUpload op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.owner = std::move(arguments.owner);
  op.time_ms = now_ms();
  op.random = platform_.random.u64();
  op.headers = std::move(arguments.headers);
  op.attributes = std::move(arguments.attributes);
  op.attributes.encryption = sealing.text();
  if (arguments.checksum.algorithm) {
    op.checksum.algorithm = algorithm_name(*arguments.checksum.algorithm);
    op.checksum.type = checksum_type_name(arguments.checksum.type);
  }
  std::string meta = encode_op(op);
  Subject subject{arguments.bucket, arguments.key};
  CO_TRY(answer, co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return answer.upload_id;
}

S3Result<UploadRecord> ObjectService::find_upload(std::string_view bucket, std::string_view key,
                                                  std::string_view upload_id) const {
  TRY(owner, find_bucket(bucket));
  TRY(upload, load_upload(log_.rows(), owner.id, key, upload_id));
  if (!upload || upload->completed)
    return s3_fail(S3Code::kNoSuchUpload).with("UploadId", std::string(upload_id));
  return std::move(*upload);
}

Task<S3Result<WriteOutcome>> ObjectService::put_part(Ctx& ctx, PartArguments arguments,
                                                     UploadBody& body, BodyPromise promise) {
  CO_TRY(upload, find_upload(arguments.bucket, arguments.key, arguments.upload_id));
  const std::optional<ChecksumAlgorithm> wanted = algorithm_of(upload);
  if (wanted && promise.checks.algorithm && *promise.checks.algorithm != *wanted)
    co_return mismatch(*wanted, *promise.checks.algorithm);
  const CustomerKey* customer = arguments.customer ? &*arguments.customer : nullptr;
  CO_TRY(sealing, part_sealing(upload, arguments.number, customer));
  CO_TRY(received, co_await receive_body(ctx, blobs_, body, promise, wanted,
                                         log_.inline_bytes_max(), kPutBytesMax, sealing.piece()));
  PutPart op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.upload_id = arguments.upload_id;
  op.number = arguments.number;
  op.time_ms = now_ms();
  op.size = received.size;
  op.etag = sealing.etag(received.md5);
  op.crc64 = received.crc64;
  op.checksum = stored_checksum(received.checksum);
  op.body = received.source;
  WriteOutcome outcome;
  outcome.checksum = received.checksum;
  outcome.checksum_given = received.checksum_given || wanted.has_value();
  outcome.size = received.size;
  outcome.encryption = told(upload.attributes.encryption, customer);
  std::string meta = encode_op(op);
  Subject subject{arguments.bucket, arguments.key};
  CO_TRY(answer,
         co_await submit_body(ctx, std::move(meta), std::move(received), std::move(subject)));
  outcome.etag = answer.etag;
  outcome.mtime_ms = answer.mtime_ms;
  co_return std::move(outcome);
}

Task<S3Result<WriteOutcome>> ObjectService::complete_upload(Ctx& ctx, CompleteArguments arguments) {
  CO_TRY(bucket, find_bucket(arguments.bucket));
  CO_TRY(upload, load_upload(log_.rows(), bucket.id, arguments.key, arguments.upload_id));
  if (!upload) co_return s3_fail(S3Code::kNoSuchUpload).with("UploadId", arguments.upload_id);
  CompleteUpload op;
  op.bucket = arguments.bucket;
  op.key = arguments.key;
  op.upload_id = arguments.upload_id;
  op.time_ms = now_ms();
  op.conditions = arguments.conditions;
  op.object_size = arguments.object_size;
  for (const CompletePart& part : arguments.parts)
    op.parts.push_back({static_cast<std::uint16_t>(part.number), part.etag, {}});
  const CustomerKey* customer = arguments.customer ? &*arguments.customer : nullptr;
  if (upload->completed) {
    op.etag = listed_etag(arguments.parts);  // The model answers again if it is the same list.
  } else {
    CO_DO(part_sealing(*upload, 1, customer));  // SSE-C wants the same key here too.
    const std::uint64_t lsn = *upload_lsn(arguments.upload_id);
    CO_TRY(whole, combine(log_.rows(), *upload, lsn, arguments.parts));
    CO_DO(check_whole(arguments, *upload, whole.checksum));
    op.etag = whole.etag;
    op.checksum = stored_checksum(whole.checksum);
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
  outcome.encryption = told(upload->attributes.encryption, customer);
  co_return std::move(outcome);
}

Task<S3Result<Unit>> ObjectService::abort_upload(Ctx& ctx, std::string bucket, std::string key,
                                                 std::string upload_id) {
  AbortUpload op;
  op.bucket = bucket;
  op.key = key;
  op.upload_id = std::move(upload_id);
  std::string meta = encode_op(op);
  Subject subject{bucket, key};
  CO_DO(co_await submit(ctx, std::move(meta), Bytes(), std::move(subject)));
  co_return Unit{};
}

}  // namespace creel::s3
