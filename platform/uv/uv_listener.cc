#include "platform/uv/uv_listener.h"

#include <cerrno>
#include <utility>

#include "platform/uv/errno_table.h"
#include "platform/uv/uv_stream.h"

namespace creel {

namespace {

// Errors of the one connection, not of the listener (accept(2): Linux passes them on).
bool is_about_the_peer(int failed) {
  switch (failed) {
    case ECONNABORTED:
    case EINTR:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM:
    case ETIMEDOUT: return true;
    default: return false;
  }
}

Accepted::Why why_none(int failed) {
  if (failed == EAGAIN || failed == EWOULDBLOCK) return Accepted::Why::kNothing;
  if (errno_code(failed) == ErrorCode::kUnavailable) return Accepted::Why::kExhausted;
  return Accepted::Why::kBroken;
}

}  // namespace

Accepted try_accept(Socket& listener, Poller& poller, UvExecutor& executor) {
  Accepted result;
  for (int tries = 0; tries < 64; ++tries) {
    SocketAddress peer;
    peer.length = sizeof peer.raw;
    const int fd = accept4(listener.fd(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && is_about_the_peer(errno)) continue;
    if (fd < 0) {
      result.failed = errno;
      result.why = why_none(errno);
      return result;
    }
    result.socket = std::make_unique<Socket>(poller, executor, fd);
    result.peer = address_of(peer);
    const bool watched = result.socket->watch().ok();
    result.why = watched ? Accepted::Why::kTaken : Accepted::Why::kExhausted;
    return result;
  }
  result.why = Accepted::Why::kExhausted;  // A storm of broken peers: breathe.
  return result;
}

PlainListener::PlainListener(std::unique_ptr<Socket> socket, Poller& poller, UvExecutor& executor,
                             Address local)
    : socket_(std::move(socket)), poller_(poller), executor_(executor), local_(std::move(local)) {}

Task<Result<std::unique_ptr<Stream>>> PlainListener::accept(Ctx& ctx) {
  if (!socket_->is_within_turn()) co_await YieldNow(ctx);
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    Accepted next = try_accept(*socket_, poller_, executor_);
    if (next.why == Accepted::Why::kTaken) {
      std::unique_ptr<Stream> stream =
          std::make_unique<UvStream>(std::move(next.socket), std::move(next.peer));
      co_return std::move(stream);
    }
    if (next.why == Accepted::Why::kBroken) co_return errno_error(next.failed, "accept");
    if (next.why == Accepted::Why::kExhausted) CO_DO(co_await sleep_for(ctx, kExhaustedPause));
    else CO_DO(co_await socket_->readable().wait(ctx));
  }
}

Result<Unit> PlainListener::reload(const TlsSettings&) {
  return fail(ErrorCode::kUnsupported, "this listener has no TLS");
}

}  // namespace creel
