// Goal: an error from the drive at any call loses nothing that was acknowledged, is never retried
// into an acknowledgement, and never ends in a crash.
// Method: the n-th call of each kind fails once with each errno, for every n that a small workload
// makes; then the power goes, the drive works again, and everything acknowledged must be there.
#include <gtest/gtest.h>

#include <map>

#include "tests/store/store_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

struct Ran {
  std::map<std::string, Bytes> acked;
  std::vector<Error> errors;
  bool opened = false;
  bool read_only = false;
};

// Opens, writes, uploads, checkpoints, stops; goes on after every error.
Ran run_small_workload(StoreWorld& box) {
  Ran ran;
  Result<Unit> opened = box.open();
  if (!opened.ok()) {
    ran.errors.push_back(opened.error());
    return ran;
  }
  ran.opened = true;
  for (int i = 0; i < 12; ++i) {
    const std::string key = std::to_string(i);
    const Bytes body(static_cast<std::size_t>(i) * 4'000, static_cast<std::uint8_t>(i));
    store::Op op = toy_op('p', key, "", body);
    if (i % 4 == 3) {
      Result<std::vector<store::Extent>> extents = box.write_body(body);
      if (!extents.ok()) {
        ran.errors.push_back(extents.error());
        continue;
      }
      op = toy_body_op(key, extents.value());
    }
    Result<store::Verdict> done = box.submit(std::move(op));
    if (done.ok()) ran.acked[key] = body;
    else ran.errors.push_back(done.error());
    if (i == 6) {
      auto checkpointed = box.world.finish(box.node, box.store->checkpoint(box.node.ctx()));
      if (checkpointed && !checkpointed->ok()) ran.errors.push_back(checkpointed->error());
    }
  }
  box.world.run_for(6_s);
  ran.read_only = box.store->status().read_only;
  return ran;
}

void expect_acked(StoreWorld& box, const std::map<std::string, Bytes>& acked) {
  for (const auto& [key, body] : acked) {
    Result<Bytes> read = box.read(key);
    ASSERT_TRUE(read.ok()) << key << ": " << error_text(read.error());
    ASSERT_TRUE(read.value() == body) << key;
  }
}

void fail_every_call(SimDiskOp op, ErrorCode code, std::uint64_t* injected) {
  for (std::uint64_t n = 1; n < 500; ++n) {
    SCOPED_TRACE(testing::Message() << "call " << n << " of kind " << static_cast<int>(op)
                                    << " fails with " << error_name(code));
    StoreWorld box(n);
    box.options.segment_bytes = 128 * KiB;
    box.node.disk().fail_nth(op, n, code);
    Ran ran = run_small_workload(box);
    const bool hit = box.node.disk().counters().errors > 0;
    if (!hit) return;
    ++*injected;
    // Fewer operations may fail than there are calls, but none silently.
    const bool durable_kind = op == SimDiskOp::kSync || op == SimDiskOp::kWrite;
    if (ran.opened && durable_kind && code == ErrorCode::kIo) {
      ASSERT_TRUE(ran.read_only);
    }
    if (ran.read_only) {
      ASSERT_EQ(box.submit(toy_op('s', "late", "v")).error().code, ErrorCode::kReadOnly);
      ASSERT_EQ(box.store->admit(1).error().code, ErrorCode::kReadOnly);
    } else if (ran.opened) {
      ASSERT_TRUE(box.submit(toy_op('s', "late", "v")).ok());
    }
    if (ran.opened) {
      ASSERT_NO_FATAL_FAILURE(expect_acked(box, ran.acked));  // Reads go on.
    }
    box.node.disk().clear_faults();
    box.crash();
    Result<Unit> again = box.open();
    ASSERT_TRUE(again.ok()) << error_text(again.error());
    ASSERT_NO_FATAL_FAILURE(expect_acked(box, ran.acked));
    ASSERT_EQ(box.store->status().damaged_ranges, 0u);
    ASSERT_TRUE(box.submit(toy_op('s', "after", "v")).ok());
  }
}

TEST(StoreFault, EveryCallThatFailsIsSurvived) {
  std::uint64_t injected = 0;
  for (const SimDiskOp op :
       {SimDiskOp::kOpen, SimDiskOp::kWrite, SimDiskOp::kSync, SimDiskOp::kAllocate,
        SimDiskOp::kRename, SimDiskOp::kRead, SimDiskOp::kMakeDir, SimDiskOp::kSyncDir,
        SimDiskOp::kList, SimDiskOp::kTruncate, SimDiskOp::kRemove})
    ASSERT_NO_FATAL_FAILURE(fail_every_call(op, ErrorCode::kIo, &injected));
  for (const SimDiskOp op : {SimDiskOp::kOpen, SimDiskOp::kWrite, SimDiskOp::kAllocate,
                             SimDiskOp::kSyncDir, SimDiskOp::kMakeDir})
    ASSERT_NO_FATAL_FAILURE(fail_every_call(op, ErrorCode::kNoSpace, &injected));
  EXPECT_GT(injected, 100u);
}

TEST(StoreFault, AFailedFlushIsUnknownToAllOfItsBatchAndStopsTheStore) {
  StoreWorld box(1);
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  ASSERT_TRUE(box.submit(toy_op('s', "before", "v")).ok());
  const std::uint64_t syncs = box.node.disk().counters().of(SimDiskOp::kSync);
  box.node.disk().fail_nth(SimDiskOp::kSync, 1, ErrorCode::kIo);
  std::map<ErrorCode, int> codes;
  struct Client {
    static Task<void> run(Ctx& ctx, store::Store& store, int number,
                          std::map<ErrorCode, int>& codes) {
      auto done = co_await store.submit(ctx, toy_op('s', std::to_string(number), "v"));
      check(!done.ok());
      ++codes[done.error().code];
    }
  };
  for (int c = 0; c < 10; ++c) box.node.spawn(Client::run(box.node.ctx(), *box.store, c, codes));
  box.world.run_for(1_s);
  EXPECT_GE(codes[ErrorCode::kUnknown], 1);
  EXPECT_EQ(codes[ErrorCode::kUnknown] + codes[ErrorCode::kReadOnly], 10);
  EXPECT_TRUE(box.store->status().read_only);
  EXPECT_TRUE(box.said("stopped writing"));
  EXPECT_EQ(box.read("before").take(), to_bytes("v"));
  EXPECT_EQ(box.rows().size(), 1u);  // Nothing un-acked became visible.
  box.world.run_for(120_s);
  EXPECT_EQ(box.node.disk().counters().of(SimDiskOp::kSync), syncs + 1);  // Never again.
}

TEST(StoreFault, AFullDriveRefusesBodiesAndStillDeletes) {
  StoreWorld box(2);
  box.options.size_bytes = 4 * MiB;
  ASSERT_TRUE(box.open().ok());
  std::vector<std::string> keys;
  std::optional<Error> refused;
  for (int i = 0; i < 1'000 && !refused; ++i) {
    Result<store::Verdict> done = box.submit(toy_op('p', std::to_string(i), "", Bytes(20'000, 1)));
    if (done.ok()) keys.push_back(std::to_string(i));
    else refused = done.error();
    box.world.run_for(20_ms);
  }
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, ErrorCode::kNoSpace);
  EXPECT_NE(refused->detail.find("is full"), std::string::npos) << refused->detail;
  EXPECT_GT(keys.size(), 50u);
  EXPECT_FALSE(box.store->status().read_only);
  EXPECT_EQ(box.write_body(Bytes(100'000, 1), 100'000).error().code, ErrorCode::kNoSpace);
  for (const std::string& key : keys) {
    Result<store::Verdict> gone = box.submit(toy_op('d', key));
    ASSERT_TRUE(gone.ok()) << key << ": " << error_text(gone.error());
    ASSERT_TRUE(gone.value().accepted) << key;
  }
  ASSERT_TRUE(box.submit(toy_op('s', "small", "v")).ok());
  ASSERT_TRUE(box.stop().ok());
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows().size(), 1u);
}

TEST(StoreFault, SpaceTakenByOthersIsACleanErrorAndComesBack) {
  StoreWorld box(3);
  ASSERT_TRUE(box.open().ok());
  box.world.run_for(1_s);
  box.node.disk().faults().no_space_at = box.node.disk().drive().used_bytes;
  std::map<std::string, Bytes> acked;
  std::optional<Error> refused;
  for (int i = 0; i < 200; ++i) {
    const std::string key = std::to_string(i);
    Result<store::Verdict> done = box.submit(toy_op('s', key, std::string(9'000, 'x')));
    if (done.ok()) acked[key] = Bytes(899, 'x');
    else refused = done.error();
    box.world.run_for(50_ms);
  }
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, ErrorCode::kNoSpace);
  EXPECT_FALSE(box.store->status().read_only);
  EXPECT_EQ(box.rows().size(), acked.size());
  // Restart on the full drive works, too.
  box.crash();
  ASSERT_TRUE(box.open().ok());
  EXPECT_EQ(box.rows().size(), acked.size());
  box.node.disk().faults().no_space_at.reset();
  box.world.run_for(10_s);
  ASSERT_TRUE(box.submit(toy_op('p', "room", "", Bytes(20'000, 1))).ok());
}

TEST(StoreFault, AReadOnlyFolderIsNamed) {
  StoreWorld box(4);
  ASSERT_TRUE(box.open().ok());
  box.crash(SimCrash::kProcess);
  box.node.disk().fail_nth(SimDiskOp::kLock, 1, ErrorCode::kReadOnly);
  Result<Unit> opened = box.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::kReadOnly);
  EXPECT_NE(opened.error().detail.find("d cannot be written"), std::string::npos);
}

}  // namespace
}  // namespace creel::test
