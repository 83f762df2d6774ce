#include "replicate/shipper/shipper.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/http/client.h"
#include "replicate/receiver/receiver.h"
#include "replicate/shipper/shipper_session.h"
#include "s3/model/model.h"

namespace creel::replicate {

std::string_view link_state_name(LinkState state) {
  switch (state) {
    case LinkState::kIdle: return "idle";
    case LinkState::kConnecting: return "connecting";
    case LinkState::kUp: return "up";
    case LinkState::kAlarm: return "alarm";
  }
  return "";
}

StreamIdentity make_identity(std::uint32_t site, const store::Store& store, std::string rule,
                             std::uint32_t generation) {
  StreamIdentity identity;
  identity.site = site;
  identity.log = store.uuid();
  identity.epoch = store.epoch();
  identity.rule = std::move(rule);
  identity.generation = generation;
  return identity;
}

Shipper::Shipper(Platform& platform, s3::Log& log, Source& source, ShipperOptions options)
    : platform_(platform),
      log_(log),
      source_(source),
      options_(std::move(options)),
      stream_(stream_id(options_.stream)),
      connection_(options_.starts << 24),
      backoff_(options_.backoff_first) {
  const Result<Unit> loaded = load_cursor();  // For status(); run() tries again.
  if (!loaded.ok()) status_.last_error = error_text(loaded.error());
}

Shipper::~Shipper() = default;

Result<Unit> Shipper::load_cursor() {
  if (loaded_) return Unit{};
  TRY(position, s3::load_position(log_.rows(), s3::repl_out_key(stream_)));
  acked_ = saved_ = sent_max_ = read_ = position.low;
  acked_digest_ = Digest::parse(position.digest);
  loaded_ = true;
  return Unit{};
}

// --- dialling ------------------------------------------------------------------------------------

Task<void> Shipper::run(Ctx& ctx) {
  saved_at_ = platform_.clock.now();
  status_.state = LinkState::kConnecting;
  while (!ctx.stopped()) {
    retry_after_ = {};
    Result<Unit> ended = co_await session(ctx);
    if (ctx.stopped()) break;
    const Error why = ended.error();
    status_.last_error = error_text(why);
    const bool alarm = why.code == ErrorCode::kConflict;
    // An alarm stays until a link comes up again: a refused connection does not undo it.
    if (alarm) status_.state = LinkState::kAlarm;
    else if (status_.state == LinkState::kUp) status_.state = LinkState::kConnecting;
    if (alarm) backoff_ = options_.backoff_max;
    co_await peek_oldest(ctx);
    const Duration delay = std::max(next_backoff(), retry_after_);
    const Result<Unit> slept = co_await sleep_for(ctx, delay);
    if (!slept.ok()) break;
  }
  status_.state = LinkState::kIdle;
}

Duration Shipper::next_backoff() {
  const Duration base = backoff_;
  backoff_ = std::min(backoff_ * 2, options_.backoff_max);
  // ± 50 %, so that a thousand edges do not dial in step.
  return base / 2 + base * static_cast<std::int64_t>(platform_.random.below(1'024)) / 1'024;
}

Task<Result<Unit>> Shipper::session(Ctx& ctx) {
  CO_DO(load_cursor());
  ++connection_;
  HttpClient client(platform_.network, options_.server, options_.tls);
  HttpClientRequest request;
  request.target = std::string(kReplicatePath);
  request.headers.add("Upgrade", kReplicateProtocol);
  request.headers.add("Creel-Repl", cat(kLinkVersion, "-", kLinkVersion));
  if (!options_.host.empty()) request.headers.add("Host", options_.host);
  std::unique_ptr<Stream> stream;
  {
    Ctx dialling(ctx, platform_.clock.now() + options_.dial_timeout);
    CO_TRY(raw, co_await client.upgrade(dialling, std::move(request)));
    stream = std::move(raw);
  }
  ShipperSession link(*this, *stream);
  co_return co_await link.run(ctx);
}

// While the link is down: how old is what waits?
Task<void> Shipper::peek_oldest(Ctx& ctx) {
  if (!ranges_.empty()) co_return;
  waiting_oldest_ms_ = 0;
  FeedBounds bounds;
  bounds.count_max = 1;
  std::uint64_t after = acked_;
  for (int reads = 0; reads < 16; ++reads) {
    auto batch = co_await source_.read(ctx, after, bounds);
    if (!batch.ok() || batch.value().through == after) co_return;
    after = batch.value().through;
    if (batch.value().items.empty()) continue;
    waiting_oldest_ms_ = batch.value().items.front().time_ms;
    co_return;
  }
}

// --- positions -----------------------------------------------------------------------------------

Result<Unit> Shipper::check_welcome(const Welcome& welcome) {
  if (welcome.low < acked_)
    return fail(ErrorCode::kConflict, cat("the receiver stands at ", welcome.low, " behind ",
                                          acked_, ", which it had acknowledged: it lost data"));
  if (welcome.low > source_.end())
    return fail(ErrorCode::kConflict,
                cat("the receiver stands at ", welcome.low, " past the end of this log, ",
                    source_.end(), ": this log was rolled back or copied"));
  TRY_DO(settle(welcome.low, welcome.digest));
  // Settled in an earlier life of this process: its counters died with it.
  acked_ = welcome.low;
  acked_digest_ = welcome.digest;
  ranges_.clear();
  read_ = acked_;
  return Unit{};
}

Result<Unit> Shipper::settle(std::uint64_t low, const Digest& digest) {
  while (!ranges_.empty() && ranges_.front().to <= low) {
    Range& range = ranges_.front();
    acked_ = range.to;
    acked_digest_ = range.digest;
    status_.acked += range.tally.sent;
    status_.superseded += range.tally.superseded;
    status_.filtered += range.tally.filtered;
    status_.parked += range.tally.parked;
    status_.ack_time = platform_.clock.now() - range.sent_at;
    settled_retries_.insert(settled_retries_.end(), range.retried.begin(), range.retried.end());
    ranges_.pop_front();
  }
  if (low == acked_ && !(digest == acked_digest_))
    return fail(ErrorCode::kConflict,
                cat("digests differ at ", low, ": both ends saw other operations"));
  source_.acknowledged(acked_);
  return Unit{};
}

Task<Result<Unit>> Shipper::tidy(Ctx& ctx) {
  while (!settled_retries_.empty()) {
    CO_DO(co_await unpark(ctx, settled_retries_.back()));
    settled_retries_.pop_back();
  }
  if (acked_ > saved_ && platform_.clock.now() - saved_at_ >= options_.cursor_every)
    CO_DO(co_await save_cursor(ctx));
  co_return Unit{};
}

Task<Result<Unit>> Shipper::save_cursor(Ctx& ctx) {
  if (!loaded_ || acked_ == saved_) co_return Unit{};
  s3::ReplCursor op;
  op.stream = stream_;
  op.position.low = acked_;
  op.position.digest = acked_digest_.bytes();
  const std::uint64_t saving = acked_;
  CO_DO(co_await submit(ctx, s3::encode_op(op)));
  saved_ = saving;
  saved_at_ = platform_.clock.now();
  co_return Unit{};
}

Task<Result<Unit>> Shipper::submit(Ctx& ctx, std::string meta) {
  store::Op op;
  op.meta = to_bytes(std::string_view(meta));
  CO_TRY(verdict, co_await log_.submit(ctx, std::move(op)));
  if (!verdict.accepted && verdict.error) co_return *verdict.error;
  co_return Unit{};
}

// --- parked operations ---------------------------------------------------------------------------

Task<Result<Unit>> Shipper::park(Ctx& ctx, const FeedItem& item, std::string reason,
                                 std::string detail) {
  s3::ReplPark op;
  op.stream = stream_;
  op.lsn = item.version_lsn;
  op.bucket = item.source_bucket;
  op.key = item.source_key;
  op.reason = std::move(reason);
  op.detail = std::move(detail);
  op.time_ms = platform_.clock.wall().ms();
  co_return co_await submit(ctx, s3::encode_op(op));
}

Task<Result<Unit>> Shipper::unpark(Ctx& ctx, std::uint64_t lsn) {
  s3::ReplPark op;
  op.stream = stream_;
  op.lsn = lsn;
  op.remove = true;
  co_return co_await submit(ctx, s3::encode_op(op));
}

Result<std::optional<ParkedOperation>> Shipper::find_parked(std::uint64_t lsn) const {
  TRY(row, log_.rows().find(store::Table::kPark, s3::park_key(stream_, lsn)));
  if (!row) return std::optional<ParkedOperation>();
  TRY(parked, parse_parked(lsn, *row));
  return std::optional<ParkedOperation>(std::move(parked));
}

Result<std::vector<ParkedOperation>> Shipper::parked(std::uint64_t after,
                                                     std::size_t count_max) const {
  std::vector<ParkedOperation> all;
  TRY(cursor, log_.rows().cursor(store::Table::kPark));
  TRY(found, cursor->seek(s3::park_key(stream_, after + 1)));
  bool more = found;
  while (more && all.size() < count_max && cursor->key().starts_with(stream_) &&
         cursor->key().size() == stream_.size() + 8) {
    const auto lsn = load_be<std::uint64_t>(as_bytes(cursor->key()), stream_.size());
    TRY(parked, parse_parked(lsn, cursor->value()));
    all.push_back(std::move(parked));
    TRY(next, cursor->next());
    more = next;
  }
  return all;
}

Task<Result<Unit>> Shipper::retry(Ctx& ctx, std::uint64_t lsn) {
  CO_TRY(parked, find_parked(lsn));
  if (!parked) co_return fail(ErrorCode::kNotFound, cat("operation ", lsn, " is not parked"));
  if (parked->bucket.empty())
    co_return fail(ErrorCode::kUnsupported,
                   cat("operation ", lsn, " cannot be retried: write its object anew"));
  FeedItem item;
  item.version_lsn = lsn;
  item.source_bucket = parked->bucket;
  item.source_key = parked->key;
  co_return co_await park(ctx, item, std::string(kReasonRetry), parked->reason);
}

Task<Result<Unit>> Shipper::drop(Ctx& ctx, std::uint64_t lsn) {
  CO_TRY(parked, find_parked(lsn));
  if (!parked) co_return fail(ErrorCode::kNotFound, cat("operation ", lsn, " is not parked"));
  co_return co_await unpark(ctx, lsn);
}

// --- what people see -----------------------------------------------------------------------------

ShipperStatus Shipper::status() const {
  ShipperStatus status = status_;
  status.acked_lsn = acked_;
  status.log_end = source_.end();
  status.log_behind = status.log_end > read_ ? status.log_end - read_ : 0;
  status.pending = waiting_;
  for (const Range& range : ranges_) status.pending += range.tally.total();
  status.oldest_ms = ranges_.empty() ? waiting_oldest_ms_ : ranges_.front().oldest_ms;
  return status;
}

std::string_view Shipper::replication_status(std::uint64_t lsn) const {
  const auto parked = find_parked(lsn);
  if (parked.ok() && parked.value())
    return parked.value()->reason == kReasonRetry ? "PENDING" : "FAILED";
  return acked_ >= lsn ? "COMPLETED" : "PENDING";
}

std::string ReplicationBoard::status(std::string_view bucket, std::string_view key,
                                     std::uint64_t lsn) const {
  std::string_view worst;
  for (const Target& target : targets_) {
    if (target.wants && !target.wants(bucket, key)) continue;
    const std::string_view status = target.shipper->replication_status(lsn);
    if (status == "FAILED") return std::string(status);
    if (worst.empty() || status == "PENDING") worst = status;
  }
  return std::string(worst);
}

}  // namespace creel::replicate
