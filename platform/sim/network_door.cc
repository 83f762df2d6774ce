#include "platform/sim/network_door.h"

#include <algorithm>
#include <cstring>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/node.h"
#include "platform/sim/world.h"

namespace creel {

namespace {
bool is_own(const std::string& host, const std::string& self) {
  return host == self || host == "localhost" || host == "127.0.0.1" || host == "::1";
}
bool is_any(const std::string& host) { return host.empty() || host == "0.0.0.0" || host == "::"; }
}  // namespace

Task<Result<std::unique_ptr<Listener>>> SimNetworkDoor::listen(Ctx& ctx, Address address,
                                                               std::optional<TlsSettings> tls) {
  if (ctx.stopped()) co_return ctx.stop_error();
  const std::string& self = life_.node.name();
  if (!is_own(address.host, self) && !is_any(address.host))
    co_return fail(ErrorCode::kInvalid, cat(address_text(address), ": not an address of ", self));
  if (address.port == 0) address.port = network_.free_port(self);
  auto made = std::make_unique<SimListener>(life_, network_, address, std::move(tls));
  if (!network_.add_listener(self, address.port, *made))
    co_return fail(ErrorCode::kExists, cat(address_text(address), ": in use"));
  std::unique_ptr<Listener> listener = std::move(made);
  co_return std::move(listener);
}

// A SYN and its answer: ok when the target's kernel answered, whatever it said.
Task<Result<Unit>> SimNetworkDoor::knock(Ctx& ctx, SimNode& target, Address address) {
  const std::string& self = life_.node.name();
  Duration patience = 1_s;
  for (int tries = 0; tries < network_.connect_tries; ++tries, patience = patience * 2) {
    const Duration trip =
        network_.draw_delay(self, target.name()) + network_.draw_delay(target.name(), self);
    CO_DO(co_await sleep_for(ctx, trip));
    const bool reaches =
        !network_.is_cut(self, target.name()) && !network_.is_cut(target.name(), self);
    // A dead process is refused by its kernel; a dead machine is silent. Draw which.
    if (reaches && (target.alive() || network_.luck(self).chance(0.5))) co_return Unit{};
    CO_DO(co_await sleep_for(ctx, patience));
  }
  co_return fail(ErrorCode::kTimeout, cat(address_text(address), ": no answer"));
}

Task<Result<std::unique_ptr<Stream>>> SimNetworkDoor::connect(Ctx& ctx, Address address,
                                                              std::optional<TlsSettings> tls) {
  const std::string& self = life_.node.name();
  SimNode* target = is_own(address.host, self) ? &life_.node : life_.world.find_node(address.host);
  const std::string where = address_text(address);
  if (target == nullptr) {
    CO_DO(co_await sleep_for(ctx, network_.draw_delay(self, self)));
    co_return fail(ErrorCode::kUnavailable, cat(where, ": no such host"));
  }
  CO_DO(co_await knock(ctx, *target, address));
  SimListener* listener =
      target->alive() ? network_.find_listener(target->name(), address.port) : nullptr;
  if (listener == nullptr || listener->full())
    co_return fail(ErrorCode::kUnavailable, cat(where, ": connection refused"));
  if (listener->tls().has_value() != tls.has_value())
    co_return fail(ErrorCode::kDenied, cat(where, ": only one side speaks TLS"));
  const std::optional<std::string>& identity = life_.node.options().identity;
  if (tls && listener->tls()->require_peer_certificate && !identity)
    co_return fail(ErrorCode::kDenied, cat(where, ": a certificate is required"));
  SimConnection& connection = network_.open(life_, target->life());
  PeerInfo seen_there{Address{self, static_cast<std::uint16_t>(32768 + connection.id % 16384)},
                      tls.has_value(), std::nullopt};
  PeerInfo seen_here{Address{target->name(), address.port}, tls.has_value(), std::nullopt};
  if (tls) seen_there.identity = identity;
  if (tls) seen_here.identity = target->options().identity;
  listener->offer(std::make_unique<SimStream>(connection, 1, std::move(seen_there)));
  std::unique_ptr<Stream> stream = std::make_unique<SimStream>(connection, 0, std::move(seen_here));
  co_return std::move(stream);
}

SimListener::~SimListener() { network_.remove_listener(life_.node.name(), local_.port, *this); }

void SimListener::offer(std::unique_ptr<Stream> stream) {
  backlog_.push_back(std::move(stream));
  arrived_.notify_one();
}

void SimListener::close() { backlog_.clear(); }

Task<Result<std::unique_ptr<Stream>>> SimListener::accept(Ctx& ctx) {
  if (ctx.stopped()) co_return ctx.stop_error();
  while (backlog_.empty()) CO_DO(co_await arrived_.wait(ctx));
  std::unique_ptr<Stream> stream = std::move(backlog_.front());
  backlog_.pop_front();
  co_return std::move(stream);
}

// Sometimes less than there is: a reader must not count on how a peer cut its writes.
std::size_t SimStream::take(MutableBytes into) {
  SimEnd& mine = end();
  SimRandom& luck = connection_->network->luck(mine.node->name());
  std::size_t most =
      static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), mine.inbox_bytes));
  if (most > 1 && luck.below(8) == 0) most = 1 + static_cast<std::size_t>(luck.below(most));
  std::size_t got = 0;
  while (got < most) {
    Bytes& front = mine.inbox.front();
    const std::size_t piece = std::min(front.size(), most - got);
    std::memcpy(into.data() + got, front.data(), piece);
    got += piece;
    if (piece == front.size()) mine.inbox.pop_front();
    else front.erase(front.begin(), front.begin() + static_cast<std::ptrdiff_t>(piece));
  }
  mine.inbox_bytes -= got;
  connection_->network->consumed(*connection_, side_, got);
  return got;
}

Task<Result<std::size_t>> SimStream::read(Ctx& ctx, MutableBytes into) {
  check(!into.empty() && !end().readable.has_waiters());
  if (ctx.stopped()) co_return ctx.stop_error();
  while (end().inbox_bytes == 0) {
    if (end().reset) co_return fail(ErrorCode::kClosed, "connection reset");
    if (end().fin_seen) co_return std::size_t{0};
    CO_DO(co_await end().readable.wait(ctx));
  }
  co_return take(into);
}

// How many of the bytes the kernel took; 0 when its buffer is full.
std::size_t SimStream::offer(ByteView bytes) {
  SimNetwork& network = *connection_->network;
  const std::uint64_t most =
      network.link(end().node->name(), connection_->ends[1 - side_].node->name()).buffer_bytes;
  const std::uint64_t held = connection_->pipes[side_].held_bytes;
  if (held >= most) return 0;
  constexpr std::uint64_t kSegmentMax = 64 * KiB;
  const std::uint64_t piece = std::min<std::uint64_t>({bytes.size(), most - held, kSegmentMax});
  network.send(*connection_, side_, SimPipe::What::kData,
               to_bytes(bytes.first(static_cast<std::size_t>(piece))));
  return static_cast<std::size_t>(piece);
}

Task<Result<Unit>> SimStream::write(Ctx& ctx, std::span<const ByteView> parts) {
  check(!end().writable.has_waiters());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    ByteView rest = parts[i];
    while (!rest.empty()) {
      if (end().reset) co_return fail(ErrorCode::kClosed, "connection reset");
      if (end().fin_sent) co_return fail(ErrorCode::kClosed, "written after finish");
      const std::size_t taken = offer(rest);
      rest = rest.subspan(taken);
      if (taken == 0) CO_DO(co_await end().writable.wait(ctx));
    }
  }
  co_return Unit{};
}

Task<Result<Unit>> SimStream::finish(Ctx&) {
  if (end().reset) co_return fail(ErrorCode::kClosed, "connection reset");
  if (!end().fin_sent)
    connection_->network->send(*connection_, side_, SimPipe::What::kFin, Bytes());
  end().fin_sent = true;
  co_return Unit{};
}

void SimStream::abort() {
  if (end().reset) return;
  connection_->network->reset_end(end());
  connection_->network->send(*connection_, side_, SimPipe::What::kReset, Bytes());
}

}  // namespace creel
