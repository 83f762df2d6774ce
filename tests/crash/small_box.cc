#include "tests/crash/small_box.h"

#include <cstdlib>

#include "platform/base/text.h"
#include "store/index/lmdb_base.h"

namespace creel::crash {

SmallBox::SmallBox(std::string dir, Timeline* timeline, std::uint64_t seed, bool mixes, bool small)
    : world(seed, mixes),
      root(world.loop, world.loop),
      scope(root),
      serving(root),
      model_(timeline),
      dir_(std::move(dir)),
      small_(small) {}

store::Options SmallBox::options() {
  store::Options options;
  options.dirs = {dir_};
  options.segment_bytes = kSegmentBytes;
  options.size_bytes = small_ ? 4 * MiB : 16 * MiB;
  options.batch_bytes_max = 32 * KiB;
  options.inline_bytes_max = 8 * KiB;
  options.checkpoint_rows = 24;
  options.open_base = [this](const std::string& dir, const store::Uuid& uuid,
                             bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
    store::LmdbOptions lmdb;
    lmdb.fresh = fresh;
    lmdb.map_bytes = 16 * MiB;
    Result<std::unique_ptr<store::RowBase>> base = store::open_lmdb(dir, uuid, lmdb);
    if (base.ok()) applied_at_open = base.value()->applied().value;
    index_thrown_away = index_thrown_away || fresh;
    return base;
  };
  options.log = [this](std::string_view line) { lines.emplace_back(line); };
  return options;
}

Result<Unit> SmallBox::open() {
  return run([&](Ctx& ctx) { return open_task(ctx); });
}

Task<Result<Unit>> SmallBox::open_task(Ctx& ctx) {
  store::Options with = options();
  CO_TRY(opened, co_await store::Store::open(ctx, world.platform, model_, std::move(with)));
  store = std::move(opened);
  log.emplace(*store, 8 * KiB);
  blobs.emplace(*store);
  service.emplace(world.platform, *log, *blobs, s3::ServiceOptions());
  scope.spawn(store->run(serving));
  co_return Unit{};
}

Result<Unit> SmallBox::stop() {
  serving.request_stop();
  while (scope.running() > 0) check(world.loop.step());
  return run([&](Ctx& ctx) { return store->close(ctx); });
}

void SmallBox::kill() {
  if (killed_) return;
  killed_ = true;
  root.mark_abandoned();
  scope.abandon();
  service.reset();
  blobs.reset();
  log.reset();
  store.reset();
}

s3::S3Result<s3::WriteOutcome> SmallBox::put(std::string key, std::string body) {
  s3::BodyPromise promise;
  promise.length = body.size();
  s3::test::TextBody text(std::move(body));
  s3::PutArguments arguments{kBucket, std::move(key), {}, {}};
  return run([&](Ctx& ctx) {
    return service->put_object(ctx, std::move(arguments), text, std::move(promise));
  });
}

Result<Bytes> SmallBox::read_manifest(std::string manifest, std::uint64_t size) {
  Bytes bytes(static_cast<std::size_t>(size));
  Result<Unit> read =
      run([&](Ctx& ctx) { return blobs->read(ctx, std::move(manifest), 0, MutableBytes(bytes)); });
  if (!read.ok()) return read.error();
  return bytes;
}

Result<Bytes> SmallBox::body_of(const s3::ObjectRecord& record) {
  Bytes body(static_cast<std::size_t>(record.size));
  TRY(runs, s3::body_runs(*store, record, 0, record.size));
  std::size_t at = 0;
  for (const s3::BodyRun& part : runs) {
    const MutableBytes into = MutableBytes(body).subspan(at, static_cast<std::size_t>(part.length));
    TRY_DO(run([&](Ctx& ctx) { return blobs->read(ctx, part.manifest, part.offset, into); }));
    at += static_cast<std::size_t>(part.length);
  }
  if (at != body.size())
    return fail(ErrorCode::kCorrupt, cat("body of ", at, " bytes instead of ", body.size()));
  return body;
}

std::string sample_body(std::uint64_t seed, std::size_t bytes) {
  return test::TestRandom(test::mix64(seed ^ bytes)).binary(bytes);
}

}  // namespace creel::crash
