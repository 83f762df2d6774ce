#include "tests/wire/wire_case.h"

#include "platform/base/text.h"

namespace creel::test {

std::vector<WireCase> parse_cases(std::string file, std::string_view text, std::string& problem) {
  std::vector<WireCase> cases;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (trim(line).empty() || line.starts_with('#')) continue;
    if (line.starts_with("case ")) {
      cases.push_back({file, std::string(trim(line.substr(5))), number, {}});
      continue;
    }
    const auto add = [&](std::string_view marker, char kind) {
      if (!line.starts_with(marker) || cases.empty()) return false;
      cases.back().lines.push_back({std::string(trim(line.substr(marker.size()))), kind, number});
      return true;
    };
    if (add("given ", 'g') || add("sign ", 's') || add(">>> ", '>') || add("<<< ", '<')) continue;
    problem = cat(file, ":", number, ": not a line of a case: ", line);
    return cases;
  }
  return cases;
}

std::optional<Signing> parse_signing(std::string_view text) {
  Signing out;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const std::string value(equals == std::string_view::npos ? "" : word.substr(equals + 1));
    if (name == "none") out.none = true;
    else if (name == "te") out.te = true;
    else if (name == "wrong_chunk") out.wrong_chunk = true;
    else if (name == "presigned") out.presigned = parse_u64(value).value_or(0);
    else if (name == "key") out.key = value;
    else if (name == "secret") out.secret = value;
    else if (name == "region") out.region = value;
    else if (name == "off") out.off_seconds = parse_i64(value).value_or(0);
    else if (name == "payload") out.payload = value;
    else if (name == "trailer") out.trailer = value;
    else return std::nullopt;
  }
  return out;
}

std::string pattern(std::size_t from, std::size_t until) {
  std::string out;
  for (std::size_t i = from; i < until; ++i) out.push_back(static_cast<char>('0' + i % 10));
  return out;
}

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char c = text[++i];
    if (c == 'x' && i + 2 < text.size() + 0) {
      out.push_back(static_cast<char>(parse_hex_u64(text.substr(i + 1, 2)).value_or('?')));
      i += 2;
    } else {
      out.push_back(c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c);
    }
  }
  return out;
}

}  // namespace creel::test
