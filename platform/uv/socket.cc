#include "platform/uv/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "platform/base/check.h"

namespace creel {

std::optional<SocketAddress> literal_address(const Address& address) {
  SocketAddress out;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&out.raw, &v4, sizeof v4);
    out.length = sizeof v4;
    return out;
  }
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&out.raw, &v6, sizeof v6);
    out.length = sizeof v6;
    return out;
  }
  return std::nullopt;
}

Address address_of(const SocketAddress& from) {
  char text[INET6_ADDRSTRLEN] = "";
  if (from.family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &from.raw, sizeof v4);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  if (from.family() != AF_INET6) return {};
  sockaddr_in6 v6{};
  std::memcpy(&v6, &from.raw, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
    inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
  else inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  return {text, ntohs(v6.sin6_port)};
}

Socket::Socket(Poller& poller, UvExecutor& executor, int fd)
    : poller_(poller), executor_(executor), fd_(fd) {}

Socket::~Socket() {
  check(!readable_.has_waiters() && !writable_.has_waiters());
  ::close(fd_);
}

Result<Unit> Socket::watch() { return poller_.add(fd_, *this); }

void Socket::on_ready(std::uint32_t events) {
  const bool ended = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (ended || (events & EPOLLRDHUP) != 0) saw_end_ = true;
  if (ended || (events & (EPOLLIN | EPOLLRDHUP)) != 0) {
    may_read_ = true;
    readable_.notify_all();
  }
  if (ended || (events & EPOLLOUT) != 0) {
    may_write_ = true;
    writable_.notify_all();
  }
  if (listener_ != nullptr) listener_->on_ready(events);
}

IoCount Socket::try_read(MutableBytes into) {
  IoCount result;
  for (;;) {
    const ssize_t count = ::recv(fd_, into.data(), into.size(), 0);
    if (count >= 0) {
      result.bytes = static_cast<std::size_t>(count);
      // A short count empties the buffer (epoll(7)); the next bytes make the next edge.
      if (result.bytes < into.size() && !saw_end_) may_read_ = false;
      return result;
    }
    if (errno == EINTR) continue;
    result.blocked = errno == EAGAIN || errno == EWOULDBLOCK;
    if (result.blocked) may_read_ = false;
    else result.failed = errno;
    return result;
  }
}

IoCount Socket::try_write(std::span<const iovec> parts) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  IoCount result;
  for (;;) {
    const ssize_t count = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    if (count >= 0) {
      result.bytes = static_cast<std::size_t>(count);
      return result;
    }
    if (errno == EINTR) continue;
    result.blocked = errno == EAGAIN || errno == EWOULDBLOCK;
    if (result.blocked) may_write_ = false;
    else result.failed = errno;
    return result;
  }
}

Result<Unit> Socket::want_writable() {
  if (watches_writable_) return Unit{};
  watches_writable_ = true;
  return poller_.add_writable(fd_, *this);  // Reports at once if it is writable by now.
}

bool Socket::is_within_turn() {
  if (turn_ != executor_.turn()) {
    turn_ = executor_.turn();
    operations_ = 0;
  }
  return ++operations_ < kOperationsPerTurn;
}

void Socket::abort() {
  if (aborted_) return;
  aborted_ = true;
  ::shutdown(fd_, SHUT_RDWR);
  readable_.notify_all();
  writable_.notify_all();
}

}  // namespace creel
