#include "s3/access/pattern.h"

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

// None of these occurs in UTF-8.
constexpr char kAnyRun = static_cast<char>(0xff);
constexpr char kAnyOne = static_cast<char>(0xfe);
constexpr char kVariable = static_cast<char>(0xfd);
constexpr char kVariableEnd = static_cast<char>(0xfc);

char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// "${name}" or "${name, 'default'}" at `text[at]`; where it ends, npos if it does not.
std::size_t append_variable(std::string_view text, std::size_t at, std::string& out) {
  const std::size_t end = text.find('}', at);
  if (end == std::string_view::npos) return end;
  const std::string_view inside = text.substr(at + 2, end - at - 2);
  if (inside == "*" || inside == "?" || inside == "$") {
    out.append(inside);
    return end;
  }
  if (inside.empty()) return std::string_view::npos;
  const std::size_t comma = inside.find(',');
  out.push_back(kVariable);
  out.append(to_lower(trim(inside.substr(0, comma))));
  if (comma != std::string_view::npos) {
    std::string_view fallback = trim(inside.substr(comma + 1));
    if (fallback.size() < 2 || fallback.front() != '\'' || fallback.back() != '\'')
      return std::string_view::npos;
    out.push_back(',');
    out.append(fallback.substr(1, fallback.size() - 2));
  }
  out.push_back(kVariableEnd);
  return end;
}

// Puts values in the place of variables; nullopt: one has no single value.
std::optional<std::string> filled_in(std::string_view pattern, const RequestFacts& facts) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != kVariable) {
      out.push_back(pattern[at]);
      continue;
    }
    const std::size_t end = pattern.find(kVariableEnd, at);
    const std::string_view inside = pattern.substr(at + 1, end - at - 1);
    const std::size_t comma = inside.find(',');
    std::vector<std::string> values;
    if (facts.find(inside.substr(0, comma), values) && values.size() == 1) {
      // A value is plain text: its own wildcards mean nothing.
      for (const char c : values.front())
        if (c == kAnyRun || c == kAnyOne || c == kVariable || c == kVariableEnd)
          return std::nullopt;
      out.append(values.front());
    } else if (comma != std::string_view::npos) {
      out.append(inside.substr(comma + 1));
    } else {
      return std::nullopt;
    }
    at = end;
  }
  return out;
}

}  // namespace

std::optional<std::string> compile_pattern(std::string_view text, PatternRules rules) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (rules.variables && c == '$' && at + 1 < text.size() && text[at + 1] == '{') {
      at = append_variable(text, at, out);
      if (at == std::string_view::npos) return std::nullopt;
    } else if (rules.wildcards && c == '*') {
      if (out.empty() || out.back() != kAnyRun) out.push_back(kAnyRun);
    } else if (rules.wildcards && c == '?') {
      out.push_back(kAnyOne);
    } else {
      out.push_back(c);
    }
  }
  return out;
}

bool is_fixed(std::string_view pattern) {
  for (const char c : pattern)
    if (c == kAnyRun || c == kAnyOne || c == kVariable) return false;
  return true;
}

// Goes back to the last '*' only: earlier ones have taken as little as they can, so that is enough
// and the work is at most |pattern| × |text|.
bool pattern_matches(std::string_view pattern, std::string_view text, Matching& matching,
                     bool ignore_case) {
  std::optional<std::string> filled;
  if (pattern.find(kVariable) != std::string_view::npos) {
    filled = filled_in(pattern, matching.facts());
    if (!filled) return false;
    pattern = *filled;
  }
  std::size_t p = 0, t = 0;
  std::size_t star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (!matching.step()) return false;
    const char want = p < pattern.size() ? pattern[p] : '\0';
    if (p < pattern.size() && want == kAnyRun) {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && want == kAnyOne) {
      ++p;
      ++t;
      while (t < text.size() && is_continuation(text[t])) ++t;  // One character, not one byte.
    } else if (p < pattern.size() &&
               (want == text[t] || (ignore_case && folded(want) == folded(text[t])))) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == kAnyRun) ++p;
  return p == pattern.size();
}

}  // namespace creel::s3
