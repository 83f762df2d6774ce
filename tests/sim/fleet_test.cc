// Goal: an edge and a core of six drives (Reed-Solomon 4+2) keep the promise together: what the
// edge acknowledged is readable at the core, byte for byte, once machines and wires have been whole
// a while; deleted stays deleted; the same seed is the same run. Method: 200 seeds. A safety phase
// of PUT, overwrite and DELETE at the edge while machines crash with torn and lost writes, restart,
// links are cut, clogged and reset, and drives are pulled and pushed back; then a liveness phase
// that must converge. A model of the workload tells what the edge itself must hold. A failure
// prints the seed to replay.
#include <gtest/gtest.h>

#include <set>

#include "core/node.h"
#include "platform/base/text.h"
#include "tests/replicate/link_world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

constexpr unsigned kDrives = 6;
const std::string kBucket = "fleet";

// The core's machine: six drives, the operation log mirrored on some of them.
class FleetCore {
 public:
  explicit FleetCore(SimWorld& w)
      : world(w), node(w.add_node("core", with_identity("creel:test/core"))) {
    for (unsigned i = 0; i < kDrives; ++i) node.disk().drive(cat("d", i));
    receiver_options.any_certified_site = true;
    receiver_options.part_bytes = 256 * KiB;
    receiver_options.grant_bytes = 1 * MiB;
  }
  bool start() {
    core::CoreOptions options;
    for (unsigned i = 0; i < kDrives; ++i) options.dirs.push_back(cat("d", i));
    options.segment_bytes = 2 * MiB;
    options.store_bytes = 64 * MiB;
    options.open_base = [this](const std::string& folder, const store::Uuid&,
                               bool fresh) -> Result<std::unique_ptr<store::RowBase>> {
      return std::unique_ptr<store::RowBase>(
          std::make_unique<store::MemBase>(images[folder], fresh));
    };
    auto made = std::make_shared<core::CoreNode>(node.platform(), std::move(options));
    const auto opened = world.finish(node, made->open(node.ctx()), 600_s);
    if (!opened || !opened->ok()) {
      last_error = opened ? error_text(opened->error()) : "open never ended";
      return false;
    }
    core = made;
    node.spawn(run_core(node.ctx(), made));
    receiver =
        std::make_unique<Receiver>(node.platform(), core->log(), core->blobs(), receiver_options);
    server = std::make_unique<HttpServer>(*receiver, HttpServerOptions());
    node.spawn(serve(node.platform(), node.ctx(), *server));
    return true;
  }
  void stop() {
    if (node.alive()) node.crash(SimCrash::kProcess);
    server.reset();
    receiver.reset();
    core.reset();
  }
  bool crash(SimCrash kind) {
    if (node.alive()) node.crash(kind);
    stop();
    node.restart();
    return start();
  }
  Result<std::map<std::string, std::string>> contents() {
    auto all = world.finish(
        node, read_bucket(node.ctx(), core->log().rows(), core->blobs(), kBucket), 600_s);
    if (!all) return fail(ErrorCode::kUnknown, "crashed");
    return std::move(*all);
  }

  SimWorld& world;
  SimNode& node;
  std::map<std::string, store::MemImage> images;
  ReceiverOptions receiver_options;
  std::shared_ptr<core::CoreNode> core;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<HttpServer> server;
  std::string last_error;

 private:
  static Task<void> run_core(Ctx& ctx, std::shared_ptr<core::CoreNode> core) {
    co_await core->run(ctx);
  }
  static Task<void> serve(Platform& platform, Ctx& ctx, HttpServer& server) {
    Address address{"core", 9100};
    std::optional<TlsSettings> tls = TlsSettings{};
    auto listener = co_await platform.network.listen(ctx, std::move(address), std::move(tls));
    check(listener.ok());
    [[maybe_unused]] const Result<Unit> served = co_await server.serve(ctx, *listener.value());
  }
};

class Fleet {
 public:
  explicit Fleet(Seed seed)
      : world(seed.value),
        random(seed),
        words(seed.value ^ 0x5eed),
        edge(world, world.add_node("edge", with_identity("creel:test/site/7"))),
        core(world) {
    edge.options.size_bytes = 64 * MiB;
    edge.options.segment_bytes = 2 * MiB;
    shipper_options.name = "core";
    shipper_options.site_name = "shop-7";
    shipper_options.server = {"core", 9100};
    shipper_options.tls = TlsSettings{};
    shipper_options.backoff_max = 8_s;
  }
  ~Fleet() {
    stop_edge();
    core.stop();
  }

  // Empty, or what went wrong.
  std::string run() {
    if (!core.start() || !start_edge()) return cat("did not start: ", core.last_error);
    auto made = world.finish(edge.node, edge.make_bucket(kBucket));
    if (!made || !made->ok()) return "no bucket";
    world.network().link("edge", "core").bytes_per_second =
        random.chance(0.3) ? 200 * KiB : 20 * MiB;
    for (int step = 0; step < 8; ++step) {
      write_on();
      world.run_for(Duration{static_cast<std::int64_t>(random.below(3'000)) * 1'000'000});
      if (!strike()) return cat("did not come back at step ", step, ": ", core.last_error);
    }
    world.network().heal_all();
    for (unsigned drive : std::set<unsigned>(pulled)) push(drive);
    if (!core.node.alive() || !core.core) return "core is down";
    write_on();
    const auto done = [this] { return !writing() && left == 0 && drained(); };
    if (!world.run_until(done, 900_s))
      return cat("did not drain: ", link_state_name(shipper->status().state), " ",
                 shipper->status().last_error);
    return compare();
  }

  SimWorld world;

 private:
  bool start_edge() {
    if (!edge.open()) return false;
    LogSourceOptions feed;
    shipper_options.stream = make_identity(7, *edge.store, "all");
    shipper_options.starts = edge.store->starts();
    feed.stream = stream_id(shipper_options.stream);
    source = std::make_unique<LogSource>(*edge.store, *edge.log, *edge.blobs, feed);
    shipper = std::make_unique<Shipper>(edge.node.platform(), *edge.log, *source, shipper_options);
    edge.node.spawn(shipper->run(edge.node.ctx()));
    return true;
  }
  void stop_edge() {
    if (edge.node.alive()) edge.node.crash(SimCrash::kProcess);
    shipper.reset();
    source.reset();
    edge.close();
  }
  bool crash_edge(SimCrash kind) {
    if (edge.node.alive()) edge.node.crash(kind);
    stop_edge();
    edge.node.restart();
    return start_edge();
  }
  bool drained() {
    const ShipperStatus status = shipper->status();
    return status.state == LinkState::kUp && status.pending == 0 && status.log_behind == 0;
  }
  bool writing() const { return writer_life == edge.node.life_number(); }
  void write_on() {
    if (left > 0 && !writing()) edge.node.spawn(write());
  }

  // What a key may hold: the last acknowledged write, or one whose answer a crash swallowed.
  struct Expected {
    std::set<std::string> allowed;  // "": absent.
  };
  Task<void> write() {
    writer_life = edge.node.life_number();
    while (left > 0) {
      --left;
      const std::string key = cat("k", words.below(10));
      Bytes body;
      std::string after;
      const bool erase = words.below(10) < 3;
      if (!erase) {
        const bool large = words.chance(0.08);
        body = words.bytes(large ? 280'000 + words.below(400'000) : words.skewed_below(6'000));
        after = hex_encode(Md5::of(body));
      }
      Expected& known = expected[key];
      if (known.allowed.empty()) known.allowed.insert("");
      known.allowed.insert(after);
      Result<s3::Answer> answer = fail(ErrorCode::kUnknown, "");
      if (erase) answer = co_await edge.erase(kBucket, key);
      else answer = co_await edge.put(kBucket, key, std::move(body));
      if (!answer.ok()) break;
      known.allowed = {after};
      const auto pause = static_cast<std::int64_t>(words.below(500));
      const Result<Unit> slept = co_await sleep_for(edge.node.ctx(), Duration{pause * 1'000'000});
      if (!slept.ok()) break;
    }
    writer_life = 0;
  }

  SimCrash kind() {
    if (random.chance(0.3)) return SimCrash::kProcess;
    return random.chance(0.5) ? SimCrash::kLoseAll : SimCrash::kPowerLoss;
  }
  void push(unsigned drive) {
    core.node.disk().make_available(cat("d", drive));
    pulled.erase(drive);
  }
  bool strike() {
    switch (random.below(10)) {
      case 0: return crash_edge(kind());
      case 1: return core.crash(kind());
      case 2: world.network().cut("edge", "core"); break;
      case 3: world.network().heal_all(); break;
      case 4: world.network().reset("edge", "core"); break;
      case 5: world.network().cut("edge", "core", SimWays::kOneWay); break;
      case 6: world.network().cut("core", "edge", SimWays::kOneWay); break;
      case 7:
        if (pulled.empty()) {
          const auto drive = static_cast<unsigned>(random.below(kDrives));
          core.node.disk().make_unavailable(cat("d", drive));
          pulled.insert(drive);
        } else {
          push(*pulled.begin());
        }
        break;
      default: break;
    }
    return true;
  }

  std::string compare() {
    const auto there = core.contents();
    if (!there.ok()) return cat("reading the core: ", error_text(there.error()));
    const auto here = edge.contents(kBucket);
    if (there.value() != here)
      return cat("the core holds ", there.value().size(), " objects, the edge ", here.size());
    for (const auto& [key, what] : expected) {
      const auto record = edge.find(kBucket, key);
      if (!what.allowed.contains(record ? record->etag : std::string()))
        return cat("the edge forgot what it acknowledged of ", key);
    }
    const ShipperStatus status = shipper->status();
    if (status.parked != 0) return cat(status.parked, " operations were parked");
    return "";
  }

  TestRandom random;  // What breaks.
  TestRandom words;  // What is written.
  Box edge;
  FleetCore core;
  ShipperOptions shipper_options;
  std::unique_ptr<LogSource> source;
  std::unique_ptr<Shipper> shipper;
  int left = 30;
  std::uint64_t writer_life = 0;
  std::map<std::string, Expected> expected;
  std::set<unsigned> pulled;
};

TEST(Fleet, WhatTheEdgeAcknowledgedIsReadableAtTheCore) {
  std::size_t number = 0;
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    Fleet fleet(seed);
    ASSERT_EQ(fleet.run(), "");
    if (number++ % 20 != 0) continue;
    Fleet again(seed);
    ASSERT_EQ(again.run(), "");
    ASSERT_EQ(again.world.event_hash(), fleet.world.event_hash());
  }
}

}  // namespace
}  // namespace creel::test
