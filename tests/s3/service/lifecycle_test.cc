// Goal: the lifecycle worker takes what its rules name when it is due, and nothing that is locked,
// waits for replication, was written meanwhile or belongs to others; a pass that was cut goes on.
#include <gtest/gtest.h>

#include "platform/async/event.h"
#include "s3/service/lifecycle_worker.h"
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

constexpr std::int64_t kDay = 10'000;  // A test's day.

ServiceOptions short_days() {
  ServiceOptions options;
  options.lifecycle_day.ms = kDay;
  return options;
}

struct Targets final : ReplicationStatus {
  std::string status(std::string_view, std::string_view key, std::uint64_t lsn) const override {
    return key == waits && lsn > acked ? "PENDING" : "COMPLETED";
  }
  std::string waits;
  std::uint64_t acked = 0;
};

class LifecycleRun : public ::testing::Test {
 protected:
  LifecycleRun() { check(s3.make_bucket("bucket").ok()); }

  void rules(std::string xml, std::string bucket = "bucket") {
    const auto parsed = parse_lifecycle(
        as_bytes(xml = cat("<LifecycleConfiguration>", xml, "</LifecycleConfiguration>")));
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    ASSERT_TRUE(s3.run([&](Ctx& ctx) {
                    return s3.service.set_bucket_document(ctx, bucket, BucketDocument::kLifecycle,
                                                          parsed.value().document);
                  }).ok());
  }
  void versioning() {
    ASSERT_TRUE(s3.run([&](Ctx& ctx) {
                    return s3.service.set_versioning(ctx, "bucket", Versioning::kEnabled);
                  }).ok());
  }
  void days(std::int64_t count) { s3.doors.loop.run(wait(s3.doors.loop, 1_ms * (count * kDay))); }
  static Task<bool> wait(creel::test::TestLoop& loop, Duration span) {
    Ctx ctx(loop, loop);
    const Result<Unit> slept = co_await sleep_for(ctx, span);
    co_return slept.ok();
  }
  void pass() {
    const Result<Unit> done = s3.run([&](Ctx& ctx) { return worker.pass(ctx); });
    ASSERT_TRUE(done.ok()) << done.error().detail;
  }
  void put(std::string bucket, std::string key, std::string text) {
    ASSERT_TRUE(s3.put(std::move(bucket), std::move(key), std::move(text)).ok());
  }
  bool has(std::string_view key) { return s3.service.open("bucket", key).ok(); }
  std::size_t versions() { return s3.log.rows_in(store::Table::kVersion); }

  MemoryS3 s3{{0, false}, 1024, short_days()};
  LifecycleWorker worker{s3.service};
};

constexpr std::string_view kExpire =
    "<Rule><Filter><Prefix>old/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>2</Days>"
    "</Expiration></Rule>";

TEST_F(LifecycleRun, TakesWhatIsDueAndNothingElse) {
  rules(std::string(kExpire));
  put("bucket", "old/a", "x");
  put("bucket", "new", "x");
  days(1);
  put("bucket", "old/b", "x");
  pass();
  EXPECT_TRUE(has("old/a"));
  days(1);
  pass();
  EXPECT_FALSE(has("old/a"));
  EXPECT_TRUE(has("old/b"));
  EXPECT_TRUE(has("new"));
  EXPECT_EQ(worker.counts().objects, 1u);
  Audit audit(s3.log, false);
}

TEST_F(LifecycleRun, ABucketWithoutRulesCostsNothing) {
  put("bucket", "old/a", "x");
  days(5);
  const std::uint64_t before = s3.log.last();
  pass();
  EXPECT_EQ(worker.counts().rows, 0u);
  EXPECT_EQ(s3.log.last(), before);
}

TEST_F(LifecycleRun, WhatWaitsForATargetStaysUntilItHasIt) {
  Targets targets;
  s3.service.set_replication_status(&targets);
  rules(std::string(kExpire));
  put("bucket", "old/a", "x");
  targets.waits = "old/a";
  days(3);
  pass();
  EXPECT_TRUE(has("old/a"));
  EXPECT_EQ(worker.counts().waiting, 1u);
  targets.acked = s3.log.last();
  pass();
  EXPECT_FALSE(has("old/a"));
}

TEST_F(LifecycleRun, WhatIsWrittenWhileItRunsStays) {
  rules(std::string(kExpire));
  put("bucket", "old/a", "x");
  days(3);
  s3.log.before_next = [this] {
    PutObject put;
    put.bucket = "bucket";
    put.key = "old/a";
    put.etag = "new";
    s3.log.apply(encode_op(put));
  };
  pass();
  EXPECT_TRUE(has("old/a"));
}

TEST_F(LifecycleRun, LockedVersionsOutliveTheirRules) {
  ASSERT_TRUE(s3.run([&](Ctx& ctx) {
                  return s3.service.create_bucket(ctx, "vault", "o", "r", true);
                }).ok());
  rules(
      "<Rule><Prefix/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"
      "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
      "</NoncurrentVersionExpiration></Rule>",
      "vault");
  put("vault", "k", "x");
  AttributeArguments hold{"vault", "k", "", AttributeKind::kLegalHold};
  hold.attributes.legal_hold = LegalHold::kOn;
  ASSERT_TRUE(s3.run([&](Ctx& ctx) { return s3.service.set_object_attribute(ctx, hold); }).ok());
  days(2);
  pass();  // Hidden by a marker …
  EXPECT_FALSE(s3.service.open("vault", "k").ok());
  days(2);
  pass();  // … but not gone.
  EXPECT_EQ(versions(), 2u);
  EXPECT_EQ(worker.counts().versions, 0u);
  EXPECT_GE(worker.counts().waiting, 1u);
}

TEST_F(LifecycleRun, NoncurrentVersionsGoButTheNewestOfThem) {
  versioning();
  rules(
      "<Rule><Prefix/><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>2"
      "</NoncurrentDays><NewerNoncurrentVersions>2</NewerNoncurrentVersions>"
      "</NoncurrentVersionExpiration></Rule>");
  for (int i = 0; i < 6; ++i) put("bucket", "k", cat(i));
  EXPECT_EQ(versions(), 5u);
  days(2);
  pass();
  EXPECT_EQ(versions(), 5u);
  days(1);
  pass();
  EXPECT_EQ(versions(), 2u);
  EXPECT_TRUE(has("k"));
}

TEST_F(LifecycleRun, AMarkerWithNothingBehindItGoes) {
  versioning();
  put("bucket", "k", "x");
  ASSERT_TRUE(s3.erase("bucket", "k").ok());
  rules(
      "<Rule><Prefix/><Status>Enabled</Status><Expiration><ExpiredObjectDeleteMarker>true"
      "</ExpiredObjectDeleteMarker></Expiration></Rule>");
  pass();
  EXPECT_EQ(versions(), 2u);
  rules(
      "<Rule><Prefix/><Status>Enabled</Status><NoncurrentVersionExpiration><NoncurrentDays>1"
      "</NoncurrentDays></NoncurrentVersionExpiration></Rule><Rule><Prefix/><Status>Enabled"
      "</Status><Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>"
      "</Expiration></Rule>");
  days(2);
  pass();
  pass();
  EXPECT_EQ(versions(), 0u);
  EXPECT_EQ(worker.counts().markers, 1u);
  Audit audit(s3.log, false);
}

TEST_F(LifecycleRun, UnfinishedUploadsAreAborted) {
  const auto upload = s3.upload("bucket", "old/u");
  ASSERT_TRUE(s3.part("bucket", "old/u", upload.value(), 1, "part").ok());
  rules(
      "<Rule><Prefix>old/</Prefix><Status>Enabled</Status><AbortIncompleteMultipartUpload>"
      "<DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>");
  pass();
  EXPECT_TRUE(s3.service.find_upload("bucket", "old/u", upload.value()).ok());
  days(1);
  pass();
  EXPECT_FALSE(s3.service.find_upload("bucket", "old/u", upload.value()).ok());
  EXPECT_EQ(s3.log.rows_in(store::Table::kPart), 0u);
}

TEST_F(LifecycleRun, ACutPassGoesOnAtItsMark) {
  rules(std::string(kExpire));
  for (const char* key : {"old/a", "old/b", "old/c"}) put("bucket", key, "x");
  days(3);
  SetLifecycleMark cut;
  cut.mark.bucket = "bucket";
  cut.mark.table = static_cast<std::uint8_t>(store::Table::kObject);
  cut.mark.after = "old/b";
  s3.log.apply(encode_op(cut));
  pass();
  EXPECT_TRUE(has("old/a"));
  EXPECT_FALSE(has("old/b"));
  EXPECT_FALSE(has("old/c"));
  pass();  // The next one begins anew.
  EXPECT_FALSE(has("old/a"));
}

// Many rows and steps; tags and sizes; after it, what is there is what a plain loop keeps.
TEST_F(LifecycleRun, KeepsWhatAPlainLoopKeeps) {
  const Seed seed = seeds(1).front();
  SCOPED_TRACE(seed.replay_hint());
  TestRandom random(seed);
  rules(
      "<Rule><Filter><And><Tag><Key>t</Key><Value>1</Value></Tag><ObjectSizeGreaterThan>4"
      "</ObjectSizeGreaterThan></And></Filter><Status>Enabled</Status><Expiration><Days>1</Days>"
      "</Expiration></Rule>");
  std::map<std::string, bool> goes;
  for (int i = 0; i < 700; ++i) {
    const std::string key = cat(random.text(3, "abc"), i);
    PutObject put;
    put.bucket = "bucket";
    put.key = key;
    put.time_ms = s3.doors.loop.wall().ms();
    put.size = random.below(9);
    if (put.size > 0) put.body = {BodySource::Kind::kBlob, "E1manifest", 0};
    const bool tagged = random.chance(0.5);
    put.attributes.tags = tagged ? "t=1" : random.chance(0.5) ? "t=2" : "";
    if (random.chance(0.1)) put.headers.emplace_back("x", std::string(310, 'h'));
    if (random.chance(0.1)) put.attributes.tags += cat("&pad=", std::string(900, 'p'));
    s3.log.apply(encode_op(put));
    goes[key] = tagged && put.size > 4;
  }
  days(2);
  pass();
  for (const auto& [key, gone] : goes) EXPECT_EQ(has(key), !gone) << key;
  Audit audit(s3.log, false);
}

}  // namespace
}  // namespace creel::s3
