#include "replicate/receiver/receiver_session.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "s3/model/model.h"

namespace creel::replicate {
namespace {
constexpr Duration kGreetMax = 10_s;
constexpr Duration kIdleSeal = 5_s;       // A part whose sender stalls is sealed as it is.
constexpr Duration kAckEvery = 5_s;       // A slow large object still shows the sender life.
constexpr std::uint64_t kTailBytesMin = 64 * KiB;  // Shorter tails of a cut link are sent again.
}  // namespace

ReceiverSession::ReceiverSession(Receiver& receiver, Stream& stream, PeerInfo peer)
    : receiver_(receiver),
      stream_(stream),
      peer_(std::move(peer)),
      reader_(stream),
      writer_(stream) {}

ReceiverSession::~ReceiverSession() { leave(); }

void ReceiverSession::leave() {
  if (!registered_) return;
  registered_ = false;
  receiver_.streams_.erase(stream_id_);
  receiver_.changed_.notify_all();
}

void ReceiverSession::cut(std::string why) {
  cut_why_ = std::move(why);
  stream_.abort();
}

Task<Result<Unit>> ReceiverSession::run(Ctx& ctx) {
  Result<Unit> greeted = co_await greet(ctx);
  if (!greeted.ok()) {
    ++receiver_.status_.refused_connections;
    leave();
    co_await say_bye(ctx, greeted.error());
    co_return greeted.error();
  }
  ++receiver_.status_.connections;
  acked_at_ = now();
  {
    Scope scope(ctx);
    scope.spawn(read_all(scope.ctx()));
    scope.spawn(commit_all(scope.ctx()));
    co_await scope.join();
  }
  receiver_.status_.wire_bytes += reader_.bytes_read();
  leave();
  if (read_error_) co_return *read_error_;
  co_return Unit{};
}

// --- greeting ------------------------------------------------------------------------------------

Task<Result<Unit>> ReceiverSession::greet(Ctx& ctx) {
  Ctx greeting(ctx, now() + kGreetMax);
  CO_TRY(frame, co_await reader_.next(greeting));
  if (!frame) co_return fail(ErrorCode::kClosed, "no HELLO");
  if (!frame->header.is(FrameType::kHello))
    co_return fail(ErrorCode::kInvalid, "the first frame is not HELLO");
  CO_TRY(hello, Hello::decode(frame->payload));
  CO_DO(co_await admit(ctx, hello));
  CO_TRY(welcome, make_welcome());
  co_return co_await send_text(ctx, FrameType::kWelcome, welcome.encode());
}

Task<Result<Unit>> ReceiverSession::admit(Ctx& ctx, const Hello& hello) {
  if (hello.version_min > kLinkVersion || hello.version_max < kLinkVersion)
    co_return fail(ErrorCode::kUnsupported, "no common version");
  const std::optional<SiteGrant> grant =
      receiver_.grant_of(peer_, hello.stream.site, hello.site_name);
  if (!grant)
    co_return fail(ErrorCode::kDenied, cat("site ", hello.stream.site, " may not connect"));
  grant_ = *grant;
  identity_ = hello.stream;
  connection_ = hello.connection;
  stream_id_ = stream_id(identity_);
  // A newer link of a stream ends the older one and waits for its batch, so that WELCOME tells the
  // true position.
  Ctx waiting(ctx, now() + kGreetMax * 3);
  while (true) {
    const auto found = receiver_.streams_.find(stream_id_);
    if (found == receiver_.streams_.end()) break;
    if (found->second->connection_ >= connection_)
      co_return fail(ErrorCode::kExists, cat("a newer link of site ", identity_.site, " is here"));
    found->second->cut("a newer link of this stream came");
    CO_DO(co_await receiver_.changed_.wait(waiting));
  }
  if (receiver_.draining_) co_return fail(ErrorCode::kUnavailable, "shutting down");
  receiver_.streams_[stream_id_] = this;
  registered_ = true;
  co_return Unit{};
}

Result<Welcome> ReceiverSession::make_welcome() {
  const store::RowReader& rows = receiver_.log_.rows();
  TRY(position, s3::load_position(rows, s3::repl_in_key(stream_id_)));
  low_ = position.low;
  digest_ = Digest::parse(position.digest);
  Welcome welcome;
  welcome.low = low_;
  welcome.digest = digest_;
  welcome.grant_bytes = receiver_.options_.grant_bytes;
  welcome.clock_ms = receiver_.platform_.clock.wall().ms();
  const std::string prefix = s3::transfer_key(stream_id_, 0).substr(0, 2 + stream_id_.size());
  TRY(cursor, rows.cursor(store::Table::kRepl));
  TRY(found, cursor->seek(s3::transfer_key(stream_id_, low_ + 1)));
  bool more = found;
  // Rows of a transfer's parts have longer keys.
  for (int looked = 0; more && cursor->key().starts_with(prefix) && looked < 100'000; ++looked) {
    if (cursor->key().size() == prefix.size() + 8) {
      if (welcome.transfers.size() == kTransfersMax) break;
      const auto lsn = load_be<std::uint64_t>(as_bytes(cursor->key()), prefix.size());
      TRY(transfer, s3::load_transfer(rows, stream_id_, lsn));
      if (transfer) welcome.transfers.push_back({lsn, transfer->offset, transfer->crc64});
    }
    TRY(next, cursor->next());
    more = next;
  }
  return welcome;
}

// --- frames in, acks out -------------------------------------------------------------------------

Task<void> ReceiverSession::read_all(Ctx& ctx) {
  while (!ctx.stopped()) {
    while (queued_bytes_ >= receiver_.options_.grant_bytes && !ctx.stopped()) {
      const Result<Unit> waited = co_await room_.wait(ctx);
      if (!waited.ok()) break;
    }
    Ctx timed(ctx, now() + receiver_.options_.idle_max);
    auto frame = co_await reader_.next(timed);
    if (!frame.ok()) read_error_ = frame.error();
    if (!frame.ok() || !frame.value()) break;
    queued_bytes_ += frame.value()->payload.size() + kFrameCost;
    queue_.push_back(std::move(*frame.value()));
    filled_.notify_all();
  }
  if (read_error_ && !cut_why_.empty()) read_error_ = fail(ErrorCode::kClosed, cut_why_);
  ended_ = true;
  filled_.notify_all();
}

// Waits; a part whose sender has stalled is made durable meanwhile.
Task<Result<Unit>> ReceiverSession::wait_for_frames(Ctx& ctx) {
  while (queue_.empty() && !ended_) {
    Ctx timed(ctx, now() + (part_ && part_->writer ? kIdleSeal : 3600_s));
    const Result<Unit> woken = co_await filled_.wait(timed);
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!woken.ok() && part_ && part_->writer) CO_DO(co_await seal_part(ctx));
  }
  co_return Unit{};
}

Task<void> ReceiverSession::commit_all(Ctx& ctx) {
  Result<Unit> outcome = Unit{};
  while (outcome.ok()) {
    outcome = co_await wait_for_frames(ctx);
    if (!outcome.ok() || queue_.empty()) break;
    outcome = co_await commit_some(ctx);
  }
  if (outcome.ok() && part_ && part_->received - part_->sealed >= kTailBytesMin)
    outcome = co_await seal_part(ctx);  // A cut link: the next one goes on from here.
  const bool bad_bytes = read_error_ && (read_error_->code == ErrorCode::kCorrupt ||
                                         read_error_->code == ErrorCode::kInvalid ||
                                         read_error_->code == ErrorCode::kTooLarge);
  if (!outcome.ok()) read_error_ = outcome.error();
  if (bad_bytes || !outcome.ok()) co_await say_bye(ctx, *read_error_);
  if (bad_bytes) ++receiver_.status_.bad_frames;
  stream_.abort();  // The reader ends too.
}

Task<Result<Unit>> ReceiverSession::commit_some(Ctx& ctx) {
  const FrameHeader& header = queue_.front().header;
  if (header.is(FrameType::kData)) {
    CO_DO(co_await take_data(ctx));
    co_return Unit{};
  }
  Frame frame = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= frame.payload.size() + kFrameCost;
  room_.notify_all();
  if (frame.header.is(FrameType::kBlob)) CO_DO(co_await take_blob(ctx, frame));
  else if (frame.header.is(FrameType::kStatus)) CO_DO(co_await send_ack(ctx));
  else if ((frame.header.flags & kFrameCritical) != 0)
    co_return fail(ErrorCode::kUnsupported,
                   cat("critical frame of unknown type ", unsigned{frame.header.type}));
  if (now() - acked_at_ > kAckEvery) CO_DO(co_await send_ack(ctx));
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::send_ack(Ctx& ctx) {
  Ack ack;
  ack.low = low_;
  ack.digest = digest_;
  ack.grant_bytes = static_cast<std::uint32_t>(receiver_.options_.grant_bytes);
  ack.clock_ms = receiver_.platform_.clock.wall().ms();
  if (part_) ack.transfer = {part_->lsn, part_->sealed, 0};
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kAck);
  const Bytes payload = ack.encode();
  acked_at_ = now();
  // A link that ended meanwhile takes no acks, but what it brought is committed all the same.
  Result<Unit> sent = co_await writer_.write(ctx, header, payload, false);
  if (!sent.ok() && !ended_) stream_.abort();
  co_return Unit{};
}

Task<Result<Unit>> ReceiverSession::send_text(Ctx& ctx, FrameType type, std::string text) {
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(type);
  co_return co_await writer_.write(ctx, header, as_bytes(text), false);
}

// Tells the sender why, if it still listens.
Task<void> ReceiverSession::say_bye(Ctx& ctx, const Error& why) {
  if (why.code == ErrorCode::kClosed || ctx.stopped()) co_return;
  Bye bye;
  bye.reason = error_name(why.code);
  bye.detail = why.detail;
  if (why.code == ErrorCode::kNoSpace || why.code == ErrorCode::kReadOnly)
    bye.retry_after_ms = 30'000;
  Ctx timed(ctx, now() + 2_s);
  const Result<Unit> sent = co_await send_text(timed, FrameType::kBye, bye.encode());
  if (sent.ok()) {
    const Result<Unit> finished = co_await stream_.finish(timed);
    (void)finished;
  }
}

Task<Result<s3::Answer>> ReceiverSession::submit(Ctx& ctx, std::string meta, Bytes payload) {
  store::Op op;
  op.meta = to_bytes(std::string_view(meta));
  op.payload = std::move(payload);
  CO_TRY(verdict, co_await receiver_.log_.submit(ctx, std::move(op)));
  if (verdict.answer.empty()) {
    if (verdict.error) co_return *verdict.error;
    co_return s3::Answer{};
  }
  CO_TRY(answer, s3::Answer::decode(as_text(verdict.answer)));
  co_return std::move(answer);
}

}  // namespace creel::replicate
