#include <charconv>
#include <cmath>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/codec/utf8.h"

namespace creel {
namespace {

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  switch (c) {
    case '"': out.append("\\\""); break;
    case '\\': out.append("\\\\"); break;
    case '\n': out.append("\\n"); break;
    case '\r': out.append("\\r"); break;
    case '\t': out.append("\\t"); break;
    default:
      out.append("\\u00");
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
  }
}

template <class Number>
void append_number(std::string& out, Number value) {
  char text[32];
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
  check(end.ec == std::errc());
  out.append(text, end.ptr);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t plain = 0;  // Start of the run not yet copied.
  std::size_t i = 0;
  const auto flush = [&] { out.append(text.substr(plain, i - plain)); };
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
        flush();
        append_escaped(out, text[i]);
        plain = i + 1;
      }
      ++i;
    } else if (const std::size_t length = utf8_length(text.substr(i)); length != 0) {
      i += length;
    } else {
      flush();
      out.append("\xef\xbf\xbd");
      plain = ++i;
    }
  }
  flush();
  out.push_back('"');
}

void JsonWriter::separate() {
  if (after_name_) {
    after_name_ = false;
    return;
  }
  if (depth_ == 0) return;
  const std::uint64_t bit = std::uint64_t{1} << (depth_ - 1);
  if (filled_ & bit) out_.push_back(',');
  filled_ |= bit;
}

JsonWriter& JsonWriter::begin(char bracket) {
  separate();
  check(depth_ < 64);
  filled_ &= ~(std::uint64_t{1} << depth_);
  ++depth_;
  out_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::end(char bracket) {
  check(depth_ > 0 && !after_name_);
  --depth_;
  out_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view name) {
  check(depth_ > 0 && !after_name_);
  separate();
  append_json_string(out_, name);
  out_.push_back(':');
  after_name_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::natural(std::uint64_t value) {
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  if (value == 0 && std::signbit(value)) return raw("-0.0");  // "-0" would read back as an integer.
  separate();
  append_number(out_, value);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

}  // namespace creel
