// A short run whose calls the shim counts, for strace_test.py to compare with what the kernel saw:
// once on the harness' one thread, once on platform/uv with all its threads.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "platform/uv/uv_world.h"
#include "store/index/lmdb_base.h"
#include "tests/crash/workload.h"
#include "tests/support/toy_decider.h"

namespace creel::crash {
namespace {

Task<void> run_on_threads(UvWorld& world, std::string dir) {
  Platform& platform = world.platform();
  Ctx root(platform.executor, platform.clock);
  test::ToyDecider decider;
  store::Options options;
  options.dirs = {dir};
  options.segment_bytes = 256 * KiB;
  options.size_bytes = 16 * MiB;
  options.open_base = [](const std::string& idx, const store::Uuid& uuid, bool fresh) {
    store::LmdbOptions lmdb;
    lmdb.fresh = fresh;
    lmdb.map_bytes = 16 * MiB;
    return store::open_lmdb(idx, uuid, lmdb);
  };
  Result<std::unique_ptr<store::Store>> opened =
      co_await store::Store::open(root, platform, decider, std::move(options));
  check(opened.ok());
  std::unique_ptr<store::Store> store = opened.take();
  Scope scope(root);
  Ctx serving(root);
  scope.spawn(store->run(serving));
  for (int i = 0; i < 20; ++i) {
    store::Op op = test::toy_op('p', std::to_string(i), "", Bytes(5'000, 1));
    Result<store::Verdict> done = co_await store->submit(root, std::move(op));
    check(done.ok());
    if (i % 8 == 7) {
      Result<Unit> kept = co_await store->checkpoint(root);
      check(kept.ok());
    }
  }
  serving.request_stop();
  co_await scope.join();
  Result<Unit> closed = co_await store->close(root);
  check(closed.ok());
}

TEST(ShimSample, CountsForStrace) {
  const char* dir = std::getenv("CREEL_CRASH_SAMPLE");
  if (dir == nullptr) GTEST_SKIP() << "tests/crash/strace_test.py runs this";
  Recording recording;
  Shim shim(dir, &recording.log);
  WorkloadRun run(dir, {"seq:smkolcdubrk"}, recording);
  ASSERT_TRUE(run.run(shim));
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
  ASSERT_TRUE(world.ok());
  world.value()->run(run_on_threads(*world.value(), std::string(dir) + "/threads"));
  for (int i = 0; i < static_cast<int>(Call::kCount); ++i) {
    const auto call = static_cast<Call>(i);
    std::printf("counted %s %llu\n", std::string(call_name(call)).c_str(),
                static_cast<unsigned long long>(shim.count(call)));
  }
}

}  // namespace
}  // namespace creel::crash
