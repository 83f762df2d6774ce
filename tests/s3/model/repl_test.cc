// Goal: what is received twice, out of order or in pieces has exactly one effect; packs and
// transfers are counted right; positions and parked operations are rows like any other.
#include <gtest/gtest.h>

#include "s3/model/manifest.h"
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
using test::rows_of;

const std::string kStream = "stream";
const std::string kShards = std::string("E\0", 2) + "pack";

PutObject packed(std::string key, std::string etag, std::uint64_t size, std::uint64_t offset) {
  PutObject put;
  put.bucket = "bucket";
  put.key = std::move(key);
  put.etag = std::move(etag);
  put.size = size;
  put.time_ms = 5;
  put.body.kind = size > 0 ? BodySource::Kind::kPack : BodySource::Kind::kEmpty;
  put.body.offset = offset;
  put.origin = {7, 1};
  return put;
}

DeleteObject erase(std::string key) {
  DeleteObject op;
  op.bucket = "bucket";
  op.key = std::move(key);
  return op;
}

struct ModelRepl : testing::Test {
  ModelRepl() { log.apply(encode_op(CreateBucket{"bucket", "owner", "r", 1})); }

  Refusal receive(std::uint64_t from, std::uint64_t to, std::vector<std::string> effects,
                  std::uint64_t pack_bytes = 100) {
    ReplIn op;
    op.stream = kStream;
    op.from = from;
    op.to = {to, "digest"};
    op.effects = std::move(effects);
    if (pack_bytes > 0) op.pack = {kShards, pack_bytes, 9};
    const Refusal refusal = log.apply(encode_op(op)).refusal;
    Audit(log, true);
    return refusal;
  }
  Refusal part(std::uint64_t lsn, std::uint64_t offset, std::uint64_t bytes, std::uint64_t crc) {
    const Refusal refusal =
        log.apply(encode_op(ReplPart{kStream, lsn, offset, crc, {kShards, bytes, 9}})).refusal;
    Audit(log, true);
    return refusal;
  }
  std::optional<ObjectRecord> object(std::string_view key) {
    const auto bucket = load_bucket(log.rows(), "bucket").take();
    return load_object(log.rows(), bucket->id, key).take();
  }
  std::uint64_t position() { return load_position(log.rows(), repl_in_key(kStream)).value().low; }

  MemoryLog log{{8, true}};
};

TEST_F(ModelRepl, ABatchTakesEffectWithItsPosition) {
  EXPECT_EQ(receive(0, 4,
                    {encode_op(packed("a", "1", 60, 0)), encode_op(packed("b", "2", 40, 60)),
                     encode_op(packed("empty", "3", 0, 0))}),
            Refusal::kNone);
  EXPECT_EQ(position(), 4u);
  ASSERT_TRUE(object("b"));
  EXPECT_EQ(object("b")->body.offset, 60u);
  EXPECT_EQ(object("b")->mtime_ms, 5) << "a replica keeps the time of its source";
  EXPECT_EQ(object("b")->origin.site, 7u);
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 1u) << "both lie in one pack";
}

TEST_F(ModelRepl, ABatchThatCameBeforeOrTooEarlyIsAGap) {
  ASSERT_EQ(receive(0, 4, {encode_op(packed("a", "1", 60, 0))}), Refusal::kNone);
  EXPECT_EQ(receive(0, 4, {encode_op(packed("a", "1", 60, 0))}), Refusal::kGap);
  EXPECT_EQ(receive(5, 6, {encode_op(packed("a", "2", 60, 0))}), Refusal::kGap);
  EXPECT_EQ(receive(4, 4, {encode_op(packed("a", "2", 60, 0))}), Refusal::kGap);
  EXPECT_EQ(object("a")->etag, "1");
  EXPECT_EQ(position(), 4u);
}

TEST_F(ModelRepl, EffectsOfOneBatchMayReplaceAndDeleteEachOther) {
  EXPECT_EQ(receive(0, 9,
                    {encode_op(packed("a", "1", 10, 0)), encode_op(packed("a", "2", 10, 10)),
                     encode_op(packed("b", "3", 10, 20)), encode_op(erase("b")),
                     encode_op(erase("never")), encode_op(packed("a", "4", 10, 30))}),
            Refusal::kNone);
  EXPECT_EQ(object("a")->etag, "4");
  EXPECT_FALSE(object("b"));
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 1u);
}

TEST_F(ModelRepl, APackThatNobodyNeedsInTheEndIsFreed) {
  EXPECT_EQ(receive(0, 2, {encode_op(packed("a", "1", 10, 0)), encode_op(erase("a"))}),
            Refusal::kNone);
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 0u);
  EXPECT_EQ(log.rows_in(store::Table::kHeal), 1u) << "its shards are for the reaper";
  EXPECT_EQ(receive(2, 3, {}), Refusal::kNone);
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 0u);
}

TEST_F(ModelRepl, AnEffectOutsideOfItsPackIsRefusedWhole) {
  ReplIn op;
  op.stream = kStream;
  op.to.low = 1;
  op.effects = {encode_op(packed("a", "1", 10, 0)), encode_op(packed("b", "2", 10, 95))};
  op.pack = {kShards, 100, 9};
  const auto before = rows_of(log.image());
  for (const std::uint64_t pack_bytes : {std::uint64_t{100}, std::uint64_t{0}}) {
    op.pack.size = pack_bytes;
    store::Op raw;
    raw.meta = to_bytes(std::string_view(encode_op(op)));
    const store::Verdict verdict = log.decide(std::move(raw));
    EXPECT_FALSE(verdict.accepted);
    ASSERT_TRUE(verdict.error);
    EXPECT_EQ(verdict.error->code, ErrorCode::kInvalid);
    EXPECT_EQ(rows_of(log.image()), before);
  }
}

TEST_F(ModelRepl, WhatNoRowCouldHoldIsRefused) {
  std::vector<PutObject> puts(3, packed("a", "1", 10, 0));
  puts[0].key = std::string(1'025, 'k');
  puts[1].etag = std::string(900, 'e');
  puts[2].checksum.value = std::string(900, 'c');
  for (const PutObject& put : puts) {
    ReplIn op;
    op.stream = kStream;
    op.to.low = 1;
    op.effects = {encode_op(put)};
    op.pack = {kShards, 100, 9};
    store::Op raw;
    raw.meta = to_bytes(std::string_view(encode_op(op)));
    const store::Verdict verdict = log.decide(std::move(raw));
    ASSERT_TRUE(verdict.error);
    EXPECT_EQ(verdict.error->code, ErrorCode::kInvalid);
  }
}

TEST_F(ModelRepl, ABatchForAnUnknownBucketLeavesNothing) {
  PutObject put = packed("a", "1", 10, 0);
  const auto before = rows_of(log.image());
  PutObject elsewhere = put;
  elsewhere.bucket = "elsewhere";
  EXPECT_EQ(receive(0, 1, {encode_op(put), encode_op(elsewhere)}), Refusal::kNoSuchBucket);
  EXPECT_EQ(rows_of(log.image()), before);
}

TEST_F(ModelRepl, ATransferGoesOnWhereItStands) {
  EXPECT_EQ(part(3, 0, 10, 111), Refusal::kNone);
  EXPECT_EQ(part(3, 0, 10, 111), Refusal::kGap) << "it has these bytes";
  EXPECT_EQ(part(3, 20, 5, 222), Refusal::kGap);
  EXPECT_EQ(part(3, 10, 0, 222), Refusal::kGap) << "a part has bytes";
  EXPECT_EQ(part(3, 10, 5, 222), Refusal::kNone);
  const auto transfer = load_transfer(log.rows(), kStream, 3).take();
  ASSERT_TRUE(transfer);
  EXPECT_EQ(transfer->offset, 15u);
  EXPECT_EQ(transfer->crc64, 222u);

  PutObject put = packed("big", "1", 15, 0);
  put.body.kind = BodySource::Kind::kTransfer;
  put.origin.lsn = 3;
  put.crc64 = 221;
  EXPECT_EQ(receive(0, 3, {encode_op(put)}, 0), Refusal::kGap) << "its checksum is not the whole's";
  put.crc64 = 222;
  EXPECT_EQ(receive(0, 3, {encode_op(put)}, 0), Refusal::kNone);
  EXPECT_EQ(object("big")->size, 15u);
  EXPECT_FALSE(load_transfer(log.rows(), kStream, 3).value());
  EXPECT_EQ(receive(3, 4, {encode_op(put)}, 0), Refusal::kGap) << "a transfer is used once";
  log.apply(encode_op(erase("big")));
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 0u);
  EXPECT_EQ(log.rows_in(store::Table::kHeal), 2u);
}

TEST_F(ModelRepl, ATransferThatWasPassedOrBegunAnewLeavesNothing) {
  EXPECT_EQ(part(3, 0, 10, 111), Refusal::kNone);
  EXPECT_EQ(part(3, 0, 0, 0), Refusal::kNone) << "the sender begins anew";
  EXPECT_FALSE(load_transfer(log.rows(), kStream, 3).value());
  EXPECT_EQ(part(3, 0, 7, 111), Refusal::kNone);
  EXPECT_EQ(part(9, 0, 7, 111), Refusal::kNone);
  EXPECT_EQ(receive(0, 5, {}, 0), Refusal::kNone);
  EXPECT_FALSE(load_transfer(log.rows(), kStream, 3).value()) << "replaced before it was whole";
  EXPECT_TRUE(load_transfer(log.rows(), kStream, 9).value());
  EXPECT_EQ(log.rows_in(store::Table::kBlob), 1u);
}

TEST_F(ModelRepl, ACursorNeverGoesBack) {
  EXPECT_EQ(log.apply(encode_op(ReplCursor{kStream, {10, "d"}})).refusal, Refusal::kNone);
  EXPECT_EQ(log.apply(encode_op(ReplCursor{kStream, {9, "d"}})).refusal, Refusal::kGap);
  EXPECT_EQ(log.apply(encode_op(ReplCursor{kStream, {10, "e"}})).refusal, Refusal::kNone);
  EXPECT_EQ(load_position(log.rows(), repl_out_key(kStream)).value().low, 10u);
  EXPECT_EQ(load_position(log.rows(), repl_out_key("other!")).value().low, 0u);
}

TEST_F(ModelRepl, AParkedOperationStaysUntilItIsSettled) {
  ReplPark park{
      kStream, 5, "bucket", std::string(1024, 'k'), "filter-error", std::string(900, 'd')};
  EXPECT_EQ(log.apply(encode_op(park)).refusal, Refusal::kNone);
  park.key = "short";
  park.lsn = 6;
  EXPECT_EQ(log.apply(encode_op(park)).refusal, Refusal::kNone);
  EXPECT_EQ(log.rows_in(store::Table::kPark), 2u);
  park.remove = true;
  log.apply(encode_op(park));
  log.apply(encode_op(park));
  EXPECT_EQ(log.rows_in(store::Table::kPark), 1u);
}

// Any mix of batches, repeats and transfers, against a map of what must be there.
TEST(ModelReplProperty, StreamsConvergeWhateverIsRepeated) {
  for (const Seed seed : seeds(80)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemoryLog log({8, true});
    log.apply(encode_op(CreateBucket{"bucket", "owner", "r", 1}));
    std::map<std::string, std::string> reference;  // key → etag
    std::uint64_t low = 0;
    std::optional<std::string> before_last;
    for (int batch = 0; batch < 40; ++batch) {
      ReplIn op;
      op.stream = kStream;
      op.from = low;
      std::uint64_t pack = 0;
      std::map<std::string, std::string> next = reference;
      for (std::size_t i = random.below(8); i > 0; --i) {
        const std::string key(1, static_cast<char>('a' + random.below(4)));
        if (random.chance(0.3)) {
          op.effects.push_back(encode_op(erase(key)));
          next.erase(key);
          continue;
        }
        PutObject put = packed(key, cat(batch, '.', i), random.skewed_below(30), pack);
        if (random.chance(0.2) && put.size > 0) {
          put.body.kind = BodySource::Kind::kTransfer;
          put.origin.lsn = 1000u + static_cast<unsigned>(batch) * 10 + i;
          put.crc64 = 77;
          const std::uint64_t half = put.size / 2;
          if (half > 0)
            log.apply(encode_op(ReplPart{kStream, put.origin.lsn, 0, 5, {kShards, half, 9}}));
          log.apply(encode_op(
              ReplPart{kStream, put.origin.lsn, half, 77, {kShards, put.size - half, 9}}));
        } else {
          pack += put.size;
        }
        next[key] = put.etag;
        op.effects.push_back(encode_op(put));
      }
      if (pack > 0)
        op.pack = {random.chance(0.5) ? kShards : log_manifest({store::Extent{}}), pack, 9};
      op.to.low = low + 1 + random.below(5);
      const std::string meta = encode_op(op);
      EXPECT_EQ(log.apply(meta).refusal, Refusal::kNone);
      reference = std::move(next);
      low = op.to.low;
      EXPECT_EQ(log.apply(meta).refusal, Refusal::kGap);
      if (before_last) {
        EXPECT_EQ(log.apply(*before_last).refusal, Refusal::kGap);
      }
      before_last = meta;
      Audit(log, true);
      const auto bucket = load_bucket(log.rows(), "bucket").take();
      for (char c = 'a'; c < 'e'; ++c) {
        const auto object = load_object(log.rows(), bucket->id, std::string(1, c)).take();
        const auto wanted = reference.find(std::string(1, c));
        ASSERT_EQ(object.has_value(), wanted != reference.end());
        if (object) {
          EXPECT_EQ(object->etag, wanted->second);
        }
      }
      if (testing::Test::HasFailure()) return;
    }
    for (const auto& [key, etag] : reference) log.apply(encode_op(erase(key)));
    EXPECT_EQ(log.rows_in(store::Table::kBlob), 0u);
    EXPECT_EQ(log.rows_in(store::Table::kManifest), 0u);
    MemoryLog again({8, true});
    ASSERT_TRUE(again.replay(log.accepted()));
    EXPECT_EQ(rows_of(again.image()), rows_of(log.image()));
  }
}

struct ModelHeal : testing::Test {
  ModelHeal() { log.apply(encode_op(CreateBucket{"bucket", "owner", "r", 1})); }
  void put(std::string key, std::string manifest) {
    PutObject op = packed(std::move(key), "1", 10, 0);
    op.body = {BodySource::Kind::kBlob, std::move(manifest), 0};
    ASSERT_EQ(log.apply(encode_op(op)).refusal, Refusal::kNone);
  }
  std::vector<std::string> heal_rows(char kind) {
    std::vector<std::string> keys;
    for (const auto& [name, value] : log.image().rows)
      if (name.table == store::Table::kHeal && name.key[0] == kind) keys.push_back(name.key);
    return keys;
  }
  MemoryLog log{{8, true}};
  const std::string degraded = std::string("E\1", 2) + "old";
  const std::string whole = std::string("E\0", 2) + "new";
};

TEST_F(ModelHeal, ADegradedBlobIsQueuedUntilItIsHealed) {
  put("a", degraded);
  ASSERT_EQ(heal_rows('h').size(), 1u);
  Healed op;
  op.blob = *RowId::parse(heal_rows('h')[0].substr(1));
  op.old_manifest = "E\0stale";
  op.new_manifest = whole;
  EXPECT_FALSE(log.apply(encode_op(op)).existed) << "it says another manifest by now";
  EXPECT_EQ(heal_rows('h').size(), 1u);
  op.old_manifest = degraded;
  EXPECT_TRUE(log.apply(encode_op(op)).existed);
  EXPECT_TRUE(heal_rows('h').empty());
  EXPECT_EQ(load_blob(log.rows(), op.blob).value()->manifest, whole);
  Audit(log, true);
}

TEST_F(ModelHeal, AHealedBlobKeepsItsReferences) {
  put("a", degraded + std::string(700, 'x'));
  CopyObject copy;
  copy.bucket = copy.source_bucket = "bucket";
  copy.key = "b";
  copy.source_key = "a";
  copy.source_etag = copy.etag = "1";
  ASSERT_EQ(log.apply(encode_op(copy)).refusal, Refusal::kNone);
  Healed op;
  op.blob = *RowId::parse(heal_rows('h')[0].substr(1));
  op.old_manifest = degraded + std::string(700, 'x');
  op.new_manifest = whole + std::string(800, 'y');
  EXPECT_TRUE(log.apply(encode_op(op)).existed);
  Audit(log, true);
}

TEST_F(ModelHeal, DeadBlobsWaitForTheReaperWithTheirShards) {
  put("a", degraded);
  put("a", whole);
  EXPECT_TRUE(heal_rows('h').empty()) << "nobody heals a dead blob";
  log.apply(encode_op(erase("a")));
  const std::vector<std::string> dead = heal_rows('d');
  ASSERT_EQ(dead.size(), 2u);
  EXPECT_TRUE(log.image()
                  .rows.find(store::RowName{store::Table::kHeal, dead[0]})
                  ->second.ends_with(degraded));
  EXPECT_TRUE(
      log.image().rows.find(store::RowName{store::Table::kHeal, dead[1]})->second.ends_with(whole));
  EXPECT_EQ(log.apply(encode_op(Reaped{dead})).refusal, Refusal::kNone);
  EXPECT_EQ(log.rows_in(store::Table::kHeal), 0u);
}

TEST_F(ModelHeal, AManifestThatNoRowCouldHoldIsRefused) {
  PutObject op = packed("a", "1", 10, 0);
  op.body = {BodySource::Kind::kBlob, whole + std::string(900, 'x'), 0};
  store::Op raw;
  raw.meta = to_bytes(std::string_view(encode_op(op)));
  const store::Verdict verdict = log.decide(std::move(raw));
  ASSERT_TRUE(verdict.error);
  EXPECT_EQ(verdict.error->code, ErrorCode::kInvalid);
}

TEST_F(ModelHeal, AnEdgeKeepsNoSuchRows) {
  MemoryLog edge({8, false});
  edge.apply(encode_op(CreateBucket{"bucket", "owner", "r", 1}));
  PutObject op = packed("a", "1", 10, 0);
  op.body = {BodySource::Kind::kBlob, degraded, 0};
  edge.apply(encode_op(op));
  edge.apply(encode_op(erase("a")));
  EXPECT_EQ(edge.rows_in(store::Table::kHeal), 0u);
}

}  // namespace
}  // namespace creel::s3
