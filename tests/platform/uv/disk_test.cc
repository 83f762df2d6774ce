// The contract of platform/disk.h on a real directory.
#include <sys/mount.h>
#include <unistd.h>

#include "platform/base/text.h"
#include "tests/platform/uv/world_fixture.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

class UvDiskTest : public UvTest {
 protected:
  static OpenOptions create() {
    OpenOptions options;
    options.write = options.create = true;
    return options;
  }
};

TEST_F(UvDiskTest, ReadsBackWhatManyPartsWrote) {
  run([&](Ctx& ctx) -> Task<void> {
    TestRandom random(Seed{7});
    auto file = co_await doors().disk.open(ctx, path("a"), create());
    CO_ASSERT_OK(file);
    Bytes all;
    std::vector<Bytes> pieces;
    for (int i = 0; i < 200; ++i) pieces.push_back(random.bytes(random.skewed_below(3000)));
    std::vector<ByteView> parts(pieces.begin(), pieces.end());
    for (const Bytes& piece : pieces) append(all, ByteView(piece));
    auto wrote = co_await file.value()->write(ctx, 5, parts);
    CO_ASSERT_OK(wrote);
    auto size = co_await file.value()->size(ctx);
    CO_ASSERT_OK(size);
    EXPECT_EQ(size.value(), all.size() + 5);
    Bytes back(all.size() + 100);
    auto got = co_await file.value()->read(ctx, 5, back);
    CO_ASSERT_OK(got);
    EXPECT_EQ(got.value(), all.size());  // Short only at the end.
    back.resize(got.value());
    EXPECT_EQ(back, all);
    auto nothing = co_await file.value()->read(ctx, all.size() + 5, back);
    CO_ASSERT_OK(nothing);
    EXPECT_EQ(nothing.value(), 0u);
    // What was just written is in the page cache, where the file system can tell.
    Bytes cached(all.size());
    const std::size_t count = file.value()->read_cached(5, cached);
    EXPECT_TRUE(equal(ByteView(cached).first(count), ByteView(all).first(count)));
    EXPECT_EQ(file.value()->read_cached(all.size() + 5, cached), 0u);
  });
}

TEST_F(UvDiskTest, NamesTheFileAndTheReasonOfAnError) {
  run([&](Ctx& ctx) -> Task<void> {
    auto absent = co_await doors().disk.open(ctx, path("absent"), OpenOptions());
    CO_ASSERT(!absent.ok());
    EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
    EXPECT_NE(absent.error().detail.find(path("absent")), std::string::npos);
    OpenOptions exclusive = create();
    exclusive.exclusive = true;
    auto first = co_await doors().disk.open(ctx, path("once"), exclusive);
    CO_ASSERT_OK(first);
    auto second = co_await doors().disk.open(ctx, path("once"), exclusive);
    CO_ASSERT(!second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kExists);
    auto read_only = co_await doors().disk.open(ctx, path("once"), OpenOptions());
    CO_ASSERT_OK(read_only);
    const ByteView parts[] = {as_bytes("x")};
    auto refused = co_await read_only.value()->write(ctx, 0, parts);
    EXPECT_FALSE(refused.ok());
  });
}

TEST_F(UvDiskTest, DirectoriesAreMadeListedAndRemoved) {
  run([&](Ctx& ctx) -> Task<void> {
    Disk& disk = doors().disk;
    auto made = co_await disk.make_dir(ctx, path("d"));
    CO_ASSERT_OK(made);
    auto again = co_await disk.make_dir(ctx, path("d"));
    CO_ASSERT_OK(again);
    for (const char* name : {"d/b", "d/a", "d/c"}) {
      auto file = co_await disk.open(ctx, path(name), create());
      CO_ASSERT_OK(file);
    }
    auto over_file = co_await disk.make_dir(ctx, path("d/a"));
    EXPECT_FALSE(over_file.ok());
    auto renamed = co_await disk.rename(ctx, path("d/c"), path("d/a"));
    CO_ASSERT_OK(renamed);
    auto synced = co_await disk.sync_dir(ctx, path("d"));
    CO_ASSERT_OK(synced);
    auto names = co_await disk.list(ctx, path("d"));
    CO_ASSERT_OK(names);
    EXPECT_EQ(names.value(), (std::vector<std::string>{"a", "b"}));
    auto not_empty = co_await disk.remove(ctx, path("d"));
    EXPECT_FALSE(not_empty.ok());
    for (const char* name : {"d/a", "d/b", "d"}) {
      auto removed = co_await disk.remove(ctx, path(name));
      CO_ASSERT_OK(removed);
    }
    auto gone = co_await disk.list(ctx, path("d"));
    CO_ASSERT(!gone.ok());
    EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
    auto space = co_await disk.space(ctx, path(""));
    CO_ASSERT_OK(space);
    EXPECT_GT(space.value().total_bytes, 0u);
    EXPECT_LE(space.value().free_bytes, space.value().total_bytes);
  });
}

TEST_F(UvDiskTest, AllocateAndTruncateSetTheSize) {
  run([&](Ctx& ctx) -> Task<void> {
    auto file = co_await doors().disk.open(ctx, path("f"), create());
    CO_ASSERT_OK(file);
    auto grown = co_await file.value()->allocate(ctx, 1 * MiB);
    CO_ASSERT_OK(grown);
    auto size = co_await file.value()->size(ctx);
    CO_ASSERT_OK(size);
    EXPECT_EQ(size.value(), 1 * MiB);
    auto cut = co_await file.value()->truncate(ctx, 10);
    CO_ASSERT_OK(cut);
    auto after = co_await file.value()->size(ctx);
    CO_ASSERT_OK(after);
    EXPECT_EQ(after.value(), 10u);
  });
}

TEST_F(UvDiskTest, WholeFilesAreReplacedDurably) {
  run([&](Ctx& ctx) -> Task<void> {
    Disk& disk = doors().disk;
    for (const char* text : {"first", "second, longer", "3"}) {
      auto wrote = co_await write_file_durable(ctx, disk, path("whole"), to_bytes(text));
      CO_ASSERT_OK(wrote);
      auto back = co_await read_file(ctx, disk, path("whole"), 100);
      CO_ASSERT_OK(back);
      EXPECT_EQ(to_string(back.value()), text);
    }
    auto large = co_await read_file(ctx, disk, path("whole"), 0);
    CO_ASSERT(!large.ok());
    EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  });
}

TEST_F(UvDiskTest, ASecondLockIsRefusedAndNamesTheHolder) {
  run([&](Ctx& ctx) -> Task<void> {
    {
      auto held = co_await doors().disk.lock(ctx, path("lock"));
      CO_ASSERT_OK(held);
      auto second = co_await doors().disk.lock(ctx, path("lock"));
      CO_ASSERT(!second.ok());
      EXPECT_EQ(second.error().code, ErrorCode::kExists);
      const std::string pid = cat("process ", static_cast<std::int64_t>(getpid()));
      EXPECT_NE(second.error().detail.find(pid), std::string::npos) << second.error().detail;
    }
    auto free_again = co_await doors().disk.lock(ctx, path("lock"));
    CO_ASSERT_OK(free_again);
  });
}

// Calls of a lane run in the order they were made, whatever each costs.
TEST_F(UvDiskTest, ALaneKeepsTheOrderOfItsCalls) {
  run([&](Ctx& ctx) -> Task<void> {
    OpenOptions options = create();
    options.lane = 3;
    auto file = co_await doors().disk.open(ctx, path("log"), options);
    CO_ASSERT_OK(file);
    std::vector<int> order;
    Scope scope(ctx);
    const auto append = [](Ctx& ctx, File& file, int i, std::vector<int>& order) -> Task<void> {
      const Bytes content(static_cast<std::size_t>(i % 7 == 0 ? 300'000 : 10),
                          static_cast<std::uint8_t>(i));
      const ByteView parts[] = {content};
      Result<Unit> done =
          i % 5 == 0 ? co_await file.sync(ctx) : co_await file.write_sync(ctx, 0, parts);
      EXPECT_TRUE(done.ok());
      order.push_back(i);
    };
    for (int i = 1; i <= 64; ++i) scope.spawn(append(scope.ctx(), *file.value(), i, order));
    co_await scope.join();
    for (int i = 1; i <= 64; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i - 1)], i);
    Bytes last(1);
    auto got = co_await file.value()->read(ctx, 0, last);
    CO_ASSERT_OK(got);
    EXPECT_EQ(last[0], 64);
  });
}

TEST_F(UvDiskTest, CallsOfAStoppedCallerStillHappen) {
  run([&](Ctx& ctx) -> Task<void> {
    auto file = co_await doors().disk.open(ctx, path("f"), create());
    CO_ASSERT_OK(file);
    Ctx child(ctx);
    child.request_stop();
    const ByteView parts[] = {as_bytes("kept")};
    auto wrote = co_await file.value()->write_sync(child, 0, parts);
    CO_ASSERT_OK(wrote);
    Bytes back(4);
    auto stopped = co_await file.value()->read(child, 0, back);
    EXPECT_FALSE(stopped.ok());
    auto got = co_await file.value()->read(ctx, 0, back);
    CO_ASSERT_OK(got);
    EXPECT_EQ(as_text(back), "kept");
  });
}

// A small tmpfs that fills up, where we may mount one.
TEST_F(UvDiskTest, AFullDiskIsNoSpaceForWriteAndAllocate) {
  const std::string mount_point = path("");
  if (mount("creel-test", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "SKIPPED full disk: mounting a tmpfs needs root";
  run([&](Ctx& ctx) -> Task<void> {
    auto file = co_await doors().disk.open(ctx, path("f"), create());
    CO_ASSERT_OK(file);
    const Bytes large(2 * MiB, 1);
    const ByteView parts[] = {large};
    auto wrote = co_await file.value()->write(ctx, 0, parts);
    CO_ASSERT(!wrote.ok());
    EXPECT_EQ(wrote.error().code, ErrorCode::kNoSpace);
    auto emptied = co_await file.value()->truncate(ctx, 0);
    CO_ASSERT_OK(emptied);
    auto reserved = co_await file.value()->allocate(ctx, 2 * MiB);
    CO_ASSERT(!reserved.ok());
    EXPECT_EQ(reserved.error().code, ErrorCode::kNoSpace);
  });
  umount(mount_point.c_str());
}

}  // namespace
}  // namespace creel::test
