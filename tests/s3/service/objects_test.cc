// Goal: puts, gets, copies and failures in between, over the real state machine.
#include <gtest/gtest.h>

#include "platform/cpu/hash.h"
#include "tests/s3/model/audit.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::Audit;
using test::MemoryS3;
using test::TextBody;

std::string text_of(const S3Result<std::string>& got) {
  return got.ok() ? got.value() : std::string(name_of(got.error().code));
}

struct Objects : testing::Test {
  Objects() { EXPECT_TRUE(s3.make_bucket("bucket").ok()); }
  MemoryS3 s3;
};

TEST_F(Objects, AnObjectReadWhileItIsReplacedStaysTheOldOne) {
  const std::string old_text(300'000, 'o');
  ASSERT_TRUE(s3.put("bucket", "a", old_text).ok());
  const S3Result<OpenedObject> opened = s3.service.open("bucket", "a");
  ASSERT_TRUE(opened.ok());
  const auto reader = s3.service.read(opened.value(), 0, opened.value().record.size);
  ASSERT_TRUE(reader.ok());
  std::string got;
  Bytes buffer(64 * KiB);
  for (int piece = 0;; ++piece) {
    if (piece == 1) {
      ASSERT_TRUE(s3.put("bucket", "a", std::string(300'000, 'n')).ok());
    }
    if (piece == 2) {
      ASSERT_TRUE(s3.erase("bucket", "a").ok());
    }
    const Result<std::size_t> count =
        s3.run([&](Ctx& ctx) { return reader.value()->read(ctx, buffer); });
    ASSERT_TRUE(count.ok());
    if (count.value() == 0) break;
    got += as_text(ByteView(buffer).first(count.value()));
  }
  EXPECT_TRUE(got == old_text);
}

TEST_F(Objects, CopiesShareTheirBytes) {
  ASSERT_TRUE(s3.put("bucket", "small", "hello").ok());
  ASSERT_TRUE(s3.put("bucket", "large", std::string(5'000, 'x')).ok());
  const std::size_t blobs = s3.blobs.blobs.size();
  for (const std::string source : {"small", "large"})
    for (const std::string target : {"1", "2", "3"})
      ASSERT_TRUE(s3.copy(source, source + target).ok());
  EXPECT_EQ(s3.blobs.blobs.size(), blobs) << "nothing was written again";
  EXPECT_EQ(s3.blobs.reads, 0u) << "nor read";
  Audit(s3.log, false);
  ASSERT_TRUE(s3.erase("bucket", "small").ok());
  ASSERT_TRUE(s3.put("bucket", "large", "new").ok());
  EXPECT_EQ(text_of(s3.get("bucket", "small2")), "hello");
  EXPECT_EQ(text_of(s3.get("bucket", "large3")), std::string(5'000, 'x'));
  Audit(s3.log, false);
}

TEST_F(Objects, ACopyOfALostRaceIsAPreconditionFailed) {
  ASSERT_TRUE(s3.put("bucket", "a", "old").ok());
  CopyObject op;
  op.bucket = op.source_bucket = "bucket";
  op.source_key = "a";
  op.key = "b";
  op.source_etag = "of before";
  EXPECT_EQ(s3.log.apply(encode_op(op)).refusal, Refusal::kPreconditionFailed);
}

TEST_F(Objects, ARefusedPutAbandonsItsBlob) {
  ASSERT_TRUE(s3.put("bucket", "a", "x").ok());
  const auto refused = s3.put("bucket", "a", std::string(5'000, 'y'), {}, {.if_none_match = "*"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, S3Code::kPreconditionFailed);
  EXPECT_EQ(s3.blobs.abandoned, 1u);
}

// The operation may be in the log after all: then its row names the blob.
TEST_F(Objects, AnUnknownOutcomeKeepsTheBlob) {
  s3.log.fail_next = fail(ErrorCode::kUnknown, "the flush failed");
  const auto unknown = s3.put("bucket", "a", std::string(5'000, 'y'));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().status(), 500);
  EXPECT_EQ(s3.blobs.abandoned, 0u);
}

TEST_F(Objects, ABucketDeletedDuringAPutIsMissed) {
  struct Deleter final : UploadBody {
    explicit Deleter(MemoryS3& of) : s3(of) {}
    Task<S3Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
      if (done) co_return std::size_t{0};
      done = true;
      std::string name = "bucket";
      CO_DO(co_await s3.service.delete_bucket(ctx, std::move(name)));
      into[0] = 'x';
      co_return std::size_t{1};
    }
    S3Result<std::optional<Checksum>> trailer_checksum(const BodyChecks&) const override {
      return std::optional<Checksum>();
    }
    MemoryS3& s3;
    bool done = false;
  };
  Deleter body(s3);
  const auto put = s3.run([&](Ctx& ctx) {
    return s3.service.put_object(ctx, PutArguments{"bucket", "a", {}, {}}, body, BodyPromise());
  });
  ASSERT_FALSE(put.ok());
  EXPECT_EQ(put.error().code, S3Code::kNoSuchBucket);
}

TEST_F(Objects, LongHeadersAndManifestsComeBackWhole) {
  std::vector<Header> headers;
  for (int i = 0; i < 8; ++i) headers.emplace_back(cat("x-amz-meta-", i), std::string(250, 'v'));
  ASSERT_TRUE(s3.put("bucket", "a", "x", headers).ok());
  ASSERT_TRUE(s3.copy("a", "b").ok());
  EXPECT_EQ(s3.service.open("bucket", "b").value().record.headers, headers);
  ASSERT_TRUE(s3.erase("bucket", "a").ok());
  EXPECT_EQ(s3.service.open("bucket", "b").value().record.headers, headers);
  Audit(s3.log, false);
}

// Objects of one or several blobs, read in any range.
TEST(ObjectsProperty, AnyRangeIsThatRange) {
  for (const Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryS3 s3({.part_bytes_min = 1}, 64);
    ASSERT_TRUE(s3.make_bucket("bucket").ok());
    std::string whole;
    std::string key = "a";
    if (random.chance(0.5)) {
      whole = random.binary(random.skewed_below(500));
      ASSERT_TRUE(s3.put("bucket", key, whole).ok());
    } else {
      const std::string id = s3.upload("bucket", key).take();
      CompleteArguments complete;
      complete.bucket = "bucket";
      complete.key = key;
      complete.upload_id = id;
      const unsigned parts = random.between(1u, 6u);
      for (unsigned number = 1; number <= parts; ++number) {
        const std::string text = random.binary((number < parts ? 1 : 0) + random.skewed_below(150));
        const auto put = s3.part("bucket", key, id, static_cast<std::uint16_t>(number), text);
        ASSERT_TRUE(put.ok());
        complete.parts.push_back({number, put.value().etag, {}});
        whole += text;
      }
      const auto done = s3.complete(complete);
      ASSERT_TRUE(done.ok()) << done.error().message;
      EXPECT_EQ(done.value().checksum->raw.size(), 8u);
      EXPECT_EQ(s3.service.open("bucket", key).value().record.crc64, crc64_nvme(as_bytes(whole)));
    }
    if (random.chance(0.5)) {
      const auto copied = s3.copy("a", "b");
      ASSERT_TRUE(copied.ok()) << copied.error().message;
      EXPECT_EQ(copied.value().etag, hex_encode(Md5::of(as_bytes(whole))));
      ASSERT_TRUE(s3.erase("bucket", "a").ok());
      key = "b";
    }
    for (int i = 0; i < 20; ++i) {
      const std::uint64_t offset = random.skewed_below(whole.size() + 1);
      const std::uint64_t length = random.skewed_below(whole.size() - offset + 1);
      const auto got = s3.get("bucket", key, offset, length);
      ASSERT_TRUE(got.ok());
      ASSERT_TRUE(got.value() == whole.substr(offset, length));
    }
    Audit(s3.log, false);
  }
}

}  // namespace
}  // namespace creel::s3
