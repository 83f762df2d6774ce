#include "replicate/shipper/shipper_session.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::replicate {
namespace {
constexpr std::uint64_t kSkippedMax = 4'096;  // Then even a frame without records moves the cursor.
constexpr Duration kWatchEvery = 3_s;
}  // namespace

ShipperSession::ShipperSession(Shipper& shipper, Stream& stream)
    : shipper_(shipper),
      options_(shipper.options_),
      stream_(stream),
      reader_(stream),
      writer_(stream),
      outcome_(fail(ErrorCode::kStopped, "link ended")) {}

Task<void> ShipperSession::guard(Scope& scope, Task<Result<Unit>> task) {
  Result<Unit> ended = co_await task;
  // The first to end tells why; the others then end because they were stopped.
  if (!ended.ok() && !scope.ctx().stopped()) outcome_ = ended.error();
  scope.request_stop();
}

Task<Result<Unit>> ShipperSession::run(Ctx& ctx) {
  {
    Ctx greeting(ctx, now() + options_.dial_timeout);
    CO_DO(co_await greet(greeting));
  }
  shipper_.status_.state = LinkState::kUp;
  ++shipper_.status_.connections;
  shipper_.backoff_ = options_.backoff_first;
  sent_at_ = heard_at_ = owed_since_ = now();
  Scope scope(ctx);
  scope.spawn(guard(scope, hear_all(scope.ctx())));
  scope.spawn(guard(scope, watch_log(scope.ctx())));
  scope.spawn(guard(scope, watch_clock(scope.ctx())));
  scope.spawn(guard(scope, send_all(scope.ctx())));
  co_await scope.join();
  shipper_.waiting_ = 0;
  co_return outcome_.error();
}

Task<Result<Unit>> ShipperSession::greet(Ctx& ctx) {
  Hello hello;
  hello.stream = options_.stream;
  hello.site_name = options_.site_name;
  hello.connection = shipper_.connection_;
  hello.log_end = shipper_.source_.end();
  hello.clock_ms = shipper_.platform_.clock.wall().ms();
  const std::string text = hello.encode();
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kHello);
  CO_DO(co_await writer_.write(ctx, header, as_bytes(text), false));
  CO_TRY(frame, co_await reader_.next(ctx));
  if (!frame) co_return fail(ErrorCode::kClosed, "the receiver hung up after HELLO");
  if (frame->header.is(FrameType::kBye)) {
    CO_TRY(bye, Bye::decode(frame->payload));
    co_return fail(ErrorCode::kUnavailable, cat("receiver: ", bye.reason, ": ", bye.detail));
  }
  if (!frame->header.is(FrameType::kWelcome))
    co_return fail(ErrorCode::kInvalid,
                   cat("frame of type ", unsigned{frame->header.type}, " instead of WELCOME"));
  CO_TRY(welcome, Welcome::decode(frame->payload));
  CO_DO(shipper_.check_welcome(welcome));
  transfers_ = welcome.transfers;
  window_ = static_cast<std::size_t>(
      std::min<std::uint64_t>(options_.window_bytes_max, welcome.grant_bytes));
  sent_to_ = draft_.to = shipper_.acked_;
  digest_ = shipper_.acked_digest_;
  co_return Unit{};
}

std::size_t ShipperSession::in_flight() const {
  std::size_t bytes = static_cast<std::size_t>(blob_sent_ - blob_acked_);
  for (const Shipper::Range& range : shipper_.ranges_) bytes += range.bytes;
  return bytes;
}

// --- what runs side by side ----------------------------------------------------------------------

Task<Result<Unit>> ShipperSession::watch_log(Ctx& ctx) {
  while (!ctx.stopped()) {
    while (grown_) CO_DO(co_await consumed_.wait(ctx));
    CO_DO(co_await shipper_.source_.wait_beyond(ctx, shipper_.read_));
    grown_ = true;
    wake_.notify_all();
  }
  co_return ctx.stop_error();
}

// A link is dead when data or a keep-alive stays unanswered; TCP alone would notice much later.
Task<Result<Unit>> ShipperSession::watch_clock(Ctx& ctx) {
  while (!ctx.stopped()) {
    CO_DO(co_await sleep_for(ctx, kWatchEvery));
    const Instant since = std::max(heard_at_, owed_since_);
    const bool owed = in_flight() > 0 || sent_at_ > heard_at_;
    if (owed && now() - since > options_.ack_timeout)
      co_return fail(ErrorCode::kTimeout, cat("no answer for ", (now() - since).ms() / 1000, " s"));
  }
  co_return ctx.stop_error();
}

Task<Result<Unit>> ShipperSession::hear_all(Ctx& ctx) {
  while (!ctx.stopped()) {
    CO_TRY(frame, co_await reader_.next(ctx));
    if (!frame) co_return fail(ErrorCode::kClosed, "the receiver ended the link");
    heard_at_ = owed_since_ = now();
    CO_DO(co_await hear(ctx, std::move(*frame)));
    wake_.notify_all();
  }
  co_return ctx.stop_error();
}

Task<Result<Unit>> ShipperSession::send_all(Ctx& ctx) {
  while (!ctx.stopped()) {
    if (items_.empty()) {
      CO_TRY(progress, co_await read_feed(ctx));
      if (!progress) CO_DO(co_await pause(ctx));
      continue;
    }
    FeedItem item = std::move(items_.front());
    items_.pop_front();
    working_ = true;
    working_oldest_ms_ = item.time_ms;
    CO_DO(co_await add(ctx, std::move(item)));
    working_ = false;
    note_waiting();
  }
  co_return ctx.stop_error();
}

// --- the feed ------------------------------------------------------------------------------------

Task<Result<bool>> ShipperSession::read_feed(Ctx& ctx) {
  if (!grown_) co_return false;
  CO_TRY(batch, co_await shipper_.source_.read(ctx, shipper_.read_, FeedBounds()));
  if (batch.items.empty() && batch.through == shipper_.read_) {
    grown_ = false;
    consumed_.notify_all();
    co_return false;
  }
  check(batch.through >= shipper_.read_);
  shipper_.read_ = batch.through;
  for (FeedItem& item : batch.items) items_.push_back(std::move(item));
  note_waiting();
  co_return true;
}

// Nothing to read: sends what is drafted once it has lingered, else waits for acks, growth or the
// next keep-alive.
Task<Result<Unit>> ShipperSession::pause(Ctx& ctx) {
  const bool drafted = draft_.tally.total() > 0 || shipper_.read_ - sent_to_ > kSkippedMax;
  const Instant due = drafted ? draft_.begun_at + options_.linger : sent_at_ + options_.keep_alive;
  if (now() < due) {
    Ctx timed(ctx, due);
    Result<Unit> woken = co_await wake_.wait(timed);
    if (ctx.stopped()) co_return ctx.stop_error();
    if (woken.ok()) co_return Unit{};
  }
  if (drafted) {
    draft_.to = shipper_.read_;  // What concerned nobody is covered too.
    co_return co_await flush(ctx);
  }
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kStatus);
  if (in_flight() == 0 && sent_at_ <= heard_at_) owed_since_ = now();
  sent_at_ = now();
  co_return co_await writer_.write(ctx, header, ByteView(), false);
}

void ShipperSession::note_waiting() {
  shipper_.waiting_ = items_.size() + draft_.tally.total() + (working_ ? 1 : 0);
  std::int64_t& oldest_ms = shipper_.waiting_oldest_ms_;
  oldest_ms = draft_.oldest_ms;
  if (oldest_ms == 0 && working_) oldest_ms = working_oldest_ms_;
  if (oldest_ms == 0 && !items_.empty()) oldest_ms = items_.front().time_ms;
}

// The draft settles this item, whatever became of it.
void ShipperSession::cover(const FeedItem& item) {
  check(item.lsn > draft_.to);
  if (draft_.tally.total() == 0) draft_.begun_at = now();
  if (draft_.oldest_ms == 0) draft_.oldest_ms = item.time_ms;
  draft_.to = item.lsn;
  working_ = false;
  if (item.retry) draft_.retried.push_back(item.version_lsn);
}

Task<Result<Unit>> ShipperSession::add(Ctx& ctx, FeedItem item) {
  CO_TRY(parked, shipper_.find_parked(item.version_lsn));
  if (item.retry) {
    if (!parked || parked->reason != kReasonRetry) co_return Unit{};  // Dropped since.
    CO_TRY(refused, shipper_.find_parked(item.lsn));
    if (refused) {  // The receiver refused the retry: back to where it was.
      CO_DO(co_await shipper_.unpark(ctx, item.lsn));
      item.verdict = Verdict::kHeld;
      item.reason = refused->reason;
      item.detail = refused->detail;
    }
  }
  if (!item.retry && parked) {
    item.verdict = Verdict::kHeld;  // Parked in an earlier life.
    cover(item);
    ++draft_.tally.parked;
    co_return Unit{};
  }
  if (item.verdict != Verdict::kSend) co_return co_await not_sent(ctx, std::move(item));
  const auto renamed = options_.bucket_names.find(item.bucket);
  if (renamed != options_.bucket_names.end()) item.bucket = renamed->second;
  if (item.kind == FeedKind::kPut) co_return co_await add_put(ctx, std::move(item));
  Record record;
  record.kind = static_cast<std::uint8_t>(RecordKind::kDelete);
  co_return co_await append(ctx, item, std::move(record));
}

Task<Result<Unit>> ShipperSession::not_sent(Ctx& ctx, FeedItem item) {
  if (item.verdict == Verdict::kHeld) {
    CO_DO(co_await shipper_.park(ctx, item, item.reason, item.detail));
    item.retry = false;  // The row stays.
    cover(item);
    ++draft_.tally.parked;
  } else {
    cover(item);
    ++(item.verdict == Verdict::kFiltered ? draft_.tally.filtered : draft_.tally.superseded);
  }
  co_return Unit{};
}

// --- frames --------------------------------------------------------------------------------------

namespace {

// Who owns a replica and who may read it is the target's own matter.
s3::ObjectAttributes sent_attributes(const s3::ObjectAttributes& here) {
  s3::ObjectAttributes sent = here;
  sent.owner.clear();
  sent.acl.clear();
  return sent;
}

std::string sealed_field(const SealedTravel& sealed) {
  Bytes field;
  append_le<std::uint64_t>(field, sealed.size);
  append_le<std::uint64_t>(field, sealed.crc64);
  if (sealed.data_key) creel::append(field, sealed.data_key->view());
  return to_string(field);
}

}  // namespace

Task<Result<Unit>> ShipperSession::append(Ctx& ctx, const FeedItem& item, Record record) {
  record.lsn = item.lsn;
  record.version_lsn = item.version_lsn;
  record.bucket = item.bucket;
  record.key = item.key;
  record.source_bucket = item.source_bucket;
  record.source_key = item.source_key;
  record.time_ms = item.time_ms;
  if (item.kind == FeedKind::kPut) {
    record.time_ms = item.record.mtime_ms;
    record.etag = item.record.etag;
    record.checksum = item.record.checksum;
    record.headers = item.record.headers;
    record.attributes = sent_attributes(item.record.attributes);
    if (item.sealed) record.sealed = sealed_field(*item.sealed);
    record.body_bytes = item.record.size;
    record.crc64 = item.record.crc64;
  }
  const std::size_t estimate = record.body.size() + record.key.size() + kRecordHeaderBytes;
  if (draft_.records > 0 && draft_.raw.size() + estimate > options_.frame_bytes)
    CO_DO(co_await flush(ctx));
  Result<Unit> appended = append_record(draft_.raw, record);
  if (!appended.ok()) {
    FeedItem held = item;
    held.verdict = Verdict::kHeld;
    held.reason = "RecordTooLarge";
    held.detail = appended.error().detail;
    co_return co_await not_sent(ctx, std::move(held));
  }
  cover(item);
  digest_.add(record);
  ++draft_.records;
  ++draft_.tally.sent;
  ++shipper_.status_.sent_operations;
  shipper_.status_.sent_payload_bytes += record.body.size();
  if (item.lsn <= shipper_.sent_max_) ++shipper_.status_.resent_operations;
  shipper_.sent_max_ = std::max(shipper_.sent_max_, item.lsn);
  if (draft_.raw.size() >= options_.frame_bytes || draft_.records >= options_.frame_records_max)
    co_return co_await flush(ctx);
  co_return Unit{};
}

Task<Result<Unit>> ShipperSession::wait_window(Ctx& ctx) {
  while (in_flight() >= window_) CO_DO(co_await wake_.wait(ctx));
  co_return Unit{};
}

Task<Result<Unit>> ShipperSession::flush(Ctx& ctx) {
  if (draft_.to == sent_to_) co_return Unit{};
  CO_DO(co_await wait_window(ctx));
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kData);
  header.from = sent_to_;
  header.to = draft_.to;
  Draft sending = std::move(draft_);
  draft_ = Draft();
  draft_.to = sent_to_ = sending.to;
  Shipper::Range range;
  range.to = sending.to;
  range.digest = digest_;
  range.bytes = sending.raw.size() + sending.blob_bytes + kFrameHeaderBytes;
  range.tally = sending.tally;
  range.oldest_ms = sending.oldest_ms;
  range.sent_at = now();
  range.retried = std::move(sending.retried);
  if (in_flight() == 0) owed_since_ = now();
  shipper_.ranges_.push_back(std::move(range));  // Before the write: its ack may come during it.
  note_waiting();
  CO_DO(co_await writer_.write(ctx, header, sending.raw, true));
  note_sent();
  co_return Unit{};
}

void ShipperSession::note_sent() {
  sent_at_ = now();
  shipper_.status_.sent_wire_bytes += writer_.bytes_written() - counted_;
  counted_ = writer_.bytes_written();
}

// --- what the receiver says ----------------------------------------------------------------------

Task<Result<Unit>> ShipperSession::hear(Ctx& ctx, Frame frame) {
  if (frame.header.is(FrameType::kAck)) {
    CO_TRY(ack, Ack::decode(frame.payload));
    co_return co_await hear_ack(ctx, ack);
  }
  if (frame.header.is(FrameType::kRefuse)) {
    CO_TRY(refuse, Refuse::decode(frame.payload));
    co_return co_await hear_refuse(ctx, refuse);
  }
  if (frame.header.is(FrameType::kBye)) {
    CO_TRY(bye, Bye::decode(frame.payload));
    shipper_.retry_after_ = Duration{static_cast<std::int64_t>(
        std::min<std::uint64_t>(bye.retry_after_ms, 300'000) * 1'000'000)};
    co_return fail(ErrorCode::kUnavailable, cat("receiver: ", bye.reason, ": ", bye.detail));
  }
  if ((frame.header.flags & kFrameCritical) != 0)
    co_return fail(ErrorCode::kUnsupported,
                   cat("critical frame of unknown type ", unsigned{frame.header.type}));
  co_return Unit{};
}

Task<Result<Unit>> ShipperSession::hear_ack(Ctx& ctx, const Ack& ack) {
  CO_DO(shipper_.settle(ack.low, ack.digest));
  if (ack.grant_bytes > 0)
    window_ = std::min<std::size_t>(options_.window_bytes_max, ack.grant_bytes);
  if (ack.transfer.lsn == blob_lsn_ && ack.transfer.offset <= blob_sent_)
    blob_acked_ = std::max(blob_acked_, ack.transfer.offset);
  co_return co_await shipper_.tidy(ctx);
}

Task<Result<Unit>> ShipperSession::hear_refuse(Ctx& ctx, const Refuse& refuse) {
  for (const Refusal& refusal : refuse.refusals) {
    if (refusal.lsn <= shipper_.acked_) continue;
    FeedItem item;
    item.lsn = item.version_lsn = refusal.lsn;
    item.source_bucket = refusal.bucket;
    item.source_key = refusal.key;
    ++shipper_.status_.refused;
    CO_DO(co_await shipper_.park(ctx, item, refusal.reason, refusal.detail));
  }
  co_return Unit{};
}

}  // namespace creel::replicate
