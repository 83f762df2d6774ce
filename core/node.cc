#include "core/node.h"

#include "core/erasure/coder.h"

namespace creel::core {
namespace {

std::uint64_t count_rows(const store::RowReader& rows, char kind) {
  constexpr std::uint64_t kCountMax = 1'000;
  Result<std::unique_ptr<store::RowCursor>> cursor = rows.cursor(store::Table::kHeal);
  if (!cursor.ok()) return 0;
  Result<bool> more = cursor.value()->seek(std::string(1, kind));
  std::uint64_t count = 0;
  while (more.ok() && more.value() && count < kCountMax &&
         cursor.value()->key().starts_with(kind)) {
    ++count;
    more = cursor.value()->next();
  }
  return count;
}

}  // namespace

s3::ModelOptions CoreNode::model_options() {
  s3::ModelOptions options;
  options.track_dead_blobs = true;
  return options;
}

DriveOptions CoreNode::drive_options() const {
  DriveOptions options;
  options.dirs = options_.dirs;
  options.watch = options_.watch;
  store::Options& store = options.store;
  store.segment_bytes = options_.segment_bytes;
  store.segment_bytes_max = options_.segment_bytes_max;
  store.size_bytes = options_.store_bytes;
  store.batch_bytes_max = 4 * MiB;
  store.inline_bytes_max = kInlineShardBytes;
  store.queue_bytes_max = 16 * MiB;
  store.checkpoint_rows = options_.checkpoint_rows;
  store.scrub_every = options_.scrub_every;
  store.scrub_bytes_per_second = options_.scrub_bytes_per_second;
  store.rebuild_index = options_.rebuild_index;
  store.open_base = options_.open_base;
  store.log = options_.log;
  return options;
}

CoreNode::CoreNode(Platform& platform, CoreOptions options)
    : platform_(platform),
      options_(std::move(options)),
      model_(model_options()),
      drives_(platform, drive_options()) {}

Task<Result<Unit>> CoreNode::open(Ctx& ctx) {
  Coder coder;
  CO_DO(coder.self_check());
  CO_DO(co_await drives_.open(ctx));
  CO_DO(co_await drives_.choose_mirrors(ctx));
  CO_DO(co_await drives_.check_log_there(ctx));
  store::Options options = drive_options().store;
  options.dirs = drives_.log_dirs();
  options.cluster = drives_.config().cluster;
  options.adopt_blank = true;  // Their drives were recognised: they are no bare mount points.
  options.inline_bytes_max = std::max<std::size_t>(options_.inline_bytes_max, 1 * MiB);
  options.lane = 1;
  options.log_read_upto = options_.log_read_upto;
  CO_TRY(store, co_await store::Store::open(ctx, platform_, model_, std::move(options)));
  store_ = std::move(store);
  drives_.on_gone([this](const std::string& dir, const std::string& why) {
    store_->drop_folder(dir + "/meta", why);
  });
  drives_.on_mirror_back(
      [this](unsigned place, const std::string& dir) { store_->place_folder(place, dir); });
  CO_DO(co_await drives_.note_log_made(ctx));
  log_.emplace(*store_, options_.inline_bytes_max);
  log_blobs_.emplace(*store_);
  blobs_.emplace(platform_, drives_, *log_blobs_, static_cast<std::uint32_t>(store_->starts()),
                 options_.blobs);
  healer_.emplace(platform_, drives_, *blobs_, *log_, *store_, options_.healer);
  co_return Unit{};
}

Task<void> CoreNode::run(Ctx& ctx) {
  Scope scope(ctx);
  blobs_->serve_in(&scope);
  scope.spawn(store_->run(scope.ctx()));
  scope.spawn(drives_.run(scope.ctx()));
  scope.spawn(healer_->run(scope.ctx()));
  co_await scope.join();
  blobs_->serve_in(nullptr);
}

Task<Result<Unit>> CoreNode::close(Ctx& ctx) {
  Result<Unit> log_closed = co_await store_->close(ctx);
  Result<Unit> drives_closed = co_await drives_.close(ctx);
  if (!log_closed.ok()) co_return log_closed;
  co_return drives_closed;
}

CoreStatus CoreNode::status() const {
  CoreStatus status;
  status.layout = default_layout(drives_.config().seat_count());
  status.drives = drives_.status();
  status.mirrors = drives_.config().mirrors;
  status.mirrors_down = store_->status().mirrors_down;
  status.heal_waiting = count_rows(*store_, 'h');
  status.dead_waiting = count_rows(*store_, 'd');
  status.blobs = blobs_->counters();
  status.healer = healer_->counters();
  status.heal = healer_->progress();
  return status;
}

}  // namespace creel::core
