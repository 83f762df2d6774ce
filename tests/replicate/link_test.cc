// What the link promises on a good day and on the foreseeable bad ones.
#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/replicate/link_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

TEST(Link, ObjectsDeletesAndMetadataArrive) {
  LinkWorld link(1);
  ASSERT_TRUE(link.start());
  link.bucket("field");
  TestRandom random(1);
  link.put("field", "empty", {});
  link.put("field", "a/small", random.bytes(100));
  link.put("field", "a/larger", random.bytes(100'000));
  link.put("field", "gone", random.bytes(10));
  link.erase("field", "gone");
  link.put("field", "large", random.bytes(3'000'000));
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  EXPECT_EQ(link.core.contents("field"), link.edge.contents("field"));
  EXPECT_EQ(link.core.contents("field").size(), 4u);
  const auto record = link.core.find("field", "a/small");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->origin.site, 7u);
  std::map<std::string, std::string> headers(record->headers.begin(), record->headers.end());
  EXPECT_EQ(headers["content-type"], "text/x");
  EXPECT_EQ(headers["x-amz-meta-n"], "100");
  EXPECT_EQ(headers["x-amz-meta-fz-site"], "shop-7");
  EXPECT_EQ(headers["x-amz-meta-fz-src"], "field/a/small");
  const ShipperStatus status = link.shipper->status();
  EXPECT_EQ(status.acked + status.superseded, 6u)
      << status.acked << " acked, " << status.superseded << " superseded, " << status.last_error;
  EXPECT_EQ(status.matched(), 6u);
  EXPECT_EQ(status.oldest_ms, 0);
}

TEST(Link, AStoppedSenderGoesOnWhereItWas) {
  LinkWorld link(2);
  ASSERT_TRUE(link.start());
  link.bucket("bbb");
  TestRandom random(2);
  for (int i = 0; i < 20; ++i) link.put("bbb", cat("k", i), random.bytes(1000));
  ASSERT_TRUE(link.drain());
  ASSERT_TRUE(link.crash_edge(SimCrash::kPowerLoss));
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.shipper->status().sent_operations, 0u);
  EXPECT_EQ(link.core.contents("bbb"), link.edge.contents("bbb"));
}

// What it missed is no longer in the log, only its outcome in the rows.
TEST(Link, ATargetThatIsNamedLateGetsWhatTheLogNoLongerHolds) {
  LinkWorld link(22);
  link.edge.options.segment_bytes = 256 * KiB;
  link.edge.options.size_bytes = 16 * MiB;
  ASSERT_TRUE(link.start_edge());
  link.bucket("field");
  TestRandom random(22);
  for (int i = 0; i < 1'200; ++i) {
    link.put("field", cat("k", random.below(400)), random.bytes(1 + random.below(8'000)));
    if (random.chance(0.1)) link.erase("field", cat("k", random.below(400)));
    if (random.chance(0.05)) link.world.run_for(1_s);
  }
  link.world.run_for(60_s);
  ASSERT_GT(link.edge.store->log_begin().value, 100u);
  ASSERT_TRUE(link.start_core());
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  EXPECT_EQ(link.core.contents("field"), link.edge.contents("field"));
  EXPECT_GT(link.core.contents("field").size(), 200u);
}

TEST(Link, StatusOfAnObjectFollowsItsOperation) {
  LinkWorld link(3);
  ASSERT_TRUE(link.start());
  ReplicationBoard board;
  board.add(*link.shipper, {});
  link.bucket("bbb");
  ASSERT_TRUE(link.drain());
  link.world.network().cut("edge", "core");
  link.put("bbb", "k", {1, 2, 3});
  const std::uint64_t lsn = link.edge.find("bbb", "k")->lsn;
  EXPECT_EQ(board.status("bbb", "k", lsn), "PENDING");
  link.world.run_for(300_s);
  EXPECT_EQ(board.status("bbb", "k", lsn), "PENDING");
  EXPECT_EQ(link.shipper->status().state, LinkState::kConnecting);
  EXPECT_NE(link.shipper->status().oldest_ms, 0);
  link.world.network().heal_all();
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(board.status("bbb", "k", lsn), "COMPLETED");
}

TEST(Link, ALargeObjectGoesOnInTheMiddleAfterACut) {
  LinkWorld link(4);
  ASSERT_TRUE(link.start());
  link.world.network().link("edge", "core").bytes_per_second = 1 * MiB;
  link.bucket("bbb");
  ASSERT_TRUE(link.drain());
  TestRandom random(4);
  const std::uint64_t before = link.world.network().bytes_sent("edge", "core");
  link.put("bbb", "big", random.bytes(20 * MiB));
  for (int cuts = 0; cuts < 3; ++cuts) {
    link.world.run_for(5_s);
    link.world.network().reset("edge", "core");
  }
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.core.contents("bbb"), link.edge.contents("bbb"));
  EXPECT_GE(link.shipper->status().connections, 4u);
  const std::uint64_t sent = link.world.network().bytes_sent("edge", "core") - before;
  EXPECT_LT(sent, 22 * MiB);
}

TEST(Link, ANewObjectInPlaceOfAHalfSentOneLeavesNothingBehind) {
  LinkWorld link(5);
  ASSERT_TRUE(link.start());
  link.world.network().link("edge", "core").bytes_per_second = 1 * MiB;
  link.bucket("bbb");
  TestRandom random(5);
  link.put("bbb", "big", random.bytes(12 * MiB));
  link.world.run_for(7_s);
  link.world.network().cut("edge", "core");
  link.put("bbb", "big", random.bytes(1000));
  link.world.run_for(200_s);
  link.world.network().heal_all();
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.core.contents("bbb"), link.edge.contents("bbb"));
  auto rows = link.core.store->cursor(store::Table::kRepl);
  int transfers = 0;
  for (auto more = rows.value()->seek("xf"); more.ok() && more.value(); more = rows.value()->next())
    transfers += rows.value()->key().starts_with("xf") ? 1 : 0;
  EXPECT_EQ(transfers, 0);
}

TEST(Link, ASiteWithoutItsCertificateIsRefused) {
  LinkWorld link(6);
  link.receiver_options.any_certified_site = false;
  SiteGrant grant;
  grant.id = 8;
  grant.name = "other";
  link.receiver_options.sites = {grant};
  ASSERT_TRUE(link.start());
  link.bucket("bbb");
  link.put("bbb", "k", {1});
  link.world.run_for(60_s);
  EXPECT_FALSE(link.drained());
  EXPECT_NE(link.shipper->status().last_error.find("may not connect"), std::string::npos)
      << link.shipper->status().last_error;
  EXPECT_GT(link.receiver->status().refused_connections, 0u);
  EXPECT_TRUE(link.core.contents("bbb").empty());
}

TEST(Link, KeyTemplatesKeepSitesApartAndWhatDoesNotFitIsParked) {
  LinkWorld link(7);
  SiteGrant grant;
  grant.id = 7;
  grant.name = "seven";
  grant.key_template = "{site}/{key}";
  grant.bucket_template = "all-{bucket}";
  link.receiver_options.sites = {grant};
  ASSERT_TRUE(link.start());
  link.bucket("bbb");
  link.put("bbb", "k", {1});
  link.put("bbb", std::string(1'022, 'x'), {2});
  link.put("bbb", "z", {3});
  ASSERT_TRUE(link.drain()) << link.shipper->status().last_error;
  const auto there = link.core.contents("all-bbb");
  EXPECT_EQ(there.size(), 2u);
  EXPECT_TRUE(there.contains("seven/k") && there.contains("seven/z"));
  const ShipperStatus status = link.shipper->status();
  EXPECT_EQ(status.acked, 2u);
  EXPECT_EQ(status.parked, 1u);
  auto parked = link.shipper->parked(0, 10);
  ASSERT_TRUE(parked.ok());
  ASSERT_EQ(parked.value().size(), 1u);
  EXPECT_EQ(parked.value()[0].reason, "KeyTooLong");
  EXPECT_EQ(link.shipper->replication_status(parked.value()[0].lsn), "FAILED");
}

// Holds every key that begins with "hold" until told otherwise.
class HoldingSource final : public Source {
 public:
  HoldingSource(Source& below, const bool& hold) : below_(below), hold_(hold) {}
  Task<Result<FeedBatch>> read(Ctx& ctx, std::uint64_t after, FeedBounds bounds) override {
    CO_TRY(batch, co_await below_.read(ctx, after, bounds));
    for (FeedItem& item : batch.items) {
      if (item.source_key.starts_with("drop")) item.verdict = Verdict::kFiltered;
      if (!hold_ || !item.source_key.starts_with("hold")) continue;
      item.verdict = Verdict::kHeld;
      item.reason = "redaction";
    }
    co_return std::move(batch);
  }
  Task<Result<std::unique_ptr<FeedBody>>> open(Ctx& ctx, FeedItem item) override {
    return below_.open(ctx, std::move(item));
  }
  Task<Result<Unit>> wait_beyond(Ctx& ctx, std::uint64_t after) override {
    return below_.wait_beyond(ctx, after);
  }
  std::uint64_t end() const override { return below_.end(); }

 private:
  Source& below_;
  const bool& hold_;
};

TEST(Link, AHeldOperationWaitsAsideAndIsSentWhenRetried) {
  LinkWorld link(8);
  bool hold = true;
  std::unique_ptr<HoldingSource> holding;
  link.wrap = [&](LogSource& source) -> Source& {
    holding = std::make_unique<HoldingSource>(source, hold);
    return *holding;
  };
  ASSERT_TRUE(link.start());
  link.bucket("bbb");
  link.put("bbb", "hold/1", {1});
  link.put("bbb", "drop/1", {2});
  link.put("bbb", "k", {3});
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.core.contents("bbb").size(), 1u);
  EXPECT_EQ(link.shipper->status().filtered, 1u);
  auto parked = link.shipper->parked(0, 10);
  ASSERT_TRUE(parked.ok() && parked.value().size() == 1);
  EXPECT_EQ(parked.value()[0].key, "hold/1");
  const std::uint64_t lsn = parked.value()[0].lsn;

  ASSERT_TRUE(link.crash_edge(SimCrash::kPowerLoss));  // Held things survive.
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.shipper->replication_status(lsn), "FAILED");
  hold = false;
  auto retried = link.world.finish(link.edge.node, link.shipper->retry(link.edge.node.ctx(), lsn));
  ASSERT_TRUE(retried && retried->ok());
  EXPECT_EQ(link.shipper->replication_status(lsn), "PENDING");
  link.world.run_for(60_s);
  ASSERT_TRUE(link.drain());
  EXPECT_EQ(link.shipper->replication_status(lsn), "COMPLETED");
  EXPECT_TRUE(link.core.contents("bbb").contains("hold/1"));
  link.stop_edge();
  holding.reset();
}

TEST(Link, ACoreThatLostWhatItAcknowledgedIsAnAlarm) {
  LinkWorld link(9);
  ASSERT_TRUE(link.start());
  link.bucket("bbb");
  const SimDiskImage early = link.core.node.disk().snapshot("d");
  for (int i = 0; i < 5; ++i) link.put("bbb", cat("k", i), {1});
  ASSERT_TRUE(link.drain());
  link.world.run_for(30_s);
  link.stop_core();
  link.core.images.clear();
  link.core.node.disk().restore("d", early);
  link.core.node.restart();
  ASSERT_TRUE(link.start_core());
  link.world.run_for(120_s);
  EXPECT_EQ(link.shipper->status().state, LinkState::kAlarm);
  EXPECT_NE(link.shipper->status().last_error.find("lost data"), std::string::npos)
      << link.shipper->status().last_error;
  EXPECT_TRUE(link.core.contents("bbb").empty());
}

}  // namespace
}  // namespace creel::test
