// Goal: what is beside an object stays with its version, whatever is written, copied, changed and
// deleted; what a lock holds does not go; nothing is left behind.
#include "s3/model/attributes.h"

#include <gtest/gtest.h>

#include "s3/model/versions.h"
#include "tests/s3/model/audit.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::Audit;
using test::MemoryLog;
using test::rows_of;

constexpr std::int64_t kDay = 24 * 3'600'000;

PutObject put_of(std::string key, std::int64_t time, ObjectAttributes attributes = {}) {
  PutObject put;
  put.bucket = "b";
  put.key = std::move(key);
  put.time_ms = time;
  put.etag = "e";
  put.attributes = std::move(attributes);
  return put;
}

ObjectAttributes tagged(std::string tags) {
  ObjectAttributes attributes;
  attributes.tags = std::move(tags);
  return attributes;
}

Retention until(RetentionMode mode, std::int64_t time) { return {mode, time}; }

class Locked : public ::testing::Test {
 protected:
  Locked() {
    CreateBucket create{"b", "o", "r", 1, true};
    check(log_.apply(encode_op(create)).refusal == Refusal::kNone);
  }
  std::string put(ObjectAttributes attributes = {}) {
    return log_.apply(encode_op(put_of("k", 1'000, std::move(attributes)))).version_id;
  }
  Refusal erase(std::string version, std::int64_t time, bool bypass = false) {
    DeleteObject op{"b", "k", time};
    op.version_id = std::move(version);
    op.bypass_governance = bypass;
    return log_.apply(encode_op(op)).refusal;
  }
  Refusal set(std::string version, Retention retention, bool bypass = false,
              std::int64_t time = 2'000) {
    SetObjectAttribute op{"b", "k", std::move(version), AttributeKind::kRetention};
    op.attributes.retention = retention;
    op.bypass_governance = bypass;
    op.time_ms = time;
    return log_.apply(encode_op(op)).refusal;
  }
  Refusal hold(std::string version, bool on) {
    SetObjectAttribute op{"b", "k", std::move(version), AttributeKind::kLegalHold};
    op.attributes.legal_hold = on ? LegalHold::kOn : LegalHold::kOff;
    op.time_ms = 2'000;
    return log_.apply(encode_op(op)).refusal;
  }
  MemoryLog log_{{0, false}};
};

TEST_F(Locked, ComplianceIsOnlyEverExtended) {
  const std::string v = put();
  EXPECT_EQ(set(v, until(RetentionMode::kCompliance, 9'000)), Refusal::kNone);
  EXPECT_EQ(set(v, until(RetentionMode::kCompliance, 8'000), true), Refusal::kLocked);
  EXPECT_EQ(set(v, until(RetentionMode::kGovernance, 9'000), true), Refusal::kLocked);
  EXPECT_EQ(set(v, {}, true), Refusal::kLocked);
  EXPECT_EQ(set(v, until(RetentionMode::kCompliance, 9'500)), Refusal::kNone);
  EXPECT_EQ(erase(v, 9'499, true), Refusal::kLocked);
  EXPECT_EQ(erase(v, 9'500), Refusal::kNone);
}

TEST_F(Locked, GovernanceYieldsToABypass) {
  const std::string v = put();
  EXPECT_EQ(set(v, until(RetentionMode::kGovernance, 9'000)), Refusal::kNone);
  EXPECT_EQ(set(v, until(RetentionMode::kGovernance, 9'100)), Refusal::kNone);
  EXPECT_EQ(set(v, until(RetentionMode::kGovernance, 8'000)), Refusal::kLocked);
  EXPECT_EQ(set(v, until(RetentionMode::kCompliance, 9'200)), Refusal::kLocked);
  EXPECT_EQ(set(v, until(RetentionMode::kGovernance, 8'000), true), Refusal::kNone);
  EXPECT_EQ(erase(v, 3'000), Refusal::kLocked);
  EXPECT_EQ(erase(v, 3'000, true), Refusal::kNone);
}

TEST_F(Locked, AHoldKeepsTheVersionButNotItsKey) {
  const std::string v = put();
  EXPECT_EQ(hold(v, true), Refusal::kNone);
  EXPECT_EQ(hold(v, true), Refusal::kNothingToDo);
  EXPECT_EQ(erase(v, 5'000, true), Refusal::kLocked);
  EXPECT_EQ(erase("", 5'000), Refusal::kNone);  // A marker in front of it.
  EXPECT_EQ(hold(v, false), Refusal::kNone);
  EXPECT_EQ(erase(v, 5'000), Refusal::kNone);
}

TEST_F(Locked, TheDefaultIsStampedAtCommitAndTheClockDoesNotRunBack) {
  SetObjectLock lock{"b", {true, RetentionMode::kGovernance, 2, 0}, 1};
  EXPECT_EQ(log_.apply(encode_op(lock)).refusal, Refusal::kNone);
  const std::string v = put();
  const std::string own = put({{}, {}, {}, {}, until(RetentionMode::kCompliance, 5'000)});
  EXPECT_EQ(load_version(log_.rows(), 1, "k", v).take()->attributes.retention,
            until(RetentionMode::kGovernance, 1'000 + 2 * kDay));
  EXPECT_EQ(load_version(log_.rows(), 1, "k", own).take()->attributes.retention,
            until(RetentionMode::kCompliance, 5'000));
  EXPECT_EQ(erase(v, 999 + 2 * kDay), Refusal::kLocked);
  log_.apply(encode_op(put_of("later", 1'000 + 2 * kDay)));
  EXPECT_EQ(erase(v, 1'000), Refusal::kNone);  // The log is past it.
}

TEST_F(Locked, ABucketWithLockKeepsItsVersions) {
  SetVersioning suspend{"b", 5, Versioning::kSuspended};
  EXPECT_EQ(log_.apply(encode_op(suspend)).refusal, Refusal::kInvalidBucketState);
  log_.apply(encode_op(CreateBucket{"plain", "o", "r"}));
  SetObjectLock lock{"plain", {true, RetentionMode::kGovernance, 2, 0}, 1};
  EXPECT_EQ(log_.apply(encode_op(lock)).refusal, Refusal::kInvalidBucketState);
  SetObjectAttribute op{"plain", "k", "", AttributeKind::kLegalHold};
  EXPECT_EQ(log_.apply(encode_op(op)).refusal, Refusal::kNoSuchKey);
}

TEST(Attributes, AReplicaThatIsHeldIsNotOverwritten) {
  MemoryLog log({0, false});
  log.apply(encode_op(CreateBucket{"b", "o", "r"}));
  ObjectAttributes held;
  held.legal_hold = LegalHold::kOn;
  log.apply(encode_op(put_of("k", 1, held)));
  EXPECT_EQ(log.apply(encode_op(put_of("k", 2))).refusal, Refusal::kLocked);
  EXPECT_EQ(log.apply(encode_op(DeleteObject{"b", "k", 3})).refusal, Refusal::kLocked);
}

TEST(Attributes, AnExpiryMissesWhatWasWrittenMeanwhile) {
  MemoryLog log({0, false});
  log.apply(encode_op(CreateBucket{"b", "o", "r"}));
  log.apply(encode_op(put_of("k", 1)));
  DeleteObject expire{"b", "k", 9};
  expire.expected_lsn = log.last();
  log.apply(encode_op(put_of("k", 2)));
  EXPECT_EQ(log.apply(encode_op(expire)).refusal, Refusal::kNothingToDo);
  expire.expected_lsn = log.last();
  EXPECT_EQ(log.apply(encode_op(expire)).refusal, Refusal::kNone);
}

TEST(BucketDocuments, AreKeptReplacedAndGoneWithTheirBucket) {
  MemoryLog log({0, false});
  log.apply(encode_op(CreateBucket{"b", "o", "r"}));
  const auto load = [&](BucketDocument kind) {
    return load_bucket_document(log.rows(), 1, kind).take();
  };
  SetBucketDocument op{"b", BucketDocument::kCors, std::string(100, 'c'), 5};
  EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
  op.kind = BucketDocument::kPolicy;
  op.document = std::string(20'000, 'p');
  EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
  EXPECT_EQ(load(BucketDocument::kCors), std::string(100, 'c'));
  EXPECT_EQ(load(BucketDocument::kPolicy), op.document);
  const BucketRecord bucket = load_bucket(log.rows(), "b").take().value();
  EXPECT_EQ(bucket.document_kinds,
            document_bit(BucketDocument::kCors) | document_bit(BucketDocument::kPolicy));
  EXPECT_EQ(bucket.settings_lsn, log.last());
  op.document = std::string(kBucketDocumentBytesMax, 'q');
  EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
  EXPECT_EQ(load(BucketDocument::kPolicy), op.document);
  {
    Audit audit(log, false);
  }
  op.document.clear();
  EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
  EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNothingToDo);
  EXPECT_EQ(load(BucketDocument::kPolicy), "");
  EXPECT_EQ(log.apply(encode_op(DeleteBucket{"b"})).refusal, Refusal::kNone);
  EXPECT_EQ(log.rows_in(store::Table::kConf), 0u);
  EXPECT_EQ(log.rows_in(store::Table::kManifest), 0u);
}

// Random operations on few keys: each version has the tags that a plain map says.
TEST(Attributes, StayWithTheirVersions) {
  for (const Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryLog log({0, false});
    log.apply(encode_op(CreateBucket{"b", "o", "r"}));
    if (random.chance(0.7)) log.apply(encode_op(SetVersioning{"b", 1, Versioning::kEnabled}));
    std::map<std::string, std::string> tags;  // By key ‖ / ‖ version.
    std::int64_t time = 0;
    for (int step = 0; step < 60; ++step) {
      const std::string key(1, static_cast<char>('a' + random.below(3)));
      const std::string text = random.text(random.skewed_below(9'000), "ab=&");
      const auto name = [&](const std::string& version) { return cat(key, '/', version); };
      switch (random.below(5)) {
        case 0: {
          const auto at = tags.lower_bound(key);
          if (at == tags.end() || !at->first.starts_with(key)) continue;
          SetObjectAttribute op{"b", key, at->first.substr(2), AttributeKind::kTags, tagged(text)};
          log.apply(encode_op(op));
          at->second = text;
          break;
        }
        case 1: {
          const auto at = tags.lower_bound(key);
          if (at == tags.end() || !at->first.starts_with(key)) continue;
          DeleteObject op{"b", key, ++time};
          op.version_id = at->first.substr(2);
          EXPECT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
          tags.erase(at);
          break;
        }
        case 2: {
          const auto at = tags.lower_bound(key);
          if (at == tags.end() || !at->first.starts_with(key)) continue;
          CopyObject op;
          op.bucket = op.source_bucket = "b";
          op.key = op.source_key = key;
          op.source_version = at->first.substr(2);
          op.source_etag = op.etag = "e";
          op.replace_tags = random.chance(0.5);
          op.attributes.tags = text;
          op.time_ms = ++time;
          const std::string expected = op.replace_tags ? text : at->second;
          const Answer answer = log.apply(encode_op(op));
          tags[name(answer.version_id)] = expected;
          break;
        }
        case 3: {
          CreateUpload create;
          create.bucket = "b";
          create.key = key;
          create.attributes.tags = text;
          if (random.chance(0.5)) create.checksum = {"CRC32", "COMPOSITE", ""};
          const std::string upload = log.apply(encode_op(create)).upload_id;
          if (random.chance(0.5)) {
            log.apply(encode_op(AbortUpload{"b", key, upload}));
            continue;
          }
          PutPart part{"b", key, upload, 1};
          part.checksum = {"CRC32", "FULL_OBJECT", "AAAAAA=="};
          log.apply(encode_op(part));
          CompleteUpload complete{"b", key, upload, ++time, {{1, "", ""}}};
          complete.etag = "e";
          tags[name(log.apply(encode_op(complete)).version_id)] = text;
          break;
        }
        default: {
          PutObject put = put_of(key, ++time, tagged(text));
          if (random.chance(0.5)) put.headers.emplace_back("x", std::string(300, 'h'));
          tags[name(log.apply(encode_op(put)).version_id)] = text;
        }
      }
    }
    for (const auto& [name, text] : tags) {
      const std::string version = name.size() > 2 ? name.substr(2) : "null";
      const auto record = load_version(log.rows(), 1, name.substr(0, 1), version).take();
      ASSERT_TRUE(record.has_value()) << name;
      EXPECT_EQ(record->attributes.tags, text) << name;
    }
    Audit audit(log, false);
    MemoryLog again({0, false});
    EXPECT_TRUE(again.replay(log.accepted()));
    EXPECT_EQ(rows_of(again.image()), rows_of(log.image()));
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace creel::s3
