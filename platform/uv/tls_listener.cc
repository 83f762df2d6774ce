#include "platform/uv/tls_listener.h"

#include <poll.h>

#include <algorithm>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"

namespace creel {

struct TlsListener::Handshake final : Pollee, Timer {
  Handshake(TlsListener& owner, std::unique_ptr<TlsStream> shaking)
      : listener(owner), stream(std::move(shaking)), started(owner.clock_.now()) {
    stream->socket().set_listener(this);
    owner.clock_.arm(*this, started + owner.options_.handshake_timeout);
  }
  void on_ready(std::uint32_t) override {
    ready = true;
    listener.ask_for_run(listener.clock_.now());
  }
  void on_fire() override {
    expired = true;
    listener.ask_for_run(listener.clock_.now());
  }

  TlsListener& listener;
  std::unique_ptr<TlsStream> stream;
  Instant started;
  bool ready = true;
  bool expired = false;
  bool over = false;
};

TlsListener::TlsListener(std::unique_ptr<Socket> socket, Poller& poller, UvExecutor& executor,
                         Clock& clock, Address local, std::shared_ptr<const TlsConfig> config,
                         TlsShared& shared, const UvOptions& options)
    : socket_(std::move(socket)),
      poller_(poller),
      executor_(executor),
      clock_(clock),
      local_(std::move(local)),
      config_(std::move(config)),
      shared_(shared),
      options_(options),
      run_timer_(*this) {
  socket_->set_listener(this);
  ask_for_run(clock_.now());
}

TlsListener::~TlsListener() { check(!changed_.has_waiters()); }

Result<Unit> TlsListener::reload(const TlsSettings& settings) {
  TRY(config, TlsConfig::for_server(settings, options_));
  config_ = std::move(config);
  return Unit{};
}

void TlsListener::on_ready(std::uint32_t) {
  backlog_ = true;
  ask_for_run(clock_.now());
}

void TlsListener::ask_for_run(Instant when) {
  if (run_timer_.armed_by != nullptr && run_timer_.due <= when) return;
  clock_.disarm(run_timer_);
  clock_.arm(run_timer_, when);
}

void TlsListener::run() {
  advance_handshakes();
  take_connections();
}

namespace {
// A close with unread bytes makes the kernel send a reset, which destroys the alert that tells the
// peer why: takes off what is there.
void discard_input(Socket& socket) {
  ::shutdown(socket.fd(), SHUT_WR);
  std::uint8_t sink[4096];
  for (int i = 0; i < 16; ++i) {
    const IoCount got = socket.try_read(sink);
    if (got.blocked || got.failed != 0 || got.bytes == 0) return;
  }
}
}  // namespace

void TlsListener::give_up(Handshake& handshake, std::string_view why) {
  handshake.over = true;
  discard_input(handshake.stream->socket());
  ++shared_.failures;
  if (options_.on_tls_failure) options_.on_tls_failure(handshake.stream->peer().address, why);
}

void TlsListener::advance_handshakes() {
  int steps = kStepsPerTurn;
  for (const std::unique_ptr<Handshake>& handshake : handshakes_) {
    if (handshake->expired) {
      give_up(*handshake, "TLS handshake: too slow");
      continue;
    }
    if (!handshake->ready) continue;
    if (steps-- == 0) {
      ask_for_run(clock_.now());
      break;
    }
    handshake->ready = false;
    const TlsStream::Step step = handshake->stream->try_handshake();
    if (step == TlsStream::Step::kFailed) {
      give_up(*handshake, handshake->stream->handshake_error().detail);
    } else if (step == TlsStream::Step::kDone) {
      handshake->stream->socket().set_listener(nullptr);
      handshake->over = true;
      done_.push_back(std::move(handshake->stream));
      changed_.notify_one();
    } else if (step == TlsStream::Step::kWantWrite &&
               !handshake->stream->socket().want_writable().ok()) {
      give_up(*handshake, "TLS handshake: the socket cannot be watched");
    }
  }
  std::erase_if(handshakes_, [](const auto& handshake) { return handshake->over; });
}

void TlsListener::make_room() {
  if (!is_full()) return;
  pollfd waiting{socket_->fd(), POLLIN, 0};
  if (::poll(&waiting, 1, 0) <= 0) {
    backlog_ = false;  // Nobody waits: the next one makes an edge.
    return;
  }
  Handshake& oldest = *handshakes_.front();
  const Instant until = oldest.started + kPlaceKept;
  if (clock_.now() < until) {
    ask_for_run(until);
    return;
  }
  give_up(oldest, "TLS handshake: too slow while others wait");
  handshakes_.erase(handshakes_.begin());
}

void TlsListener::take_connections() {
  while (backlog_ && broken_ == 0 && done_.size() < kDoneMax) {
    make_room();
    if (is_full()) return;
    Accepted next = try_accept(*socket_, poller_, executor_);
    switch (next.why) {
      case Accepted::Why::kTaken: {
        auto stream = std::make_unique<TlsStream>(std::move(next.socket), std::move(next.peer),
                                                  config_, shared_);
        handshakes_.push_back(std::make_unique<Handshake>(*this, std::move(stream)));
        ask_for_run(clock_.now());
        break;
      }
      case Accepted::Why::kNothing: backlog_ = false; break;
      case Accepted::Why::kExhausted: ask_for_run(clock_.now() + kExhaustedPause); return;
      case Accepted::Why::kBroken:
        broken_ = next.failed;
        changed_.notify_all();
        return;
    }
  }
}

Task<Result<std::unique_ptr<Stream>>> TlsListener::accept(Ctx& ctx) {
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!done_.empty()) break;
    if (broken_ != 0) co_return errno_error(broken_, "accept");
    CO_DO(co_await changed_.wait(ctx));
  }
  std::unique_ptr<Stream> stream = std::move(done_.front());
  done_.pop_front();
  if (done_.size() + 1 == kDoneMax) ask_for_run(clock_.now());
  co_return std::move(stream);
}

}  // namespace creel
