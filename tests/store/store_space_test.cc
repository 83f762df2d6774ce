// Goal: a full drive refuses what grows, in time and by name, and goes on with everything else:
// reads, deletes, checkpoints, stops and starts (store.md §11).
// Method: a store filled to each watermark ± one block, by itself or by others, with a restart of
// a drawn kind in between; then the whole contract is tried.
#include <gtest/gtest.h>

#include <map>

#include "platform/base/text.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

store::Op always(store::Op op) {
  op.op_class = store::OpClass::kAlways;
  return op;
}

struct Filled {
  explicit Filled(std::uint64_t seed) : box(seed) {
    box.options.size_bytes = 12 * MiB;
    box.options.checkpoint_rows = 32;
  }
  Result<Unit> put(std::size_t bytes) {
    const std::string key = std::to_string(next++);
    const Bytes body(bytes, static_cast<std::uint8_t>(next));
    Result<store::Verdict> done = box.submit(toy_op('p', key, "", body));
    if (!done.ok()) return done.error();
    kept[key] = body;
    return Unit{};
  }
  Result<Unit> upload(std::size_t bytes, std::uint64_t hint) {
    const std::string key = std::to_string(next++);
    const Bytes body(bytes, static_cast<std::uint8_t>(next));
    Result<std::vector<store::Extent>> extents = box.write_body(body, hint);
    if (!extents.ok()) return extents.error();
    Result<store::Verdict> done = box.submit(toy_body_op(key, extents.value()));
    if (!done.ok()) return done.error();
    kept[key] = body;
    return Unit{};
  }
  void expect_kept() {
    ASSERT_EQ(box.rows().size(), kept.size());
    for (const auto& [key, body] : kept) {
      Result<Bytes> read = box.read(key);
      ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
      ASSERT_TRUE(read.value() == body) << key;
    }
  }
  // All that must work, however full it is.
  void expect_contract(TestRandom& random) {
    ASSERT_NO_FATAL_FAILURE(expect_kept());
    for (int i = 0; i < 3 && !kept.empty(); ++i) {
      auto victim = std::next(kept.begin(), static_cast<long>(random.below(kept.size())));
      Result<store::Verdict> gone = box.submit(always(toy_op('d', victim->first)));
      ASSERT_TRUE(gone.ok()) << error_text(gone.error());
      ASSERT_TRUE(gone.value().accepted);
      kept.erase(victim);
    }
    ASSERT_TRUE(box.submit(always(toy_op('n', "cursor"))).ok());
    auto checkpointed = box.world.finish(box.node, box.store->checkpoint(box.node.ctx()));
    ASSERT_TRUE(checkpointed && checkpointed->ok());
    ASSERT_FALSE(box.store->status().read_only) << box.store->status().reason;
    if (random.chance(0.5)) {
      ASSERT_TRUE(box.stop().ok());
    } else {
      box.crash(random.chance(0.5) ? SimCrash::kPowerLoss : SimCrash::kProcess);
    }
    Result<Unit> opened = box.open();
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    ASSERT_NO_FATAL_FAILURE(expect_kept());
  }

  StoreWorld box;
  std::map<std::string, Bytes> kept;
  int next = 0;
};

// The file system is as full as the store's own files and so many bytes more.
void leave_free(StoreWorld& box, std::uint64_t bytes) {
  SimDrive& drive = box.node.disk().drive();
  drive.faults.no_space_at = drive.used_bytes + bytes;
  drive.faults.capacity = drive.used_bytes + bytes;
}

TEST(StoreSpace, TheContractHoldsAroundEveryWatermark) {
  constexpr std::uint64_t kSegment = 256 * KiB;
  for (const Seed seed : seeds(24)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Filled filled(seed.value);
    ASSERT_TRUE(filled.box.open().ok());
    filled.box.world.run_for(1_s);
    const std::uint64_t size = filled.box.options.size_bytes;
    const std::uint64_t marks[] = {size / 100 * 15, size / 100 * 10, size / 100 * 7,
                                   size / 100 * 5,  2 * kSegment,    0};
    const std::uint64_t mark = random.pick(marks);
    const std::int64_t off = static_cast<std::int64_t>(random.below(3)) - 1;
    const std::uint64_t target = mark + static_cast<std::uint64_t>(off * 4096);
    const bool by_others = random.chance(0.5);
    if (by_others) {
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(filled.put(10'000).ok());
      leave_free(filled.box, static_cast<std::int64_t>(target) < 0 ? 0 : target);
    }
    bool refused = false;
    for (int i = 0; i < 2'000 && !refused; ++i) {
      const std::uint64_t free = filled.box.store->status().free_bytes;
      if (static_cast<std::int64_t>(free) <= static_cast<std::int64_t>(target)) break;
      const bool large = random.chance(0.2);
      const std::size_t bytes = large ? 33'000 + random.below(200'000) : random.below(30'000);
      Result<Unit> done =
          large ? filled.upload(bytes, random.chance(0.7) ? bytes : 0) : filled.put(bytes);
      refused = !done.ok();
      if (refused) {
        ASSERT_EQ(done.error().code, ErrorCode::kNoSpace) << error_text(done.error());
        ASSERT_NE(done.error().detail.find("is full"), std::string::npos) << done.error().detail;
      }
      filled.box.world.run_for(20_ms);
    }
    for (int round = 0; round < 4; ++round) ASSERT_NO_FATAL_FAILURE(filled.expect_contract(random));
    // Everything can go, each in a batch of its own.
    while (!filled.kept.empty()) {
      const std::string key = filled.kept.begin()->first;
      Result<store::Verdict> gone = filled.box.submit(always(toy_op('d', key)));
      ASSERT_TRUE(gone.ok()) << filled.kept.size() << " left: " << error_text(gone.error());
      filled.kept.erase(key);
    }
  }
}

TEST(StoreSpace, ManyAtOnceCannotPassTheBar) {
  Filled filled(1);
  StoreWorld& box = filled.box;
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  while (box.store->admit(600'000).ok()) ASSERT_TRUE(filled.upload(100'000, 100'000).ok());
  int done = 0, full = 0, other = 0;
  struct Client {
    static Task<void> run(Ctx& ctx, store::Store& store, int& done, int& full, int& other) {
      auto writer = co_await store.start_body(ctx, 100'000);
      Result<Unit> outcome = Unit{};
      if (!writer.ok()) outcome = writer.error();
      const Bytes body(100'000, 7);
      if (outcome.ok()) outcome = co_await writer.value()->write(ctx, body);
      if (outcome.ok()) {
        auto sealed = co_await writer.value()->seal(ctx);
        if (!sealed.ok()) outcome = sealed.error();
      }
      if (outcome.ok()) ++done;
      else if (outcome.error().code == ErrorCode::kNoSpace) ++full;
      else ++other;
    }
  };
  const std::uint64_t before = box.store->status().free_bytes;
  for (int c = 0; c < 32; ++c)
    box.node.spawn(Client::run(box.node.ctx(), *box.store, done, full, other));
  box.world.run_for(10_s);
  EXPECT_EQ(done + full, 32);
  EXPECT_EQ(other, 0);
  EXPECT_LE(done, 6);  // As many as had room together.
  EXPECT_GE(done, 1);
  const store::SpaceStatus space = box.store->status().space;
  EXPECT_EQ(space.promised, 0u);
  EXPECT_GE(space.free, store::space_floor(space.size, 256 * KiB, false));
  EXPECT_LE(before - space.free, 700'000u);
  EXPECT_GT(space.refused_full, 0u);
}

TEST(StoreSpace, WritesAreTakenAgainWhenEnoughIsBack) {
  Filled filled(2);
  StoreWorld& box = filled.box;
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  const std::uint64_t floor = store::space_floor(box.options.size_bytes, 256 * KiB, false);
  const std::uint64_t again = store::space_floor(box.options.size_bytes, 256 * KiB, true);
  ASSERT_GT(again, floor);
  while (filled.put(20'000).ok()) box.world.run_for(10_ms);
  store::SpaceStatus space = box.store->status().space;
  EXPECT_EQ(space.level, store::SpaceLevel::kFull);
  EXPECT_NE(space.warning.find("is full"), std::string::npos);
  EXPECT_EQ(space.refill_at, again);
  EXPECT_TRUE(box.said("is full"));
  // A store given more room takes writes at once.
  ASSERT_TRUE(box.stop().ok());
  box.options.size_bytes = 24 * MiB;
  ASSERT_TRUE(box.open().ok());
  EXPECT_TRUE(filled.put(20'000).ok());
  EXPECT_EQ(box.store->status().space.level, store::SpaceLevel::kPlenty);
}

TEST(StoreSpace, WhatOthersLeaveIsNotCountedTwice) {
  Filled filled(3);
  StoreWorld& box = filled.box;
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  leave_free(box, 0);
  box.world.run_for(6_s);
  const store::SpaceStatus space = box.store->status().space;
  EXPECT_EQ(space.reserve_missing, 0u);  // It was made before others came.
  int taken = 0;
  while (filled.put(20'000).ok()) ++taken;
  EXPECT_GT(taken, 4);  // What was preallocated ahead still takes writes.
  ASSERT_NO_FATAL_FAILURE(filled.expect_kept());
}

TEST(StoreSpace, AnIndexThatGrowsFastIsAllocatedAheadAllTheSame) {
  StoreWorld box(5);
  box.options.segment_bytes = 16 * MiB;
  box.options.size_bytes = 128 * MiB;
  box.options.checkpoint_rows = 512;
  box.images["d/idx"].capacity = 1;
  box.images["d/idx"].grows = true;
  ASSERT_TRUE(box.open().ok());
  const std::string value(900, 'v');
  for (int i = 0; i < 4'500; ++i) {
    Result<store::Verdict> done = box.submit(toy_op('s', cat("k", i), value));
    ASSERT_TRUE(done.ok()) << i << ": " << error_text(done.error());
    if (i % 500 != 499) continue;
    auto checkpointed = box.world.finish(box.node, box.store->checkpoint(box.node.ctx()));
    ASSERT_TRUE(checkpointed && checkpointed->ok());
  }
  EXPECT_GT(box.store->status().space.index.used_bytes, 3 * MiB);
}

TEST(StoreSpace, AFullIndexRefusesWhatGrowsAndDeletesGoOn) {
  Filled filled(4);
  StoreWorld& box = filled.box;
  box.images["d/idx"].capacity = 60'000;
  ASSERT_TRUE(box.open().ok());
  std::optional<Error> refused;
  for (int i = 0; i < 2'000 && !refused; ++i) {
    Result<Unit> done = filled.put(100);
    if (!done.ok()) refused = done.error();
    box.world.run_for(1_s);
  }
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, ErrorCode::kNoSpace);
  EXPECT_NE(refused->detail.find("the index of d is full"), std::string::npos) << refused->detail;
  EXPECT_GT(box.store->status().space.refused_index, 0u);
  TestRandom random{Seed{4}};
  for (int round = 0; round < 4; ++round) ASSERT_NO_FATAL_FAILURE(filled.expect_contract(random));
  for (int i = 0; i < 300 && filled.kept.size() > 20; ++i) {
    const std::string key = filled.kept.begin()->first;
    ASSERT_TRUE(box.submit(always(toy_op('d', key))).ok());
    filled.kept.erase(key);
  }
  box.world.run_for(40_s);
  EXPECT_TRUE(filled.put(100).ok());  // Room again.
}

TEST(StoreSpace, APlanShrinksWithTheStoreAndNeverTakesItAll) {
  for (std::uint64_t segments = 4; segments < 4'096; segments += 1 + segments / 8) {
    const std::uint64_t size = segments * 8 * MiB;
    const store::SpacePlan plan = store::plan_space(size, 8 * MiB);
    EXPECT_GE(plan.log_segments, 2u);
    EXPECT_GE(plan.ahead_segments, 1u);
    EXPECT_GE(plan.index_bytes, size / 25);
    EXPECT_LT(plan.index_bytes, size / 8);
  }
  const store::SpacePlan plan = store::plan_space(64 * GiB, 64 * MiB);
  EXPECT_EQ(plan.log_segments + plan.clean_segments, 4u);
  EXPECT_EQ(plan.ahead_segments, 4u);
  EXPECT_EQ(plan.index_bytes, 64 * GiB / 25);
  EXPECT_EQ(store::plan_space(1 * GiB, 16 * MiB).index_bytes, 64 * MiB);
}

}  // namespace
}  // namespace creel::test
