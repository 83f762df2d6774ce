#pragma once
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>

#include "platform/async/event.h"
#include "platform/base/bytes.h"
#include "platform/network.h"
#include "platform/uv/poller.h"
#include "platform/uv/uv_executor.h"

namespace creel {

// An address as the kernel takes it.
struct SocketAddress {
  sockaddr_storage raw{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&raw); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&raw); }
  int family() const { return raw.ss_family; }
};
// nullopt if `host` is not an IP literal.
std::optional<SocketAddress> literal_address(const Address& address);
Address address_of(const SocketAddress& from);  // v4-mapped IPv6 as plain IPv4.

// What a try gave: a count, "would block", or an error.
struct IoCount {
  std::size_t bytes = 0;
  bool blocked = false;
  int failed = 0;  // errno.
};

// One non-blocking TCP descriptor with the edges its poller saw, and waits for more of them.
class Socket final : public Pollee {
 public:
  Socket(Poller& poller, UvExecutor& executor, int fd);  // Takes `fd`.
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  Result<Unit> watch();  // Once, before the first wait.
  int fd() const { return fd_; }

  IoCount try_read(MutableBytes into);
  IoCount try_write(std::span<const iovec> parts);

  // False after a try that would block or came back short; an edge makes it true again. Wait like
  // this: `while (!socket.may_read() && !socket.aborted()) CO_DO(co_await readable().wait(ctx));`
  bool may_read() const { return may_read_; }
  bool may_write() const { return may_write_; }
  Event& readable() { return readable_; }
  Event& writable() { return writable_; }
  // Before waiting to write: asks for those edges, from then on.
  Result<Unit> want_writable();
  void begin_connect() { may_write_ = false; }
  // Counts one operation. False after many in one turn of the loop: yield first, so that a peer as
  // fast as us does not starve the others.
  bool is_within_turn();

  void abort();
  bool aborted() const { return aborted_; }
  // Waits for edges as a callback instead of a coroutine, while set.
  void set_listener(Pollee* listener) { listener_ = listener; }

 private:
  static constexpr unsigned kOperationsPerTurn = 16;
  void on_ready(std::uint32_t events) override;

  Poller& poller_;
  UvExecutor& executor_;
  int fd_;
  bool may_read_ = true;
  bool may_write_ = true;
  bool saw_end_ = false;  // FIN, reset or error: a short read is not the end of what can be read.
  bool watches_writable_ = false;
  bool aborted_ = false;
  std::uint8_t operations_ = 0;  // In turn turn_.
  std::uint64_t turn_ = 0;
  Pollee* listener_ = nullptr;
  Event readable_;
  Event writable_;
};

}  // namespace creel
