// The fake disk: what a sync promises, what a power cut takes, and every knob that breaks a drive.
// Tests that count outcomes take fixed seeds, so that CREEL_SEEDS cannot starve them.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "platform/sim/world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

using FileResult = Result<std::unique_ptr<File>>;

// One node, and calls that run to their end.
struct Bench {
  explicit Bench(std::uint64_t seed = 1) : world(seed), node(world.add_node("box")) {}

  template <class T>
  T run(Task<T> task) {
    std::optional<T> done = world.finish(node, std::move(task));
    check(done.has_value());
    return std::move(*done);
  }
  Disk& door() { return node.platform().disk; }
  Ctx& ctx() { return node.ctx(); }
  SimDisk& disk() { return node.disk(); }

  std::unique_ptr<File> open(const std::string& path, unsigned lane = 0) {
    OpenOptions options;
    options.write = options.create = true;
    options.lane = lane;
    FileResult opened = run(door().open(ctx(), path, options));
    check(opened.ok());
    return opened.take();
  }
  Result<Unit> write(File& file, std::uint64_t offset, std::string_view text) {
    const ByteView parts[] = {as_bytes(text.substr(0, text.size() / 2)),
                              as_bytes(text.substr(text.size() / 2))};
    return run(file.write(ctx(), offset, parts));
  }
  Result<Unit> sync(File& file) { return run(file.sync(ctx())); }
  Result<Unit> sync_dir(const std::string& path) { return run(door().sync_dir(ctx(), path)); }
  Result<std::string> read(File& file, std::uint64_t offset, std::size_t bytes) {
    Bytes into(bytes);
    TRY(got, run(file.read(ctx(), offset, into)));
    return to_string(ByteView(into).first(got));
  }
  std::string peek(const std::string& path) {
    std::optional<Bytes> bytes = disk().peek(path);
    return bytes ? to_string(*bytes) : "absent";
  }
  void power_cycle(SimCrash kind = SimCrash::kPowerLoss) {
    node.crash(kind);
    node.restart();
  }

  SimWorld world;
  SimNode& node;
};

ErrorCode code_of(const Result<Unit>& result) {
  check(!result.ok());
  return result.error().code;
}

TEST(SimDisk, ReadsGiveWhatWasWrittenAndStopAtTheEnd) {
  Bench bench;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.write(*file, 5000, "hello").ok());
  EXPECT_EQ(bench.run(file->size(bench.ctx())).value(), 5005u);
  EXPECT_EQ(bench.read(*file, 4999, 100).value(), std::string("\0hello", 6));
  EXPECT_EQ(bench.read(*file, 5005, 100).value(), "");
  EXPECT_TRUE(bench.run(file->truncate(bench.ctx(), 5002)).ok());
  EXPECT_TRUE(bench.run(file->allocate(bench.ctx(), 5004)).ok());
  EXPECT_TRUE(bench.run(file->allocate(bench.ctx(), 10)).ok());  // Never shrinks.
  EXPECT_EQ(bench.read(*file, 5000, 100).value(), std::string("he\0\0", 4));
}

TEST(SimDisk, RandomCallsEqualAPlainVector) {
  for (Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Bench bench(seed.value);
    std::string seen;
    std::string durable;
    auto file = bench.open("a");
    ASSERT_TRUE(bench.sync_dir(".").ok());
    for (int i = 0; i < 60; ++i) {
      const std::size_t at = random.skewed_below(20'000);
      switch (random.below(6)) {
        case 0:
          ASSERT_TRUE(bench.run(file->truncate(bench.ctx(), at)).ok());
          seen.resize(at);
          break;
        case 1:
          ASSERT_TRUE(bench.run(file->allocate(bench.ctx(), at)).ok());
          if (at > seen.size()) seen.resize(at);
          break;
        case 2:
          ASSERT_TRUE(bench.sync(*file).ok());
          durable = seen;
          break;
        case 3: {
          const bool power = random.chance(0.5);
          bench.power_cycle(power ? SimCrash::kLoseAll : SimCrash::kProcess);
          if (power) seen = durable;
          file = bench.open("a");
          break;
        }
        default: {
          const std::string data = random.binary(random.skewed_below(9'000));
          ASSERT_TRUE(bench.write(*file, at, data).ok());
          if (!data.empty() && at + data.size() > seen.size()) seen.resize(at + data.size());
          if (!data.empty()) seen.replace(at, data.size(), data);
        }
      }
      ASSERT_TRUE(bench.peek("a") == seen) << "after call " << i;
      ASSERT_TRUE(to_string(*bench.disk().peek_durable("a")) == durable) << "after call " << i;
      ASSERT_EQ(bench.disk().drive().used_bytes, sim_blocks(seen.size()));
    }
    std::string read;
    while (read.size() < seen.size()) read += bench.read(*file, read.size(), 777).value();
    EXPECT_TRUE(read == seen);
  }
}

TEST(SimDisk, ErrorsNameWhatIsWrong) {
  Bench bench;
  OpenOptions options;
  EXPECT_EQ(bench.run(bench.door().open(bench.ctx(), "a", options)).error().code,
            ErrorCode::kNotFound);
  options.create = options.exclusive = true;
  EXPECT_EQ(bench.run(bench.door().open(bench.ctx(), "no/a", options)).error().code,
            ErrorCode::kNotFound);
  auto file = bench.open("a");
  EXPECT_EQ(bench.run(bench.door().open(bench.ctx(), "a", options)).error().code,
            ErrorCode::kExists);
  ASSERT_TRUE(bench.run(bench.door().make_dir(bench.ctx(), "d")).ok());
  ASSERT_TRUE(bench.run(bench.door().make_dir(bench.ctx(), "/d/")).ok());
  auto inner = bench.open("d/x");
  EXPECT_EQ(bench.run(bench.door().list(bench.ctx(), "d")).value(), std::vector<std::string>{"x"});
  EXPECT_EQ(bench.run(bench.door().list(bench.ctx(), ".")).value(),
            (std::vector<std::string>{"a", "d"}));
  EXPECT_EQ(code_of(bench.run(bench.door().remove(bench.ctx(), "d"))), ErrorCode::kExists);
  EXPECT_EQ(code_of(bench.run(bench.door().rename(bench.ctx(), "nope", "b"))),
            ErrorCode::kNotFound);
  const OpenOptions read_only;
  FileResult opened = bench.run(bench.door().open(bench.ctx(), "a", read_only));
  EXPECT_EQ(code_of(bench.write(*opened.value(), 0, "no")), ErrorCode::kDenied);
}

TEST(SimDisk, SyncedBytesAndNamesSurviveEveryPowerCut) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    Bench bench(seed.value);
    auto file = bench.open("a");
    ASSERT_TRUE(bench.write(*file, 0, std::string(10'000, 'x')).ok());
    ASSERT_TRUE(bench.sync(*file).ok());
    ASSERT_TRUE(bench.sync_dir(".").ok());
    ASSERT_TRUE(bench.write(*file, 10'000, std::string(10'000, 'y')).ok());
    bench.power_cycle();
    file.reset();
    const std::string content = bench.peek("a");
    ASSERT_GE(content.size(), 10'000u);
    EXPECT_EQ(content.substr(0, 10'000), std::string(10'000, 'x'));
    for (char c : content.substr(10'000)) EXPECT_TRUE(c == 'y' || c == 0);
  }
}

TEST(SimDisk, UnsyncedWritesAreKeptLostOrTornIntoBlocks) {
  std::set<std::string> shapes;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Bench bench(seed);
    auto file = bench.open("a");
    ASSERT_TRUE(bench.write(*file, 0, std::string(8'192, '.')).ok());
    ASSERT_TRUE(bench.sync(*file).ok());
    ASSERT_TRUE(bench.sync_dir("").ok());
    ASSERT_TRUE(bench.write(*file, 0, std::string(8'192, 'n')).ok());
    bench.power_cycle();
    file.reset();
    const std::string content = bench.peek("a");
    ASSERT_EQ(content.size(), 8'192u);
    std::string blocks;
    for (std::size_t i = 0; i < content.size(); i += 512) {
      EXPECT_EQ(content.substr(i, 512), std::string(512, content[i])) << "torn inside a sector";
      blocks.push_back(content[i]);
    }
    shapes.insert(blocks);
  }
  EXPECT_TRUE(shapes.contains(std::string(16, '.')));
  EXPECT_TRUE(shapes.contains(std::string(16, 'n')));
  EXPECT_GT(shapes.size(), 20u);
}

TEST(SimDisk, LoseAllLosesAllAndAProcessCrashLosesNothing) {
  Bench bench;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.write(*file, 0, "old").ok());
  ASSERT_TRUE(bench.sync(*file).ok());
  ASSERT_TRUE(bench.sync_dir(".").ok());
  ASSERT_TRUE(bench.write(*file, 0, "new").ok());
  bench.power_cycle(SimCrash::kProcess);
  EXPECT_EQ(bench.peek("a"), "new");
  EXPECT_TRUE(bench.disk().dirty());
  bench.power_cycle(SimCrash::kLoseAll);
  EXPECT_EQ(bench.peek("a"), "old");
  EXPECT_FALSE(bench.disk().dirty());
}

TEST(SimDisk, ASyncCoversWhatEndedBeforeItBeganAndThisFileOnly) {
  Bench bench;
  auto first = bench.open("a");
  auto second = bench.open("b");
  ASSERT_TRUE(bench.sync_dir(".").ok());
  ASSERT_TRUE(bench.write(*first, 0, "one").ok());
  ASSERT_TRUE(bench.write(*second, 0, "two").ok());
  struct Calls {
    static Task<void> write_late(Ctx& ctx, File& file) {
      const std::string late = "late";
      const ByteView parts[] = {as_bytes(late)};
      (void)co_await file.write(ctx, 3, parts);
    }
    static Task<void> sync_now(Ctx& ctx, File& file) { (void)co_await file.sync(ctx); }
  };
  bench.node.spawn(Calls::write_late(bench.ctx(), *first));
  bench.node.spawn(Calls::sync_now(bench.ctx(), *first));  // While the write is under way.
  bench.world.run_for(1_s);
  EXPECT_EQ(bench.peek("a"), "onelate");
  bench.power_cycle(SimCrash::kLoseAll);
  EXPECT_EQ(bench.peek("a"), "one");
  EXPECT_EQ(bench.peek("b"), "");
}

TEST(SimDisk, ANameNeedsSyncDirThoughItsFileWasSynced) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Bench bench(seed);
    auto file = bench.open("a");
    ASSERT_TRUE(bench.write(*file, 0, "data").ok());
    ASSERT_TRUE(bench.sync(*file).ok());
    bench.power_cycle();
    const std::string content = bench.peek("a");
    EXPECT_TRUE(content == "data" || content == "absent");
    lost += content == "absent";
  }
  EXPECT_GT(lost, 5);
  EXPECT_LT(lost, 55);
}

TEST(SimDisk, ReplacingByRenameLeavesTheOldOrTheNew) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Bench bench(seed);
    ASSERT_TRUE(
        bench.run(write_file_durable(bench.ctx(), bench.door(), "conf", to_bytes("old"))).ok());
    auto file = bench.open("conf.tmp");
    ASSERT_TRUE(bench.write(*file, 0, "new").ok());
    ASSERT_TRUE(bench.sync(*file).ok());
    ASSERT_TRUE(bench.run(bench.door().rename(bench.ctx(), "conf.tmp", "conf")).ok());
    bench.power_cycle();
    seen.insert(bench.peek("conf"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(SimDisk, RenameBeforeSyncMayLeaveAnEmptyFile) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Bench bench(seed);
    ASSERT_TRUE(
        bench.run(write_file_durable(bench.ctx(), bench.door(), "conf", to_bytes("old"))).ok());
    auto file = bench.open("conf.tmp");
    ASSERT_TRUE(bench.write(*file, 0, "new").ok());
    ASSERT_TRUE(bench.run(bench.door().rename(bench.ctx(), "conf.tmp", "conf")).ok());
    bench.power_cycle();
    seen.insert(bench.peek("conf"));
  }
  EXPECT_TRUE(seen.contains(""));
}

TEST(SimDisk, ALostFolderTakesItsFilesAlong) {
  for (Seed seed : seeds(60)) {
    Bench bench(seed.value);
    ASSERT_TRUE(bench.run(bench.door().make_dir(bench.ctx(), "d")).ok());
    auto file = bench.open("d/a");
    ASSERT_TRUE(bench.sync(*file).ok());
    ASSERT_TRUE(bench.sync_dir("d").ok());
    bench.power_cycle();
    const std::vector<std::string> paths = bench.disk().paths();
    EXPECT_TRUE(paths.empty() || paths == (std::vector<std::string>{"d", "d/a"}));
  }
}

TEST(SimDisk, AFailedSyncMarksCleanWhatIsThenLost) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Bench bench(seed);
    auto file = bench.open("a");
    ASSERT_TRUE(bench.sync_dir(".").ok());
    ASSERT_TRUE(bench.write(*file, 0, "data").ok());
    bench.disk().fail_nth(SimDiskOp::kSync, 1, ErrorCode::kIo);
    EXPECT_EQ(code_of(bench.sync(*file)), ErrorCode::kIo);
    EXPECT_TRUE(bench.sync(*file).ok()) << "the retry says ok,";
    EXPECT_EQ(bench.peek("a"), "data");
    bench.power_cycle(SimCrash::kLoseAll);
    lost += bench.peek("a") != "data";  // and yet:
  }
  EXPECT_GT(lost, 10);
  EXPECT_LT(lost, 60);
}

TEST(SimDisk, WritesAfterAFailedSyncDoNotBringBackWhatItLost) {
  Bench bench;
  bench.disk().faults().lost_write = 1;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.sync_dir(".").ok());
  ASSERT_TRUE(bench.write(*file, 0, "lost").ok());
  bench.disk().fail_nth(SimDiskOp::kSync, 1, ErrorCode::kIo);
  EXPECT_FALSE(bench.sync(*file).ok());
  ASSERT_TRUE(bench.write(*file, 4, "kept").ok());
  ASSERT_TRUE(bench.sync(*file).ok());
  bench.power_cycle();
  EXPECT_EQ(bench.peek("a"), std::string("\0\0\0\0kept", 8));
}

TEST(SimDisk, ALyingSyncSaysOkAndKeepsNothing) {
  Bench bench;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.sync_dir(".").ok());
  bench.disk().faults().lying_sync = 1;
  ASSERT_TRUE(bench.write(*file, 0, "data").ok());
  EXPECT_TRUE(bench.sync(*file).ok());
  bench.power_cycle(SimCrash::kLoseAll);
  EXPECT_EQ(bench.peek("a"), "");
}

TEST(SimDisk, TheNthCallFailsOnce) {
  Bench bench;
  auto file = bench.open("a");
  bench.disk().fail_nth(SimDiskOp::kWrite, 3, ErrorCode::kNoSpace);
  EXPECT_TRUE(bench.write(*file, 0, "1").ok());
  EXPECT_TRUE(bench.write(*file, 0, "2").ok());
  EXPECT_EQ(code_of(bench.write(*file, 0, "3")), ErrorCode::kNoSpace);
  EXPECT_TRUE(bench.write(*file, 0, "4").ok());
  bench.disk().fail_nth(SimDiskOp::kRead, 1, ErrorCode::kIo);
  EXPECT_FALSE(bench.read(*file, 0, 1).ok());
  EXPECT_TRUE(bench.read(*file, 0, 1).ok());
  bench.disk().fail_nth(SimDiskOp::kSync, 1, ErrorCode::kIo, "b");
  EXPECT_TRUE(bench.sync(*file).ok()) << "another file";
  EXPECT_EQ(bench.disk().counters().errors, 2u);
  EXPECT_EQ(bench.disk().counters().of(SimDiskOp::kWrite), 4u);
  EXPECT_EQ(bench.disk().counters().of(SimDiskOp::kRead), 2u);
}

TEST(SimDisk, AFullDriveRefusesGrowthAndAllowsOverwriting) {
  Bench bench;
  SimDrive& drive = bench.disk().drive("/d0");
  drive.faults.capacity = 64 * KiB;
  auto file = bench.open("/d0/a");
  EXPECT_TRUE(bench.run(file->allocate(bench.ctx(), 48 * KiB)).ok());
  EXPECT_TRUE(bench.write(*file, 0, std::string(48 * KiB, 'x')).ok());
  EXPECT_EQ(code_of(bench.write(*file, 48 * KiB, std::string(32 * KiB, 'y'))), ErrorCode::kNoSpace);
  EXPECT_TRUE(bench.write(*file, 0, "again").ok());
  DiskSpace space = bench.run(bench.door().space(bench.ctx(), "/d0")).value();
  EXPECT_EQ(space.total_bytes, 64 * KiB);
  EXPECT_EQ(space.free_bytes, 16 * KiB);
  drive.faults.no_space_at = 52 * KiB;
  EXPECT_EQ(code_of(bench.run(file->allocate(bench.ctx(), 60 * KiB))), ErrorCode::kNoSpace);
  EXPECT_EQ(drive.used_bytes, 48 * KiB);
  file.reset();
  ASSERT_TRUE(bench.run(bench.door().remove(bench.ctx(), "d0/a")).ok());
  ASSERT_TRUE(bench.sync_dir("d0").ok());
  EXPECT_EQ(drive.used_bytes, 0u);
}

TEST(SimDisk, FlippedBitsAreReadAndStay) {
  Bench bench;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.write(*file, 0, "aaaa").ok());
  EXPECT_TRUE(bench.disk().flip("a", 2, 1));
  EXPECT_FALSE(bench.disk().flip("a", 4));
  EXPECT_EQ(bench.read(*file, 0, 4).value(), "aaca");
  ASSERT_TRUE(bench.sync(*file).ok());
  ASSERT_TRUE(bench.sync_dir(".").ok());
  bench.power_cycle();
  EXPECT_EQ(bench.peek("a"), "aaca");
}

TEST(SimDisk, RotHitsReadsAtItsRate) {
  Bench bench;
  auto file = bench.open("a");
  ASSERT_TRUE(bench.write(*file, 0, std::string(1'000, 'a')).ok());
  bench.disk().faults().bit_rot = 1;
  EXPECT_NE(bench.read(*file, 0, 1'000).value(), std::string(1'000, 'a'));
}

TEST(SimDisk, APulledDriveFailsAndComesBackForNewOpens) {
  Bench bench;
  bench.disk().drive("d0");
  bench.disk().drive("d1");
  auto pulled = bench.open("d0/a");
  auto other = bench.open("d1/a");
  ASSERT_TRUE(bench.write(*pulled, 0, "synced").ok());
  ASSERT_TRUE(bench.sync(*pulled).ok());
  ASSERT_TRUE(bench.sync_dir("d0").ok());
  bench.disk().make_unavailable("d0");
  EXPECT_EQ(code_of(bench.write(*pulled, 0, "x")), ErrorCode::kIo);
  EXPECT_EQ(bench.run(bench.door().list(bench.ctx(), "d0")).error().code, ErrorCode::kIo);
  EXPECT_TRUE(bench.write(*other, 0, "y").ok());
  bench.disk().make_available("d0");
  EXPECT_EQ(code_of(bench.sync(*pulled)), ErrorCode::kIo);
  auto again = bench.open("d0/a");
  EXPECT_EQ(bench.read(*again, 0, 10).value(), "synced");
}

TEST(SimDisk, SnapshotsBringStaleDrivesBack) {
  Bench bench;
  bench.disk().drive("d0");
  ASSERT_TRUE(bench.disk().put("d0/seg/1", to_bytes("first")));
  const SimDiskImage stale = bench.disk().snapshot("d0");
  ASSERT_TRUE(bench.disk().put("d0/seg/1", to_bytes("second")));
  ASSERT_TRUE(bench.disk().put("d0/seg/2", to_bytes("more")));
  bench.disk().wipe("d0");
  EXPECT_EQ(bench.disk().paths("d0"), std::vector<std::string>());
  bench.disk().restore("d0", stale);
  bench.power_cycle(SimCrash::kLoseAll);
  EXPECT_EQ(bench.peek("d0/seg/1"), "first");
  EXPECT_EQ(bench.peek("d0/seg/2"), "absent");
}

TEST(SimDisk, ALockIsHeldUntilItsProcessEnds) {
  Bench bench;
  using LockResult = Result<std::unique_ptr<FileLock>>;
  LockResult first = bench.run(bench.door().lock(bench.ctx(), "lock"));
  ASSERT_TRUE(first.ok());
  LockResult second = bench.run(bench.door().lock(bench.ctx(), "lock"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_NE(second.error().detail.find("process 1"), std::string::npos);
  bench.power_cycle(SimCrash::kProcess);
  LockResult third = bench.run(bench.door().lock(bench.ctx(), "lock"));
  EXPECT_TRUE(third.ok());
  first = fail(ErrorCode::kStopped, "dropped");  // A dead process's lock frees nobody else's.
  EXPECT_FALSE(bench.run(bench.door().lock(bench.ctx(), "lock")).ok());
}

Task<void> write_marks(Ctx& ctx, File& file, int mark, std::vector<int>& order) {
  const std::string text(3, 'x');
  const ByteView parts[] = {as_bytes(text)};
  (void)co_await file.write(ctx, static_cast<std::uint64_t>(mark) * 3, parts);
  order.push_back(mark);
}

TEST(SimDisk, ALaneKeepsItsOrderOthersDoNot) {
  bool shuffled = false;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    for (unsigned lane : {0u, 1u}) {
      Bench bench(seed);
      auto file = bench.open("a", lane);
      std::vector<int> order;
      for (int i = 0; i < 8; ++i) bench.node.spawn(write_marks(bench.ctx(), *file, i, order));
      bench.world.run_for(10_s);
      const std::vector<int> sorted{0, 1, 2, 3, 4, 5, 6, 7};
      if (lane == 1) EXPECT_EQ(order, sorted);
      else shuffled = shuffled || order != sorted;
    }
  }
  EXPECT_TRUE(shuffled);
}

TEST(SimDisk, ACrashWithCallsUnderWayIsSafe) {
  for (Seed seed : seeds(30)) {
    Bench bench(seed.value);
    auto file = bench.open("a");
    ASSERT_TRUE(bench.sync_dir(".").ok());
    std::vector<int> order;
    for (int i = 0; i < 8; ++i) bench.node.spawn(write_marks(bench.ctx(), *file, i, order));
    bench.node.crash();
    file.reset();
    bench.node.restart();
    bench.world.run_for(10_s);
    EXPECT_EQ(order, std::vector<int>());
    EXPECT_LE(bench.peek("a").size(), 24u);
  }
}

}  // namespace
}  // namespace creel::test
