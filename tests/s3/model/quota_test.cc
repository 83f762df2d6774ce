// Goal: a bucket never grows beyond its quota, shrinking is always possible, and its counters are
// what it holds. (model_test.cc audits the counters after every random sequence, too.)
// Method: random puts, deletes, copies and uploads against a quota that changes; after each step
// the verdict is compared with plain arithmetic.
#include <gtest/gtest.h>

#include "s3/model/model.h"
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

PutObject put_of(std::string key, std::uint64_t size, std::int64_t time) {
  PutObject put;
  put.bucket = "b";
  put.key = std::move(key);
  put.time_ms = time;
  put.size = size;
  put.etag = "e" + std::to_string(size);
  if (size > 0) put.body = {BodySource::Kind::kBlob, "E1manifest", 0};
  return put;
}

struct Held {
  std::map<std::string, std::uint64_t> objects;
  std::map<std::uint16_t, std::uint64_t> parts;
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const auto& [key, size] : objects) sum += size;
    for (const auto& [number, size] : parts) sum += size;
    return sum;
  }
};

TEST(Quota, IsKeptThroughEverythingThatChangesABucket) {
  for (const Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryLog log({0, false});
    std::int64_t time = 0;
    ASSERT_EQ(log.apply(encode_op(CreateBucket{"b", "o", "r"})).refusal, Refusal::kNone);
    Held held;
    SetQuota quota;
    quota.bucket = "b";
    std::string upload;
    for (int step = 0; step < 120; ++step) {
      const std::string key(1, static_cast<char>('a' + random.below(6)));
      const std::uint64_t size = random.below(100);
      Held then = held;
      bool grows_only = true;
      Refusal got = Refusal::kNone;
      switch (random.below(8)) {
        case 0: {
          quota.bytes = random.chance(0.2) ? 0 : 1 + random.below(500);
          quota.objects = random.chance(0.5) ? 0 : 1 + random.below(6);
          ASSERT_EQ(log.apply(encode_op(quota)).refusal, Refusal::kNone);
          grows_only = false;
          break;
        }
        case 1: {
          if (!held.objects.contains(key)) continue;
          then.objects.erase(key);
          got = log.apply(encode_op(DeleteObject{"b", key, ++time})).refusal;
          break;
        }
        case 2: {
          if (held.objects.empty() || held.objects.contains(key)) continue;
          const auto source = held.objects.begin();
          CopyObject copy;
          copy.bucket = copy.source_bucket = "b";
          copy.key = key;
          copy.source_key = source->first;
          copy.etag = "e" + std::to_string(source->second);
          copy.source_etag = source->first == "u" ? "whole" : copy.etag;
          copy.time_ms = ++time;
          then.objects[key] = source->second;
          got = log.apply(encode_op(copy)).refusal;
          break;
        }
        case 3: {
          if (upload.empty()) {
            CreateUpload create;
            create.bucket = "b";
            create.key = "u";
            create.time_ms = ++time;
            upload = log.apply(encode_op(create)).upload_id;
          }
          PutPart part;
          part.bucket = "b";
          part.key = "u";
          part.upload_id = upload;
          part.number = static_cast<std::uint16_t>(1 + random.below(4));
          part.time_ms = ++time;
          part.size = size;
          part.etag = "p";
          if (size > 0) part.body = {BodySource::Kind::kBlob, "E1manifest", 0};
          then.parts[part.number] = size;
          got = log.apply(encode_op(part)).refusal;
          break;
        }
        case 4: {
          if (upload.empty() || held.parts.empty() || random.chance(0.5)) continue;
          then.parts.clear();
          if (random.chance(0.5)) {
            got = log.apply(encode_op(AbortUpload{"b", "u", upload})).refusal;
          } else {
            CompleteUpload complete;
            complete.bucket = "b";
            complete.key = "u";
            complete.upload_id = upload;
            complete.time_ms = ++time;
            complete.etag = "whole";
            std::uint64_t whole = 0;
            for (const auto& [number, bytes] : held.parts) {
              complete.parts.push_back({number, "p", ""});
              whole += bytes;
            }
            then.objects["u"] = whole;
            got = log.apply(encode_op(complete)).refusal;
          }
          if (got == Refusal::kNone) upload.clear();
          break;
        }
        default: {
          then.objects[key] = size;
          got = log.apply(encode_op(put_of(key, size, ++time))).refusal;
          break;
        }
      }
      if (!grows_only) continue;
      const bool over_bytes =
          quota.bytes != 0 && then.bytes() > held.bytes() && then.bytes() > quota.bytes;
      const bool over_objects = quota.objects != 0 && then.objects.size() > held.objects.size() &&
                                then.objects.size() > quota.objects;
      ASSERT_EQ(got == Refusal::kQuotaExceeded, over_bytes || over_objects) << "step " << step;
      if (got != Refusal::kNone) continue;
      held = then;
      const BucketRecord bucket = *load_bucket(log.rows(), "b").take();
      ASSERT_EQ(bucket.bytes + bucket.upload_bytes, held.bytes());
      ASSERT_EQ(bucket.objects, held.objects.size());
    }
    Audit(log, false);
  }
}

TEST(Quota, RepliesSayHowMuchThereIs) {
  MemoryLog log({1, false});
  ASSERT_EQ(log.apply(encode_op(CreateBucket{"b", "o", "r"})).refusal, Refusal::kNone);
  SetQuota quota;
  quota.bucket = "b";
  quota.bytes = 100;
  ASSERT_EQ(log.apply(encode_op(quota)).refusal, Refusal::kNone);
  ASSERT_EQ(log.apply(encode_op(put_of("a", 60, 1))).refusal, Refusal::kNone);
  const Answer refused = log.apply(encode_op(put_of("b", 41, 2)));
  EXPECT_EQ(refused.refusal, Refusal::kQuotaExceeded);
  EXPECT_NE(refused.detail.find("60 of the 100 bytes"), std::string::npos) << refused.detail;
  quota.bucket = "none";
  EXPECT_EQ(log.apply(encode_op(quota)).refusal, Refusal::kNoSuchBucket);
}

TEST(Quota, WhatAFullDriveStillTakesIsTold) {
  using store::OpClass;
  EXPECT_EQ(op_class(encode_op(put_of("a", 1, 1))), OpClass::kGrow);
  EXPECT_EQ(op_class(encode_op(CreateBucket{"b", "o", "r"})), OpClass::kGrow);
  EXPECT_EQ(op_class(encode_op(DeleteObject{"b", "k", 1})), OpClass::kAlways);
  EXPECT_EQ(op_class(encode_op(DeleteBucket{"b"})), OpClass::kAlways);
  EXPECT_EQ(op_class(encode_op(AbortUpload{"b", "k", "u"})), OpClass::kAlways);
  EXPECT_EQ(op_class(encode_op(ReplCursor{"s", {1, "d"}})), OpClass::kAlways);
  EXPECT_EQ(op_class(encode_op(SetQuota{"b", 1, 1, 1})), OpClass::kAlways);
  SetFilter filter;
  filter.bucket = "b";
  filter.document = std::string(10'000, 'x');
  EXPECT_EQ(op_class(encode_op(filter)), OpClass::kAlways);
  filter.document = std::string(70'000, 'x');
  EXPECT_EQ(op_class(encode_op(filter)), OpClass::kGrow);
  ReplIn batch;
  batch.stream = "s";
  batch.effects = {encode_op(DeleteObject{"b", "k", 1})};
  EXPECT_EQ(op_class(encode_op(batch)), OpClass::kAlways);
  batch.effects.push_back(encode_op(put_of("a", 0, 1)));
  EXPECT_EQ(op_class(encode_op(batch)), OpClass::kGrow);
  EXPECT_EQ(op_class("nonsense"), OpClass::kGrow);
}

}  // namespace
}  // namespace creel::s3
