#include "s3/wire/checksum.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/s3/wire/sigv4_support.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using namespace creel::s3::test;
using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using Fields = std::vector<HeaderField>;

constexpr ChecksumAlgorithm kAll[] = {ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c,
                                      ChecksumAlgorithm::kCrc64nvme, ChecksumAlgorithm::kSha1,
                                      ChecksumAlgorithm::kSha256};

Digests digest(ByteView bytes) {
  ChecksumSet::Wanted wanted{.md5 = true, .payload_sha256 = true};
  for (ChecksumAlgorithm algorithm : kAll) wanted.add(algorithm);
  ChecksumSet set(wanted);
  set.update(bytes);
  return set.finish();
}

struct ThreeParts {
  std::vector<PartChecksum> parts;
  Bytes whole;
};
// 5 MiB each of A, B and C.
ThreeParts three_parts(ChecksumAlgorithm algorithm) {
  ThreeParts out;
  for (std::uint8_t letter : {'A', 'B', 'C'}) {
    const Bytes part(5 * MiB, letter);
    out.parts.push_back({digest(part).checksum(algorithm).raw, part.size()});
    append(out.whole, part);
  }
  return out;
}

TEST(ChecksumVectors, OfTheDigitsOneToNine) {
  const Digests digests = digest(as_bytes("123456789"));
  const auto hex = [&](ChecksumAlgorithm algorithm) {
    return hex_encode(digests.checksum(algorithm).raw);
  };
  EXPECT_EQ(hex(ChecksumAlgorithm::kCrc32), "cbf43926");
  EXPECT_EQ(hex(ChecksumAlgorithm::kCrc32c), "e3069283");
  EXPECT_EQ(hex(ChecksumAlgorithm::kCrc64nvme), "ae8b14860a799888");
  EXPECT_EQ(hex(ChecksumAlgorithm::kSha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  EXPECT_EQ(hex(ChecksumAlgorithm::kSha256),
            "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  EXPECT_EQ(hex_encode(*digests.md5), "25f9e794323b453885f5181f1b624d0b");
  EXPECT_EQ(hex_encode(*digests.payload_sha256), hex(ChecksumAlgorithm::kSha256));
}

TEST(ChecksumVectors, Crc64OfThreePartsAndTheirWhole) {
  const auto algorithm = ChecksumAlgorithm::kCrc64nvme;
  const ThreeParts three = three_parts(algorithm);
  EXPECT_EQ(base64_encode(three.parts[0].raw), "L/E4WYn8v98=");
  EXPECT_EQ(base64_encode(three.parts[1].raw), "xW1l19VobYM=");
  EXPECT_EQ(base64_encode(three.parts[2].raw), "cK5MnNaWrW4=");
  EXPECT_EQ(combined_checksum(algorithm, three.parts).text(), "i+6LR0y3eFo=");
  EXPECT_EQ(digest(three.whole).checksum(algorithm).text(), "i+6LR0y3eFo=");
}

TEST(ChecksumVectors, Crc32CombinedAndComposite) {
  const ThreeParts three = three_parts(ChecksumAlgorithm::kCrc32);
  EXPECT_EQ(combined_checksum(ChecksumAlgorithm::kCrc32, three.parts).text(), "WgDhBQ==");
  EXPECT_EQ(composite_checksum(ChecksumAlgorithm::kCrc32, three.parts).text(), "Z+ry2Q==-3");
}

TEST(ChecksumVectors, Sha256Composite) {
  EXPECT_EQ(
      composite_checksum(ChecksumAlgorithm::kSha256, three_parts(ChecksumAlgorithm::kSha256).parts)
          .text(),
      "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3");
}

TEST(ChecksumProperty, CombiningPartsIsTheChecksumOfTheWholeForAnyCut) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes whole = random.bytes(static_cast<std::size_t>(random.skewed_below(50'000)));
    for (ChecksumAlgorithm algorithm :
         {ChecksumAlgorithm::kCrc32, ChecksumAlgorithm::kCrc32c, ChecksumAlgorithm::kCrc64nvme}) {
      std::vector<PartChecksum> parts;
      ByteView rest = whole;
      do {
        const auto size = static_cast<std::size_t>(random.below(rest.size() + 1));
        parts.push_back({digest(rest.first(size)).checksum(algorithm).raw, size});
        rest = rest.subspan(size);
      } while (!rest.empty());
      EXPECT_EQ(combined_checksum(algorithm, parts), digest(whole).checksum(algorithm));
    }
  }
}

TEST(ChecksumProperty, TheSetDoesNotCareHowBytesArrive) {
  for (Seed seed : seeds(50)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes whole = random.bytes(static_cast<std::size_t>(random.skewed_below(100'000)));
    ChecksumSet::Wanted wanted{.md5 = true, .payload_sha256 = true};
    for (ChecksumAlgorithm algorithm : kAll) wanted.add(algorithm);
    ChecksumSet set(wanted);
    for (ByteView rest = whole; !rest.empty();) {
      const auto size = static_cast<std::size_t>(random.below(rest.size() + 1));
      set.update(rest.first(size));
      rest = rest.subspan(size);
    }
    EXPECT_EQ(set.bytes(), whole.size());
    const Digests pieces = set.finish(), once = digest(whole);
    EXPECT_EQ(pieces.md5, once.md5);
    EXPECT_EQ(pieces.values, once.values);
  }
}

TEST(Checksum, TextComesBack) {
  for (ChecksumAlgorithm algorithm : kAll) {
    const Checksum plain = digest(as_bytes("x")).checksum(algorithm);
    EXPECT_EQ(parse_checksum(algorithm, plain.text()), plain);
    Checksum composite = plain;
    composite.type = ChecksumType::kComposite;
    composite.parts = 17;
    EXPECT_EQ(parse_checksum(algorithm, composite.text()), composite);
    EXPECT_EQ(algorithm_of_header(algorithm_header(algorithm)), algorithm);
    EXPECT_EQ(algorithm_of_name(to_lower(algorithm_name(algorithm))), algorithm);
  }
  for (const char* bad : {"", "AAAA", "AAAAAA=", "AAAAAA==-", "AAAAAA==-0", "AAAAAA==-x",
                          "AAAAAA==-10001", "AAAAA*=="})
    EXPECT_EQ(parse_checksum(ChecksumAlgorithm::kCrc32, bad), std::nullopt) << bad;
}

std::string refusal(const Fields& fields) {
  const S3Result<BodyChecks> checks = parse_body_checks(Headers(fields));
  return checks.ok() ? "ok" : cat(name_of(checks.error().code), ": ", checks.error().message);
}

TEST(BodyChecks, FaultsOfTheHeaders) {
  EXPECT_EQ(refusal({{"Content-MD5", ""}}),
            "InvalidDigest: The Content-Md5 you specified is not valid.");
  EXPECT_EQ(refusal({{"Content-MD5", "AAAA"}}),
            "InvalidDigest: The Content-Md5 you specified is not valid.");
  EXPECT_EQ(
      refusal({{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-checksum-sha1", "x"}}),
      "InvalidRequest: Expecting a single x-amz-checksum- header. Multiple checksum Types are "
      "not allowed.");
  EXPECT_EQ(
      refusal({{"x-amz-checksum-crc32", "AAAAAA=="}, {"x-amz-trailer", "x-amz-checksum-crc32"}}),
      "InvalidRequest: Expecting a single x-amz-checksum- header. Multiple checksum Types are "
      "not allowed.");
  EXPECT_EQ(refusal({{"X-Amz-Checksum-CRC32", "?"}}),
            "InvalidRequest: Value for x-amz-checksum-crc32 header is invalid.");
  EXPECT_TRUE(refusal({{"x-amz-checksum-sha512", "AAAA"}})
                  .starts_with("InvalidRequest: Checksum algorithm provided is unsupported. "));
  EXPECT_TRUE(refusal({{"x-amz-sdk-checksum-algorithm", "XXHASH3"}})
                  .starts_with("InvalidRequest: Checksum algorithm provided is unsupported. "));
  EXPECT_EQ(refusal({{"x-amz-sdk-checksum-algorithm", "CRC32"}}),
            "InvalidRequest: x-amz-sdk-checksum-algorithm specified, but no corresponding "
            "x-amz-checksum-* or x-amz-trailer headers were found.");
  EXPECT_EQ(refusal({{"x-amz-trailer", "x-amz-meta-a"}}),
            "InvalidRequest: The value specified in the x-amz-trailer header is not supported");
  EXPECT_EQ(refusal({{"x-amz-checksum-algorithm", "CRC32"}, {"x-amz-checksum-mode", "ENABLED"}}),
            "ok");
}

TEST(BodyChecks, SomeOperationsDemandOne) {
  EXPECT_EQ(require_body_check({}).error().message,
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
  const Fields md5{{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}};
  EXPECT_TRUE(require_body_check(parse_body_checks(Headers(md5)).value()).ok());
  const Fields trailer{{"x-amz-trailer", "x-amz-checksum-crc32"}};
  EXPECT_TRUE(require_body_check(parse_body_checks(Headers(trailer)).value()).ok());
}

TEST(BodyChecks, WhatArrivedIsComparedWithWhatWasSaid) {
  const Digests digests = digest(as_bytes("bar"));
  const auto verdict = [&](const Fields& fields) {
    return check_digests(parse_body_checks(Headers(fields)).value(), {}, digests);
  };
  EXPECT_TRUE(verdict({{"Content-MD5", "N7UdGUp1E+RbVvZSTy1R8g=="}}).ok());
  EXPECT_TRUE(verdict({{"x-amz-checksum-crc32", "dv+Mqg=="}}).ok());
  const S3Result<Unit> md5 = verdict({{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}});
  ASSERT_FALSE(md5.ok());
  EXPECT_EQ(md5.error().code, S3Code::kBadDigest);
  EXPECT_EQ(extra_of(md5.error(), "CalculatedDigest"), "N7UdGUp1E+RbVvZSTy1R8g==");
  EXPECT_EQ(extra_of(md5.error(), "ExpectedDigest"), "1B2M2Y8AsgTpgAmY7PhCfg==");
  EXPECT_EQ(verdict({{"x-amz-checksum-crc32", "AAAAAA=="}}).error().message,
            "The CRC32 you specified did not match the calculated checksum.");
  EXPECT_EQ(verdict({{"x-amz-checksum-crc32", "dv+Mqg==-1"}}).error().code, S3Code::kBadDigest);
}

TEST(BodyChecks, ATrailersValueComesAfterTheBody) {
  const Fields fields{{"x-amz-trailer", "x-amz-checksum-crc32"},
                      {"x-amz-sdk-checksum-algorithm", "CRC32"}};
  const BodyChecks checks = parse_body_checks(Headers(fields)).value();
  EXPECT_TRUE(checks.in_trailer);
  const Digests digests = digest(as_bytes("bar"));
  const auto with = [&](std::string value) {
    return parse_trailer_checksum(checks, {{"x-amz-checksum-crc32", std::move(value)}});
  };
  EXPECT_TRUE(check_digests(checks, with("dv+Mqg==").value(), digests).ok());
  EXPECT_EQ(check_digests(checks, with("AAAAAA==").value(), digests).error().code,
            S3Code::kBadDigest);
  EXPECT_EQ(with("x").error().message,
            "Value for x-amz-checksum-crc32 trailing header is invalid.");
  EXPECT_EQ(parse_trailer_checksum(checks, {}).error().code, S3Code::kMalformedTrailer);
}

TEST(ChecksumChoice, DefaultsAndPairs) {
  const auto choose = [](std::string_view algorithm, std::string_view type) {
    Fields fields;
    if (!algorithm.empty()) fields.push_back({"x-amz-checksum-algorithm", algorithm});
    if (!type.empty()) fields.push_back({"x-amz-checksum-type", type});
    return parse_checksum_choice(Headers(fields));
  };
  EXPECT_EQ(choose("", "").value().algorithm, std::nullopt);
  EXPECT_EQ(choose("crc32", "").value().type, ChecksumType::kComposite);
  EXPECT_EQ(choose("CRC32C", "FULL_OBJECT").value().type, ChecksumType::kFullObject);
  EXPECT_EQ(choose("CRC64NVME", "").value().type, ChecksumType::kFullObject);
  EXPECT_EQ(choose("CRC64NVME", "COMPOSITE").error().message,
            "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.");
  EXPECT_EQ(choose("SHA1", "FULL_OBJECT").error().message,
            "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.");
  EXPECT_EQ(choose("", "COMPOSITE").error().code, S3Code::kInvalidRequest);
  EXPECT_EQ(choose("CRC32", "SOME").error().code, S3Code::kInvalidRequest);
  EXPECT_EQ(choose("MD5", "").error().code, S3Code::kInvalidRequest);
}

}  // namespace
}  // namespace creel::s3
