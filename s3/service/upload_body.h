#pragma once
#include <memory>
#include <optional>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "s3/model/ops.h"
#include "s3/service/blobs.h"
#include "s3/wire/checksum.h"
#include "s3/wire/error.h"
#include "s3/wire/sigv4.h"

namespace creel::s3 {

// A body on its way in, all framing taken off. Pulled by the service; implemented in routes/ and by
// copies. One read under way at a time.
class UploadBody {
 public:
  virtual ~UploadBody() = default;
  // At least 1 byte, or 0 at the end, when frames and signatures of the body held. Errors: those of
  // aws-chunked, IncompleteBody, RequestTimeout.
  virtual Task<S3Result<std::size_t>> read(Ctx& ctx, MutableBytes into) = 0;
  // After the end: the checksum that came behind the body, if one was announced.
  virtual S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks& checks) const = 0;
};

struct PieceSeal;  // sealed_body.h

// What the request promised of its body.
struct BodyPromise {
  std::optional<std::uint64_t> length;  // Of the decoded bytes.
  BodyChecks checks;
  std::optional<Sha256Digest> payload_sha256;  // From x-amz-content-sha256.
};

// A received body: durable (or in memory, to ride inside its operation) and as promised.
struct ReceivedBody {
  BodySource source;
  Bytes payload;  // For kPayload.
  std::optional<SealedBlob> blob;  // For kBlob: abandon it if no operation is submitted.
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;
  Md5Digest md5{};
  Checksum checksum;  // The client's algorithm, else CRC64NVME.
  bool checksum_given = false;
};

// Reads the whole body in one pass for all digests, in pieces of 64 KiB. Bodies of at most
// `inline_bytes_max` stay in memory; longer ones go to `blobs` as they come. Errors: what the body
// says; BadDigest, XAmzContentSHA256Mismatch, IncompleteBody (another length than promised);
// EntityTooLarge past `bytes_max`; those of blobs. With `seal` what is kept is sealed; size and
// digests are always those of the plain bytes.
Task<S3Result<ReceivedBody>> receive_body(Ctx& ctx, Blobs& blobs, UploadBody& body,
                                          const BodyPromise& promise,
                                          std::optional<ChecksumAlgorithm> also,
                                          std::size_t inline_bytes_max, std::uint64_t bytes_max,
                                          const PieceSeal* seal = nullptr);

StoredChecksum stored_checksum(const Checksum& checksum);
std::optional<Checksum> wire_checksum(const StoredChecksum& stored);

}  // namespace creel::s3
