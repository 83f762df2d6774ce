#include "platform/uv/poller.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "platform/base/check.h"
#include "platform/uv/errno_table.h"

namespace creel {

namespace {
constexpr std::uint32_t kReadEdges = EPOLLIN | EPOLLRDHUP | EPOLLET;

Result<Unit> control(int set, int operation, int fd, std::uint32_t events, Pollee& pollee) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &pollee;
  if (epoll_ctl(set, operation, fd, &event) < 0) return errno_error(errno, "watch a socket");
  return Unit{};
}
}  // namespace

Poller::Poller(uv_loop_t& loop) : set_(epoll_create1(EPOLL_CLOEXEC)) {
  check(set_ >= 0);
  check(uv_poll_init(&loop, &handle_, set_) == 0);
  handle_.data = this;
  const auto ready = [](uv_poll_t* handle, int, int) {
    static_cast<Poller*>(handle->data)->wait();
  };
  check(uv_poll_start(&handle_, UV_READABLE, ready) == 0);
}

Poller::~Poller() { ::close(set_); }

Result<Unit> Poller::add(int fd, Pollee& pollee) {
  return control(set_, EPOLL_CTL_ADD, fd, kReadEdges, pollee);
}

Result<Unit> Poller::add_writable(int fd, Pollee& pollee) {
  return control(set_, EPOLL_CTL_MOD, fd, kReadEdges | EPOLLOUT, pollee);
}

void Poller::wait() {
  // What does not fit is reported in the next turn: the outer poll is level-triggered.
  epoll_event events[256];
  const int count = epoll_wait(set_, events, 256, 0);
  check(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i)
    static_cast<Pollee*>(events[i].data.ptr)->on_ready(events[i].events);
}

void Poller::close() { uv_close(reinterpret_cast<uv_handle_t*>(&handle_), nullptr); }

}  // namespace creel
