#include "app/serve.h"

#include <csignal>
#include <cstdio>

#include "app/audit_log.h"
#include "app/credentials.h"
#include "app/drive_life.h"
#include "app/front.h"
#include "app/key_files.h"
#include "app/log_line.h"
#include "app/metrics.h"
#include "app/node.h"
#include "app/recent_requests.h"
#include "app/replication.h"
#include "app/space_report.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/uv/systemd.h"
#include "platform/uv/uv_world.h"
#include "replicate/receiver/receiver.h"
#include "s3/service/lifecycle_worker.h"

namespace creel::app {
namespace {

constexpr Duration kDrainMax = 3_s;  // Closing a core of many drives takes its part of the 5 s.
constexpr std::string_view kRootId = "creel-root";
constexpr std::size_t kCertificateBytesMax = 256 * KiB;

Task<Result<std::optional<TlsSettings>>> load_tls(Ctx& ctx, Disk& disk, TlsFiles files,
                                                  bool mutual) {
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
  Observer(Platform& platform, Metrics& metrics, RecentRequests& recent, AuditLog* audit, bool log)
      : platform_(platform), metrics_(metrics), recent_(recent), audit_(audit), log_(log) {}
  void finished(const s3::RequestReport& report) override {
    metrics_.count_request(report.method, report.status);
    recent_.add(report, platform_.clock.wall());
    if (audit_ != nullptr) audit(report);
    if (!log_) return;
    LogLine line(report.status >= 500 ? Level::kError : Level::kInfo, platform_.clock.wall(),
                 "request");
    line.text("request_id", report.request_id).text("method", report.method);
    // Query strings may hold a presigned signature: the path is enough.
    line.text("path", report.target.substr(0, report.target.find('?')));
    line.text("access_key", report.access_key)
        .number("status", static_cast<std::uint64_t>(report.status));
    if (!report.code.empty()) line.text("code", report.code);
  }

 private:
  void audit(const s3::RequestReport& report) {
    ReportedRights rights = rights_of(report);
    AuditEntry entry;
    entry.time = platform_.clock.wall();
    entry.request_id = report.request_id;
    entry.who = std::move(rights.who);
    entry.access_key = report.access_key;
    entry.from = std::move(rights.from);
    entry.method = report.method;
    entry.action = report.call->action;
    entry.resource = std::move(rights.resource);
    entry.allowed = report.call->decision.allowed;
    entry.why = std::move(rights.why);
    entry.statement = report.call->decision.statement;
    entry.status = report.status;
    entry.code = report.code;
    audit_->add(entry);
  }

  Platform& platform_;
  Metrics& metrics_;
  RecentRequests& recent_;
  AuditLog* audit_;
  bool log_;
};

// The replication port: the link and nothing else.
class LinkFront final : public HttpHandler {
 public:
  explicit LinkFront(replicate::Receiver& receiver) : receiver_(receiver) {}
  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override {
    if (request.head.target == replicate::kReplicatePath)
      co_return co_await receiver_.handle(ctx, request, out);
    HttpResponse response;
    response.status = 404;
    response.body = "this port is for replication\n";
    co_return co_await out.respond(ctx, std::move(response));
  }

 private:
  replicate::Receiver& receiver_;
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
    access.add_key(key.access_key, key.secret_key,
                   s3::Principal{std::string(kRootId), "root", false, true});
    access.set_default_ownership(*s3::parse_ownership(config_.default_object_ownership));
    for (const OwnerKey& owner : config_.owners) {
      if (owner.access_key == key.access_key)
        co_return fail(ErrorCode::kInvalid, cat("[s3] owners: the access key ", owner.access_key,
                                                " of '", owner.id, "' is the root key"));
      access.add_key(owner.access_key, owner.secret_key,
                     s3::Principal{owner.id, owner.display_name, false, false});
    }
    CO_TRY(master_key, load_master_key());
    s3::Identities identities(platform_, node_->log(), access, master_key);
    CO_DO(identities.load());
    if (identities.unreadable_keys() > 0)
      LogLine(Level::kWarning, platform_.clock.wall(), "access_keys_do_not_open")
          .number("keys", identities.unreadable_keys())
          .text("text",
                master_key.empty() ? "set [s3] master_key" : "another master key sealed them");
    identities_ = &identities;
    s3::KeyRing key_ring;
    CO_DO(fill_key_ring(key_ring, master_key));
    s3::ServiceOptions service_options;
    service_options.keys = &key_ring;
    if (config_.default_bucket_encryption == "AES256")
      service_options.default_encryption = s3::EncryptionKind::kServer;
    service_options.region = config_.region;
    service_options.extra_locations = config_.extra_locations;
    service_options.customer_keys_over_http = config_.ssec_over_http;
    if (config_.lifecycle_day_s != 0)
      service_options.lifecycle_day.ms = std::int64_t{config_.lifecycle_day_s} * 1'000;
    s3::ObjectService service(platform_, node_->log(), node_->blobs(), service_options);
    CO_TRY(link_tls, co_await load_tls(root, platform_.disk, config_.replicate_tls, true));
    const bool is_edge = config_.role == Role::kEdge;
    const KeyFiles keys;
    edge::ObjectFilterOptions filter_options;
    filter_options.site_name = config_.site_name;
    filter_options.owner = kRootId;
    edge::ObjectFilter filter(service, keys, filter_options);
    edge::FilterCheck filter_check(keys);
    Senders senders(platform_, config_, node_->log_store(), node_->log(), node_->blobs(),
                    is_edge ? &filter : nullptr, key_ring);
    senders.prepare(link_tls);
    senders_ = &senders;
    filter_ = is_edge ? &filter : nullptr;
    service.set_replication_status(&senders.board());
    service_ = &service;
    replicate::Receiver receiver(platform_, node_->log(), node_->blobs(),
                                 receiver_options(key_ring));
    receiver_ = &receiver;
    std::unique_ptr<AuditLog> audit;
    if (!config_.audit_file.empty()) {
      const auto alarm = [this](std::string_view text) {
        LogLine(Level::kAlert, platform_.clock.wall(), "audit_log_failed").text("error", text);
      };
      CO_TRY(opened, co_await AuditLog::open(root, platform_.disk, config_.audit_file,
                                             config_.audit_bytes_max, alarm));
      audit = std::move(opened);
    }
    audit_ = audit.get();
    Observer observer(platform_, metrics_, recent_, audit_, config_.log_requests);
    s3::HandlerOptions handler_options;
    handler_options.base_domains = config_.base_domains;
    handler_options.clock_window = config_.clock_window;
    s3::S3Handler handler(service, access, is_edge ? &filter_check : nullptr, &observer,
                          handler_options);
    Front front(handler, access, platform_, config_.region, sources());
    HttpServerOptions http;
    http.connections_max = config_.connections_max;
    http.connections_per_host_max = config_.connections_per_host_max;
    HttpServer server(front, http);
    LinkFront link_front(receiver);
    HttpServer link_server(link_front, HttpServerOptions());
    CO_TRY(tls, co_await load_tls(root, platform_.disk, config_.tls, false));
    const bool has_tls = tls.has_value();
    CO_TRY(listener, co_await platform_.network.listen(root, config_.listen, tls));
    std::unique_ptr<Listener> link_listener;
    if (config_.replicate_listen) {
      CO_TRY(opened, co_await platform_.network.listen(root, *config_.replicate_listen, link_tls));
      link_listener = std::move(opened);
    }
    announce(listener->local(), has_tls, key, link_listener.get());
    Scope serving(root);
    stop_ = [this, &server, &link_server, &receiver, &serving] {
      receiver.begin_drain();
      link_server.begin_drain();
      begin_stop(server, serving);
    };
    for (const int signal_number : {SIGTERM, SIGINT})
      world_.on_signal(signal_number, [this] { stop_(); });
    world_.on_signal(SIGHUP, [this, &serving, &listener, &link_listener] {
      serving.spawn(reload(serving.ctx(), *listener, link_listener.get()));
    });
    ready_ = true;
    [[maybe_unused]] const auto told = systemd::notify("READY=1");
    serving.spawn(watchdog(serving.ctx()));
    serving.spawn(senders.run(serving.ctx()));
    if (audit) serving.spawn(audit->run(serving.ctx()));
    s3::LifecycleWorker lifecycle(service);
    lifecycle_ = &lifecycle;
    serving.spawn(lifecycle.run(serving.ctx()));
    if (link_listener) serving.spawn(serve_links(serving.ctx(), link_server, *link_listener));
    Result<Unit> outcome = co_await server.serve(serving.ctx(), *listener);
    stop_ = [] {};
    serving.request_stop();
    co_await serving.join();
    world_.on_signal(SIGHUP, [] {});
    senders_ = nullptr;
    lifecycle_ = nullptr;
    service_ = nullptr;
    identities_ = nullptr;
    audit_ = nullptr;
    co_return std::move(outcome);
  }

  // Empty if none is configured. Read once: a rotated file counts from the next start.
  Result<Bytes> load_master_key() const {
    if (config_.master_key.empty()) return Bytes();
    return KeyFiles().load(config_.master_key);
  }

  Result<Unit> fill_key_ring(s3::KeyRing& ring, ByteView master_key) const {
    if (!master_key.empty()) ring.add_master_key(master_key);
    for (const std::string& reference : config_.old_master_keys) {
      TRY(key, KeyFiles().load(reference));
      ring.add_master_key(key);
      wipe(key);
    }
    for (const KmsKey& named : config_.kms_keys) {
      std::optional<Bytes> key = base64_decode(named.base64);
      check(key.has_value());  // Read so from the file.
      ring.add_kms_key(named.name, *key);
      wipe(*key);
    }
    return Unit{};
  }

  Task<void> serve_links(Ctx& ctx, HttpServer& server, Listener& listener) {
    Result<Unit> outcome = co_await server.serve(ctx, listener);
    if (!outcome.ok())
      LogLine(Level::kError, platform_.clock.wall(), "replication listener ended")
          .text("error", error_text(outcome.error()));
  }

  // SIGHUP: certificates are read again; a bad file leaves the old ones in force.
  Task<void> reload(Ctx& ctx, Listener& listener, Listener* link_listener) {
    Result<Unit> done = co_await reload_one(ctx, config_.tls, false, &listener);
    if (done.ok()) done = co_await reload_one(ctx, config_.replicate_tls, true, link_listener);
    LogLine line(done.ok() ? Level::kNotice : Level::kError, platform_.clock.wall(), "reload");
    line.text("outcome", done.ok() ? "done" : error_text(done.error()));
  }
  Task<Result<Unit>> reload_one(Ctx& ctx, TlsFiles files, bool mutual, Listener* listener) {
    if (listener == nullptr) co_return Unit{};
    CO_TRY(tls, co_await load_tls(ctx, platform_.disk, std::move(files), mutual));
    if (!tls) co_return Unit{};
    co_return world_.reload_tls(*listener, *tls);
  }

  replicate::ReceiverOptions receiver_options(const s3::KeyRing& keys) {
    replicate::ReceiverOptions options;
    options.keys = &keys;
    options.any_certified_site = true;  // Whoever the CA of the link has signed.
    options.bucket_owner = kRootId;
    options.region = config_.region;
    options.log = [this](std::string_view text) {
      LogLine(Level::kNotice, platform_.clock.wall(), "replicate").text("text", text);
    };
    return options;
  }

  // Requests under way may finish; what is left after kDrainMax is cut.
  void begin_stop(HttpServer& server, Scope& serving) {
    if (!ready_) return;
    ready_ = false;
    const LogLine stopping(Level::kNotice, platform_.clock.wall(), "stopping");
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

  void announce(const Address& local, bool tls, const RootKey& key, const Listener* links) {
    if (links != nullptr)
      LogLine(Level::kNotice, platform_.clock.wall(), "replication_listening")
          .text("address", address_text(links->local()));
    const std::string url = cat(tls ? "https://" : "http://", address_text(local));
    LogLine line(Level::kNotice, platform_.clock.wall(), "listening");
    line.text("url", url).text("role", config_.role == Role::kEdge ? "edge" : "core");
    if (!key.made_in.empty()) line.text("root_key_written_to", key.made_in);
  }

  Front::Sources sources() {
    Front::Sources sources;
    sources.health = [this] {
      const store::Status status = node_->log_store().status();
      if (status.read_only) return Health{false, cat("read-only: ", status.reason), {}};
      if (!ready_) return Health{false, "draining", {}};
      return Health{true, {}, node_->space_warning()};
    };
    sources.metrics = [this] {
      const store::Status status = node_->log_store().status();
      metrics_.set_store(status);
      add_space_metrics(metrics_, status.space);
      if (service_ != nullptr) add_bucket_metrics(metrics_, *service_);
      if (senders_ != nullptr) senders_->add_metrics(metrics_);
      if (lifecycle_ != nullptr) add_lifecycle_metrics(lifecycle_->counts());
      if (config_.replicate_listen) add_receiver_metrics();
      node_->add_metrics(metrics_);
      if (audit_ != nullptr) {
        metrics_.set("creel_audit_lines_total", "", audit_->written());
        metrics_.set("creel_audit_dropped_total", "", audit_->dropped());
      }
      return filter_ != nullptr ? metrics_.text() + filter_->metrics().text() : metrics_.text();
    };
    sources.admin = [this](Ctx& ctx, AdminCall call) { return admin(ctx, std::move(call)); };
    return sources;
  }

  void add_lifecycle_metrics(const s3::LifecycleCounts& counts) {
    metrics_.set("creel_lifecycle_passes_total", "", counts.passes);
    metrics_.set("creel_lifecycle_expired_total", "{kind=\"object\"}", counts.objects);
    metrics_.set("creel_lifecycle_expired_total", "{kind=\"version\"}", counts.versions);
    metrics_.set("creel_lifecycle_expired_total", "{kind=\"marker\"}", counts.markers);
    metrics_.set("creel_lifecycle_expired_total", "{kind=\"upload\"}", counts.uploads);
    metrics_.set("creel_lifecycle_waiting_total", "", counts.waiting);
  }

  void add_receiver_metrics() {
    const replicate::ReceiverStatus status = receiver_->status();
    metrics_.set("creel_receive_sessions", "", status.sessions);
    metrics_.set("creel_receive_connections_total", "", status.connections);
    metrics_.set("creel_receive_operations_total", "", status.operations);
    metrics_.set("creel_receive_duplicates_total", "", status.duplicates);
    metrics_.set("creel_receive_payload_bytes_total", "", status.payload_bytes);
    metrics_.set("creel_receive_bad_frames_total", "", status.bad_frames);
  }

  // The calls are listed in admin_api.cc; those of users, keys, groups and policies are there too.
  Task<Result<std::string>> admin(Ctx& ctx, AdminCall call) {
    const std::string asked = cat(call.method, ' ', call.name);
    Result<std::string> answer = co_await answer_admin(ctx, std::move(call));
    if (audit_ == nullptr) co_return std::move(answer);
    AuditEntry entry;
    entry.time = platform_.clock.wall();
    entry.who = "root key";
    entry.action = cat("creel:admin ", asked);
    entry.allowed = answer.ok();
    entry.why = "root key";
    if (!answer.ok()) entry.code = error_name(answer.error().code);
    audit_->add(entry);
    co_return std::move(answer);
  }

  Task<Result<std::string>> answer_admin(Ctx& ctx, AdminCall call) {
    if (identities_ != nullptr && is_identity_call(call)) {
      std::string own_account(kRootId);
      co_return co_await identity_call(ctx, *identities_, std::move(own_account), std::move(call));
    }
    const std::string& method = call.method;
    std::string& name = call.name;
    if (name == "status" && method == "GET") {
      const std::string life =
          co_await drive_life_json(ctx, platform_, config_.data, config_.flash_cycles);
      co_return status_json(life);
    }
    if (name == "check") {
      if (method == "POST")
        for (const NamedStore& named : node_->stores()) named.store->start_check();
      co_return checks_json(node_->stores());
    }
    if (name.starts_with("explain/") && method == "GET") {
      const std::optional<std::string> told = recent_.explain(std::string_view(name).substr(8));
      if (told) co_return *told;
      co_return fail(ErrorCode::kNotFound,
                     cat("no such request among the last ", RecentRequests::kKept));
    }
    if (name == "heal") co_return co_await node_->heal(ctx, method == "POST");
    if (name == "quota" && method == "GET" && service_ != nullptr)
      co_return buckets_json(*service_);
    if (name.starts_with("quota/") && method == "POST" && service_ != nullptr)
      co_return co_await set_quota(ctx, std::move(name));
    const bool reads = name.starts_with("parked/");
    const bool changes = name.starts_with("retry/") || name.starts_with("drop/");
    if (senders_ != nullptr && ((reads && method == "GET") || (changes && method == "POST")))
      co_return co_await senders_->act(ctx, std::move(name));
    co_return fail(ErrorCode::kNotFound, cat("no such admin call: ", method, ' ', name));
  }

  // Answers with all buckets, so that the effect is seen.
  Task<Result<std::string>> set_quota(Ctx& ctx, std::string name) {
    CO_TRY(call, parse_quota_call(name));
    s3::S3Result<Unit> done = co_await service_->set_quota(ctx, call.bucket, call.quota);
    if (!done.ok()) {
      const bool absent = done.error().code == s3::S3Code::kNoSuchBucket;
      co_return fail(absent ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                     cat(call.bucket, ": ", done.error().message));
    }
    co_return buckets_json(*service_);
  }

  static void add_mirrors(JsonWriter& json, const std::vector<store::MirrorStatus>& mirrors) {
    json.name("mirrors").begin_array();
    for (const store::MirrorStatus& mirror : mirrors) {
      json.begin_object().field("folder", mirror.dir);
      json.field("state", mirror.live ? "live" : mirror.catching_up ? "catching up" : "down");
      json.field("index", mirror.has_index ? "whole" : mirror.index_copying ? "copying" : "none");
      json.field("why", mirror.why).end_object();
    }
    json.end_array();
  }

  std::string status_json(const std::string& drive_life) {
    const store::Status status = node_->log_store().status();
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.field("role", config_.role == Role::kEdge ? "edge" : "core");
    json.field("ready", ready_ && !status.read_only);
    json.field("read_only", status.read_only).field("reason", status.reason);
    json.field("last_lsn", status.last.value).field("checkpointed_lsn", status.checkpointed.value);
    json.field("rows", status.rows).field("index_bytes", status.index_bytes);
    json.field("image_lsn", status.image_lsn.value).field("image_bytes", status.image_bytes);
    json.field("segments", status.segments).field("log_bytes", status.log_bytes);
    json.field("bulk_bytes", status.bulk_bytes).field("free_bytes", status.free_bytes);
    json.name("space").raw(
        space_json(status.space, service_ != nullptr ? service_->quota_refusals() : 0));
    if (service_ != nullptr)
      if (const Result<std::string> buckets = buckets_json(*service_); buckets.ok())
        json.name("buckets").raw(buckets.value());
    json.field("damaged_ranges", status.damaged_ranges);
    json.name("damage").begin_array();
    for (const std::string& text : status.damage) json.string(text);
    json.end_array();
    json.name("scrub").begin_object();
    json.field("running", status.scrub.running);
    json.field("completed_ms", status.scrub.completed_wall_ms);
    json.field("bodies", status.scrub.bodies).field("bytes", status.scrub.bytes);
    json.field("damaged", status.scrub.damaged);
    json.end_object();
    json.field("damaged_objects", status.damaged_objects);
    json.name("damaged_names").begin_array();
    for (const std::string& text : status.damaged_names) json.string(text);
    json.end_array();
    json.name("mirrors_down").begin_array();
    for (const std::string& text : status.mirrors_down) json.string(text);
    json.end_array();
    json.name("drive_life").raw(drive_life);
    if (!status.mirrors.empty()) add_mirrors(json, status.mirrors);
    if (senders_ != nullptr) json.name("targets").raw(senders_->json());
    const std::string drives = node_->drives_json();
    if (!drives.empty()) json.name("drives").raw(drives);
    json.end_object();
    return out;
  }

  UvWorld& world_;
  Platform& platform_;
  const Config& config_;
  Metrics metrics_;
  std::unique_ptr<Node> node_;
  Senders* senders_ = nullptr;  // While serving.
  s3::ObjectService* service_ = nullptr;  // Likewise.
  s3::Identities* identities_ = nullptr;  // Likewise.
  AuditLog* audit_ = nullptr;  // Likewise, if one is kept.
  RecentRequests recent_;
  s3::LifecycleWorker* lifecycle_ = nullptr;  // Likewise.
  edge::ObjectFilter* filter_ = nullptr;  // Likewise, at an edge.
  replicate::Receiver* receiver_ = nullptr;  // Likewise.
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
