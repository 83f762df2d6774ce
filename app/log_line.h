#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/units.h"

namespace creel::app {

// syslog's priorities, as the `<n>` in front of each line (sd-daemon(3)).
enum class Level : std::uint8_t { kAlert = 1, kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

// One JSON object a line on stderr: {"time":…,"event":…,…}. Fields are added in order; values are
// escaped. Secrets are never given to it. Written in one write() when the object dies.
class LogLine {
 public:
  LogLine(Level level, WallTime time, std::string_view event);
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;
  ~LogLine();
  LogLine& text(std::string_view name, std::string_view value);
  LogLine& number(std::string_view name, std::uint64_t value);

 private:
  std::string out_;
};

}  // namespace creel::app
