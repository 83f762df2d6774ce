#pragma once
#include <string>
#include <vector>

namespace creel::bench {

// A creel process of its own, on a port the system chose; killed when destroyed.
class Process {
 public:
  // `words` after the program; the log goes to DIR/log. Aborts if it does not listen within 20 s.
  Process(const std::string& binary, std::vector<std::string> words, const std::string& dir);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  int port() const { return port_; }  // Of the S3 listener.
  std::string log_value(const std::string& event, const std::string& field) const;
  long status_kib(const std::string& name) const;  // "VmHWM", "RssAnon" of /proc/PID/status.
  double cpu_s() const;  // User and system time so far.
  double metric(const std::string& name) const;  // Of /-/metrics; 0 if it is not there.
  void stop(int signal);  // Then waits for its end.

 private:
  int pid_ = -1;
  int port_ = 0;
  std::string log_;
};

inline constexpr const char* kAccessKey = "BENCHACCESSKEY000001";
inline constexpr const char* kSecretKey = "bench-secret-of-a-server-that-lives-a-minute";

// One keep-alive connection that signs its requests. Blocking; one thread.
class Connection {
 public:
  explicit Connection(int port);
  ~Connection();
  // Aborts on any status but `want`. Returns the body.
  std::string request(const std::string& method, const std::string& path, const std::string& query,
                      const std::string& body, int want = 200);
  // The same for a GET whose body is only counted.
  std::size_t drain(const std::string& path);
  // A POST with the Content-MD5 that DeleteObjects wants.
  std::string post_checked(const std::string& path, const std::string& query,
                           const std::string& body);

 private:
  std::size_t exchange(const std::string& method, const std::string& path, const std::string& query,
                       const std::string& body, int want, std::string* keep,
                       const std::vector<std::pair<std::string, std::string>>& more = {});
  int socket_ = -1;
  int port_;
};

}  // namespace creel::bench
