// The engine alone: durable PUTs of 4 KiB by several writers, beside pwrite + fdatasync of the same
// batch sizes on the same drive in the same run.
#include <sys/stat.h>

#include <cstdio>

#include "platform/uv/uv_world.h"
#include "store/index/lmdb_base.h"
#include "store/store.h"
#include "tests/bench/bench.h"
#include "tests/support/toy_decider.h"

namespace creel::bench {
namespace {

struct Load {
  double until = 0;
  std::uint64_t done = 0;
  int running = 0;
};

Task<void> put_until(Ctx& ctx, store::Store& store, Load& load, int number) {
  const Bytes body(4 * KiB, static_cast<std::uint8_t>(number));
  std::uint64_t i = 0;
  while (now_s() < load.until) {
    store::Op op = test::toy_op('p', std::to_string(number) + "/" + std::to_string(i++), "", body);
    Result<store::Verdict> done = co_await store.submit(ctx, std::move(op));
    check(done.ok() && done.value().accepted);
    ++load.done;
  }
  --load.running;
}

struct Figures {
  double puts_per_s = 0;
  double bytes_per_batch = 0;
  double puts_per_batch = 0;
};

// One run of `writers` on a fresh store.
Task<void> run(UvWorld& world, const std::string& dir, int writers, double seconds, Figures& out) {
  Platform& platform = world.platform();
  Ctx root(platform.executor, platform.clock);
  test::ToyDecider decider;
  store::Options options;
  options.dirs = {dir};
  options.open_base = [](const std::string& idx, const store::Uuid& uuid, bool fresh) {
    store::LmdbOptions lmdb;
    lmdb.fresh = fresh;
    return store::open_lmdb(idx, uuid, lmdb);
  };
  Result<std::unique_ptr<store::Store>> opened =
      co_await store::Store::open(root, platform, decider, std::move(options));
  check(opened.ok());
  std::unique_ptr<store::Store> store = opened.take();
  Scope scope(root);
  Ctx serving(root);
  scope.spawn(store->run(serving));
  Load load;
  const double begin = now_s();
  load.until = begin + seconds;
  load.running = writers;
  const store::Status before = store->status();
  for (int w = 0; w < writers; ++w) scope.spawn(put_until(root, *store, load, w));
  while (load.running > 0) {
    Result<Unit> slept = co_await sleep_for(root, 10_ms);
    check(slept.ok());
  }
  const double took = now_s() - begin;
  const store::Status after = store->status();
  const auto batches = static_cast<double>(after.batches - before.batches);
  out.puts_per_s = static_cast<double>(load.done) / took;
  out.puts_per_batch = static_cast<double>(load.done) / batches;
  out.bytes_per_batch = out.puts_per_batch * (4 * KiB + 64 + 16);
  serving.request_stop();
  co_await scope.join();
  Result<Unit> closed = co_await store->close(root);
  check(closed.ok());
}

// A million rows as objects have them, in an index of their own; walked in order.
double scanned_keys_per_s(const std::string& dir, double seconds) {
  constexpr std::size_t kRows = 1'000'000;
  constexpr std::size_t kBatch = 10'000;
  store::LmdbOptions options;
  options.fresh = true;
  check(::mkdir(dir.c_str(), 0700) == 0);
  Result<std::unique_ptr<store::RowBase>> opened = store::open_lmdb(dir, store::Uuid{}, options);
  check(opened.ok());
  store::RowBase& base = *opened.value();
  const std::string value(140, 'v');
  for (std::size_t from = 0; from < kRows; from += kBatch) {
    std::vector<store::RowEdit> edits;
    for (std::size_t i = from; i < from + kBatch; ++i) {
      char key[48];
      std::snprintf(key, sizeof key, "bucket-1/sensors/%03zu/%010zu", i / 1'000, i);
      edits.push_back({store::Table::kObject, key, value});
    }
    check(base.commit(edits, store::Lsn{from / kBatch + 1}).ok());
    base.publish();
  }
  std::uint64_t walked = 0;
  const double begin = now_s();
  while (now_s() < begin + seconds) {
    Result<std::unique_ptr<store::RowCursor>> cursor = base.cursor(store::Table::kObject);
    check(cursor.ok());
    Result<bool> more = cursor.value()->seek("");
    for (; more.ok() && more.value(); more = cursor.value()->next()) ++walked;
    check(more.ok());
  }
  return static_cast<double>(walked) / (now_s() - begin);
}

}  // namespace

void store(double seconds) {
  heading("store: durable PUT of 4 KiB, engine alone (LMDB index, one flush a batch)");
  for (const int writers : {1, 32, 64}) {
    Result<std::unique_ptr<UvWorld>> world = UvWorld::make();
    check(world.ok());
    const std::string dir = scratch_dir();
    Figures figures;
    world.value()->run(run(*world.value(), dir + "/store", writers, seconds, figures));
    const auto batch =
        static_cast<std::size_t>((figures.bytes_per_batch + 96 + 4'095) / 4'096) * 4'096;
    const double raw = raw_commits_per_s(dir, batch, seconds / 2) * figures.puts_per_batch;
    char name[80];
    std::snprintf(name, sizeof name, "put 4 KiB, %d writers, %.1f a batch", writers,
                  figures.puts_per_batch);
    row(name, figures.puts_per_s, "/s", raw, "raw pwrite + fdatasync");
  }
  row("index walked in order, a million rows", scanned_keys_per_s(scratch_dir() + "/idx", seconds),
      "/s", 10e6, "goal");
}

}  // namespace creel::bench
