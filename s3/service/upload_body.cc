#include "s3/service/upload_body.h"

#include <algorithm>

#include "platform/base/text.h"
#include "s3/service/sealed_body.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kPieceBytes = 64 * KiB;

ChecksumSet::Wanted wanted_digests(const BodyPromise& promise,
                                   std::optional<ChecksumAlgorithm> also) {
  ChecksumSet::Wanted wanted;
  wanted.payload_sha256 = promise.payload_sha256.has_value();
  wanted.add(ChecksumAlgorithm::kCrc64nvme);  // Kept for every object (s3.md §4).
  if (promise.checks.algorithm) wanted.add(*promise.checks.algorithm);
  if (also) wanted.add(*also);
  return wanted;
}

// Where the bytes go: memory first, a blob once they are too many. Sealed on the way if asked.
class Landing {
 public:
  Landing(Blobs& blobs, std::size_t inline_bytes_max, std::optional<std::uint64_t> length,
          const PieceSeal* seal)
      : blobs_(blobs), inline_bytes_max_(inline_bytes_max), length_(length) {
    if (seal != nullptr) sealer_.emplace(seal->data_key, seal->number, seal->salt);
    if (length_ && sealer_) length_ = sealed_bytes(*length_);
    if (length_ && *length_ <= inline_bytes_max)
      payload_.reserve(static_cast<std::size_t>(*length_));
  }
  Task<Result<Unit>> add(Ctx& ctx, ByteView piece) {
    if (!sealer_) co_return co_await land(ctx, piece);
    sealer_->add(piece, sealed_);
    co_return co_await land_sealed(ctx);
  }
  Task<Result<Unit>> finish(Ctx& ctx, ReceivedBody& received) {
    if (sealer_) {
      sealer_->finish(sealed_);
      CO_DO(co_await land_sealed(ctx));
    }
    if (!writer_) {
      received.source.kind =
          payload_.empty() ? BodySource::Kind::kEmpty : BodySource::Kind::kPayload;
      received.payload = std::move(payload_);
      co_return Unit{};
    }
    CO_TRY(blob, co_await writer_->seal(ctx));
    received.source.kind = BodySource::Kind::kBlob;
    received.source.manifest = blob.manifest;
    received.blob = std::move(blob);
    co_return Unit{};
  }

 private:
  Task<Result<Unit>> land_sealed(Ctx& ctx) {
    if (sealed_.empty()) co_return Unit{};
    Result<Unit> landed = co_await land(ctx, sealed_);
    sealed_.clear();
    co_return std::move(landed);
  }
  Task<Result<Unit>> land(Ctx& ctx, ByteView piece) {
    const bool fits = payload_.size() + piece.size() <= inline_bytes_max_;
    if (!writer_ && fits && length_.value_or(0) <= inline_bytes_max_) {
      append(payload_, piece);
      co_return Unit{};
    }
    if (!writer_) {
      BlobHint hint;
      hint.size = length_;
      CO_TRY(writer, co_await blobs_.start(ctx, hint));
      writer_ = std::move(writer);
      if (!payload_.empty()) CO_DO(co_await writer_->write(ctx, payload_));
      payload_ = {};
    }
    co_return co_await writer_->write(ctx, piece);
  }

  Blobs& blobs_;
  std::size_t inline_bytes_max_;
  std::optional<std::uint64_t> length_;  // As it is stored.
  Bytes payload_;
  std::unique_ptr<BlobWriter> writer_;
  std::optional<PieceSealer> sealer_;
  Bytes sealed_;  // On its way: at most two frames.
};

S3Result<Unit> judge(const BodyPromise& promise, const UploadBody& body, const Digests& digests,
                     std::uint64_t size) {
  if (promise.length && *promise.length != size)
    return s3_fail(S3Code::kIncompleteBody,
                   cat("The body has ", size, " bytes, ", *promise.length, " were announced."));
  TRY(trailer, body.trailer_checksum(promise.checks));
  TRY_DO(check_digests(promise.checks, trailer, digests));
  if (promise.payload_sha256 && digests.payload_sha256 != promise.payload_sha256)
    return s3_fail(S3Code::kXAmzContentSha256Mismatch)
        .with("ClientComputedContentSHA256", hex_encode(*promise.payload_sha256))
        .with("S3ComputedContentSHA256", hex_encode(*digests.payload_sha256));
  return Unit{};
}

}  // namespace

Task<S3Result<ReceivedBody>> receive_body(Ctx& ctx, Blobs& blobs, UploadBody& body,
                                          const BodyPromise& promise,
                                          std::optional<ChecksumAlgorithm> also,
                                          std::size_t inline_bytes_max, std::uint64_t bytes_max,
                                          const PieceSeal* seal) {
  if (promise.length.value_or(0) > bytes_max)
    co_return s3_fail(S3Code::kEntityTooLarge).with("MaxSizeAllowed", cat(bytes_max));
  CO_DO(blobs.admit(promise.length.value_or(0)));
  ChecksumSet digest(wanted_digests(promise, also));
  Landing landing(blobs, inline_bytes_max, promise.length, seal);
  const std::size_t piece_bytes = static_cast<std::size_t>(
      std::clamp<std::uint64_t>(promise.length.value_or(kPieceBytes), 1, kPieceBytes));
  Bytes buffer(piece_bytes);
  for (;;) {
    CO_TRY(got, co_await body.read(ctx, buffer));
    if (got == 0) break;
    const ByteView piece = ByteView(buffer).first(got);
    digest.update(piece);
    if (digest.bytes() > bytes_max)
      co_return s3_fail(S3Code::kEntityTooLarge).with("MaxSizeAllowed", cat(bytes_max));
    CO_DO(co_await landing.add(ctx, piece));
  }
  ReceivedBody received;
  received.size = digest.bytes();
  const Digests digests = digest.finish();
  CO_DO(judge(promise, body, digests, received.size));
  CO_DO(co_await landing.finish(ctx, received));
  received.md5 = *digests.md5;
  received.checksum_given = promise.checks.algorithm.has_value();
  const ChecksumAlgorithm algorithm =
      also.value_or(promise.checks.algorithm.value_or(ChecksumAlgorithm::kCrc64nvme));
  received.checksum = digests.checksum(algorithm);
  const Bytes& raw = *digests.values[static_cast<std::size_t>(ChecksumAlgorithm::kCrc64nvme)];
  for (const std::uint8_t byte : raw) received.crc64 = received.crc64 << 8 | byte;
  co_return std::move(received);
}

StoredChecksum stored_checksum(const Checksum& checksum) {
  return {std::string(algorithm_name(checksum.algorithm)),
          std::string(checksum_type_name(checksum.type)), checksum.text()};
}

std::optional<Checksum> wire_checksum(const StoredChecksum& stored) {
  const std::optional<ChecksumAlgorithm> algorithm = algorithm_of_name(stored.algorithm);
  if (!algorithm || stored.value.empty()) return std::nullopt;
  std::optional<Checksum> checksum = parse_checksum(*algorithm, stored.value);
  if (checksum && stored.type == "COMPOSITE") checksum->type = ChecksumType::kComposite;
  if (checksum && stored.type == "FULL_OBJECT") checksum->type = ChecksumType::kFullObject;
  return checksum;
}

}  // namespace creel::s3
