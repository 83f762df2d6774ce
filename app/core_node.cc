#include "app/log_line.h"
#include "app/node.h"
#include "app/replication.h"
#include "app/space_report.h"
#include "core/node.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "store/index/lmdb_base.h"

namespace creel::app {
namespace {

core::CoreOptions core_options(Platform& platform, const Config& config, bool rebuild_index) {
  core::CoreOptions options;
  options.dirs = config.data;
  options.store_bytes = config.store_bytes;
  options.segment_bytes = config.segment_bytes;
  options.scrub_every = config.scrub_every;
  options.scrub_bytes_per_second = config.scrub_bytes_per_second;
  options.rebuild_index = rebuild_index;
  options.open_base = [](const std::string& dir, const store::Uuid& store, bool fresh) {
    store::LmdbOptions lmdb;
    lmdb.fresh = fresh;
    lmdb.may_be_lost = true;
    return store::open_lmdb(dir, store, lmdb);
  };
  options.log = [&platform](std::string_view text) {
    LogLine(Level::kNotice, platform.clock.wall(), "core").text("text", text);
  };
  options.log_read_upto = log_read_upto(config);
  return options;
}

class CoreRole final : public Node {
 public:
  CoreRole(Platform& platform, const Config& config, bool rebuild_index)
      : platform_(platform), core_(platform, core_options(platform, config, rebuild_index)) {}

  Task<Result<Unit>> open(Ctx& ctx) { return core_.open(ctx); }
  s3::Log& log() override { return core_.log(); }
  s3::Blobs& blobs() override { return core_.blobs(); }
  store::Store& log_store() override { return core_.log_store(); }
  std::vector<NamedStore> stores() override {
    std::vector<NamedStore> all{{"operation log", &core_.log_store()}};
    for (unsigned seat = 0; seat < core::kSlotsMax; ++seat)
      if (const auto shards = core_.drives().store_at(seat))
        all.push_back({shards->dir(), &shards->store()});
    return all;
  }

  // The healer that people ask for runs here: a request only wakes it.
  Task<void> run(Ctx& ctx) override {
    Scope scope(ctx);
    scope.spawn(core_.run(scope.ctx()));
    for (;;) {
      const Result<Unit> woken = co_await heal_wanted_.wait(ctx);
      if (!woken.ok()) break;
      Result<core::HealProgress> healed = co_await core_.heal(ctx);
      LogLine line(healed.ok() ? Level::kNotice : Level::kError, platform_.clock.wall(), "healed");
      line.text("outcome", healed.ok() ? "done" : error_text(healed.error()));
      if (healed.ok())
        line.number("blobs", healed.value().blobs_done)
            .number("shards_rebuilt", healed.value().shards_rebuilt);
    }
    co_await scope.join();
  }
  Task<Result<Unit>> close(Ctx& ctx) override { return core_.close(ctx); }

  Task<Result<std::string>> heal(Ctx& ctx, bool start) override {
    if (start && !core_.status().heal.running) {
      heal_wanted_.notify_all();
      YieldNow later(ctx);
      co_await later;
    }
    const core::HealProgress heal = core_.status().heal;
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("running", heal.running);
    json.field("blobs", heal.blobs).field("blobs_done", heal.blobs_done);
    json.field("shards_rebuilt", heal.shards_rebuilt).field("bytes_rebuilt", heal.bytes_rebuilt);
    json.field("blobs_incomplete", heal.blobs_incomplete);
    json.field("blobs_failed", heal.blobs_failed);
    json.field("last_error", heal.last_error);
    json.end_object();
    co_return std::move(out);
  }

  void add_metrics(Metrics& metrics) const override {
    const core::CoreStatus status = core_.status();
    std::map<core::DriveState, std::uint64_t> states;
    for (const core::DriveStatus& drive : status.drives) ++states[drive.state];
    for (const core::DriveState state : {core::DriveState::kUp, core::DriveState::kDown,
                                         core::DriveState::kBlank, core::DriveState::kStale})
      metrics.set("creel_core_drives", cat("{state=\"", core::drive_state_name(state), "\"}"),
                  states[state]);
    metrics.set("creel_core_heal_waiting", "", status.heal_waiting);
    metrics.set("creel_core_dead_waiting", "", status.dead_waiting);
    metrics.set("creel_core_blob_writes_total", "", status.blobs.writes);
    metrics.set("creel_core_degraded_writes_total", "", status.blobs.degraded_writes);
    metrics.set("creel_core_refused_writes_total", "", status.blobs.refused_writes);
    metrics.set("creel_core_blob_reads_total", "", status.blobs.reads);
    metrics.set("creel_core_rebuilt_stripes_total", "", status.blobs.rebuilt_stripes);
    metrics.set("creel_core_hedged_reads_total", "", status.blobs.hedges);
    metrics.set("creel_core_bad_cells_total", "", status.blobs.bad_cells);
    metrics.set("creel_core_healed_total", "", status.healer.healed);
    metrics.set("creel_core_reaped_total", "", status.healer.reaped);
  }

  std::string space_warning() override {
    const std::string own = log_store().status().space.warning;
    if (!own.empty()) return own;
    for (const core::DriveStatus& drive : core_.status().drives)
      if (!drive.space.warning.empty()) return drive.space.warning;
    return {};
  }

  std::string drives_json() const override {
    const core::CoreStatus status = core_.status();
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("data", std::uint64_t{status.layout.data});
    json.field("parity", std::uint64_t{status.layout.parity});
    json.field("heal_waiting", status.heal_waiting);
    json.name("folders").begin_array();
    for (const core::DriveStatus& drive : status.drives) {
      json.begin_object();
      json.field("folder", drive.dir).field("state", core::drive_state_name(drive.state));
      json.field("seat", static_cast<std::int64_t>(drive.seat)).field("why", drive.why);
      json.field("shards", drive.shards).field("free_bytes", drive.free_bytes);
      json.name("space").raw(space_json(drive.space, 0));
      json.end_object();
    }
    json.end_array();
    json.end_object();
    return out;
  }

 private:
  Platform& platform_;
  core::CoreNode core_;
  Event heal_wanted_;
};

}  // namespace

Task<Result<std::unique_ptr<Node>>> open_core(Ctx& ctx, Platform& platform, const Config& config,
                                              bool rebuild_index) {
  auto node = std::make_unique<CoreRole>(platform, config, rebuild_index);
  CO_DO(co_await node->open(ctx));
  co_return std::unique_ptr<Node>(std::move(node));
}

}  // namespace creel::app
