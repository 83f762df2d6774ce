#include "tests/bench/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/wire/sigv4_sign.h"

namespace creel::bench {
namespace {

std::string slurp(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return {};
  std::string text;
  char block[4096];
  for (std::size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) text.append(block, n);
  std::fclose(file);
  return text;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace

Process::Process(const std::string& binary, std::vector<std::string> words, const std::string& dir)
    : log_(dir + "/log") {
  unlink(log_.c_str());  // Of the process before: it names another port.
  pid_ = fork();
  check(pid_ >= 0);
  if (pid_ == 0) {
    const int log = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // A benchmark that gives up leaves no server behind.
    setenv("CREEL_ROOT_ACCESS_KEY", kAccessKey, 1);
    setenv("CREEL_ROOT_SECRET_KEY", kSecretKey, 1);
    std::vector<char*> arguments = {const_cast<char*>(binary.c_str())};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(binary.c_str(), arguments.data());
    _exit(127);
  }
  for (int i = 0; i < 60'000 && port_ == 0; ++i) {
    const std::string url = log_value("listening", "url");
    if (!url.empty()) port_ = std::atoi(url.c_str() + url.rfind(':') + 1);
    else usleep(5'000);
  }
  if (port_ == 0) give_up(binary + " does not listen: " + slurp(log_));
}

Process::~Process() {
  if (pid_ > 0) stop(SIGTERM);
}

void Process::stop(int signal) {
  kill(pid_, signal);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
}

double Process::cpu_s() const {
  const std::string stat = slurp("/proc/" + std::to_string(pid_) + "/stat");
  // After the name in brackets: state, then 10 numbers, then user and system ticks.
  const char* at = stat.c_str() + stat.rfind(')') + 2;
  for (int field = 0; field < 11; ++field) at = std::strchr(at, ' ') + 1;
  char* end = nullptr;
  const long user = std::strtol(at, &end, 10);
  const long system = std::strtol(end, nullptr, 10);
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double Process::metric(const std::string& name) const {
  Connection connection(port_);
  const std::string text = connection.request("GET", "/-/metrics", "", "");
  const std::size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + name.size() + 2);
}

std::string Process::log_value(const std::string& event, const std::string& field) const {
  const std::string log = slurp(log_);
  const std::size_t at = log.find("\"event\":\"" + event + "\"");
  if (at == std::string::npos) return {};
  const std::string name = "\"" + field + "\":\"";
  const std::size_t from = log.find(name, at);
  if (from == std::string::npos) return {};
  const std::size_t begin = from + name.size();
  return log.substr(begin, log.find('"', begin) - begin);
}

long Process::status_kib(const std::string& name) const {
  const std::string status = slurp("/proc/" + std::to_string(pid_) + "/status");
  const std::size_t at = status.find(name + ":");
  return at == std::string::npos ? 0 : std::atol(status.c_str() + at + name.size() + 1);
}

Connection::Connection(int port) : port_(port) {
  socket_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    give_up("cannot connect");
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() { close(socket_); }

std::size_t Connection::exchange(const std::string& method, const std::string& path,
                                 const std::string& query, const std::string& body, int want,
                                 std::string* keep,
                                 const std::vector<std::pair<std::string, std::string>>& more) {
  s3::OutgoingHead head;
  head.method = method;
  head.raw_path = path;
  head.raw_query = query;
  head.headers = {{"Host", "127.0.0.1:" + std::to_string(port_)},
                  {"Content-Length", std::to_string(body.size())}};
  for (const auto& [name, value] : more) head.headers.push_back({name, value});
  s3::sign_request(head, {kAccessKey, kSecretKey}, "us-east-1", "UNSIGNED-PAYLOAD",
                   WallTime{static_cast<std::int64_t>(time(nullptr)) * 1'000'000'000});
  std::string out = method + " " + path + (query.empty() ? "" : "?" + query) + " HTTP/1.1\r\n";
  for (const auto& [name, value] : head.headers) out += name + ": " + value + "\r\n";
  out += "\r\n";
  if (body.size() < 256 * 1024) out += body;
  for (std::size_t at = 0; at < out.size();) {
    const ssize_t n = write(socket_, out.data() + at, out.size() - at);
    if (n <= 0) give_up("write failed");
    at += static_cast<std::size_t>(n);
  }
  if (body.size() >= 256 * 1024)
    for (std::size_t at = 0; at < body.size();) {
      const ssize_t n = write(socket_, body.data() + at, body.size() - at);
      if (n <= 0) give_up("write failed");
      at += static_cast<std::size_t>(n);
    }
  static thread_local std::string buffer(1 << 20, '\0');
  std::string got;
  std::size_t end = std::string::npos;
  while (end == std::string::npos) {
    const ssize_t n = read(socket_, buffer.data(), buffer.size());
    if (n <= 0) give_up("the server closed the connection");
    got.append(buffer.data(), static_cast<std::size_t>(n));
    end = got.find("\r\n\r\n");
  }
  if (std::atoi(got.c_str() + 9) != want) give_up(method + " " + path + ": " + got);
  const std::string head_text = to_lower(got.substr(0, end + 2));
  const std::size_t length_at = head_text.find("\r\ncontent-length:");
  const std::size_t length =
      length_at == std::string::npos || method == "HEAD"
          ? 0
          : static_cast<std::size_t>(std::atoll(head_text.c_str() + length_at + 17));
  std::size_t have = got.size() - end - 4;
  if (keep != nullptr) *keep = got.substr(end + 4);
  while (have < length) {
    const ssize_t n = read(socket_, buffer.data(), buffer.size());
    if (n <= 0) give_up("the body ended early");
    if (keep != nullptr) keep->append(buffer.data(), static_cast<std::size_t>(n));
    have += static_cast<std::size_t>(n);
  }
  return have;
}

std::string Connection::request(const std::string& method, const std::string& path,
                                const std::string& query, const std::string& body, int want) {
  std::string answer;
  exchange(method, path, query, body, want, &answer);
  return answer;
}

std::string Connection::post_checked(const std::string& path, const std::string& query,
                                     const std::string& body) {
  Md5 md5;
  md5.update(as_bytes(body));
  const auto digest = md5.finish();
  std::string answer;
  exchange("POST", path, query, body, 200, &answer,
           {{"Content-MD5", base64_encode(ByteView(digest.data(), digest.size()))}});
  return answer;
}

std::size_t Connection::drain(const std::string& path) {
  return exchange("GET", path, "", "", 200, nullptr);
}

}  // namespace creel::bench
