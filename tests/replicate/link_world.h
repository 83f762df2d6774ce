// An edge and a core on simulated machines, with a replication link between them.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/cpu/crc.h"
#include "platform/cpu/hash.h"
#include "platform/sim/world.h"
#include "replicate/feed/log_source.h"
#include "replicate/receiver/receiver.h"
#include "replicate/shipper/shipper.h"
#include "s3/model/model.h"
#include "s3/service/object_reader.h"
#include "s3/service/store_log.h"
#include "store/index/mem_base.h"
#include "store/store.h"

namespace creel::test {

using namespace creel::replicate;

// Every object of a bucket: size, checksum of the bytes as read, ETag and time.
inline Task<Result<std::map<std::string, std::string>>> read_bucket(Ctx& ctx,
                                                                    const store::RowReader& rows,
                                                                    s3::Blobs& blobs,
                                                                    std::string bucket) {
  std::map<std::string, std::string> all;
  CO_TRY(owner, s3::load_bucket(rows, bucket));
  if (!owner) co_return std::move(all);
  const std::string prefix = s3::be64_key(owner->id);
  std::vector<std::string> keys;
  {
    CO_TRY(cursor, rows.cursor(store::Table::kObject));
    auto more = cursor->seek(prefix);
    for (; more.ok() && more.value() && cursor->key().starts_with(prefix); more = cursor->next())
      keys.emplace_back(cursor->key().substr(prefix.size()));
  }
  for (const std::string& key : keys) {
    CO_TRY(record, s3::load_object(rows, owner->id, key));
    CO_TRY(runs, s3::body_runs(rows, *record, 0, record->size));
    s3::ObjectReader reader(blobs, std::move(runs));
    CO_TRY(bytes, co_await creel::read_all(ctx, reader, 64 * MiB));
    all[key] = cat(record->size, " ", crc64_nvme(as_bytes(bytes)), " ", record->etag, " ",
                   record->mtime_ms);
  }
  co_return std::move(all);
}

// One machine with a store and the state machine of S3 on it.
class Box {
 public:
  Box(SimWorld& w, SimNode& n) : world(w), node(n), model(s3::ModelOptions{}) {
    options.dirs = {"d"};
    options.segment_bytes = 8 * MiB;
    options.size_bytes = 512 * MiB;
    options.inline_bytes_max = 64 * KiB;
    options.checkpoint_rows = 256;
    options.open_base = [this](const std::string& dir, const store::Uuid&,
                               bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
      return std::unique_ptr<store::RowBase>(new store::MemBase(images[dir], fresh));
    };
  }
  bool open() {
    auto opened =
        world.finish(node, store::Store::open(node.ctx(), node.platform(), model, options));
    if (!opened || !opened->ok()) {
      if (opened) std::fprintf(stderr, "open: %s\n", error_text(opened->error()).c_str());
      return false;
    }
    store = opened->take();
    log.emplace(*store, options.inline_bytes_max);
    blobs.emplace(*store);
    node.spawn(store->run(node.ctx()));
    return true;
  }
  void close() {
    blobs.reset();
    log.reset();
    store.reset();
  }

  Task<Result<s3::Answer>> submit(std::string meta, Bytes payload) {
    store::Op op;
    op.meta = to_bytes(std::string_view(meta));
    op.payload = std::move(payload);
    CO_TRY(verdict, co_await log->submit(node.ctx(), std::move(op)));
    CO_TRY(answer, s3::Answer::decode(as_text(verdict.answer)));
    co_return std::move(answer);
  }
  Task<Result<s3::Answer>> make_bucket(std::string name) {
    s3::CreateBucket op;
    op.name = std::move(name);
    op.owner = "test";
    std::string meta = s3::encode_op(op);
    co_return co_await submit(std::move(meta), Bytes());
  }
  Task<Result<s3::Answer>> put(std::string bucket, std::string key, Bytes body) {
    s3::PutObject op;
    op.bucket = std::move(bucket);
    op.key = std::move(key);
    op.time_ms = node.platform().clock.wall().ms();
    op.size = body.size();
    op.crc64 = crc64_nvme(body);
    op.etag = hex_encode(Md5::of(body));
    op.headers = {{"content-type", "text/x"}, {"x-amz-meta-n", std::to_string(body.size())}};
    Bytes payload;
    if (body.size() > options.inline_bytes_max) {
      CO_TRY(writer, co_await blobs->start(node.ctx(), s3::BlobHint()));
      CO_DO(co_await writer->write(node.ctx(), body));
      CO_TRY(sealed, co_await writer->seal(node.ctx()));
      op.body.kind = s3::BodySource::Kind::kBlob;
      op.body.manifest = sealed.manifest;
    } else if (!body.empty()) {
      op.body.kind = s3::BodySource::Kind::kPayload;
      payload = std::move(body);
    }
    std::string meta = s3::encode_op(op);
    co_return co_await submit(std::move(meta), std::move(payload));
  }
  Task<Result<s3::Answer>> erase(std::string bucket, std::string key) {
    s3::DeleteObject op;
    op.bucket = std::move(bucket);
    op.key = std::move(key);
    op.time_ms = node.platform().clock.wall().ms();
    std::string meta = s3::encode_op(op);
    co_return co_await submit(std::move(meta), Bytes());
  }

  std::optional<s3::ObjectRecord> find(std::string_view bucket, std::string_view key) {
    auto owner = s3::load_bucket(*store, bucket);
    if (!owner.ok() || !owner.value()) return std::nullopt;
    auto record = s3::load_object(*store, owner.value()->id, key);
    return record.ok() ? record.take() : std::nullopt;
  }
  std::map<std::string, std::string> contents(const std::string& bucket) {
    auto all = world.finish(node, read_bucket(node.ctx(), *store, *blobs, bucket));
    if (!all) return {{"", "crashed"}};
    if (!all->ok()) return {{"", error_text(all->error())}};
    return all->take();
  }

  SimWorld& world;
  SimNode& node;
  std::map<std::string, store::MemImage> images;
  s3::Model model;
  store::Options options;
  std::unique_ptr<store::Store> store;
  std::optional<s3::StoreLog> log;
  std::optional<s3::StoreBlobs> blobs;
};

inline SimNodeOptions with_identity(std::string identity) {
  SimNodeOptions options;
  options.identity = std::move(identity);
  return options;
}

class LinkWorld {
 public:
  explicit LinkWorld(std::uint64_t seed)
      : world(seed),
        edge(world, world.add_node("edge", with_identity("creel:test/site/7"))),
        core(world, world.add_node("core", with_identity("creel:test/core"))) {
    receiver_options.any_certified_site = true;
    shipper_options.name = "core";
    shipper_options.site_name = "shop-7";
    shipper_options.server = {"core", 9100};
    shipper_options.tls = TlsSettings{};
  }
  ~LinkWorld() {
    stop_edge();
    stop_core();
  }

  bool start() { return start_core() && start_edge(); }
  bool start_core() {
    if (!core.open()) return false;
    receiver =
        std::make_unique<Receiver>(core.node.platform(), *core.log, *core.blobs, receiver_options);
    server = std::make_unique<HttpServer>(*receiver, HttpServerOptions());
    core.node.spawn(serve(core.node.platform(), core.node.ctx(), *server));
    return true;
  }
  bool start_edge() {
    if (!edge.open()) return false;
    LogSourceOptions feed;
    shipper_options.stream = make_identity(7, *edge.store, "all");
    shipper_options.starts = edge.store->starts();
    feed.stream = stream_id(shipper_options.stream);
    feed.keys = edge_keys;
    source = std::make_unique<LogSource>(*edge.store, *edge.log, *edge.blobs, feed);
    Source& from = wrap ? wrap(*source) : static_cast<Source&>(*source);
    shipper = std::make_unique<Shipper>(edge.node.platform(), *edge.log, from, shipper_options);
    edge.node.spawn(shipper->run(edge.node.ctx()));
    return true;
  }
  void stop_core() {
    if (core.node.alive()) core.node.crash(SimCrash::kProcess);
    server.reset();
    receiver.reset();
    core.close();
  }
  void stop_edge() {
    if (edge.node.alive()) edge.node.crash(SimCrash::kProcess);
    shipper.reset();
    source.reset();
    edge.close();
  }
  bool crash_core(SimCrash kind) {
    if (core.node.alive()) core.node.crash(kind);
    stop_core();
    core.node.restart();
    return start_core();
  }
  bool crash_edge(SimCrash kind) {
    if (edge.node.alive()) edge.node.crash(kind);
    stop_edge();
    edge.node.restart();
    return start_edge();
  }

  // Everything that was written at the edge is settled at the core.
  bool drained() {
    const ShipperStatus status = shipper->status();
    return status.state == LinkState::kUp && status.pending == 0 && status.log_behind == 0;
  }
  bool drain(Duration max = 600_s) {
    return world.run_until([&] { return drained(); }, max);
  }
  void put(std::string bucket, std::string key, Bytes body) {
    auto done =
        world.finish(edge.node, edge.put(std::move(bucket), std::move(key), std::move(body)));
    check(done && done->ok() && done->value().refusal == s3::Refusal::kNone);
  }
  void erase(std::string bucket, std::string key) {
    auto done = world.finish(edge.node, edge.erase(std::move(bucket), std::move(key)));
    check(done && done->ok());
  }
  void bucket(std::string name) {
    auto done = world.finish(edge.node, edge.make_bucket(std::move(name)));
    check(done && done->ok());
  }

  SimWorld world;
  Box edge, core;
  ReceiverOptions receiver_options;
  ShipperOptions shipper_options;
  const s3::KeyRing* edge_keys = nullptr;
  std::function<Source&(LogSource&)> wrap;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<HttpServer> server;
  std::unique_ptr<LogSource> source;
  std::unique_ptr<Shipper> shipper;

 private:
  static Task<void> serve(Platform& platform, Ctx& ctx, HttpServer& server) {
    Address address{"core", 9100};
    std::optional<TlsSettings> tls = TlsSettings{};
    auto listener = co_await platform.network.listen(ctx, std::move(address), std::move(tls));
    check(listener.ok());
    const Result<Unit> served = co_await server.serve(ctx, *listener.value());
    (void)served;
  }
};

}  // namespace creel::test
