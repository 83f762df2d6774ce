#include "app/log_line.h"

#include <unistd.h>

#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::app {
namespace {
constexpr std::size_t kValueBytesMax = 2'048;  // A key of 1,024 bytes, percent-encoded, is cut.

void append_text(std::string& out, std::string_view text) {
  JsonWriter json(out);
  json.string(text.substr(0, kValueBytesMax));
}
}  // namespace

LogLine::LogLine(Level level, WallTime time, std::string_view event)
    : out_(cat('<', static_cast<unsigned>(level), ">{\"time\":\"", iso8601_ms(time), "\"")) {
  text("event", event);
}

LogLine& LogLine::text(std::string_view name, std::string_view value) {
  out_ += ',';
  append_text(out_, name);
  out_ += ':';
  append_text(out_, value);
  return *this;
}

LogLine& LogLine::number(std::string_view name, std::uint64_t value) {
  out_ += ',';
  append_text(out_, name);
  out_ += cat(':', value);
  return *this;
}

LogLine::~LogLine() {
  out_ += "}\n";
  // A full or closed stderr must not stop the server; what is lost is one line.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, out_.data(), out_.size());
}

}  // namespace creel::app
