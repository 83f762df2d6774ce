#include "s3/wire/checksum.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::s3 {
namespace {

constexpr std::size_t kBlockBytes = 16 * 1024;
constexpr std::uint64_t kPartsMax = 10'000;
constexpr std::string_view kPrefix = "x-amz-checksum-";

struct Row {
  std::string_view name, header, element;
  std::size_t bytes;
};
constexpr std::array<Row, kChecksumAlgorithms> kRows{{
    {"CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", 4},
    {"CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", 4},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", 8},
    {"SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", 20},
    {"SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", 32},
}};

const Row& row_of(ChecksumAlgorithm algorithm) {
  return kRows[static_cast<std::size_t>(algorithm)];
}

std::string lower_name(ChecksumAlgorithm algorithm) { return to_lower(algorithm_name(algorithm)); }

// x-amz-checksum-* headers that carry no value of the body.
bool is_checksum_setting(std::string_view lower_header) {
  return lower_header == "x-amz-checksum-algorithm" || lower_header == "x-amz-checksum-type" ||
         lower_header == "x-amz-checksum-mode";
}

S3Error bad_request(std::string message) {
  return s3_fail(S3Code::kInvalidRequest, std::move(message));
}
S3Error unsupported_algorithm() {
  return bad_request(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
      "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]");
}
S3Error several_checksums() {
  return bad_request(
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
}

template <class Array>
Bytes bytes_of(const Array& digest) {
  return Bytes(digest.begin(), digest.end());
}

Bytes big_endian32(std::uint32_t value) {
  Bytes out;
  append_be(out, value);
  return out;
}
Bytes big_endian64(std::uint64_t value) {
  Bytes out;
  append_be(out, value);
  return out;
}

S3Result<Unit> read_content_md5(Headers headers, BodyChecks& out) {
  const auto text = headers.find("content-md5");
  if (!text) return Unit{};
  const std::optional<Bytes> raw = base64_decode(*text);
  if (!raw || raw->size() != sizeof(Md5Digest))
    return s3_fail(S3Code::kInvalidDigest).with("Content-MD5", std::string(*text));
  out.content_md5.emplace();
  std::copy(raw->begin(), raw->end(), out.content_md5->begin());
  return Unit{};
}

S3Result<Unit> read_checksum_header(Headers headers, BodyChecks& out) {
  for (const HeaderField& field : headers) {
    const std::string name = to_lower(field.name);
    if (!name.starts_with(kPrefix) || is_checksum_setting(name)) continue;
    if (out.algorithm) return several_checksums();
    out.algorithm = algorithm_of_header(name);
    if (!out.algorithm) return unsupported_algorithm();
    out.expected = parse_checksum(*out.algorithm, trim(field.value));
    if (!out.expected) return bad_request(cat("Value for ", name, " header is invalid."));
  }
  return Unit{};
}

S3Result<Unit> read_trailer_name(Headers headers, BodyChecks& out) {
  TRY(names, parse_trailer_names(headers));
  for (const std::string& name : names) {
    if (out.algorithm) return several_checksums();
    out.algorithm = algorithm_of_header(name);
    out.in_trailer = true;
  }
  return Unit{};
}

S3Result<Unit> check_sdk_algorithm(Headers headers, const BodyChecks& checks) {
  const auto named = headers.find("x-amz-sdk-checksum-algorithm");
  if (!named || named->empty()) return Unit{};
  const std::optional<ChecksumAlgorithm> algorithm = algorithm_of_name(*named);
  if (!algorithm) return unsupported_algorithm();
  if (!checks.algorithm)
    return bad_request(
        "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
        "x-amz-trailer headers were found.");
  if (*algorithm != *checks.algorithm)
    return bad_request("Value for x-amz-sdk-checksum-algorithm header is invalid.");
  return Unit{};
}

std::uint64_t big_endian(ByteView raw) {
  std::uint64_t value = 0;
  for (std::uint8_t byte : raw) value = value << 8 | byte;
  return value;
}

// The CRC of A and B in a row from those of A and B.
std::uint64_t crc_combine(ChecksumAlgorithm algorithm, std::uint64_t a, std::uint64_t b,
                          std::uint64_t b_bytes) {
  switch (algorithm) {
    case ChecksumAlgorithm::kCrc32:
      return crc32_combine(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), b_bytes);
    case ChecksumAlgorithm::kCrc32c:
      return crc32c_combine(static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), b_bytes);
    case ChecksumAlgorithm::kCrc64nvme: return crc64_nvme_combine(a, b, b_bytes);
    case ChecksumAlgorithm::kSha1:
    case ChecksumAlgorithm::kSha256: break;
  }
  check(false);  // A hash cannot be combined.
  return 0;
}

}  // namespace

std::string_view algorithm_name(ChecksumAlgorithm algorithm) { return row_of(algorithm).name; }
std::string_view algorithm_header(ChecksumAlgorithm algorithm) { return row_of(algorithm).header; }
std::string_view algorithm_element(ChecksumAlgorithm algorithm) {
  return row_of(algorithm).element;
}
std::size_t algorithm_bytes(ChecksumAlgorithm algorithm) { return row_of(algorithm).bytes; }

std::string_view checksum_type_name(ChecksumType type) {
  return type == ChecksumType::kComposite ? "COMPOSITE" : "FULL_OBJECT";
}

std::optional<ChecksumAlgorithm> algorithm_of_name(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (equal_ignore_case(kRows[i].name, name)) return static_cast<ChecksumAlgorithm>(i);
  return std::nullopt;
}

std::optional<ChecksumAlgorithm> algorithm_of_header(std::string_view header) {
  for (std::size_t i = 0; i < kRows.size(); ++i)
    if (equal_ignore_case(kRows[i].header, header)) return static_cast<ChecksumAlgorithm>(i);
  return std::nullopt;
}

std::string Checksum::text() const {
  std::string out = base64_encode(raw);
  if (type == ChecksumType::kComposite) out.append(cat("-", parts));
  return out;
}

std::optional<Checksum> parse_checksum(ChecksumAlgorithm algorithm, std::string_view text) {
  Checksum sum{.algorithm = algorithm};
  const std::size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const std::optional<std::uint64_t> parts = parse_u64(text.substr(dash + 1));
    if (!parts || *parts == 0 || *parts > kPartsMax) return std::nullopt;
    sum.type = ChecksumType::kComposite;
    sum.parts = static_cast<std::uint32_t>(*parts);
    text = text.substr(0, dash);
  }
  std::optional<Bytes> raw = base64_decode(text);
  if (!raw || raw->size() != algorithm_bytes(algorithm)) return std::nullopt;
  sum.raw = std::move(*raw);
  return sum;
}

S3Result<BodyChecks> parse_body_checks(Headers headers) {
  BodyChecks checks;
  TRY_DO(read_content_md5(headers, checks));
  TRY_DO(read_checksum_header(headers, checks));
  TRY_DO(read_trailer_name(headers, checks));
  TRY_DO(check_sdk_algorithm(headers, checks));
  return checks;
}

S3Result<std::vector<std::string>> parse_trailer_names(Headers headers) {
  std::vector<std::string> names;
  const std::optional<std::string> all = headers.joined("x-amz-trailer");
  if (!all) return names;
  std::string_view rest = *all;
  for (;;) {
    const std::size_t end = rest.find(',');
    std::string name = to_lower(trim(rest.substr(0, end)));
    if (!name.empty()) {
      if (!algorithm_of_header(name))
        return bad_request("The value specified in the x-amz-trailer header is not supported");
      names.push_back(std::move(name));
    }
    if (end == std::string_view::npos) return names;
    rest.remove_prefix(end + 1);
  }
}

S3Result<Unit> require_body_check(const BodyChecks& checks) {
  if (checks.has_any()) return Unit{};
  return bad_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

S3Result<Checksum> parse_trailer_checksum(const BodyChecks& checks,
                                          const std::vector<NameValue>& trailers) {
  check(checks.in_trailer && checks.algorithm);
  const std::string_view header = algorithm_header(*checks.algorithm);
  for (const NameValue& trailer : trailers) {
    if (trailer.first != header) continue;
    std::optional<Checksum> sum = parse_checksum(*checks.algorithm, trailer.second);
    if (!sum || sum->type == ChecksumType::kComposite)
      return bad_request(cat("Value for ", header, " trailing header is invalid."));
    return std::move(*sum);
  }
  return s3_fail(S3Code::kMalformedTrailer);
}

ChecksumType default_type(ChecksumAlgorithm algorithm) {
  return algorithm == ChecksumAlgorithm::kCrc64nvme ? ChecksumType::kFullObject
                                                    : ChecksumType::kComposite;
}

S3Result<ChecksumChoice> parse_checksum_choice(Headers headers) {
  ChecksumChoice choice;
  const auto name = headers.find("x-amz-checksum-algorithm");
  const auto type = headers.find("x-amz-checksum-type");
  if (name && !name->empty()) {
    choice.algorithm = algorithm_of_name(*name);
    if (!choice.algorithm) return unsupported_algorithm();
    choice.type = default_type(*choice.algorithm);
  }
  if (!type || type->empty()) return choice;
  if (equal_ignore_case(*type, "COMPOSITE")) choice.type = ChecksumType::kComposite;
  else if (equal_ignore_case(*type, "FULL_OBJECT")) choice.type = ChecksumType::kFullObject;
  else return bad_request("Value for x-amz-checksum-type header is invalid.");
  if (!choice.algorithm)
    return bad_request(
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm "
        "header.");
  const bool is_sha = *choice.algorithm == ChecksumAlgorithm::kSha1 ||
                      *choice.algorithm == ChecksumAlgorithm::kSha256;
  const bool is_crc64 = *choice.algorithm == ChecksumAlgorithm::kCrc64nvme;
  if ((is_sha && choice.type == ChecksumType::kFullObject) ||
      (is_crc64 && choice.type == ChecksumType::kComposite))
    return bad_request(cat("The ", checksum_type_name(choice.type),
                           " checksum type cannot be used with the ", lower_name(*choice.algorithm),
                           " checksum algorithm."));
  return choice;
}

Checksum Digests::checksum(ChecksumAlgorithm algorithm) const {
  const std::optional<Bytes>& raw = values[static_cast<std::size_t>(algorithm)];
  check(raw.has_value());
  return {.algorithm = algorithm, .raw = *raw};
}

ChecksumSet::ChecksumSet(const Wanted& wanted) : wanted_(wanted) {}

void ChecksumSet::update(ByteView bytes) {
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ByteView block = bytes.first(std::min(kBlockBytes, bytes.size()));
    update_block(block);
    bytes = bytes.subspan(block.size());
  }
}

void ChecksumSet::update_block(ByteView block) {
  if (wanted_.md5) md5_.update(block);
  if (wanted_.payload_sha256 || wants(ChecksumAlgorithm::kSha256)) sha256_.update(block);
  if (wants(ChecksumAlgorithm::kSha1)) sha1_.update(block);
  if (wants(ChecksumAlgorithm::kCrc32)) crc32_ = crc32(block, crc32_);
  if (wants(ChecksumAlgorithm::kCrc32c)) crc32c_ = crc32c(block, crc32c_);
  if (wants(ChecksumAlgorithm::kCrc64nvme)) crc64_ = crc64_nvme(block, crc64_);
}

Digests ChecksumSet::finish() {
  Digests out;
  const auto set = [&](ChecksumAlgorithm algorithm, Bytes raw) {
    out.values[static_cast<std::size_t>(algorithm)] = std::move(raw);
  };
  if (wanted_.md5) out.md5 = md5_.finish();
  if (wanted_.payload_sha256 || wants(ChecksumAlgorithm::kSha256)) {
    const auto digest = sha256_.finish();
    if (wanted_.payload_sha256) out.payload_sha256 = digest;
    if (wants(ChecksumAlgorithm::kSha256)) set(ChecksumAlgorithm::kSha256, bytes_of(digest));
  }
  if (wants(ChecksumAlgorithm::kSha1)) set(ChecksumAlgorithm::kSha1, bytes_of(sha1_.finish()));
  if (wants(ChecksumAlgorithm::kCrc32)) set(ChecksumAlgorithm::kCrc32, big_endian32(crc32_));
  if (wants(ChecksumAlgorithm::kCrc32c)) set(ChecksumAlgorithm::kCrc32c, big_endian32(crc32c_));
  if (wants(ChecksumAlgorithm::kCrc64nvme))
    set(ChecksumAlgorithm::kCrc64nvme, big_endian64(crc64_));
  return out;
}

S3Result<Unit> check_digests(const BodyChecks& checks, const std::optional<Checksum>& trailer,
                             const Digests& digests) {
  if (checks.content_md5) {
    check(digests.md5.has_value());
    if (*checks.content_md5 != *digests.md5)
      return s3_fail(S3Code::kBadDigest)
          .with("CalculatedDigest", base64_encode(*digests.md5))
          .with("ExpectedDigest", base64_encode(*checks.content_md5));
  }
  const std::optional<Checksum>& expected = checks.in_trailer ? trailer : checks.expected;
  check(!checks.in_trailer || trailer.has_value());
  if (!expected) return Unit{};
  const Checksum actual = digests.checksum(expected->algorithm);
  if (expected->type == ChecksumType::kFullObject && expected->raw == actual.raw) return Unit{};
  return s3_fail(S3Code::kBadDigest, cat("The ", algorithm_name(expected->algorithm),
                                         " you specified did not match the calculated checksum."));
}

Checksum composite_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  ChecksumSet::Wanted wanted{.md5 = false};
  wanted.add(algorithm);
  ChecksumSet set(wanted);
  for (const PartChecksum& part : parts) {
    check(part.raw.size() == algorithm_bytes(algorithm));
    set.update(part.raw);
  }
  Checksum sum = set.finish().checksum(algorithm);
  sum.type = ChecksumType::kComposite;
  sum.parts = static_cast<std::uint32_t>(parts.size());
  return sum;
}

Checksum combined_checksum(ChecksumAlgorithm algorithm, std::span<const PartChecksum> parts) {
  std::uint64_t sum = 0;  // The CRC of nothing.
  for (const PartChecksum& part : parts) {
    check(part.raw.size() == algorithm_bytes(algorithm));
    sum = crc_combine(algorithm, sum, big_endian(part.raw), part.length);
  }
  return {.algorithm = algorithm,
          .raw = algorithm == ChecksumAlgorithm::kCrc64nvme
                     ? big_endian64(sum)
                     : big_endian32(static_cast<std::uint32_t>(sum))};
}

}  // namespace creel::s3
