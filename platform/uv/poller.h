#pragma once
#include <uv.h>

#include <cstdint>

#include "platform/base/result.h"

namespace creel {

// Someone who owns a file descriptor and wants to hear of its edges. Told on the loop, inside its
// I/O phase: sets flags and posts coroutines, and never destroys another Pollee.
class Pollee {
 public:
  virtual void on_ready(std::uint32_t epoll_events) = 0;

 protected:
  ~Pollee() = default;
};

// Readiness of sockets: one edge-triggered epoll set of our own, itself watched by one uv_poll.
// A socket is registered once in its life, so a request costs no epoll_ctl; a uv_poll per socket
// would cost two a read (uv_poll_start unregisters first) and a handle that outlives its stream.
class Poller {
 public:
  explicit Poller(uv_loop_t& loop);
  ~Poller();  // After the close callback.
  // Edges of reading and of the peer's end. The pollee leaves by closing `fd`, its only descriptor.
  Result<Unit> add(int fd, Pollee& pollee);
  Result<Unit> add_writable(int fd, Pollee& pollee);  // Of writing as well, from now on.
  void close();

 private:
  void wait();
  int set_;
  uv_poll_t handle_;
};

}  // namespace creel
