// Goal: whatever happens to the link and to both ends, at any moment, the core ends as the edge is,
// and every operation is accounted for.
// Method: a safety phase where anything may break while a workload writes, then a whole network and
// running machines, which must converge. A failure prints the seed to replay.
#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/replicate/link_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

// Writes, overwrites and deletes a few keys of one bucket for as long as its process lives.
Task<void> workload(Box& box, TestRandom& random, int& left) {
  while (left > 0) {
    --left;
    const std::string key = cat("k", random.below(12));
    const std::uint64_t what = random.below(10);
    if (what < 3) {
      auto erased = co_await box.erase("chaos", key);
      if (!erased.ok()) co_return;
    } else {
      std::size_t bytes = static_cast<std::size_t>(random.skewed_below(5'000));
      if (what == 9) bytes = static_cast<std::size_t>(300'000 + random.below(1'500'000));
      Bytes body = random.bytes(bytes);
      auto put = co_await box.put("chaos", key, std::move(body));
      if (!put.ok()) co_return;
    }
    const Result<Unit> slept = co_await sleep_for(
        box.node.ctx(), Duration{static_cast<std::int64_t>(random.below(400)) * 1'000'000});
    if (!slept.ok()) co_return;
  }
}

struct Chaos {
  explicit Chaos(Seed seed) : random(seed), link(seed.value) {
    link.shipper_options.backoff_max = 8_s;
    link.receiver_options.part_bytes = 512 * KiB;
    link.receiver_options.grant_bytes = 2 * MiB;
    link.edge.options.size_bytes = link.core.options.size_bytes = 256 * MiB;
  }
  // What one run came to: equal for equal seeds.
  std::string run() {
    if (!link.start()) return "did not start";
    link.bucket("chaos");
    const std::uint64_t slow = random.chance(0.5) ? 1 * MiB : 20 * MiB;
    link.world.network().link("edge", "core").bytes_per_second = slow;
    for (int step = 0; step < 12; ++step) {
      if (left > 0 && !writing()) link.edge.node.spawn(workload_of());
      link.world.run_for(Duration{static_cast<std::int64_t>(random.below(4'000)) * 1'000'000});
      if (!strike()) return cat("did not come back at step ", step);
    }
    link.world.network().heal_all();
    link.edge.node.disk().clear_faults();
    link.core.node.disk().clear_faults();
    if (left > 0 && !writing()) link.edge.node.spawn(workload_of());
    if (!link.world.run_until([&] { return !writing() && left == 0 && link.drained(); }, 900_s))
      return cat("did not drain: ", link_state_name(link.shipper->status().state), " ",
                 link.shipper->status().last_error);
    return "";
  }
  bool writing() const { return writer_life == link.edge.node.life_number(); }
  Task<void> workload_of() {
    writer_life = link.edge.node.life_number();
    co_await workload(link.edge, random_writes, left);
    writer_life = 0;
  }
  SimCrash kind() {
    return random.chance(0.3)   ? SimCrash::kProcess
           : random.chance(0.5) ? SimCrash::kLoseAll
                                : SimCrash::kPowerLoss;
  }
  bool strike() {
    switch (random.below(8)) {
      case 0: return link.crash_edge(kind());
      case 1: return link.crash_core(kind());
      case 2: link.world.network().cut("edge", "core"); break;
      case 3: link.world.network().heal_all(); break;
      case 4: link.world.network().reset("edge", "core"); break;
      case 5: link.world.network().cut("edge", "core", SimWays::kOneWay); break;
      case 6: link.world.network().cut("core", "edge", SimWays::kOneWay); break;
      default: break;
    }
    return true;
  }

  TestRandom random;
  TestRandom random_writes{Seed{7}};
  int left = 40;
  std::uint64_t writer_life = 0;
  LinkWorld link;
};

TEST(ReplicateChaos, TheCoreEndsAsTheEdgeIs) {
  for (Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    Chaos chaos(seed);
    chaos.random_writes = TestRandom(seed.value + 1);
    const std::string failure = chaos.run();
    ASSERT_EQ(failure, "");
    const auto edge = chaos.link.edge.contents("chaos");
    ASSERT_EQ(chaos.link.core.contents("chaos"), edge);
    const ShipperStatus status = chaos.link.shipper->status();
    EXPECT_EQ(status.pending, 0u);
    EXPECT_EQ(status.parked, 0u);
    EXPECT_EQ(chaos.link.receiver->status().bad_frames, 0u);
  }
}

// Leaves an operation out now and then and says nothing.
class ForgetfulSource final : public Source {
 public:
  explicit ForgetfulSource(Source& below) : below_(below) {}
  Task<Result<FeedBatch>> read(Ctx& ctx, std::uint64_t after, FeedBounds bounds) override {
    CO_TRY(batch, co_await below_.read(ctx, after, bounds));
    std::erase_if(batch.items, [](const FeedItem& item) { return item.lsn % 5 == 0; });
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
};

TEST(ReplicateChaosCanary, AForgottenOperationIsNoticed) {
  int noticed = 0;
  for (Seed seed : seeds(5)) {
    SCOPED_TRACE(seed.replay_hint());
    Chaos chaos(seed);
    std::unique_ptr<ForgetfulSource> forgetful;
    chaos.link.wrap = [&](LogSource& source) -> Source& {
      forgetful = std::make_unique<ForgetfulSource>(source);
      return *forgetful;
    };
    ASSERT_EQ(chaos.run(), "");
    noticed += chaos.link.core.contents("chaos") != chaos.link.edge.contents("chaos") ? 1 : 0;
    chaos.link.stop_edge();
  }
  EXPECT_GT(noticed, 0);
}

TEST(ReplicateChaos, TheSameSeedIsTheSameRun) {
  for (Seed seed : seeds(3)) {
    SCOPED_TRACE(seed.replay_hint());
    std::uint64_t hashes[2];
    for (std::uint64_t& hash : hashes) {
      Chaos chaos(seed);
      chaos.random_writes = TestRandom(seed.value + 1);
      ASSERT_EQ(chaos.run(), "");
      hash = chaos.link.world.event_hash();
    }
    EXPECT_EQ(hashes[0], hashes[1]);
  }
}

}  // namespace
}  // namespace creel::test
