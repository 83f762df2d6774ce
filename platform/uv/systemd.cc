#include "platform/uv/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "platform/base/text.h"
#include "platform/uv/environment.h"
#include "platform/uv/errno_table.h"

namespace creel::systemd {

Result<bool> notify(std::string_view state) {
  const std::optional<std::string> name = env("NOTIFY_SOCKET");
  if (!name || name->empty()) return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const bool abstract = name->front() == '@';
  if ((!abstract && name->front() != '/') || name->size() >= sizeof to.sun_path)
    return fail(ErrorCode::kInvalid, "NOTIFY_SOCKET is neither a path nor an abstract name");
  std::memcpy(to.sun_path, name->data(), name->size());
  if (abstract) to.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno_error(errno, "notify the service manager");
  const std::size_t length = offsetof(sockaddr_un, sun_path) + name->size() + (abstract ? 0 : 1);
  const ssize_t sent =
      sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&to),
             static_cast<socklen_t>(length));
  const int failed = errno;
  ::close(fd);
  if (sent < 0) return errno_error(failed, "notify the service manager");
  return true;
}

std::optional<Duration> watchdog_interval() {
  const std::optional<std::string> text = env("WATCHDOG_USEC");
  if (!text) return std::nullopt;
  const std::optional<std::int64_t> microseconds = parse_i64(*text);
  if (!microseconds || *microseconds <= 0 || *microseconds > INT64_MAX / 1000) return std::nullopt;
  const std::optional<std::string> process = env("WATCHDOG_PID");
  if (process && *process != cat(static_cast<std::int64_t>(getpid()))) return std::nullopt;
  return Duration{*microseconds * 1000};
}

}  // namespace creel::systemd
