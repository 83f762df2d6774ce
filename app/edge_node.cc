#include "app/log_line.h"
#include "app/node.h"
#include "app/replication.h"
#include "platform/base/text.h"
#include "s3/service/store_log.h"
#include "store/index/lmdb_base.h"

namespace creel::app {
namespace {

constexpr std::size_t kInlineBytesMax = 256 * KiB;

class EdgeNode final : public Node {
 public:
  EdgeNode() : model_(s3::ModelOptions()) {}
  Task<Result<Unit>> open(Ctx& ctx, Platform& platform, const Config& config, bool rebuild_index) {
    folder_ = config.data.front();
    CO_DO(co_await platform.disk.make_dir(ctx, config.data.front()));
    store::Options options;
    options.dirs = config.data;
    options.segment_bytes = config.segment_bytes;
    options.size_bytes = config.store_bytes;
    options.inline_bytes_max = kInlineBytesMax;
    options.commit_delay = config.commit_delay;
    options.scrub_every = config.scrub_every;
    options.scrub_bytes_per_second = config.scrub_bytes_per_second;
    options.rebuild_index = rebuild_index;
    options.open_base = [](const std::string& dir, const store::Uuid& store, bool fresh) {
      store::LmdbOptions lmdb;
      lmdb.fresh = fresh;
      return store::open_lmdb(dir, store, lmdb);
    };
    options.log = [&platform](std::string_view text) {
      LogLine(Level::kNotice, platform.clock.wall(), "store").text("text", text);
    };
    options.log_read_upto = log_read_upto(config);
    CO_TRY(store, co_await store::Store::open(ctx, platform, model_, std::move(options)));
    store_ = std::move(store);
    log_.emplace(*store_, kInlineBytesMax);
    blobs_.emplace(*store_);
    co_return Unit{};
  }
  s3::Log& log() override { return *log_; }
  s3::Blobs& blobs() override { return *blobs_; }
  store::Store& log_store() override { return *store_; }
  std::vector<NamedStore> stores() override { return {{folder_, store_.get()}}; }
  Task<void> run(Ctx& ctx) override { return store_->run(ctx); }
  Task<Result<Unit>> close(Ctx& ctx) override { return store_->close(ctx); }

 private:
  std::string folder_;
  s3::Model model_;
  std::unique_ptr<store::Store> store_;
  std::optional<s3::StoreLog> log_;
  std::optional<s3::StoreBlobs> blobs_;
};

}  // namespace

Task<Result<std::unique_ptr<Node>>> open_edge(Ctx& ctx, Platform& platform, const Config& config,
                                              bool rebuild_index) {
  auto node = std::make_unique<EdgeNode>();
  CO_DO(co_await node->open(ctx, platform, config, rebuild_index));
  co_return std::unique_ptr<Node>(std::move(node));
}

}  // namespace creel::app
