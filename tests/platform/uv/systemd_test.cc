#include "platform/uv/systemd.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace creel::test {
namespace {

// A service manager's socket under an abstract name that the kernel chose.
class NotifySocket : public ::testing::Test {
 protected:
  NotifySocket() {
    fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un own{};
    own.sun_family = AF_UNIX;
    bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own.sun_family);
    socklen_t length = sizeof own;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &length);
    name_ = "@" + std::string(own.sun_path + 1, length - sizeof own.sun_family - 1);
    setenv("NOTIFY_SOCKET", name_.c_str(), 1);
  }
  ~NotifySocket() override {
    unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  int fd_;
  std::string name_;
};

TEST_F(NotifySocket, HearsTheState) {
  const Result<bool> told = systemd::notify("READY=1\nSTATUS=open");
  ASSERT_TRUE(told.ok()) << error_text(told.error());
  EXPECT_TRUE(told.value());
  char buffer[100];
  const ssize_t count = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
  ASSERT_GT(count, 0);
  EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(count)), "READY=1\nSTATUS=open");
}

TEST(Systemd, WithoutAManagerNobodyIsTold) {
  unsetenv("NOTIFY_SOCKET");
  const Result<bool> told = systemd::notify("READY=1");
  ASSERT_TRUE(told.ok());
  EXPECT_FALSE(told.value());
}

TEST(Systemd, ARelativeSocketNameIsRefused) {
  setenv("NOTIFY_SOCKET", "relative", 1);
  EXPECT_FALSE(systemd::notify("READY=1").ok());
  unsetenv("NOTIFY_SOCKET");
}

TEST(Systemd, TheWatchdogIsOursOnly) {
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(systemd::watchdog_interval(), 3_s);
  setenv("WATCHDOG_PID", std::to_string(getpid()).c_str(), 1);
  EXPECT_EQ(systemd::watchdog_interval(), 3_s);
  setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(systemd::watchdog_interval(), std::nullopt);
  unsetenv("WATCHDOG_PID");
  setenv("WATCHDOG_USEC", "nonsense", 1);
  EXPECT_EQ(systemd::watchdog_interval(), std::nullopt);
  unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(systemd::watchdog_interval(), std::nullopt);
}

}  // namespace
}  // namespace creel::test
