#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/cpu/hash.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"

namespace creel::s3 {

enum class ChecksumAlgorithm : unsigned char { kCrc32, kCrc32c, kCrc64nvme, kSha1, kSha256 };
inline constexpr std::size_t kChecksumAlgorithms = 5;
enum class ChecksumType : unsigned char { kFullObject, kComposite };

std::string_view algorithm_name(ChecksumAlgorithm algorithm);    // "CRC64NVME"
std::string_view algorithm_header(ChecksumAlgorithm algorithm);  // "x-amz-checksum-crc64nvme"
std::string_view algorithm_element(ChecksumAlgorithm algorithm); // "ChecksumCRC64NVME"
std::size_t algorithm_bytes(ChecksumAlgorithm algorithm);        // 4, 8, 20 or 32
std::string_view checksum_type_name(ChecksumType type);          // "FULL_OBJECT", "COMPOSITE"
std::optional<ChecksumAlgorithm> algorithm_of_name(std::string_view name);      // Any case.
std::optional<ChecksumAlgorithm> algorithm_of_header(std::string_view header);  // Any case.

// One checksum. `raw` has algorithm_bytes(), CRCs big-endian; `parts` is the N of a composite one.
struct Checksum {
  ChecksumAlgorithm algorithm = ChecksumAlgorithm::kCrc64nvme;
  ChecksumType type = ChecksumType::kFullObject;
  std::uint32_t parts = 0;
  Bytes raw;

  std::string text() const;  // Base64, "-N" behind a composite one.
  bool operator==(const Checksum&) const = default;
};
// Reads base64 of the right length, with "-N" (1…10000) for a composite one; nullopt if it is not.
std::optional<Checksum> parse_checksum(ChecksumAlgorithm algorithm, std::string_view text);

using Md5Digest = std::array<std::uint8_t, 16>;

// What a request says about the integrity of its body.
struct BodyChecks {
  std::optional<Md5Digest> content_md5;
  std::optional<ChecksumAlgorithm> algorithm;  // Of a header, or announced for the trailer.
  std::optional<Checksum> expected;            // From a header; a trailer's value comes later.
  bool in_trailer = false;
  bool has_any() const { return content_md5 || algorithm; }
};
// Reads Content-MD5, x-amz-checksum-*, x-amz-trailer, x-amz-sdk-checksum-algorithm.
// Errors: InvalidDigest; InvalidRequest (several, undecodable, unsupported, announced but not
// sent).
S3Result<BodyChecks> parse_body_checks(Headers headers);
// The names in x-amz-trailer, lower case. Errors: InvalidRequest for one that is not a supported
// x-amz-checksum-*.
S3Result<std::vector<std::string>> parse_trailer_names(Headers headers);
// The 27 operations that demand a digest. Errors: InvalidRequest.
S3Result<Unit> require_body_check(const BodyChecks& checks);
// The value of a trailer announced by `checks`. Errors: InvalidRequest if it cannot be decoded.
S3Result<Checksum> parse_trailer_checksum(const BodyChecks& checks,
                                          const std::vector<NameValue>& trailers);

// The pair of x-amz-checksum-algorithm and x-amz-checksum-type of CreateMultipartUpload or a copy.
struct ChecksumChoice {
  std::optional<ChecksumAlgorithm> algorithm;
  ChecksumType type = ChecksumType::kFullObject;  // The algorithm's default if none was said.
};
// Errors: InvalidRequest (unknown algorithm, unknown type, type alone, a pair that does not go).
S3Result<ChecksumChoice> parse_checksum_choice(Headers headers);
ChecksumType default_type(ChecksumAlgorithm algorithm);

struct Digests {
  std::array<std::optional<Bytes>, kChecksumAlgorithms> values;  // By algorithm.
  std::optional<Md5Digest> md5;
  std::optional<std::array<std::uint8_t, 32>> payload_sha256;
  // The full-object checksum; it must have been asked for.
  Checksum checksum(ChecksumAlgorithm algorithm) const;
};

// Several digests in one pass over the bytes, in blocks that stay in the first-level cache.
class ChecksumSet {
 public:
  struct Wanted {
    bool md5 = true;              // The ETag.
    bool payload_sha256 = false;  // x-amz-content-sha256; shares its work with SHA256.
    std::array<bool, kChecksumAlgorithms> algorithms{};
    void add(ChecksumAlgorithm algorithm) {
      algorithms[static_cast<std::size_t>(algorithm)] = true;
    }
  };
  explicit ChecksumSet(const Wanted& wanted);
  void update(ByteView bytes);
  // Ends the calculation; the set is used up.
  Digests finish();
  std::uint64_t bytes() const { return bytes_; }

 private:
  bool wants(ChecksumAlgorithm algorithm) const {
    return wanted_.algorithms[static_cast<std::size_t>(algorithm)];
  }
  void update_block(ByteView block);

  Wanted wanted_;
  std::uint64_t bytes_ = 0;
  Md5 md5_;
  Sha1 sha1_;
  Sha256 sha256_;
  std::uint32_t crc32_ = 0, crc32c_ = 0;
  std::uint64_t crc64_ = 0;
};

// Compares what the body was with what the request said. `trailer` is parse_trailer_checksum()'s.
// Errors: BadDigest.
S3Result<Unit> check_digests(const BodyChecks& checks, const std::optional<Checksum>& trailer,
                             const Digests& digests);

// A part as CombineChecksums sees it.
struct PartChecksum {
  Bytes raw;
  std::uint64_t length = 0;
};
// algorithm(concatenated raw digests), "-N".
Checksum composite_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts);
// The CRC of the concatenated parts, without their bytes. Only for the three CRCs.
Checksum combined_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts);

}  // namespace creel::s3
