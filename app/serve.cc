#include "app/serve.h"

#include <csignal>
#include <cstdio>

#include "app/credentials.h"
#include "app/front.h"
#include "app/log_line.h"
#include "app/metrics.h"
#include "app/node.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/systemd.h"
#include "platform/uv/uv_world.h"

namespace creel::app {
namespace {

constexpr Duration kDrainMax = 4_s;
constexpr std::size_t kCertificateBytesMax = 256 * KiB;

Task<Result<std::optional<TlsSettings>>> load_tls(Ctx& ctx, Disk& disk, TlsFiles files, bool mutual) {
  if (files.certificate.empty()) co_return std::optional<TlsSettings>();
  TlsSettings tls;
  CO_TRY(certificate, co_await read_file(ctx, disk, files.certificate, kCertificateBytesMax));
  tls.certificate_pem = to_string(certificate);
  CO_TRY(key, co_await read_file(ctx, disk, files.key, kCertificateBytesMax));
  tls.key_pem = to_string(key);
  if (!files.ca.empty()) {
    CO_TRY(ca, co_await read_file(ctx, disk, files.ca, kCertificateBytesMax));
    tls.ca_pem = to_string(ca);
  }
  tls.require_peer_certificate = mutual;
  co_return std::optional<TlsSettings>(std::move(tls));
}

// One line a request, if asked for; counters always.
class Observer final : public s3::RequestObserver {
 public:
  Observer(Platform& platform, Metrics& metrics, bool log)
      : platform_(platform), metrics_(metrics), log_(log) {}
  void finished(const s3::RequestReport& report) override {
    metrics_.count_request(report.method, report.status);
    if (!log_) return;
    LogLine line(report.status >= 500 ? Level::kError : Level::kInfo, platform_.clock.wall(), "request");
    line.text("request_id", report.request_id).text("method", report.method);
    // Query strings may hold a presigned signature: the path is enough.
    line.text("path", report.target.substr(0, report.target.find('?')));
    line.text("access_key", report.access_key).number("status", static_cast<std::uint64_t>(report.status));
    if (!report.code.empty()) line.text("code", report.code);
  }

 private:
  Platform& platform_;
  Metrics& metrics_;
  bool log_;
};

class Server {
 public:
  Server(UvWorld& world, const Config& config)
      : world_(world), platform_(world.platform()), config_(config) {}

  Task<void> main(Ctx& root, int& exit_code) {
    Result<Unit> outcome = co_await run(root);
    if (outcome.ok()) co_return;
    std::fprintf(stderr, "creel: %s\n", error_text(outcome.error()).c_str());
    exit_code = 1;
  }

 private:
  Task<Result<Unit>> run(Ctx& root) {
    CO_TRY(node, co_await open_node(root));
    node_ = std::move(node);
    Scope work(root);
    work.spawn(node_->run(work.ctx()));
    Result<Unit> served = co_await serve_until_stopped(root);
    work.request_stop();
    co_await work.join();
    Result<Unit> closed = co_await node_->close(root);
    if (!served.ok()) co_return served.error();
    co_return std::move(closed);
  }

  Task<Result<std::unique_ptr<Node>>> open_node(Ctx& ctx) {
    if (config_.role == Role::kEdge) co_return co_await open_edge(ctx, platform_, config_);
    co_return co_await open_core(ctx, platform_, config_);
  }

  Task<Result<Unit>> serve_until_stopped(Ctx& root) {
    CO_TRY(key, co_await root_key(root, platform_, config_));
    s3::Access access;
    access.add_key(key.access_key, key.secret_key, s3::Principal{"creel-root", "root", false});
    s3::ServiceOptions service_options;
    service_options.region = config_.region;
    s3::ObjectService service(platform_, node_->log(), node_->blobs(), service_options);
    Observer observer(platform_, metrics_, config_.log_requests);
    s3::HandlerOptions handler_options;
    handler_options.base_domains = config_.base_domains;
    handler_options.clock_window = config_.clock_window;
    s3::S3Handler handler(service, access, nullptr, &observer, handler_options);
    Front front(handler, access, platform_, config_.region, sources());
    HttpServerOptions http;
    http.connections_max = config_.connections_max;
    http.connections_per_host_max = config_.connections_per_host_max;
    HttpServer server(front, http);
    CO_TRY(tls, co_await load_tls(root, platform_.disk, config_.tls, false));
    const bool has_tls = tls.has_value();
    CO_TRY(listener, co_await platform_.network.listen(root, config_.listen, tls));
    announce(listener->local(), has_tls, key);
    Scope serving(root);
    stop_ = [this, &server, &serving] { begin_stop(server, serving); };
    for (const int signal_number : {SIGTERM, SIGINT})
      world_.on_signal(signal_number, [this] { stop_(); });
    ready_ = true;
    [[maybe_unused]] const auto told = systemd::notify("READY=1");
    serving.spawn(watchdog(serving.ctx()));
    Result<Unit> outcome = co_await server.serve(serving.ctx(), *listener);
    stop_ = [] {};
    serving.request_stop();
    co_await serving.join();
    co_return std::move(outcome);
  }

  // Requests under way may finish; what is left after kDrainMax is cut.
  void begin_stop(HttpServer& server, Scope& serving) {
    if (!ready_) return;
    ready_ = false;
    LogLine(Level::kNotice, platform_.clock.wall(), "stopping");
    [[maybe_unused]] const auto told = systemd::notify("STOPPING=1");
    server.begin_drain();
    serving.ctx().set_deadline(platform_.clock.now() + kDrainMax);
  }

  static Task<void> watchdog(Ctx& ctx) {
    const std::optional<Duration> interval = systemd::watchdog_interval();
    if (!interval) co_return;
    for (;;) {
      Result<Unit> slept = co_await sleep_for(ctx, *interval / 2);
      if (!slept.ok()) co_return;
      [[maybe_unused]] const auto told = systemd::notify("WATCHDOG=1");
    }
  }

  void announce(const Address& local, bool tls, const RootKey& key) {
    const std::string url = cat(tls ? "https://" : "http://", address_text(local));
    LogLine line(Level::kNotice, platform_.clock.wall(), "listening");
    line.text("url", url).text("role", config_.role == Role::kEdge ? "edge" : "core");
    if (!key.made_in.empty()) line.text("root_key_written_to", key.made_in);
  }

  Front::Sources sources() {
    Front::Sources sources;
    sources.health = [this] {
      const store::Status status = node_->log_store().status();
      if (status.read_only) return Health{false, cat("read-only: ", status.reason)};
      if (!ready_) return Health{false, "draining"};
      return Health{true, {}};
    };
    sources.metrics = [this] {
      metrics_.set_store(node_->log_store().status());
      return metrics_.text();
    };
    sources.admin = [this](Ctx& ctx, std::string method, std::string name) {
      return admin(ctx, std::move(method), std::move(name));
    };
    return sources;
  }

  Task<Result<std::string>> admin(Ctx&, std::string method, std::string name) {
    if (name != "status" || method != "GET")
      co_return fail(ErrorCode::kNotFound, cat("no such admin call: ", method, ' ', name));
    const store::Status status = node_->log_store().status();
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.name("role").string(config_.role == Role::kEdge ? "edge" : "core");
    json.name("read_only").boolean(status.read_only);
    json.name("last_lsn").number(status.last.value);
    json.name("rows").number(status.rows);
    json.name("segments").number(status.segments);
    json.name("log_bytes").number(status.log_bytes);
    json.name("bulk_bytes").number(status.bulk_bytes);
    json.name("free_bytes").number(status.free_bytes);
    json.name("damaged_ranges").number(status.damaged_ranges);
    json.end_object();
    co_return std::move(out);
  }

  UvWorld& world_;
  Platform& platform_;
  const Config& config_;
  Metrics metrics_;
  std::unique_ptr<Node> node_;
  std::function<void()> stop_ = [] {};
  bool ready_ = false;
};

}  // namespace

int serve(const Config& config) {
  UvOptions options;
  options.io_threads = config.role == Role::kEdge ? 2 : 4;
  Result<std::unique_ptr<UvWorld>> world = UvWorld::make(options);
  if (!world.ok()) {
    std::fprintf(stderr, "creel: %s\n", error_text(world.error()).c_str());
    return 1;
  }
  int exit_code = 0;
  Platform& platform = world.value()->platform();
  Server server(*world.value(), config);
  Ctx root(platform.executor, platform.clock);
  world.value()->run(server.main(root, exit_code));
  return exit_code;
}

}  // namespace creel::app
