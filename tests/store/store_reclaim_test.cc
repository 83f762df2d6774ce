// Goal: a store lives for ever in a bounded space: what is dead is used anew, what is alive is
// moved together, nothing acknowledged is lost on the way. Method: small stores are written to many
// times their size by overwrites, deletes and expiry, with power cuts in between; after each phase
// every body is read, and I1–I4 are checked as sums and lookups over all rows.
#include <gtest/gtest.h>

#include <deque>

#include "store/types.h"
#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

struct Small {
  explicit Small(std::uint64_t seed) : box(seed), random(Seed{seed}) {
    box.options.segment_bytes = 256 * KiB;
    box.options.size_bytes = 24 * MiB;
    box.options.checkpoint_busy = 1_s;
    box.options.checkpoint_idle = 2_s;
  }

  // A body of its own bytes in each key; known is what was acknowledged.
  void put(const std::string& key) {
    const bool large = random.chance(0.3);
    const std::size_t size = 1 + random.below(large ? 100'000 : 20'000);
    Bytes body = random.bytes(size);
    for (int attempt = 0; attempt < 200; ++attempt) {
      Result<store::Verdict> done = fail(ErrorCode::kNoSpace, "");
      if (large) {
        Result<std::vector<store::Extent>> extents = box.write_body(body, size);
        if (extents.ok()) done = box.submit(toy_body_op(key, extents.value()));
        else done = extents.error();
      } else {
        done = box.submit(toy_op('p', key, "", body));
      }
      if (done.ok()) {
        ASSERT_TRUE(done.value().accepted) << error_text(*done.value().error);
        written += size;
        known[key] = std::move(body);
        return;
      }
      ASSERT_EQ(done.error().code, ErrorCode::kNoSpace) << error_text(done.error());
      box.world.run_for(200_ms);  // As a client that was told 507.
    }
    FAIL() << "no room came back for " << key;
  }
  void erase(const std::string& key) {
    Result<store::Verdict> done = box.submit(toy_op('d', key));
    ASSERT_TRUE(done.ok()) << error_text(done.error());
    known.erase(key);
  }
  void check_all() {
    ASSERT_EQ(box.rows().size(), known.size());
    std::uint64_t live = 0;
    for (const auto& [key, body] : known) {
      Result<Bytes> read = box.read(key);
      ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
      ASSERT_EQ(read.value(), body) << key;
    }
    for (const auto& [key, row] : box.rows())
      for (const store::Extent& extent : toy_extents(row)) live += store::footprint(extent);
    const store::Status status = box.store->status();
    ASSERT_EQ(status.space.live, live);
    ASSERT_EQ(status.damaged_ranges, 0u) << status.damage.front();
  }
  void reopen(SimCrash kind) {
    box.crash(kind);
    Result<Unit> opened = box.open();
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
  }

  StoreWorld box;
  TestRandom random;
  std::map<std::string, Bytes> known;
  std::uint64_t written = 0;
};

TEST(StoreReclaim, LargeBodiesThatDieTogetherAreUsedAnewWithoutACopy) {
  Small small(1);
  ASSERT_TRUE(small.box.open().ok());
  std::deque<std::string> alive;
  for (int i = 0; i < 400; ++i) {
    Bytes body = small.random.bytes(200'000);
    Result<std::vector<store::Extent>> extents = small.box.write_body(body, body.size());
    ASSERT_TRUE(extents.ok()) << error_text(extents.error());
    const std::string key = std::to_string(i);
    ASSERT_TRUE(small.box.submit(toy_body_op(key, extents.value())).ok());
    alive.push_back(key);
    if (alive.size() > 10) {
      ASSERT_TRUE(small.box.submit(toy_op('d', alive.front())).ok());
      alive.pop_front();
    }
    small.box.world.run_for(100_ms);
  }
  const store::Status status = small.box.store->status();
  EXPECT_GT(status.segments_recycled, 300u);
  EXPECT_EQ(status.moved_bytes, 0u);
  EXPECT_LT(status.bulk_bytes, 20 * MiB);
}

TEST(StoreReclaim, AReaderKeepsWhatItReadsAndOthersAreToldToLookAgain) {
  Small small(2);
  ASSERT_TRUE(small.box.open().ok());
  const Bytes body = small.random.bytes(200'000);
  Result<std::vector<store::Extent>> extents = small.box.write_body(body, body.size());
  ASSERT_TRUE(extents.ok());
  ASSERT_TRUE(small.box.submit(toy_body_op("k", extents.value())).ok());
  const auto churn = [&] {
    for (int i = 0; i < 8; ++i) {
      Result<std::vector<store::Extent>> other = small.box.write_body(small.random.bytes(200'000));
      ASSERT_TRUE(other.ok());
      ASSERT_TRUE(small.box.submit(toy_body_op("o", other.value())).ok());
      small.box.world.run_for(10_s);
    }
  };
  const auto read = [&] {
    Bytes into(body.size());
    auto done = small.box.world.finish(
        small.box.node,
        small.box.store->read(small.box.node.ctx(), extents.value()[0], 0, MutableBytes(into)));
    return done && done->ok() ? into : Bytes();
  };
  std::unique_ptr<store::ReadHold> hold = small.box.store->hold(extents.value());
  ASSERT_TRUE(small.box.submit(toy_op('d', "k")).ok());
  churn();
  EXPECT_EQ(read(), body);
  hold.reset();
  churn();
  Bytes into(body.size());
  auto late = small.box.world.finish(
      small.box.node,
      small.box.store->read(small.box.node.ctx(), extents.value()[0], 0, MutableBytes(into)));
  ASSERT_TRUE(late && !late->ok());
  EXPECT_EQ(late->error().code, ErrorCode::kNotFound);
  EXPECT_EQ(small.box.store->status().damaged_ranges, 0u);
}

TEST(StoreReclaim, ASealedBodyWaitsForItsOperationButNotForEver) {
  Small small(3);
  ASSERT_TRUE(small.box.open().ok());
  Result<std::vector<store::Extent>> soon = small.box.write_body(small.random.bytes(200'000));
  Result<std::vector<store::Extent>> late = small.box.write_body(small.random.bytes(200'000));
  ASSERT_TRUE(soon.ok() && late.ok());
  Result<std::vector<store::Extent>> next = small.box.write_body(small.random.bytes(200'000));
  ASSERT_TRUE(next.ok());
  small.box.world.run_for(600_s);
  Result<store::Verdict> named = small.box.submit(toy_body_op("soon", soon.value()));
  ASSERT_TRUE(named.ok() && named.value().accepted);
  EXPECT_TRUE(small.box.read("soon").ok());
  small.box.world.run_for(600_s);
  named = small.box.submit(toy_body_op("late", late.value()));
  ASSERT_TRUE(named.ok());
  EXPECT_FALSE(named.value().accepted);
  EXPECT_TRUE(small.box.read("soon").ok());
}

TEST(StoreReclaim, RandomOverwritesAndDeletesWithPowerCutsLoseNothing) {
  std::uint64_t recycled = 0;
  std::uint64_t moved = 0;
  for (Seed seed : seeds(12)) {
    SCOPED_TRACE(seed.replay_hint());
    Small small(seed.value);
    small.box.options.size_bytes = 12 * MiB;
    ASSERT_TRUE(small.box.open().ok());
    for (int round = 0; round < 6; ++round) {
      for (int i = 0; i < 60; ++i) {
        const std::string key = std::to_string(small.random.below(60));
        if (small.random.chance(0.2) && small.known.contains(key)) {
          ASSERT_NO_FATAL_FAILURE(small.erase(key));
        } else {
          ASSERT_NO_FATAL_FAILURE(small.put(key));
        }
        if (small.random.chance(0.1))
          small.box.world.run_for(
              Duration{static_cast<std::int64_t>(small.random.below(3'000'000'000))});
      }
      const store::Status status = small.box.store->status();
      recycled += status.segments_recycled;
      moved += status.moved_bytes;
      ASSERT_NO_FATAL_FAILURE(
          small.reopen(small.random.chance(0.5) ? SimCrash::kProcess : SimCrash::kPowerLoss));
      ASSERT_NO_FATAL_FAILURE(small.check_all());
    }
  }
  EXPECT_GT(recycled, 0u);
  EXPECT_GT(moved, 0u);
}

// What the files of segments that are no spares take.
std::uint64_t used_bytes(StoreWorld& box) {
  return box.store->status().segments * box.options.segment_bytes;
}

enum class Load { kOverwrite, kDelete, kExpire };

void run_twenty_times(Load load, std::uint64_t seed) {
  Small small(seed);
  const std::uint64_t size = 12 * MiB;
  small.box.options.size_bytes = size;
  ASSERT_TRUE(small.box.open().ok());
  std::deque<std::string> order;
  std::uint64_t next = 0;
  std::uint64_t most = 0;
  while (small.written < 20 * size) {
    std::string key = std::to_string(small.random.below(170));
    if (load != Load::kOverwrite) key = std::to_string(next++);
    ASSERT_NO_FATAL_FAILURE(small.put(key));
    if (load != Load::kOverwrite) order.push_back(key);
    while (order.size() > 170) {  // The oldest, or any.
      const std::size_t gone = load == Load::kExpire ? 0 : small.random.below(order.size());
      ASSERT_NO_FATAL_FAILURE(small.erase(order[gone]));
      order.erase(order.begin() + static_cast<std::ptrdiff_t>(gone));
    }
    if (small.random.chance(0.3)) small.box.world.run_for(100_ms);
    most = std::max(most, used_bytes(small.box));
    if (small.random.chance(0.002)) {
      ASSERT_NO_FATAL_FAILURE(small.reopen(SimCrash::kPowerLoss));
    }
  }
  EXPECT_LE(most, size);
  small.box.world.run_for(60_s);
  ASSERT_NO_FATAL_FAILURE(small.check_all());
  const store::Status status = small.box.store->status();
  // Two of the log, two of an image, and two that are being filled.
  const std::uint64_t reserve = 6 * small.box.options.segment_bytes;
  EXPECT_LE(used_bytes(small.box), status.space.live + reserve + size / 10)
      << "live " << status.space.live << " garbage " << status.space.garbage << " log "
      << status.log_bytes << " recycled " << status.segments_recycled << " moved "
      << status.moved_bytes;
}

TEST(StoreReclaim, TwentyTimesTheSizeByOverwritesStaysBounded) {
  ASSERT_NO_FATAL_FAILURE(run_twenty_times(Load::kOverwrite, 11));
}

TEST(StoreReclaim, TwentyTimesTheSizeByDeletesStaysBounded) {
  ASSERT_NO_FATAL_FAILURE(run_twenty_times(Load::kDelete, 12));
}

TEST(StoreReclaim, TwentyTimesTheSizeByExpiryStaysBounded) {
  ASSERT_NO_FATAL_FAILURE(run_twenty_times(Load::kExpire, 13));
}

// Each delete costs a block of the log and frees little more, somewhere.
TEST(StoreReclaim, AFullStoreIsEmptiedByLoneDeletesInAnyOrder) {
  for (Seed seed : seeds(4)) {
    SCOPED_TRACE(seed.replay_hint());
    Small small(seed.value);
    small.box.options.size_bytes = 12 * MiB;
    ASSERT_TRUE(small.box.open().ok());
    std::vector<std::string> keys;
    for (bool room = true; room;) {
      Bytes body = small.random.bytes(2'000 + small.random.below(3'000));
      const std::string key = std::to_string(keys.size());
      Result<store::Verdict> done = small.box.submit(toy_op('p', key, "", body));
      room = done.ok();
      if (!room) continue;
      keys.push_back(key);
      small.known[key] = std::move(body);
    }
    ASSERT_GT(keys.size(), 1'000u);
    while (!keys.empty()) {
      std::swap(keys[small.random.below(keys.size())], keys.back());
      ASSERT_NO_FATAL_FAILURE(small.erase(keys.back())) << keys.size() << " are left";
      keys.pop_back();
      if (!small.random.chance(0.002)) continue;
      ASSERT_NO_FATAL_FAILURE(small.reopen(SimCrash::kPowerLoss));
      ASSERT_NO_FATAL_FAILURE(small.check_all());
    }
    ASSERT_NO_FATAL_FAILURE(small.put("again"));
    ASSERT_NO_FATAL_FAILURE(small.check_all());
  }
}

Task<void> put_one(Ctx& ctx, StoreWorld& box, std::string key, Bytes body, int& left, bool& full) {
  Result<store::Verdict> done = co_await box.store->submit(ctx, toy_op('p', key, "", body));
  full = full || !done.ok();
  --left;
}

// Many share a block when they are written, and each takes one of its own when it is deleted: the
// deletes need twenty times the room they free, and the log must be given back all the time.
TEST(StoreReclaim, AStoreFullOfTinyObjectsIsEmptiedByLoneDeletes) {
  for (Seed seed : seeds(2)) {
    SCOPED_TRACE(seed.replay_hint());
    Small small(seed.value);
    StoreWorld& box = small.box;
    box.options.size_bytes = 12 * MiB;
    ASSERT_TRUE(box.open().ok());
    std::size_t keys = 0;
    for (bool full = false; !full;) {
      int left = 60;
      for (int i = 0; i < 60; ++i, ++keys)
        box.node.spawn(put_one(box.node.ctx(), box, std::to_string(keys), small.random.bytes(150),
                               left, full));
      ASSERT_TRUE(box.world.run_until([&] { return left == 0; }, 600_s));
    }
    ASSERT_GT(keys, 10'000u);
    std::vector<std::string> rest;
    for (const auto& [key, row] : box.rows()) rest.push_back(key);
    while (!rest.empty()) {
      std::swap(rest[small.random.below(rest.size())], rest.back());
      Result<store::Verdict> done = box.submit(toy_op('d', rest.back()));
      ASSERT_TRUE(done.ok()) << rest.size() << " are left: " << error_text(done.error());
      rest.pop_back();
    }
    EXPECT_TRUE(box.rows().empty());
    ASSERT_NO_FATAL_FAILURE(small.put("again"));
  }
}

TEST(StoreReclaim, ReadersOfTheLogHoldItsOperations) {
  Small small(21);
  store::Lsn upto{5};
  small.box.options.size_bytes = 8 * MiB;
  small.box.options.log_read_upto = [&upto](const store::Store&) { return upto; };
  ASSERT_TRUE(small.box.open().ok());
  for (int i = 0; i < 400; ++i) ASSERT_NO_FATAL_FAILURE(small.put(std::to_string(i % 20)));
  auto imaged =
      small.box.world.finish(small.box.node, small.box.store->make_image(small.box.node.ctx()));
  ASSERT_TRUE(imaged && imaged->ok());
  small.box.world.run_for(30_s);
  EXPECT_LE(small.box.store->log_begin().value, 6u);
  EXPECT_GT(small.box.store->status().space.held, 0u);
  const auto read = [&](store::Lsn after) {
    auto ops = small.box.world.finish(
        small.box.node, small.box.store->read_log(small.box.node.ctx(), after, 1, false));
    return ops ? *ops : fail(ErrorCode::kUnknown, "crashed");
  };
  auto first = read(upto);
  ASSERT_TRUE(first.ok()) << error_text(first.error());
  EXPECT_EQ(first.value().front().lsn.value, 6u);
  upto = small.box.store->status().last;
  small.box.world.run_for(30_s);
  EXPECT_GT(small.box.store->log_begin().value, 6u);
  EXPECT_EQ(small.box.store->status().space.held, 0u);
  auto gone = read(store::Lsn{5});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  small.reopen(SimCrash::kPowerLoss);
  gone = read(store::Lsn{5});
  EXPECT_FALSE(gone.ok());
  ASSERT_NO_FATAL_FAILURE(small.check_all());
  small.box.images.clear();  // Filled from the image, and what the log still holds.
  small.reopen(SimCrash::kProcess);
  ASSERT_NO_FATAL_FAILURE(small.check_all());
}

}  // namespace
}  // namespace creel::test
