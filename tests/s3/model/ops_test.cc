// Goal: every field of every operation survives the log; damaged ones are refused or read as
// something, never as undefined behaviour.
#include "s3/model/ops.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

// All fields of each operation, for filling and comparing.
template <class C>
auto checksum_fields(C& c) {
  return std::tie(c.algorithm, c.type, c.value);
}
template <class X, class... More>
auto with(X&& fields, More&... more) {
  return std::tuple_cat(std::forward<X>(fields), std::tie(more...));
}
auto fields(CreateBucket& x) {
  return std::tie(x.name, x.owner, x.region, x.time_ms, x.object_lock, x.documents);
}
auto fields(DeleteBucket& x) { return std::tie(x.name); }
auto fields(PutObject& x) {
  return with(checksum_fields(x.checksum), x.bucket, x.key, x.time_ms, x.size, x.etag, x.crc64,
              x.headers, x.conditions.if_match, x.conditions.if_none_match, x.body.kind,
              x.body.manifest, x.body.offset, x.origin.site, x.origin.lsn, x.attributes);
}
auto fields(DeleteObject& x) {
  return std::tie(x.bucket, x.key, x.time_ms, x.conditions.if_match, x.conditions.if_none_match,
                  x.origin.site, x.origin.lsn, x.version_id, x.bypass_governance, x.expected_lsn);
}
auto fields(CopyObject& x) {
  return with(checksum_fields(x.checksum), x.bucket, x.key, x.source_bucket, x.source_key,
              x.source_etag, x.etag, x.time_ms, x.replace_headers, x.headers, x.conditions.if_match,
              x.conditions.if_none_match, x.source_version, x.attributes, x.replace_tags);
}
auto fields(CreateUpload& x) {
  return with(checksum_fields(x.checksum), x.bucket, x.key, x.owner, x.time_ms, x.random, x.headers,
              x.attributes);
}
auto fields(PutPart& x) {
  return with(checksum_fields(x.checksum), x.bucket, x.key, x.upload_id, x.number, x.time_ms,
              x.size, x.etag, x.crc64, x.body.kind, x.body.manifest, x.body.offset);
}
auto fields(CompletedPart& x) { return std::tie(x.number, x.etag, x.checksum); }
auto fields(CompleteUpload& x) {
  return with(checksum_fields(x.checksum), x.bucket, x.key, x.upload_id, x.time_ms, x.parts,
              x.conditions.if_match, x.conditions.if_none_match, x.object_size, x.etag);
}
auto fields(AbortUpload& x) { return std::tie(x.bucket, x.key, x.upload_id); }
auto fields(SetFilter& x) { return std::tie(x.bucket, x.document, x.time_ms); }
auto fields(SetQuota& x) { return std::tie(x.bucket, x.time_ms, x.bytes, x.objects); }
auto fields(SetBucketDocument& x) { return std::tie(x.bucket, x.kind, x.document, x.time_ms); }
auto fields(SetObjectAttribute& x) {
  return std::tie(x.bucket, x.key, x.version_id, x.kind, x.attributes, x.bypass_governance,
                  x.time_ms);
}
auto fields(SetObjectLock& x) { return std::tie(x.bucket, x.lock, x.time_ms); }
auto fields(SetLifecycleMark& x) {
  return std::tie(x.mark.bucket, x.mark.table, x.mark.after, x.mark.time_ms);
}
auto fields(SetIdentity& x) {
  return std::tie(x.name, x.document, x.time_ms, x.conditions.if_match, x.conditions.if_none_match);
}
auto fields(SetVersioning& x) { return std::tie(x.bucket, x.time_ms, x.versioning); }
auto fields(ReplIn& x) {
  return std::tie(x.stream, x.from, x.to.low, x.to.digest, x.effects, x.pack.manifest, x.pack.size,
                  x.pack.crc64, x.finished_transfer);
}
auto fields(ReplPart& x) {
  return std::tie(x.stream, x.lsn, x.offset, x.crc64, x.part.manifest, x.part.size, x.part.crc64);
}
auto fields(ReplCursor& x) { return std::tie(x.stream, x.position.low, x.position.digest); }
auto fields(ReplPark& x) {
  return std::tie(x.stream, x.lsn, x.bucket, x.key, x.reason, x.detail, x.remove, x.time_ms);
}
auto fields(Healed& x) {
  return std::tie(x.blob.lsn, x.blob.sub, x.bucket, x.key, x.old_manifest, x.new_manifest);
}
auto fields(Reaped& x) { return std::tie(x.dead_keys); }

// Any value of a field; empty and zero are likely, and texts longer than one TLV piece happen.
void fill(TestRandom& random, std::string& value) {
  value = random.binary(random.chance(0.01) ? 65'534 + random.below(4) : random.skewed_below(40));
}
void fill(TestRandom& random, bool& value) { value = random.chance(0.5); }
template <class Number>
  requires std::is_integral_v<Number>
void fill(TestRandom& random, Number& value) {
  value = static_cast<Number>(random.next() >> random.below(65) % 64);
}
void fill(TestRandom& random, Versioning& value) {
  value = static_cast<Versioning>(random.below(3));
}
void fill(TestRandom& random, BucketDocument& value) {
  value = static_cast<BucketDocument>(1 + random.below(11));
}
void fill(TestRandom& random, AttributeKind& value) {
  value = static_cast<AttributeKind>(1 + random.below(4));
}
void fill(TestRandom& random, ObjectAttributes& value) {
  value.owner = random.binary(random.below(30));
  value.tags = random.binary(random.below(300));
  value.acl = random.binary(random.below(30));
  value.encryption = random.binary(random.below(30));
  value.retention.mode = static_cast<RetentionMode>(random.below(3));
  value.retention.until_ms = static_cast<std::int64_t>(random.below(1'000'000));
  value.legal_hold = static_cast<LegalHold>(random.below(3));
}
void fill(TestRandom& random, BucketLock& value) {
  value.enabled = random.chance(0.5);
  value.mode = static_cast<RetentionMode>(random.below(3));
  value.days = static_cast<std::uint32_t>(random.below(1'000));
  value.years = static_cast<std::uint32_t>(random.below(100));
}
void fill(TestRandom& random, BodySource::Kind& value) {
  value = static_cast<BodySource::Kind>(random.below(5));
}
void fill(TestRandom& random, std::vector<Header>& value) {
  for (std::size_t i = random.below(4); i > 0; --i) {
    std::string name = random.binary(random.below(30));
    value.emplace_back(std::move(name), random.binary(random.below(300)));
  }
}
void fill(TestRandom& random, std::vector<std::string>& value) {
  for (std::size_t i = random.below(4); i > 0; --i)
    value.push_back(random.binary(random.below(90)));
}
void fill(TestRandom& random, std::vector<CompletedPart>& value) {
  for (std::size_t i = random.below(4); i > 0; --i)
    value.push_back({random.between<std::uint16_t>(1, 10'000), random.text(32, "0123456789abcdef"),
                     random.text(random.below(9), "ABCdef+/=")});
}
void fill(TestRandom& random, std::optional<std::uint64_t>& value) {
  if (random.chance(0.5)) value = random.skewed_below(1'000'000);
}

bool same(const std::vector<CompletedPart>& a, const std::vector<CompletedPart>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](CompletedPart x, CompletedPart y) { return fields(x) == fields(y); });
}
template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}

// The number of the first field that differs.
template <std::size_t I = 0, class Fields>
std::optional<std::size_t> first_difference(const Fields& a, const Fields& b) {
  if constexpr (I == std::tuple_size_v<Fields>) return std::nullopt;
  else if (!same(std::get<I>(a), std::get<I>(b))) return I;
  else return first_difference<I + 1>(a, b);
}

template <class Op>
void round_trip(TestRandom& random, Result<Op> (*decode)(std::string_view), const char* name) {
  SCOPED_TRACE(name);
  Op op;
  std::apply([&](auto&... field) { (fill(random, field), ...); }, fields(op));
  const std::string meta = encode_op(op);
  Result<Op> back = decode(meta);
  ASSERT_TRUE(back.ok()) << back.error().detail;
  Op& read = back.value();
  EXPECT_EQ(first_difference(fields(op), fields(read)), std::nullopt);
  EXPECT_EQ(encode_op(read), meta);
  EXPECT_TRUE(op_kind(meta).ok());

  std::string damaged = meta;  // Whatever comes out, it comes out defined.
  if (random.chance(0.5)) damaged.resize(random.below(damaged.size()));
  for (std::size_t i = random.below(4); i > 0 && !damaged.empty(); --i)
    damaged[random.below(damaged.size())] = static_cast<char>(random.next());
  const Result<Op> survived = decode(damaged);
  if (!survived.ok()) {
    EXPECT_TRUE(survived.error().code == ErrorCode::kCorrupt ||
                survived.error().code == ErrorCode::kUnsupported);
  }
}

TEST(Ops, EveryFieldOfEveryOperationSurvivesTheLog) {
  for (const Seed seed : seeds(150)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
#define CREEL_S3_ROUND_TRIP(Name) round_trip<Name>(random, decode_##Name, #Name);
    CREEL_S3_OPS(CREEL_S3_ROUND_TRIP)
#undef CREEL_S3_ROUND_TRIP
    if (HasFailure()) return;
  }
}

TEST(Ops, OneKindIsNotReadAsAnother) {
  const std::string meta = encode_op(DeleteBucket{"bucket"});
  EXPECT_FALSE(decode_CreateBucket(meta).ok());
  EXPECT_EQ(op_kind(meta).value(), OpKind::kDeleteBucket);
}

TEST(Ops, UnknownKindsAreRefusedByName) {
  const Result<OpKind> none = op_kind("");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().code, ErrorCode::kUnsupported);
  const Result<OpKind> future = op_kind(std::string("\x01\0\x01\0\x63", 5));
  ASSERT_FALSE(future.ok());
  EXPECT_NE(future.error().detail.find("99"), std::string::npos);
}

TEST(Ops, AnUnknownFieldIsSkippedUnlessItIsCritical) {
  const std::string meta = encode_op(DeleteBucket{"bucket"});
  EXPECT_TRUE(decode_DeleteBucket(meta + std::string("\x7f\x00\x01\x00!", 5)).ok());
  const Result<DeleteBucket> critical =
      decode_DeleteBucket(meta + std::string("\x7f\x80\x01\x00!", 5));
  ASSERT_FALSE(critical.ok());
  EXPECT_EQ(critical.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(critical.error().detail.find("127"), std::string::npos);
}

TEST(Ops, AnswersSurviveTheirEncoding) {
  Answer answer;
  answer.refusal = Refusal::kPreconditionFailed;
  answer.detail = "If-Match";
  answer.etag = "e";
  answer.version_id = "v";
  answer.upload_id = "u";
  answer.mtime_ms = 1'767'323'045'000;
  answer.size = 5;
  answer.checksum = {"CRC32", "FULL_OBJECT", "AAAAAA=="};
  answer.existed = true;
  const Answer back = Answer::decode(answer.encode()).take();
  EXPECT_EQ(back.refusal, answer.refusal);
  EXPECT_EQ(back.detail + back.etag + back.version_id + back.upload_id, "If-Matchevu");
  EXPECT_EQ(back.mtime_ms, answer.mtime_ms);
  EXPECT_EQ(back.size, 5u);
  EXPECT_EQ(back.checksum.algorithm + back.checksum.type + back.checksum.value,
            "CRC32FULL_OBJECTAAAAAA==");
  EXPECT_TRUE(back.existed);
}

// Ten thousand parts are one operation of the log.
TEST(Ops, TheLongestCompleteFitsIntoAnOperation) {
  CompleteUpload op;
  op.bucket = std::string(63, 'b');
  op.key = std::string(1024, 'k');
  op.upload_id = std::string(32, 'u');
  for (unsigned i = 1; i <= 10'000; ++i)
    op.parts.push_back({static_cast<std::uint16_t>(i), std::string(32, 'e'), {}});
  EXPECT_LE(encode_op(op).size(), store::kMetaBytesMax);
}

}  // namespace
}  // namespace creel::s3
