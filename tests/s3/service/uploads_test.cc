// Goal: multipart uploads from their parts to the object: order, races, checksums, many parts.
#include <gtest/gtest.h>

#include "platform/cpu/hash.h"
#include "tests/s3/model/audit.h"
#include "tests/support/memory_s3.h"

namespace creel::s3 {
namespace {

using test::Audit;
using test::MemoryS3;

struct Uploads : testing::Test {
  Uploads() { EXPECT_TRUE(s3.make_bucket("bucket").ok()); }
  // Begins an upload whose Complete is then filled by add().
  CompleteArguments begin(std::string key, ChecksumChoice choice = {}) {
    CompleteArguments complete;
    complete.bucket = "bucket";
    complete.key = key;
    complete.upload_id = s3.upload("bucket", key, choice).take();
    return complete;
  }
  std::optional<Checksum> add(CompleteArguments& to, std::uint16_t number, std::string text) {
    const auto part = s3.part("bucket", to.key, to.upload_id, number, std::move(text));
    EXPECT_TRUE(part.ok());
    if (!part.ok()) return std::nullopt;
    to.parts.push_back({number, part.value().etag, {}});
    return part.value().checksum;
  }
  MemoryS3 s3{{.part_bytes_min = 1}};
};

TEST_F(Uploads, TenThousandPartsBecomeOneObject) {
  CompleteArguments complete = begin("big");
  std::string whole;
  for (unsigned number = 1; number <= 10'000; ++number) {
    std::string text = cat(number, ',');
    whole += text;
    add(complete, static_cast<std::uint16_t>(number), std::move(text));
  }
  const auto done = s3.complete(complete);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(done.value().etag.ends_with("-10000"));
  EXPECT_EQ(done.value().size, whole.size());
  const auto got = s3.get("bucket", "big");
  ASSERT_TRUE(got.ok());
  EXPECT_TRUE(got.value() == whole);
  EXPECT_EQ(s3.get("bucket", "big", 30'000, 11).value(), whole.substr(30'000, 11));
  ASSERT_TRUE(s3.copy("big", "copy").ok());
  ASSERT_TRUE(s3.erase("bucket", "big").ok());
  ASSERT_TRUE(s3.erase("bucket", "copy").ok());
  EXPECT_EQ(s3.log.rows_in(store::Table::kBlob), 0u);
  EXPECT_EQ(s3.log.rows_in(store::Table::kManifest), 0u);
}

TEST_F(Uploads, PartsListInPages) {
  CompleteArguments complete = begin("a");
  for (const std::uint16_t number : {1, 2, 5, 9'999, 10'000}) add(complete, number, "x");
  const auto page = [&](std::uint32_t after, std::size_t count) {
    const auto listed = s3.service.list_parts("bucket", "a", complete.upload_id, after, count);
    std::string out;
    for (const ListedPart& part : listed.value().parts) out += cat(part.number, ' ');
    return out + (listed.value().truncated ? "…" : "");
  };
  EXPECT_EQ(page(0, 2), "1 2 …");
  EXPECT_EQ(page(2, 2), "5 9999 …");
  EXPECT_EQ(page(9'999, 2), "10000 ");
  EXPECT_EQ(page(10'000, 2), "");
  EXPECT_EQ(page(70'000, 2), "");
  EXPECT_EQ(page(0, 0), "");
}

TEST_F(Uploads, APartReplacedWhileCompleteIsUnderWayIsNoticed) {
  CompleteArguments complete = begin("a");
  add(complete, 1, "old");
  s3.log.before_next = [&] {
    EXPECT_TRUE(s3.part("bucket", "a", complete.upload_id, 1, "new").ok());
  };
  const auto lost = s3.complete(complete);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, S3Code::kInvalidPart);
  EXPECT_FALSE(s3.service.open("bucket", "a").ok());
  Audit(s3.log, false);
}

TEST_F(Uploads, TwoCompletesAtOnceAnswerTheSame) {
  CompleteArguments complete = begin("a");
  add(complete, 1, "text");
  std::optional<S3Result<WriteOutcome>> inner;
  s3.log.before_next = [&] { inner = s3.complete(complete); };
  const auto outer = s3.complete(complete);
  ASSERT_TRUE(outer.ok() && inner && inner->ok());
  EXPECT_EQ(outer.value().etag, inner->value().etag);
  EXPECT_EQ(outer.value().size, 4u);
  Audit(s3.log, false);
}

TEST_F(Uploads, ARepeatedCompleteIsASuccessEvenAfterAnOverwrite) {
  CompleteArguments complete = begin("a");
  add(complete, 1, "one");
  const std::string etag = s3.complete(complete).value().etag;
  ASSERT_TRUE(s3.put("bucket", "a", "newer").ok());
  const auto again = s3.complete(complete);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value().etag, etag);
  EXPECT_EQ(s3.get("bucket", "a").value(), "newer") << "and it changes nothing";
  complete.parts[0].etag = std::string(32, '0');
  const auto other = s3.complete(complete);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, S3Code::kNoSuchUpload) << "another list is no repetition";
}

TEST_F(Uploads, AFinishedUploadIsForgottenAfterADay) {
  CompleteArguments complete = begin(std::string(1024, 'k'));
  add(complete, 1, "one");
  ASSERT_TRUE(s3.complete(complete).ok());
  EXPECT_EQ(s3.log.rows_in(store::Table::kUpload), 1u);
  CompleteUpload late;
  CompleteArguments other = begin("b");
  add(other, 1, "two");
  late.bucket = "bucket";
  late.key = "b";
  late.upload_id = other.upload_id;
  late.etag = "e-1";
  late.parts = {{1, other.parts[0].etag, {}}};
  late.time_ms = s3.doors.loop.wall().ms() + 25 * 3'600'000;
  ASSERT_EQ(s3.log.apply(encode_op(late)).refusal, Refusal::kNone);
  EXPECT_EQ(s3.log.rows_in(store::Table::kUpload), 1u) << "the first one's row is gone";
  EXPECT_EQ(s3.log.rows_in(store::Table::kConf), 1u);
  const auto gone = s3.complete(complete);
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, S3Code::kNoSuchUpload);
}

TEST_F(Uploads, EmptyPartsAreParts) {
  CompleteArguments complete = begin("a");
  add(complete, 3, "");
  ASSERT_TRUE(s3.complete(complete).ok());
  EXPECT_EQ(s3.get("bucket", "a").value(), "");
  ASSERT_TRUE(s3.copy("a", "b").ok());
  ASSERT_TRUE(s3.erase("bucket", "a").ok());
  Audit(s3.log, false);
}

// The vectors of AWS's documentation: three parts of 5 MiB.
TEST_F(Uploads, ChecksumsOfTheWholeAreThoseOfAws) {
  struct Case {
    std::optional<ChecksumAlgorithm> algorithm;
    ChecksumType type;
    std::string text;
  };
  const Case cases[] = {
      {std::nullopt, ChecksumType::kFullObject, "i+6LR0y3eFo="},
      {ChecksumAlgorithm::kCrc32, ChecksumType::kFullObject, "WgDhBQ=="},
      {ChecksumAlgorithm::kCrc32, ChecksumType::kComposite, "Z+ry2Q==-3"},
      {ChecksumAlgorithm::kSha256, ChecksumType::kComposite,
       "uWBwpe1dxI4Vw8Gf0X9ynOdw/SS6VBzfWm9giiv1sf4=-3"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.text);
    CompleteArguments complete = begin("a", {one.algorithm, one.type});
    for (const char letter : {'A', 'B', 'C'}) {
      const auto checksum =
          add(complete, static_cast<std::uint16_t>(letter - 'A' + 1), std::string(5 * MiB, letter));
      if (one.algorithm) complete.parts.back().checksum = checksum;
    }
    if (one.algorithm) {
      complete.checksum = parse_checksum(*one.algorithm, one.text);
      ASSERT_TRUE(complete.checksum);
    }
    const auto done = s3.complete(complete);
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_TRUE(done.value().checksum);
    EXPECT_EQ(done.value().checksum->text(), one.text);
    EXPECT_EQ(done.value().checksum->type, one.type);
    EXPECT_EQ(done.value().etag, "b2add96cc9702bbf4efb0ccdfc6b7747-3");
  }
}

TEST_F(Uploads, AWrongChecksumOfTheWholeIsRefused) {
  CompleteArguments complete = begin("a", {ChecksumAlgorithm::kCrc32c, ChecksumType::kFullObject});
  add(complete, 1, "one");
  complete.checksum = parse_checksum(ChecksumAlgorithm::kCrc32c, "AAAAAA==");
  const auto wrong = s3.complete(complete);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().code, S3Code::kBadDigest);
  EXPECT_EQ(wrong.error().message,
            "The crc32c you specified did not match the calculated checksum.");
  complete.checksum = parse_checksum(ChecksumAlgorithm::kCrc32, "AAAAAA==");
  const auto other = s3.complete(complete);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, S3Code::kInvalidRequest);
}

TEST_F(Uploads, WithoutAnAlgorithmCompleteIgnoresChecksums) {
  CompleteArguments complete = begin("a");
  add(complete, 1, "one");
  complete.checksum = parse_checksum(ChecksumAlgorithm::kCrc32, "AAAAAA==");
  complete.checksum_type = ChecksumType::kComposite;
  EXPECT_TRUE(s3.complete(complete).ok());
}

}  // namespace
}  // namespace creel::s3
