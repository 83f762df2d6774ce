// Goal: whatever was acknowledged is readable after any crash, also one during recovery; what was
// not is there whole or not at all. Method: clients that own their keys write, delete and upload
// under a simulated disk that loses and tears what was not synced; the power goes at a drawn
// moment, several times a seed.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

// What a key may hold: nullopt = absent.
using Value = std::optional<Bytes>;
struct Known {
  Value acked;
  std::vector<Value> maybe;  // Sent, not answered.
};

struct Workload {
  std::map<std::string, Known> keys;
  std::uint64_t acked = 0;
  std::uint64_t unclear = 0;

  static Task<void> client(Ctx& ctx, store::Store& store, Workload& all, int number,
                           TestRandom random) {
    while (!ctx.stopped()) {
      const std::string key = std::to_string(number) + "-" + std::to_string(random.below(6));
      Known& known = all.keys[key];
      const bool erase = random.chance(0.15) && known.acked;
      const bool large = !erase && random.chance(0.1);
      Bytes body = random.bytes(random.skewed_below(large ? 150'000 : 9'000));
      store::Op op;
      if (erase) {
        op = toy_op('d', key);
      } else if (large) {
        auto writer = co_await store.start_body(ctx, random.chance(0.5) ? body.size() : 0);
        if (!writer.ok()) co_return;
        auto wrote = co_await writer.value()->write(ctx, body);
        if (!wrote.ok()) co_return;
        auto sealed = co_await writer.value()->seal(ctx);
        if (!sealed.ok()) co_return;
        if (random.chance(0.2)) continue;  // Never named.
        op = toy_body_op(key, sealed.value());
      } else {
        op = toy_op('p', key, "", body);
      }
      known.maybe.push_back(erase ? Value() : Value(body));
      auto done = co_await store.submit(ctx, std::move(op));
      if (!done.ok()) {
        ++all.unclear;
        if (done.error().code != ErrorCode::kUnknown) known.maybe.pop_back();
        co_return;
      }
      check(done.value().accepted);
      known.acked = known.maybe.back();
      known.maybe.clear();
      ++all.acked;
    }
  }
};

void expect_all(StoreWorld& box, Workload& load) {
  const auto rows = box.rows();
  std::set<std::string> seen;
  for (auto& [key, known] : load.keys) {
    seen.insert(key);
    Value found;
    if (rows.contains(key)) {
      Result<Bytes> read = box.read(key);
      ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
      found = read.take();
    }
    bool good = found == known.acked;
    for (const Value& maybe : known.maybe) good = good || found == maybe;
    ASSERT_TRUE(good) << key << " holds " << (found ? static_cast<int>(found->size()) : -1)
                      << " bytes, acked was "
                      << (known.acked ? static_cast<int>(known.acked->size()) : -1);
    known.acked = found;  // From here on that is the truth.
    known.maybe.clear();
  }
  for (const auto& [key, value] : rows) ASSERT_TRUE(seen.contains(key)) << key;
  ASSERT_EQ(box.store->status().damaged_ranges, 0u) << box.store->status().damage.front();
}

// Opens, with crashes in the middle of it, until it has opened.
void open_under_fire(StoreWorld& box, TestRandom& random) {
  for (int cuts = random.chance(0.5) ? 0 : static_cast<int>(random.below(4)); cuts > 0; --cuts) {
    SimNode& node = box.node;
    const std::uint64_t life = node.life_number();
    box.world.at(Duration{static_cast<std::int64_t>(random.below(60'000'000))}, [&node, life] {
      if (node.alive() && node.life_number() == life) node.crash();
    });
    Result<Unit> opened = box.open();
    if (opened.ok())
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(60'000'000))});
    ASSERT_TRUE(opened.ok() || opened.error().code == ErrorCode::kUnknown)
        << error_text(opened.error());
    box.crash();
  }
  Result<Unit> opened = box.open();
  ASSERT_TRUE(opened.ok()) << error_text(opened.error());
}

void run_rounds(Seed seed, std::vector<std::string> dirs, int rounds, SimCrash kind) {
  TestRandom random(seed);
  StoreWorld box(seed.value, std::move(dirs));
  if (random.chance(0.3)) box.options.checkpoint_rows = 16;
  Workload load;
  for (int round = 0; round < rounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(open_under_fire(box, random));
    ASSERT_NO_FATAL_FAILURE(expect_all(box, load));
    const int clients = random.between(1, 8);
    for (int c = 0; c < clients; ++c)
      box.node.spawn(
          Workload::client(box.node.ctx(), *box.store, load, c, TestRandom(random.next())));
    box.world.run_for(Duration{static_cast<std::int64_t>(random.below(400'000'000))});
    if (random.chance(0.15)) {
      Result<Unit> stopped = box.stop();
      ASSERT_TRUE(stopped.ok()) << error_text(stopped.error());
    } else {
      box.crash(kind);
    }
  }
  ASSERT_NO_FATAL_FAILURE(open_under_fire(box, random));
  ASSERT_NO_FATAL_FAILURE(expect_all(box, load));
  ASSERT_GT(load.acked, 0u);
  // A rebuild from the log alone gives the same rows.
  const auto before = box.contents();
  box.crash(SimCrash::kProcess);
  box.images.clear();
  ASSERT_NO_FATAL_FAILURE(open_under_fire(box, random));
  ASSERT_EQ(box.contents(), before);
}

TEST(StoreCrash, AckedIsReadableAfterPowerCutsWithTornAndLostWrites) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    ASSERT_NO_FATAL_FAILURE(run_rounds(seed, {"d"}, 4, SimCrash::kPowerLoss));
  }
}

TEST(StoreCrash, AckedIsReadableAfterKills) {
  for (Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    ASSERT_NO_FATAL_FAILURE(run_rounds(seed, {"d"}, 4, SimCrash::kProcess));
  }
}

TEST(StoreCrash, MirroredLogsSurvivePowerCuts) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    ASSERT_NO_FATAL_FAILURE(run_rounds(seed, {"a", "b", "c"}, 3, SimCrash::kPowerLoss));
  }
}

TEST(StoreCrash, TheSameSeedGivesTheSameRun) {
  const Seed seed{77};
  std::uint64_t hashes[2];
  for (std::uint64_t& hash : hashes) {
    TestRandom random(seed);
    StoreWorld box(seed.value);
    ASSERT_TRUE(box.open().ok());
    Workload load;
    for (int c = 0; c < 4; ++c)
      box.node.spawn(
          Workload::client(box.node.ctx(), *box.store, load, c, TestRandom(random.next())));
    box.world.run_for(300_ms);
    box.crash();
    ASSERT_TRUE(box.open().ok());
    hash = box.world.event_hash();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

}  // namespace
}  // namespace creel::test
