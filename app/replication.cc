#include "app/replication.h"

#include "platform/async/scope.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::app {

std::function<store::Lsn(const store::Store&)> log_read_upto(const Config& config) {
  return [site = config.site, targets = config.targets](const store::Store& log) {
    store::Lsn upto = store::Lsn{~std::uint64_t{0}};
    for (const ReplicateTarget& target : targets) {
      const std::string stream =
          replicate::stream_id(replicate::make_identity(site, log, target.name));
      const Result<s3::StreamPosition> position = s3::load_position(log, s3::repl_out_key(stream));
      const std::uint64_t low = position.ok() ? position.value().low : 0;
      upto = std::min(upto, store::Lsn{low});
    }
    return upto;
  };
}

void Senders::prepare(const std::optional<TlsSettings>& tls) {
  for (const ReplicateTarget& target : config_.targets) {
    auto sender = std::make_unique<Sender>();
    for (const ReplicateRule& rule : config_.rules)
      if (rule.target == target.name) sender->rules.push_back(rule);
    const std::vector<ReplicateRule>& rules = sender->rules;
    const auto wants = [rules](std::string_view bucket, std::string_view key) {
      return rules_want(rules, bucket, key);
    };
    replicate::ShipperOptions options;
    options.name = target.name;
    options.stream = replicate::make_identity(config_.site, store_, target.name);
    options.site_name = config_.site_name;
    options.server = target.address;
    options.tls = tls;
    if (options.tls)
      options.tls->server_name =
          target.server_name.empty() ? target.address.host : target.server_name;
    options.starts = store_.starts();
    replicate::LogSourceOptions source_options;
    source_options.stream = replicate::stream_id(options.stream);
    source_options.wants = wants;
    source_options.keys = &keys_;
    sender->source = std::make_unique<replicate::LogSource>(store_, log_, blobs_, source_options);
    replicate::Source* source = sender->source.get();
    if (filter_ != nullptr) {
      sender->filtered = std::make_unique<FilteredSource>(*sender->source, *filter_, keys_,
                                                          target.name, rules, config_.site_name);
      source = sender->filtered.get();
    }
    sender->shipper =
        std::make_unique<replicate::Shipper>(platform_, log_, *source, std::move(options));
    board_.add(*sender->shipper, wants);
    senders_.push_back(std::move(sender));
  }
}

Task<void> Senders::run(Ctx& ctx) {
  {
    Scope scope(ctx);
    for (const std::unique_ptr<Sender>& sender : senders_)
      scope.spawn(sender->shipper->run(scope.ctx()));
    co_await scope.join();
  }
  // ctx has stopped: the cursors go out under a context of their own. One that cannot be written is
  // found again by the receiver's WELCOME.
  Ctx last(ctx.executor(), ctx.clock());
  last.set_deadline(ctx.clock().now() + 2_s);
  for (const std::unique_ptr<Sender>& sender : senders_) [[maybe_unused]]
    const Result<Unit> saved = co_await sender->shipper->save_cursor(last);
}

Senders::Sender* Senders::find(std::string_view target) {
  for (const std::unique_ptr<Sender>& sender : senders_)
    if (sender->shipper->options().name == target) return sender.get();
  return nullptr;
}

void Senders::add_metrics(Metrics& metrics) const {
  for (const std::unique_ptr<Sender>& sender : senders_) {
    const replicate::ShipperStatus status = sender->shipper->status();
    const std::string labels = cat("{target=\"", sender->shipper->options().name, "\"}");
    const auto set = [&metrics, &labels](std::string_view name, std::uint64_t value) {
      metrics.set(cat("creel_replicate_", name), labels, value);
    };
    const std::int64_t now_ms = platform_.clock.wall().ms();
    const bool behind = status.oldest_ms > 0 && now_ms > status.oldest_ms;
    set("link_up", status.state == replicate::LinkState::kUp ? 1 : 0);
    set("lag_seconds",
        behind ? static_cast<std::uint64_t>((now_ms - status.oldest_ms) / 1'000) : 0);
    set("pending_operations", status.pending + status.log_behind);
    set("acked_lsn", status.acked_lsn);
    set("acked_operations_total", status.acked);
    set("superseded_total", status.superseded);
    set("filtered_total", status.filtered);
    set("parked", status.parked);
    set("sent_operations_total", status.sent_operations);
    set("resent_operations_total", status.resent_operations);
    set("sent_payload_bytes_total", status.sent_payload_bytes);
    set("sent_wire_bytes_total", status.sent_wire_bytes);
    set("connections_total", status.connections);
    set("refused_total", status.refused);
  }
}

std::string Senders::json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const std::unique_ptr<Sender>& sender : senders_) {
    const replicate::ShipperStatus status = sender->shipper->status();
    json.begin_object();
    json.field("target", sender->shipper->options().name);
    json.field("state", replicate::link_state_name(status.state));
    json.field("last_error", status.last_error);
    json.field("acked_lsn", status.acked_lsn).field("log_end", status.log_end);
    json.field("acked", status.acked).field("superseded", status.superseded);
    json.field("filtered", status.filtered).field("parked", status.parked);
    json.field("pending", status.pending).field("log_behind", status.log_behind);
    json.field("sent_wire_bytes", status.sent_wire_bytes);
    json.field("oldest_ms", status.oldest_ms);
    json.end_object();
  }
  json.end_array();
  return out;
}

// parked/TARGET · retry/TARGET/LSN · drop/TARGET/LSN
Task<Result<std::string>> Senders::act(Ctx& ctx, std::string name) {
  const std::size_t first = name.find('/');
  const std::string verb = name.substr(0, first);
  const std::string rest = first == std::string::npos ? std::string() : name.substr(first + 1);
  const std::size_t second = rest.find('/');
  Sender* sender = find(rest.substr(0, second));
  if (sender == nullptr) co_return fail(ErrorCode::kNotFound, cat("no target in '", name, "'"));
  if (verb == "parked") {
    CO_TRY(parked, sender->shipper->parked(0, 1'000));
    std::string out;
    JsonWriter json(out);
    json.begin_array();
    for (const replicate::ParkedOperation& one : parked) {
      json.begin_object();
      json.field("lsn", one.lsn).field("bucket", one.bucket).field("key", one.key);
      json.field("reason", one.reason).field("detail", one.detail);
      json.end_object();
    }
    json.end_array();
    co_return std::move(out);
  }
  const std::optional<std::uint64_t> lsn =
      second == std::string::npos ? std::nullopt : parse_u64(rest.substr(second + 1));
  if (!lsn) co_return fail(ErrorCode::kInvalid, cat("'", name, "' names no operation"));
  if (verb == "retry") {
    CO_DO(co_await sender->shipper->retry(ctx, *lsn));
  } else if (verb == "drop") {
    CO_DO(co_await sender->shipper->drop(ctx, *lsn));
  } else {
    co_return fail(ErrorCode::kNotFound, cat("no such call: ", verb));
  }
  co_return std::string("{\"done\":true}");
}

}  // namespace creel::app
