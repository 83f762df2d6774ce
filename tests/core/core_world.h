// A core on one simulated machine: drives are folders d0 … dn-1, each a drive of its own that can
// be pulled, wiped and damaged. Rows live in memory and survive crashes as the drives do.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "core/node.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "platform/sim/world.h"
#include "s3/model/manifest.h"
#include "s3/model/ops.h"
#include "tests/support/drive_base.h"
#include "tests/support/seeds.h"

namespace creel::core {

class CoreWorld {
 public:
  explicit CoreWorld(std::uint64_t seed, unsigned drives)
      : world(seed), machine(world.add_node("core")), drives_(drives) {
    for (unsigned i = 0; i < drives; ++i) machine.disk().drive(dir(i));
  }
  ~CoreWorld() {
    if (machine.alive()) machine.crash(SimCrash::kProcess);
  }

  static std::string dir(unsigned drive) { return cat("d", drive); }

  CoreOptions options() {
    CoreOptions options;
    for (unsigned i = 0; i < drives_; ++i) options.dirs.push_back(dir(i));
    options.segment_bytes = 2 * MiB;
    options.store_bytes = store_bytes;
    options.open_base = [this](const std::string& folder, const store::Uuid&,
                               bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
      std::shared_ptr<store::MemImage>& image = images_[folder];
      if (!image) image = std::make_shared<store::MemImage>();
      return test::open_drive_base(machine.disk(), folder, image, fresh);
    };
    options.log = [this](std::string_view text) { lines.emplace_back(text); };
    options.healer.sweep_after = 1_s;
    return options;
  }

  // Starts the core on a running machine; what went wrong, if anything.
  std::optional<Error> start() {
    if (!machine.alive()) machine.restart();
    auto made = std::make_shared<CoreNode>(machine.platform(), options());
    const auto opened = world.finish(machine, made->open(machine.ctx()), start_max);
    if (!opened) return fail(ErrorCode::kTimeout, "open never ended");
    if (!opened->ok()) return opened->error();
    core = made;
    machine.spawn(serve(machine.ctx(), made));
    return std::nullopt;
  }
  void crash(SimCrash kind = SimCrash::kPowerLoss) {
    machine.crash(kind);
    core.reset();
  }
  // An orderly end.
  void stop() {
    ASSERT_TRUE(machine.shutdown());
    core.reset();
  }
  // Out of the machine: its files are gone with it.
  void pull(unsigned drive) { machine.disk().make_unavailable(dir(drive)); }
  void push(unsigned drive) { machine.disk().make_available(dir(drive)); }
  // An empty drive in its place.
  void replace(unsigned drive) {
    machine.disk().make_available(dir(drive));
    machine.disk().wipe(dir(drive));
    for (auto it = images_.begin(); it != images_.end();)
      it = it->first.starts_with(dir(drive) + "/") ? images_.erase(it) : std::next(it);
  }

  struct Stored {
    std::string manifest;
    Bytes bytes;
  };
  Result<Stored> write(Bytes bytes, bool tell_size = true) {
    auto result =
        world.finish(machine, write_task(machine.ctx(), core->blobs(), bytes, tell_size), 600_s);
    if (!result) return fail(ErrorCode::kTimeout, "write never ended");
    if (!result->ok()) return result->error();
    return Stored{result->value().manifest, std::move(bytes)};
  }
  Result<Bytes> read(const std::string& manifest, std::uint64_t offset, std::uint64_t bytes) {
    auto result = world.finish(
        machine, read_task(machine.ctx(), core->blobs(), manifest, offset, bytes), 600_s);
    if (!result) return fail(ErrorCode::kTimeout, "read never ended");
    return std::move(*result);
  }
  Result<Bytes> read(const Stored& stored) { return read(stored.manifest, 0, stored.bytes.size()); }

  // A blob named by an object, as the service does it.
  Result<Unit> create_bucket() {
    s3::CreateBucket op;
    op.name = "b";
    return submit(s3::encode_op(op));
  }
  Result<Unit> put_object(const std::string& key, const Stored& stored) {
    s3::PutObject op;
    op.bucket = "b";
    op.key = key;
    op.size = stored.bytes.size();
    op.crc64 = crc64_nvme(stored.bytes);
    op.etag = "e";
    op.body.kind = s3::BodySource::Kind::kBlob;
    op.body.manifest = stored.manifest;
    return submit(s3::encode_op(op));
  }
  Result<Unit> delete_object(const std::string& key) {
    s3::DeleteObject op;
    op.bucket = "b";
    op.key = key;
    return submit(s3::encode_op(op));
  }
  Result<Unit> submit(std::string meta) {
    auto result = world.finish(machine, submit_task(machine.ctx(), core->log(), std::move(meta)));
    if (!result) return fail(ErrorCode::kTimeout, "submit never ended");
    return *result;
  }
  // The object's bytes through its present row.
  Result<Bytes> get_object(const std::string& key) {
    const store::RowReader& rows = core->log().rows();
    TRY(bucket, s3::load_bucket(rows, "b"));
    if (!bucket) return fail(ErrorCode::kNotFound, "no bucket");
    TRY(object, s3::load_object(rows, bucket->id, key));
    if (!object) return fail(ErrorCode::kNotFound, key);
    TRY(runs, s3::body_runs(rows, *object, 0, object->size));
    Bytes all;
    for (const s3::BodyRun& run : runs) {
      TRY(part, read(run.manifest, run.offset, run.length));
      append(all, part);
    }
    return all;
  }
  Result<HealProgress> heal() {
    auto result = world.finish(machine, core->heal(machine.ctx()), 3600_s);
    if (!result) return fail(ErrorCode::kTimeout, "heal never ended");
    return *result;
  }
  // Shards of a blob that lie where the manifest says.
  unsigned shards_of(const std::string& manifest) {
    const ErasureManifest parsed = ErasureManifest::parse(manifest).take();
    unsigned count = 0;
    for (unsigned slot = 0; slot < parsed.layout.slots(); ++slot) {
      const auto store = core->drives().store_at(parsed.seat[slot]);
      if (!store) continue;
      const auto found = store->find(parsed.blob, slot);
      if (found.ok() && found.value()) ++count;
    }
    return count;
  }
  std::string manifest_of(const std::string& key) {
    const store::RowReader& rows = core->log().rows();
    const auto bucket = s3::load_bucket(rows, "b");
    const auto object = s3::load_object(rows, bucket.value()->id, key);
    return s3::body_runs(rows, *object.value(), 0, object.value()->size).value().front().manifest;
  }
  // All shards on all drives that are up.
  std::uint64_t shards_total() {
    std::uint64_t count = 0;
    for (unsigned seat = 0; seat < kSlotsMax; ++seat) {
      const auto store = core->drives().store_at(seat);
      if (!store) continue;
      auto cursor = store->store().cursor(store::Table::kShard);
      Result<bool> more = cursor.value()->seek("");
      while (more.ok() && more.value()) {
        if (parse_shard_key(cursor.value()->key())) ++count;
        more = cursor.value()->next();
      }
    }
    return count;
  }

  SimWorld world;
  SimNode& machine;
  std::shared_ptr<CoreNode> core;
  std::vector<std::string> lines;
  std::uint64_t store_bytes = 512 * MiB;
  Duration start_max = 600_s;  // Virtual time that a start may take.

 private:
  static Task<void> serve(Ctx& ctx, std::shared_ptr<CoreNode> core) { co_await core->run(ctx); }
  static Task<Result<s3::SealedBlob>> write_task(Ctx& ctx, s3::Blobs& blobs, const Bytes& bytes,
                                                 bool tell_size) {
    s3::BlobHint hint;
    if (tell_size) hint.size = bytes.size();
    CO_TRY(writer, co_await blobs.start(ctx, hint));
    for (std::size_t at = 0; at < bytes.size(); at += 64 * KiB)
      CO_DO(co_await writer->write(
          ctx, ByteView(bytes).subspan(at, std::min<std::size_t>(64 * KiB, bytes.size() - at))));
    co_return co_await writer->seal(ctx);
  }
  static Task<Result<Bytes>> read_task(Ctx& ctx, s3::Blobs& blobs, std::string manifest,
                                       std::uint64_t offset, std::uint64_t bytes) {
    Bytes into(static_cast<std::size_t>(bytes));
    CO_DO(co_await blobs.read(ctx, std::move(manifest), offset, into));
    co_return std::move(into);
  }
  static Task<Result<Unit>> submit_task(Ctx& ctx, s3::Log& log, std::string meta) {
    store::Op op;
    op.meta = to_bytes(std::string_view(meta));
    CO_TRY(verdict, co_await log.submit(ctx, std::move(op)));
    if (verdict.accepted) co_return Unit{};
    co_return *verdict.error;
  }

  unsigned drives_;
  std::map<std::string, std::shared_ptr<store::MemImage>> images_;
};

}  // namespace creel::core
