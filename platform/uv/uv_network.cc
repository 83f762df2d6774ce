#include "platform/uv/uv_network.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"
#include "platform/uv/tls_stream.h"
#include "platform/uv/uv_stream.h"

namespace creel {

namespace {

constexpr int kBacklog = 511;

Result<Unit> set_option(int fd, int level, int name, int value, std::string_view what) {
  if (setsockopt(fd, level, name, &value, sizeof value) < 0) return errno_error(errno, what);
  return Unit{};
}

// A bound, listening descriptor. Accepted sockets inherit its options on Linux, which saves a
// system call for each.
Result<Unit> start_listening(int fd, const SocketAddress& at, bool reuse_port,
                             std::string_view name) {
  TRY_DO(set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  TRY_DO(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
  TRY_DO(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
  if (at.family() == AF_INET6) TRY_DO(set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY"));
  if (reuse_port) TRY_DO(set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
  if (bind(fd, at.get(), at.length) < 0) return errno_error(errno, cat("listen on ", name));
  if (::listen(fd, kBacklog) < 0) return errno_error(errno, cat("listen on ", name));
  return Unit{};
}

int new_socket(int family) {
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

Address local_address(int fd) {
  SocketAddress local;
  local.length = sizeof local.raw;
  if (getsockname(fd, local.get(), &local.length) < 0) return {};
  return address_of(local);
}

Address remote_address(int fd, const Address& otherwise) {
  SocketAddress remote;
  remote.length = sizeof remote.raw;
  if (getpeername(fd, remote.get(), &remote.length) < 0) return otherwise;
  return address_of(remote);
}

}  // namespace

UvNetwork::UvNetwork(Poller& poller, UvExecutor& executor, Clock& clock, Completions& completions,
                     const UvOptions& options)
    : executor_(executor),
      clock_(clock),
      options_(options),
      poller_(poller),
      resolver_(completions, options.resolver_threads) {}

Task<Result<std::unique_ptr<Listener>>> UvNetwork::listen(Ctx& ctx, Address address,
                                                          std::optional<TlsSettings> tls) {
  std::shared_ptr<const TlsConfig> config;
  if (tls) {
    CO_TRY(made, TlsConfig::for_server(*tls, options_));
    config = std::move(made);
  }
  CO_TRY(addresses, co_await resolver_.resolve(ctx, address, true));
  const SocketAddress& at = addresses.front();
  const int fd = new_socket(at.family());
  if (fd < 0) co_return errno_error(errno, "listen");
  auto socket = std::make_unique<Socket>(poller_, executor_, fd);
  CO_DO(start_listening(fd, at, options_.reuse_port, address_text(address)));
  CO_DO(socket->watch());
  Address local = local_address(fd);
  std::unique_ptr<Listener> listener;
  if (config)
    listener =
        std::make_unique<TlsListener>(std::move(socket), poller_, executor_, clock_,
                                      std::move(local), std::move(config), shared_, options_);
  else
    listener =
        std::make_unique<PlainListener>(std::move(socket), poller_, executor_, std::move(local));
  co_return std::move(listener);
}

Task<Result<std::unique_ptr<Stream>>> UvNetwork::connect(Ctx& ctx, Address address,
                                                         std::optional<TlsSettings> tls) {
  Ctx bounded(ctx, clock_.now() + options_.connect_timeout);
  std::shared_ptr<const TlsConfig> config;
  if (tls) {
    CO_TRY(made, TlsConfig::for_client(*tls, options_));
    config = std::move(made);
  }
  CO_TRY(socket, co_await connect_any(bounded, address));
  Address peer = remote_address(socket->fd(), address);
  std::unique_ptr<Stream> stream;
  if (!config) {
    stream = std::make_unique<UvStream>(std::move(socket), std::move(peer));
    co_return std::move(stream);
  }
  Ctx handshake(ctx, clock_.now() + options_.handshake_timeout);
  auto secure =
      std::make_unique<TlsStream>(std::move(socket), std::move(peer), std::move(config), shared_);
  const std::string name = tls->server_name.empty() ? address.host : tls->server_name;
  CO_DO(secure->set_server_name(name));
  CO_DO(co_await secure->handshake(handshake));
  stream = std::move(secure);
  co_return std::move(stream);
}

Task<Result<std::unique_ptr<Socket>>> UvNetwork::connect_any(Ctx& ctx, const Address& address) {
  CO_TRY(addresses, co_await resolver_.resolve(ctx, address, false));
  Error last = fail(ErrorCode::kUnavailable, "no address");
  // Each address gets its share of the time, so that a silent first one leaves some to the next.
  const Duration share = options_.connect_timeout / static_cast<std::int64_t>(addresses.size());
  for (const SocketAddress& to : addresses) {
    Ctx one(ctx, clock_.now() + share);
    Result<std::unique_ptr<Socket>> socket = co_await connect_one(one, to);
    if (socket.ok()) co_return std::move(socket);
    if (ctx.stopped()) co_return ctx.stop_error();
    last = socket.error();
  }
  co_return fail(last.code, cat("connect to ", address_text(address), ": ", last.detail));
}

Task<Result<std::unique_ptr<Socket>>> UvNetwork::connect_one(Ctx& ctx, const SocketAddress& to) {
  const int fd = new_socket(to.family());
  if (fd < 0) co_return errno_error(errno, "socket");
  auto socket = std::make_unique<Socket>(poller_, executor_, fd);
  CO_DO(set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
  CO_DO(set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"));
  int failed = ::connect(fd, to.get(), to.length) < 0 ? errno : 0;
  CO_DO(socket->watch());
  if (failed == EINPROGRESS || failed == EINTR) {
    socket->begin_connect();
    CO_DO(socket->want_writable());
    while (!socket->may_write()) CO_DO(co_await socket->writable().wait(ctx));
    socklen_t length = sizeof failed;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &length) < 0) failed = errno;
  }
  if (failed == EACCES || failed == EPERM) co_return fail(ErrorCode::kDenied, errno_text(failed));
  if (failed != 0) co_return fail(ErrorCode::kUnavailable, errno_text(failed));
  co_return std::move(socket);
}

}  // namespace creel
