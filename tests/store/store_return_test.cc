// Goal: a mirror that left comes back while the store serves, whatever happens on the way; what was
// acknowledged stays on a majority of the set.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

// Writes without a pause, bodies of all sizes, and knows what must be there and what may.
class Writers {
 public:
  explicit Writers(StoreWorld& box) : box_(box) {}
  void start(std::uint64_t seed, int count) {
    stop_ = false;
    for (int i = 0; i < count; ++i) {
      ++running_;
      box_.node.spawn(write(box_.node.ctx(), seed * 10 + static_cast<std::uint64_t>(i), i));
    }
  }
  void stop() {
    stop_ = true;
    check(box_.world.run_until([&] { return running_ == 0; }, 600_s));
  }
  void crashed() { running_ = 0; }
  std::uint64_t acks() const { return acks_; }
  std::uint64_t refused() const { return refused_; }
  const std::string& why() const { return why_; }

  // Every key holds what was acknowledged, or what was under way when it ended.
  void expect_all() {
    const auto rows = box_.rows();
    for (auto& [key, state] : keys_) {
      if (!state.acked && !rows.contains(key)) {
        state.maybe.reset();
        continue;
      }
      ASSERT_TRUE(rows.contains(key)) << key << " was acknowledged and is gone";
      Result<Bytes> read = box_.read(key);
      ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
      const bool is_acked = state.acked && read.value() == *state.acked;
      const bool is_maybe = state.maybe && read.value() == *state.maybe;
      ASSERT_TRUE(is_acked || is_maybe) << key;
      if (!is_acked) state.acked = state.maybe;
      state.maybe.reset();
    }
  }

 private:
  struct Key {
    std::optional<Bytes> acked;
    std::optional<Bytes> maybe;  // Submitted, no answer.
  };
  Task<void> write(Ctx& ctx, std::uint64_t seed, int who) {
    TestRandom random(seed);
    while (!stop_) {
      std::string name = "w" + std::to_string(who) + "-" + std::to_string(random.below(20));
      Bytes body =
          random.bytes(random.chance(0.2) ? random.below(60'000) : random.skewed_below(4'000));
      Key& key = keys_[name];
      Result<store::Verdict> done = fail(ErrorCode::kIo, "");
      if (random.chance(0.3)) {
        Result<store::Op> op = co_await body_op(ctx, name, body);
        if (!op.ok()) {
          ++refused_;
          why_ = error_text(op.error());
          co_await pause(ctx);
          continue;
        }
        key.maybe = body;
        done = co_await box_.store->submit(ctx, op.take());
      } else {
        key.maybe = body;
        store::Op op = body.size() <= box_.options.inline_bytes_max
                           ? toy_op('p', name, "", body)
                           : toy_op('p', name, "", Bytes(body.begin(), body.begin() + 1'000));
        if (body.size() > box_.options.inline_bytes_max) key.maybe = body = op.payload;
        done = co_await box_.store->submit(ctx, std::move(op));
      }
      if (done.ok()) {
        ++acks_;
        key.acked = std::move(body);
        key.maybe.reset();
      } else {
        ++refused_;
        why_ = error_text(done.error());
        co_await pause(ctx);
      }
      if (random.chance(0.7)) co_await pause(ctx);
    }
    --running_;
  }
  Task<Result<store::Op>> body_op(Ctx& ctx, std::string name, Bytes body) {
    CO_TRY(writer, co_await box_.store->start_body(ctx, 0));
    for (std::size_t at = 0; at < body.size(); at += 9'000)
      CO_DO(co_await writer->write(
          ctx, ByteView(body).subspan(at, std::min<std::size_t>(9'000, body.size() - at))));
    CO_TRY(extents, co_await writer->seal(ctx));
    co_return toy_body_op(name, extents);
  }
  Task<void> pause(Ctx& ctx) { (void)co_await sleep_for(ctx, 20_ms); }

  StoreWorld& box_;
  std::map<std::string, Key> keys_;
  bool stop_ = false;
  int running_ = 0;
  std::uint64_t acks_ = 0;
  std::uint64_t refused_ = 0;
  std::string why_;
};

std::vector<std::string> folders(std::size_t count) {
  const std::vector<std::string> all{"a", "b", "c", "d", "e"};
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count)};
}

struct Box : StoreWorld {
  Box(std::uint64_t seed, std::size_t count) : StoreWorld(seed, folders(count)) {
    options.size_bytes = 512 * MiB;
    for (const std::string& dir : options.dirs) node.disk().drive(dir);
  }
  bool all_live() { return store->status().mirrors_down.empty(); }
  bool wait_for_all() {
    for (int i = 0; i < 10'000 && !all_live() && !store->status().read_only; ++i)
      world.run_for(20_ms);
    return all_live();
  }
  void pull(const std::string& dir) {
    node.disk().make_unavailable(dir);
    store->drop_folder(dir, "pulled");
  }
  // Its owner says so: no waiting for the next look.
  void bring_back(const std::string& dir) {
    node.disk().make_available(dir);
    for (unsigned i = 0; i < options.dirs.size(); ++i)
      if (options.dirs[i] == dir) store->place_folder(i, dir);
  }
  // Power is lost; then any minority of the drives is away.
  Result<Unit> reopen_without(const std::vector<std::string>& away) {
    crash();
    for (const std::string& dir : away) node.disk().make_unavailable(dir);
    return open();
  }
  std::vector<std::string> minority(TestRandom& random) {
    std::vector<std::string> some = options.dirs;
    const std::size_t max = (some.size() - 1) / 2;
    while (some.size() > max)
      some.erase(some.begin() + static_cast<std::ptrdiff_t>(random.below(some.size())));
    return some;
  }
};

TEST(StoreReturn, EveryMirrorMayLeaveAndReturnInTurnWhileWritingGoesOn) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Box box(seed.value, random.chance(0.5) ? 3 : 5);
    ASSERT_TRUE(box.open().ok());
    Writers writers(box);
    writers.start(seed.value, 2);
    for (int round = 0; round < 6; ++round) {
      const std::vector<std::string> away = box.minority(random);
      for (const std::string& dir : away) box.pull(dir);
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(300'000'000))});
      for (const std::string& dir : away) box.bring_back(dir);
      ASSERT_TRUE(box.wait_for_all()) << box.store->status().reason;
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(50'000'000))});
    }
    ASSERT_EQ(writers.refused(), 0u) << writers.why();
    ASSERT_FALSE(box.store->status().read_only);
    writers.stop();
    ASSERT_NO_FATAL_FAILURE(writers.expect_all());
    Result<Unit> opened = box.reopen_without(box.minority(random));
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    EXPECT_TRUE(box.store->lost().empty());
    EXPECT_EQ(box.store->status().damaged_ranges, 0u);
    ASSERT_NO_FATAL_FAILURE(writers.expect_all());
  }
}

// The same bytes; or a spare, of which only the header was brought over.
bool holds_the_same(const std::optional<Bytes>& one, const std::optional<Bytes>& other) {
  if (one == other) return true;
  if (!one || !other || one->size() != other->size()) return false;
  const auto is_bare = [](const Bytes& bytes) {
    return std::all_of(bytes.begin() + 4096, bytes.end(), [](std::uint8_t b) { return b == 0; });
  };
  return std::equal(one->begin(), one->begin() + 4096, other->begin()) &&
         (is_bare(*one) || is_bare(*other));
}

TEST(StoreReturn, WhatReturnedHoldsTheSameBytes) {
  Box box(7, 3);
  ASSERT_TRUE(box.open().ok());
  Writers writers(box);
  writers.start(7, 3);
  for (const std::string& dir : box.options.dirs) {
    box.pull(dir);
    box.world.run_for(300_ms);
    box.bring_back(dir);
    ASSERT_TRUE(box.wait_for_all());
  }
  box.world.run_for(200_ms);
  writers.stop();
  ASSERT_TRUE(box.stop().ok());
  for (const std::string& path : box.node.disk().paths("a/seg")) {
    const std::string name = path.substr(1);
    EXPECT_TRUE(holds_the_same(box.node.disk().peek_durable("a" + name),
                               box.node.disk().peek_durable("b" + name)))
        << name;
    EXPECT_TRUE(holds_the_same(box.node.disk().peek_durable("a" + name),
                               box.node.disk().peek_durable("c" + name)))
        << name;
  }
  for (const char* dir : {"b/seg", "c/seg"})
    EXPECT_EQ(box.node.disk().paths(dir).size(), box.node.disk().paths("a/seg").size());
}

// Power may go at any moment of a return, and then the drive that had left may be needed.
TEST(StoreReturn, ACrashAtAnyMomentOfAReturnLosesNothing) {
  for (Seed seed : seeds(150)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Box box(seed.value, random.chance(0.5) ? 3 : 5);
    box.options.adopt_blank = true;
    ASSERT_TRUE(box.open().ok());
    Writers writers(box);
    for (int round = 0; round < 5; ++round) {
      writers.start(seed.value + static_cast<std::uint64_t>(round), 2);
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(200'000'000))});
      const std::vector<std::string> out = box.minority(random);
      for (const std::string& dir : out) box.pull(dir);
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(200'000'000))});
      for (const std::string& dir : out) box.bring_back(dir);
      box.world.run_for(Duration{static_cast<std::int64_t>(random.below(400'000'000))});
      // An ack counts on a majority of the set: without any minority of it, it is still there.
      Result<Unit> opened = box.reopen_without(box.minority(random));
      writers.crashed();
      ASSERT_TRUE(opened.ok()) << error_text(opened.error());
      ASSERT_NO_FATAL_FAILURE(writers.expect_all());
      EXPECT_TRUE(box.store->lost().empty());
      for (const std::string& dir : box.options.dirs) box.node.disk().make_available(dir);
      ASSERT_TRUE(box.wait_for_all()) << box.store->status().reason;
      ASSERT_NO_FATAL_FAILURE(writers.expect_all());
    }
  }
}

TEST(StoreReturn, ABlankReplacementIsFilledWhileServing) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Box box(seed.value, 3);
    box.options.adopt_blank = true;
    ASSERT_TRUE(box.open().ok());
    Writers writers(box);
    writers.start(seed.value, 2);
    std::vector<std::string> dirs = box.options.dirs;
    for (const std::string& dir : dirs) {
      box.pull(dir);
      box.world.run_for(100_ms);
      box.node.disk().wipe(dir);
      box.bring_back(dir);
      ASSERT_TRUE(box.wait_for_all()) << box.store->status().reason;
    }
    ASSERT_EQ(writers.refused(), 0u) << writers.why();
    writers.stop();
    Result<Unit> opened = box.reopen_without(box.minority(random));
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    ASSERT_NO_FATAL_FAILURE(writers.expect_all());
  }
}

TEST(StoreReturn, AFolderMayReturnElsewhere) {
  Box box(3, 3);
  box.node.disk().drive("x");
  ASSERT_TRUE(box.open().ok());
  Writers writers(box);
  writers.start(3, 1);
  box.pull("b");
  box.world.run_for(10_s);
  EXPECT_FALSE(box.all_live());
  box.node.disk().make_available("b");
  const SimDiskImage image = box.node.disk().snapshot("b");
  box.node.disk().make_unavailable("b");
  box.node.disk().restore("x", image);
  box.store->place_folder(1, "x");
  ASSERT_TRUE(box.wait_for_all());
  box.world.run_for(100_ms);
  writers.stop();
  box.options.dirs = {"a", "x", "c"};
  Result<Unit> opened = box.reopen_without({"a"});
  ASSERT_TRUE(opened.ok()) << error_text(opened.error());
  ASSERT_NO_FATAL_FAILURE(writers.expect_all());
}

TEST(StoreReturn, ForeignFoldersAndCopiesAreRefusedByName) {
  Box other(8, 3);
  ASSERT_TRUE(other.open().ok());
  Box box(9, 3);
  ASSERT_TRUE(box.open().ok());
  Writers writers(box);
  writers.start(9, 1);
  box.pull("b");
  box.world.run_for(100_ms);
  writers.stop();
  const SimDiskImage mine = box.node.disk().snapshot("b");
  box.node.disk().make_available("b");
  box.node.disk().restore("b", other.node.disk().snapshot("b"));
  box.world.run_for(20_s);
  EXPECT_FALSE(box.all_live());
  EXPECT_TRUE(box.said("belongs to store")) << "a foreign folder";
  box.node.disk().restore("b", box.node.disk().snapshot("c"));
  box.world.run_for(100_s);
  EXPECT_FALSE(box.all_live());
  EXPECT_TRUE(box.said("is a copy of c") || box.said("in use by another process"));
  box.node.disk().restore("b", mine);
  ASSERT_TRUE(box.wait_for_all());
  EXPECT_EQ(writers.refused(), 0u) << writers.why();
  ASSERT_NO_FATAL_FAILURE(writers.expect_all());
}

// Its drive fails again and again while it returns: it stays down, and the others go on.
TEST(StoreReturn, AFailureOnTheWayLeavesItDownAndNothingElse) {
  for (Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Box box(seed.value, 3);
    ASSERT_TRUE(box.open().ok());
    Writers writers(box);
    writers.start(seed.value, 2);
    box.pull("b");
    box.world.run_for(50_ms);
    box.node.disk().make_available("b");
    for (int round = 0; round < 4; ++round) {
      const SimDiskOp ops[] = {SimDiskOp::kOpen,     SimDiskOp::kRead,   SimDiskOp::kWrite,
                               SimDiskOp::kSync,     SimDiskOp::kRename, SimDiskOp::kSyncDir,
                               SimDiskOp::kAllocate, SimDiskOp::kList};
      const SimDiskOp op = random.pick(ops);
      box.node.disk().fail_nth(op, 1 + random.below(12),
                               random.chance(0.3) ? ErrorCode::kNoSpace : ErrorCode::kIo, "b");
      box.store->place_folder(1, "b");  // No-op if it is back already.
      box.world.run_for(300_ms);
      ASSERT_FALSE(box.store->status().read_only) << box.store->status().reason;
    }
    box.node.disk().clear_faults();
    box.store->place_folder(1, "b");
    ASSERT_TRUE(box.wait_for_all()) << box.store->status().reason;
    writers.stop();
    Result<Unit> opened = box.reopen_without({random.chance(0.5) ? "a" : "c"});
    ASSERT_TRUE(opened.ok()) << error_text(opened.error());
    ASSERT_NO_FATAL_FAILURE(writers.expect_all());
  }
}

}  // namespace
}  // namespace creel::test
