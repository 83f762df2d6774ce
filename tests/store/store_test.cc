// What a store promises on a good day: decided in order, durable, readable, one flush a batch.
#include <gtest/gtest.h>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

TEST(Store, AnOperationIsReadableAndSurvivesAPowerCut) {
  StoreWorld box(1);
  ASSERT_TRUE(box.open().ok());
  Result<store::Verdict> put = box.submit(toy_op('p', "k", "", to_bytes("hello")));
  ASSERT_TRUE(put.ok()) << error_text(put.error());
  EXPECT_TRUE(put.value().accepted);
  EXPECT_EQ(put.value().lsn.value, 1u);
  EXPECT_EQ(box.read("k").take(), to_bytes("hello"));
  box.crash(SimCrash::kLoseAll);
  Result<Unit> opened = box.open();
  ASSERT_TRUE(opened.ok()) << error_text(opened.error());
  EXPECT_EQ(box.read("k").take(), to_bytes("hello"));
  EXPECT_EQ(box.store->status().last.value, 1u);
  EXPECT_EQ(box.store->starts(), 2u);
}

TEST(Store, ARefusedOperationLeavesNoTrace) {
  StoreWorld box(2);
  ASSERT_TRUE(box.open().ok());
  ASSERT_TRUE(box.submit(toy_op('c', "k", "one")).value().accepted);
  const store::Verdict again = box.submit(toy_op('c', "k", "two")).take();
  EXPECT_FALSE(again.accepted);
  ASSERT_TRUE(again.error.has_value());
  EXPECT_EQ(again.error->code, ErrorCode::kConflict);
  EXPECT_EQ(box.store->status().last.value, 1u);
  EXPECT_EQ(box.read("k").take(), to_bytes("one"));
}

TEST(Store, ADecidedFormIsWhatTheLogHolds) {
  StoreWorld box(3);
  ASSERT_TRUE(box.open().ok());
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(
        box.submit(toy_op('g', std::to_string(i), "v" + std::to_string(i))).value().accepted);
  const auto before = box.rows();
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows(), before);
  auto ops = box.world.finish(box.node, box.store->read_log(box.node.ctx(), {0}, 10 * MiB, false));
  ASSERT_TRUE(ops && ops->ok());
  ASSERT_EQ(ops->value().size(), 200u);
  EXPECT_GT(ops->value()[7].op.meta.size(), 3'000u);
}

TEST(Store, SideBySideOperationsShareOneFlush) {
  StoreWorld box(4);
  box.options.segment_bytes = 4 * MiB;
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  const std::uint64_t syncs = box.node.disk().counters().of(SimDiskOp::kSync);
  const std::uint64_t writes = box.node.disk().counters().of(SimDiskOp::kWrite);
  const store::Status before = box.store->status();
  int done = 0;
  struct Client {
    static Task<void> run(Ctx& ctx, store::Store& store, int number, int& done) {
      for (int i = 0; i < 20; ++i) {
        auto put = co_await store.submit(ctx, toy_op('s', std::to_string(number * 100 + i), "v"));
        check(put.ok() && put.value().accepted);
      }
      ++done;
    }
  };
  for (int c = 0; c < 32; ++c) box.node.spawn(Client::run(box.node.ctx(), *box.store, c, done));
  ASSERT_TRUE(box.world.run_until([&] { return done == 32; }, 10_s));
  const store::Status after = box.store->status();
  const std::uint64_t batches = after.batches - before.batches;
  EXPECT_EQ(after.last.value - before.last.value, 640u);
  EXPECT_LT(batches, 80u);  // 32 at a time would be 20.
  EXPECT_EQ(after.flushes - before.flushes, batches);
  EXPECT_EQ(box.node.disk().counters().of(SimDiskOp::kSync) - syncs, batches);
  EXPECT_EQ(box.node.disk().counters().of(SimDiskOp::kWrite) - writes, batches);
}

TEST(Store, ACommitDelayLetsABatchWaitForCompanyAndNoLonger) {
  StoreWorld box(5);
  box.options.commit_delay = 20_ms;
  ASSERT_TRUE(box.open().ok());
  struct Client {
    static Task<void> run(Ctx& ctx, store::Store& store, int number, Instant& answered,
                          const Clock& clock) {
      // Ten clients, a millisecond apart.
      Result<Unit> slept = co_await sleep_for(ctx, 1_ms * number);
      check(slept.ok());
      auto put = co_await store.submit(ctx, toy_op('s', std::to_string(number), "v"));
      check(put.ok() && put.value().accepted);
      answered = clock.now();
    }
  };
  const Instant begun = box.node.platform().clock.now();
  const std::uint64_t before = box.store->status().batches;
  std::vector<Instant> answered(10);
  for (int c = 0; c < 10; ++c)
    box.node.spawn(Client::run(box.node.ctx(), *box.store, c, answered[static_cast<std::size_t>(c)],
                               box.node.platform().clock));
  box.world.run_for(1_s);
  EXPECT_EQ(box.store->status().batches - before, 1u);
  for (const Instant when : answered) {
    EXPECT_GE((when - begun).ms(), 20);
    EXPECT_LE((when - begun).ms(), 60);  // The delay and one slow flush.
  }
}

TEST(Store, ACommitDelayBeyondItsBoundIsRefused) {
  StoreWorld box(6);
  box.options.commit_delay = 21_ms;
  const Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().detail.find("21 ms"), std::string::npos);
}

TEST(Store, LargeOperationsFitAndTooLargeOnesAreRefused) {
  StoreWorld box(5);
  box.options.segment_bytes = 4 * MiB;
  box.options.batch_bytes_max = 1 * MiB;
  box.options.inline_bytes_max = 256 * KiB;
  ASSERT_TRUE(box.open().ok());
  const std::string list(640 * KiB, 'x');
  EXPECT_TRUE(box.submit(toy_op('s', "many", list)).value().accepted);
  EXPECT_TRUE(box.submit(toy_op('p', "body", "", Bytes(256 * KiB, 7))).value().accepted);
  EXPECT_TRUE(box.submit(toy_op('p', "empty", "")).value().accepted);
  EXPECT_EQ(box.submit(toy_op('p', "k", "", Bytes(256 * KiB + 1))).error().code,
            ErrorCode::kTooLarge);
  EXPECT_EQ(box.submit(toy_op('s', "k", std::string(800 * KiB, 'x'))).error().code,
            ErrorCode::kTooLarge);
  for (int i = 0; i < 12; ++i)  // Over several segments.
    ASSERT_TRUE(box.submit(toy_op('s', "many", list)).value().accepted) << i;
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.read("body").take(), Bytes(256 * KiB, 7));
  EXPECT_EQ(box.read("empty").take(), Bytes());
  EXPECT_EQ(box.store->status().last.value, 15u);
}

TEST(Store, BodiesLieInChunksAcrossSegmentsAndRangesAreChecked) {
  StoreWorld box(6);
  box.options.segment_bytes = 4 * MiB;
  box.options.size_bytes = 256 * MiB;
  ASSERT_TRUE(box.open().ok());
  TestRandom random(6);
  for (const std::uint64_t size : {std::uint64_t{1}, 64 * KiB, 64 * KiB + 1, 1 * MiB, 1 * MiB + 1,
                                   3 * MiB + 77, 9 * MiB + 5}) {
    for (const std::uint64_t hint : {std::uint64_t{0}, size, size / 2}) {
      const Bytes body = random.bytes(static_cast<std::size_t>(size));
      auto extents = box.write_body(body, hint);
      ASSERT_TRUE(extents.ok()) << error_text(extents.error());
      const std::string key = std::to_string(size) + "/" + std::to_string(hint);
      ASSERT_TRUE(box.submit(toy_body_op(key, extents.value())).value().accepted);
      ASSERT_EQ(box.read(key).take(), body);
      const store::Extent& extent = extents.value().front();
      for (int i = 0; i < 20; ++i) {
        const std::uint64_t from = random.skewed_below(extent.length);
        Bytes into(static_cast<std::size_t>(random.skewed_below(extent.length - from) + 1));
        auto read = box.world.finish(box.node, box.store->read(box.node.ctx(), extent, from, into));
        ASSERT_TRUE(read && read->ok());
        ASSERT_TRUE(
            equal(into, ByteView(body).subspan(static_cast<std::size_t>(from), into.size())));
      }
    }
  }
  const auto before = box.rows();
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows(), before);
  EXPECT_EQ(box.read("9437189/0").value().size(), 9 * MiB + 5);
}

TEST(Store, RangesOfInlineBodiesAreCheckedCellByCell) {
  StoreWorld box(7);
  box.options.segment_bytes = 4 * MiB;
  box.options.batch_bytes_max = 1 * MiB;
  box.options.inline_bytes_max = 256 * KiB;
  ASSERT_TRUE(box.open().ok());
  TestRandom random(7);
  const Bytes body = random.bytes(200'000);
  ASSERT_TRUE(box.submit(toy_op('p', "k", "", body)).value().accepted);
  const store::Extent extent = toy_extents(box.rows()["k"]).front();
  for (int i = 0; i < 100; ++i) {
    const std::size_t from = random.below(body.size());
    Bytes into(random.skewed_below(body.size() - from) + 1);
    auto read = box.world.finish(box.node, box.store->read(box.node.ctx(), extent, from, into));
    ASSERT_TRUE(read && read->ok());
    ASSERT_TRUE(equal(into, ByteView(body).subspan(from, into.size())));
  }
  // One bit: the cell that holds it fails, its neighbours do not.
  ASSERT_TRUE(box.node.disk().flip("d/seg/00000001.seg", extent.offset + 70'000));
  Bytes good(60'000);
  auto first = box.world.finish(box.node, box.store->read(box.node.ctx(), extent, 0, good));
  EXPECT_TRUE(first && first->ok());
  auto second = box.world.finish(box.node, box.store->read(box.node.ctx(), extent, 66'000, good));
  ASSERT_TRUE(second.has_value());
  ASSERT_FALSE(second->ok());
  EXPECT_EQ(second->error().code, ErrorCode::kCorrupt);
  EXPECT_NE(second->error().detail.find("segment 1"), std::string::npos) << second->error().detail;
  EXPECT_EQ(box.store->status().damaged_ranges, 1u);
}

TEST(Store, ExtentsThatAreNotHereAreRefused) {
  StoreWorld box(8);
  ASSERT_TRUE(box.open().ok());
  Bytes into(10);
  store::Extent extent{store::Extent::Kind::kInline, 1, 9, 5'000, 10, 0};
  const auto read = [&](const store::Extent& e, std::uint64_t at) {
    return box.world.finish(box.node, box.store->read(box.node.ctx(), e, at, into))->error().code;
  };
  EXPECT_EQ(read(extent, 0), ErrorCode::kNotFound);
  extent.generation = 1;
  EXPECT_EQ(read(extent, 1), ErrorCode::kCorrupt);
  EXPECT_EQ(read(extent, 0), ErrorCode::kCorrupt);
  extent.offset = ~std::uint64_t{0} - 3;
  EXPECT_EQ(read(extent, 0), ErrorCode::kCorrupt);
  extent = {store::Extent::Kind::kChunks, 1, 1, 4'096, ~std::uint64_t{0}, 0};
  EXPECT_EQ(read(extent, 0), ErrorCode::kCorrupt);
}

TEST(Store, ACleanStopNeedsNoReplay) {
  StoreWorld box(9);
  ASSERT_TRUE(box.open().ok());
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(box.submit(toy_op('s', std::to_string(i), "v")).value().accepted);
  const auto before = box.rows();
  ASSERT_TRUE(box.stop().ok());
  const std::uint64_t decided = box.decider.decided;
  const std::uint64_t read = box.node.disk().counters().bytes_read;
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.decider.decided, decided);
  EXPECT_LT(box.node.disk().counters().bytes_read - read, 400'000u);
  EXPECT_EQ(box.rows(), before);
  ASSERT_TRUE(box.submit(toy_op('s', "more", "v")).value().accepted);
  EXPECT_EQ(box.store->status().last.value, 101u);
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows().size(), before.size() + 1);
}

TEST(Store, StartingAgainAndAgainTakesNoRoom) {
  StoreWorld box(10);
  ASSERT_TRUE(box.open().ok());
  ASSERT_TRUE(box.submit(toy_op('s', "k", "v")).value().accepted);
  auto extents = box.write_body(Bytes(10'000, 1));
  ASSERT_TRUE(extents.ok());
  ASSERT_TRUE(box.submit(toy_body_op("b", extents.value())).value().accepted);
  std::size_t files = 0;
  for (int i = 0; i < 30; ++i) {
    box.crash(SimCrash::kProcess);
    ASSERT_TRUE(box.open().ok());
    ASSERT_TRUE(box.submit(toy_op('s', "k", "v")).value().accepted);
    auto body = box.write_body(Bytes(100, 1));
    ASSERT_TRUE(body.ok());
    box.world.run_for(1_s);
    if (i == 0) files = box.node.disk().paths("d/seg").size();
  }
  EXPECT_EQ(box.node.disk().paths("d/seg").size(), files);
}

TEST(Store, TheLogIsReadBackInOrderFromAnywhere) {
  StoreWorld box(11);
  ASSERT_TRUE(box.open().ok());
  TestRandom random(11);
  std::vector<Bytes> bodies;
  for (int i = 0; i < 300; ++i) {
    bodies.push_back(random.bytes(random.skewed_below(9'000)));
    ASSERT_TRUE(box.submit(toy_op('p', std::to_string(i), "", bodies.back())).value().accepted);
  }
  for (const bool restarted : {false, true}) {
    if (restarted) {
      box.crash();
      ASSERT_TRUE(box.open().ok());
    }
    for (const std::uint64_t start : {0, 1, 150, 299, 300}) {
      store::Lsn at{start};
      for (;;) {
        auto ops = box.world.finish(
            box.node, box.store->read_log(box.node.ctx(), at, random.below(40'000), true));
        ASSERT_TRUE(ops && ops->ok());
        if (ops->value().empty()) break;
        for (store::LoggedOp& op : ops->value()) {
          ASSERT_EQ(op.lsn.value, at.value + 1);
          ASSERT_EQ(op.op.payload, bodies[at.value]);
          ASSERT_EQ(op.payload.length, bodies[at.value].size());
          at = op.lsn;
        }
      }
      EXPECT_EQ(at.value, 300u);
    }
  }
  // A reader waits for what comes next.
  bool woken = false;
  struct Reader {
    static Task<void> run(Ctx& ctx, store::Store& store, bool& woken) {
      Result<Unit> waited = co_await store.wait_beyond(ctx, {300});
      woken = waited.ok();
    }
  };
  box.node.spawn(Reader::run(box.node.ctx(), *box.store, woken));
  box.world.run_for(10_s);
  EXPECT_FALSE(woken);
  ASSERT_TRUE(box.submit(toy_op('s', "next", "v")).value().accepted);
  box.world.run_for(1_s);
  EXPECT_TRUE(woken);
}

TEST(Store, ASecondProcessIsRefusedByName) {
  StoreWorld box(12);
  ASSERT_TRUE(box.open().ok());
  auto second = box.world.finish(
      box.node, store::Store::open(box.node.ctx(), box.node.platform(), box.decider, box.options));
  ASSERT_TRUE(second.has_value());
  ASSERT_FALSE(second->ok());
  EXPECT_EQ(second->error().code, ErrorCode::kExists);
  EXPECT_NE(second->error().detail.find("in use"), std::string::npos);
  EXPECT_TRUE(box.submit(toy_op('s', "k", "v")).value().accepted);
}

TEST(Store, ForeignFoldersAreRefusedByName) {
  StoreWorld box(13);
  ASSERT_TRUE(box.node.disk().put("d/holiday.jpg", to_bytes("x")));
  Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().detail.find("holiday.jpg"), std::string::npos);

  StoreWorld newer(14);
  ASSERT_TRUE(newer.open().ok());
  newer.crash(SimCrash::kProcess);
  Bytes drive = *newer.node.disk().peek("d/creel.drive");
  drive[8] = 2;
  ASSERT_TRUE(newer.node.disk().put("d/creel.drive", drive));
  opened = newer.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
  EXPECT_NE(opened.error().detail.find("format 2"), std::string::npos) << opened.error().detail;
}

TEST(Store, TheIndexMayBeDeletedAndIsRebuiltEqual) {
  StoreWorld box(15);
  ASSERT_TRUE(box.open().ok());
  TestRandom random(15);
  for (int i = 0; i < 500; ++i) {
    const std::string key = std::to_string(random.below(200));
    const char kind = "sspdc"[random.below(5)];
    Bytes body = kind == 'p' ? random.bytes(random.below(3'000)) : Bytes();
    ASSERT_TRUE(box.submit(toy_op(kind, key, "v" + std::to_string(i), std::move(body))).ok());
  }
  const auto before = box.rows();
  ASSERT_TRUE(box.stop().ok());
  box.images.clear();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows(), before);
  EXPECT_EQ(box.store->status().last, box.store->status().last);
  // And with a log that is gone, nothing is guessed.
  ASSERT_TRUE(box.stop().ok());
  for (const std::string& path : box.node.disk().paths("d/seg"))
    ASSERT_TRUE(box.node.disk().put(path, {}));
  Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_FALSE(box.images["d/idx"].rows.empty());
}

}  // namespace
}  // namespace creel::test
