#include <fcntl.h>
#include <netinet/in.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "platform/base/check.h"
#include "platform/cpu/hash.h"
#include "tests/bench/bench.h"

namespace creel::bench {

double now_s() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

void heading(const std::string& text) { std::printf("\n%s\n", text.c_str()); }

void row(const std::string& name, double value, const char* unit, double limit,
         const std::string& limit_name) {
  std::printf("  %-38s %12.1f %-6s %5.2f of %.1f %s (%s)\n", name.c_str(), value, unit,
              limit > 0 ? value / limit : 0.0, limit, unit, limit_name.c_str());
  std::fflush(stdout);
}

namespace {
std::string made_dir;
void remove_scratch() {
  if (made_dir.empty()) return;
  const std::string command = "rm -rf '" + made_dir + "'";
  if (std::system(command.c_str()) != 0) std::perror("rm");
}
}  // namespace

std::string scratch_dir() {
  if (made_dir.empty()) {
    const char* base = std::getenv("TMPDIR");
    made_dir = std::string(base != nullptr ? base : "/tmp") + "/creel-bench-XXXXXX";
    check(mkdtemp(made_dir.data()) != nullptr);
    std::atexit(remove_scratch);
  }
  static int number = 0;
  const std::string dir = made_dir + "/" + std::to_string(number++);
  check(mkdir(dir.c_str(), 0700) == 0);
  return dir;
}

double raw_commits_per_s(const std::string& dir, std::size_t batch_bytes, double seconds) {
  const std::string path = dir + "/raw";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT, 0600);
  check(fd >= 0);
  constexpr off_t kFileBytes = 64 << 20;
  check(posix_fallocate(fd, 0, kFileBytes) == 0);
  std::vector<char> batch(batch_bytes, 'x');
  // One pass first: preallocated blocks are converted at their first write.
  for (off_t at = 0; at + static_cast<off_t>(batch_bytes) <= kFileBytes; at += 1 << 20)
    check(pwrite(fd, batch.data(), batch_bytes, at) > 0);
  check(fdatasync(fd) == 0);
  off_t at = 0;
  std::size_t commits = 0;
  const double begin = now_s();
  while (now_s() - begin < seconds) {
    check(pwrite(fd, batch.data(), batch_bytes, at) == static_cast<ssize_t>(batch_bytes));
    check(fdatasync(fd) == 0);
    at += static_cast<off_t>(batch_bytes);
    if (at + static_cast<off_t>(batch_bytes) > kFileBytes) at = 0;
    ++commits;
  }
  const double rate = static_cast<double>(commits) / (now_s() - begin);
  close(fd);
  unlink(path.c_str());
  return rate;
}

double raw_loopback_bytes_per_s(std::size_t total_bytes) {
  const std::string path = scratch_dir() + "/send";
  const int file = open(path.c_str(), O_RDWR | O_CREAT, 0600);
  check(file >= 0 && ftruncate(file, 64 << 20) == 0);
  std::vector<char> block(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) check(write(file, block.data(), block.size()) > 0);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  check(listen(listener, 1) == 0);
  check(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  std::thread sender([&] {
    const int out = accept(listener, nullptr, nullptr);
    for (std::size_t sent = 0; sent < total_bytes;) {
      off_t at = static_cast<off_t>(sent % (64 << 20));
      const ssize_t n =
          sendfile(out, file, &at, std::min<std::size_t>(1 << 20, total_bytes - sent));
      check(n > 0);
      sent += static_cast<std::size_t>(n);
    }
    close(out);
  });
  const int in = socket(AF_INET, SOCK_STREAM, 0);
  check(connect(in, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const double begin = now_s();
  std::size_t got = 0;
  for (ssize_t n; (n = read(in, block.data(), block.size())) > 0;)
    got += static_cast<std::size_t>(n);
  const double seconds = now_s() - begin;
  sender.join();
  check(got == total_bytes);
  close(in);
  close(listener);
  close(file);
  return static_cast<double>(got) / seconds;
}

double md5_bytes_per_s() {
  std::vector<std::uint8_t> block(256 << 10, 7);
  Md5 md5;
  const double begin = now_s();
  std::size_t done = 0;
  for (; done < (128u << 20); done += block.size()) md5.update(block);
  check(md5.finish()[0] != 0 || true);
  return static_cast<double>(done) / (now_s() - begin);
}

}  // namespace creel::bench

int main(int argc, char** argv) {
  using namespace creel::bench;
  std::string only;
  double seconds = 2;
  std::size_t objects = 10'000'000;
  std::string binary;
  const std::string self(argv[0]);
  binary = self.substr(0, self.rfind('/') + 1) + "creel";
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (word.starts_with("--seconds=")) seconds = std::atof(word.c_str() + 10);
    else if (word.starts_with("--binary=")) binary = word.substr(9);
    else if (word.starts_with("--objects="))
      objects = std::strtoull(word.c_str() + 10, nullptr, 10);
    else only = word;
  }
  const std::string names = " store api filters erasure replication flash scale ";
  if (!only.empty() && names.find(" " + only + " ") == std::string::npos) {
    std::fprintf(stderr, "bench: no '%s'; there are:%s\n", only.c_str(), names.c_str());
    return 2;
  }
  std::printf("creel bench: %u processors, scratch %s\n", std::thread::hardware_concurrency(),
              scratch_dir().c_str());
  const auto wanted = [&only](const char* name) { return only.empty() || only == name; };
  if (wanted("store")) store(seconds);
  if (wanted("api")) api(seconds, binary);
  if (wanted("filters")) filters(256u << 20);
  if (wanted("erasure")) erasure();
  if (wanted("replication")) replication(binary);
  if (only == "flash") flash(binary);
  if (only == "scale") scale(binary, objects);
  return 0;
}
