// Goal: a body is kept only if it is what its request promised, wherever it lands.
#include <gtest/gtest.h>

#include "platform/cpu/hash.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::MemoryS3;
using test::TextBody;

Checksum checksum_of(ChecksumAlgorithm algorithm, std::string_view text) {
  ChecksumSet::Wanted wanted;
  wanted.add(algorithm);
  ChecksumSet set(wanted);
  set.update(as_bytes(text));
  return set.finish().checksum(algorithm);
}

struct ReceiveBody : testing::Test {
  S3Result<ReceivedBody> receive(TextBody& body, BodyPromise promise,
                                 std::optional<ChecksumAlgorithm> also = {},
                                 std::uint64_t bytes_max = kPutBytesMax) {
    return s3.run(
        [&](Ctx& ctx) { return receive_body(ctx, s3.blobs, body, promise, also, 100, bytes_max); });
  }
  S3Result<ReceivedBody> receive(std::string text, BodyPromise promise) {
    TextBody body(std::move(text));
    return receive(body, std::move(promise));
  }
  MemoryS3 s3;
};

TEST_F(ReceiveBody, SmallBodiesRideInTheirOperation) {
  const S3Result<ReceivedBody> got = receive("hello", {});
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value().source.kind, BodySource::Kind::kPayload);
  EXPECT_EQ(as_text(got.value().payload), "hello");
  EXPECT_EQ(got.value().size, 5u);
  EXPECT_EQ(got.value().crc64, crc64_nvme(as_bytes("hello")));
  EXPECT_EQ(got.value().checksum.algorithm, ChecksumAlgorithm::kCrc64nvme);
  EXPECT_FALSE(got.value().checksum_given);
  EXPECT_TRUE(s3.blobs.blobs.empty());
}

TEST_F(ReceiveBody, NoBytesAreNoBody) {
  const S3Result<ReceivedBody> got = receive("", {});
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value().source.kind, BodySource::Kind::kEmpty);
}

// Whatever the pieces and whether the length is known: the same bytes, in one place.
TEST_F(ReceiveBody, EveryBodyArrivesWhole) {
  for (const Seed seed : seeds(50)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string text = random.binary(random.skewed_below(200'000));
    TextBody body(text, 1 + random.skewed_below(70'000));
    BodyPromise promise;
    if (random.chance(0.5)) promise.length = text.size();
    const S3Result<ReceivedBody> got = receive(body, promise);
    ASSERT_TRUE(got.ok());
    const bool small = text.size() <= 100;
    ASSERT_EQ(got.value().blob.has_value(), !small);
    const Bytes& kept = small ? got.value().payload : s3.blobs.blobs[got.value().blob->manifest];
    EXPECT_TRUE(as_text(kept) == text);
    EXPECT_EQ(got.value().md5, Md5::of(as_bytes(text)));
    EXPECT_EQ(got.value().crc64, crc64_nvme(as_bytes(text)));
  }
}

TEST_F(ReceiveBody, AnotherLengthThanPromisedIsIncomplete) {
  for (const std::uint64_t length : {4, 6, 200}) {
    BodyPromise promise;
    promise.length = length;
    const S3Result<ReceivedBody> got = receive("hello", promise);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, S3Code::kIncompleteBody);
  }
}

TEST_F(ReceiveBody, EveryAlgorithmIsCompared) {
  for (std::size_t i = 0; i < kChecksumAlgorithms; ++i) {
    const auto algorithm = static_cast<ChecksumAlgorithm>(i);
    BodyPromise promise;
    promise.checks.algorithm = algorithm;
    promise.checks.expected = checksum_of(algorithm, "hello");
    const S3Result<ReceivedBody> right = receive("hello", promise);
    ASSERT_TRUE(right.ok());
    EXPECT_TRUE(right.value().checksum_given);
    EXPECT_EQ(right.value().checksum, *promise.checks.expected);
    const S3Result<ReceivedBody> wrong = receive("other", promise);
    ASSERT_FALSE(wrong.ok());
    EXPECT_EQ(wrong.error().code, S3Code::kBadDigest);
  }
}

TEST_F(ReceiveBody, AChecksumBehindTheBodyCountsAsOneBefore) {
  BodyPromise promise;
  promise.checks.algorithm = ChecksumAlgorithm::kSha256;
  promise.checks.in_trailer = true;
  TextBody right("hello");
  right.trailer = checksum_of(ChecksumAlgorithm::kSha256, "hello");
  EXPECT_TRUE(receive(right, promise).ok());
  TextBody wrong("hello");
  wrong.trailer = checksum_of(ChecksumAlgorithm::kSha256, "other");
  const S3Result<ReceivedBody> got = receive(wrong, promise);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, S3Code::kBadDigest);
}

TEST_F(ReceiveBody, TheSignedHashAndTheMd5AreCompared) {
  BodyPromise promise;
  promise.payload_sha256 = Sha256::of(as_bytes("hello"));
  promise.checks.content_md5 = Md5::of(as_bytes("hello"));
  EXPECT_TRUE(receive("hello", promise).ok());
  promise.checks.content_md5 = std::nullopt;
  const S3Result<ReceivedBody> hash = receive("other", promise);
  ASSERT_FALSE(hash.ok());
  EXPECT_EQ(hash.error().code, S3Code::kXAmzContentSha256Mismatch);
  promise.payload_sha256 = std::nullopt;
  promise.checks.content_md5 = Md5::of(as_bytes("hello"));
  const S3Result<ReceivedBody> md5 = receive("other", promise);
  ASSERT_FALSE(md5.ok());
  EXPECT_EQ(md5.error().code, S3Code::kBadDigest);
}

TEST_F(ReceiveBody, APartsChecksumIsComputedIfTheClientLeftItOut) {
  TextBody body("hello");
  const S3Result<ReceivedBody> got = receive(body, {}, ChecksumAlgorithm::kSha1);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got.value().checksum, checksum_of(ChecksumAlgorithm::kSha1, "hello"));
  EXPECT_FALSE(got.value().checksum_given);
}

TEST_F(ReceiveBody, TooMuchIsRefusedBeforeAndWhileItComes) {
  for (const bool announced : {true, false}) {
    TextBody body(std::string(2'000, 'x'));
    BodyPromise promise;
    if (announced) promise.length = 2'000;
    const S3Result<ReceivedBody> got = receive(body, promise, {}, 1'999);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, S3Code::kEntityTooLarge);
    EXPECT_TRUE(s3.blobs.blobs.empty());
  }
}

TEST_F(ReceiveBody, ABodyThatBreaksIsNotSealed) {
  TextBody body(std::string(50'000, 'x'), 1'000);
  body.error = s3_fail(S3Code::kSignatureDoesNotMatch);
  const S3Result<ReceivedBody> got = receive(body, {});
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, S3Code::kSignatureDoesNotMatch);
  EXPECT_TRUE(s3.blobs.blobs.empty());
}

TEST_F(ReceiveBody, FullDrivesRefuseWhatIsNew) {
  s3.blobs.room = 10;
  BodyPromise promise;
  promise.length = 11;
  const S3Result<ReceivedBody> got = receive("hello world", promise);
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, S3Code::kInsufficientStorage);
}

}  // namespace
}  // namespace creel::s3
