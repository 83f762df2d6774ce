#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "s3/routes/s3_handler.h"

namespace creel::app {

// The last requests, for `creel explain`: who asked, what the server saw, what decided. A ring in
// memory; values of keys and tokens are not kept. Loop thread only.
class RecentRequests {
 public:
  static constexpr std::size_t kKept = 512;
  static constexpr std::size_t kHeadBytesMax = 8 * KiB;

  void add(const s3::RequestReport& report, WallTime now);
  // JSON; nullopt: not among them.
  std::optional<std::string> explain(std::string_view request_id) const;

 private:
  struct Entry {
    std::string request_id, account, user, access_key, from, bucket, key, statement, code;
    std::string_view action, why;  // Of tables.
    std::string head;  // Method, path, query, then "name:value" lines, as they came.
    WallTime time;
    int status = 0;
    bool allowed = false, judged = false;
  };
  std::array<Entry, kKept> entries_;
  std::size_t next_ = 0;
};

// What a report says of rights, in words.
struct ReportedRights {
  std::string who, from, resource, why;
};
ReportedRights rights_of(const s3::RequestReport& report);

}  // namespace creel::app
