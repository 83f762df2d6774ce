#include "filters/language/rule_document.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::filters {
namespace {

constexpr unsigned kDepthMax = 16;

Result<TomlValue> convert(const JsonValue& json, unsigned depth) {
  if (depth > kDepthMax) return fail(ErrorCode::kTooLarge, "nested too deep");
  TomlValue out;
  switch (json.type()) {
    case JsonType::kBool:
      out.type = TomlType::kBoolean;
      out.boolean = json.as_bool().value_or(false);
      return out;
    case JsonType::kString:
      out.type = TomlType::kString;
      out.string = std::string(json.as_string().value_or(""));
      return out;
    case JsonType::kNumber:
      out.real = json.as_double().value_or(0);
      out.type = json.as_i64() ? TomlType::kInteger : TomlType::kFloat;
      out.integer = json.as_i64().value_or(0);
      return out;
    case JsonType::kArray:
      out.type = TomlType::kArray;
      for (const JsonItem item : json) {
        TRY(value, convert(item.value, depth + 1));
        out.items.push_back(std::move(value));
      }
      return out;
    case JsonType::kObject:
      for (const JsonItem item : json) {
        if (out.find(item.name) != nullptr)
          return fail(ErrorCode::kInvalid, cat("'", item.name, "' is there twice"));
        TRY(value, convert(item.value, depth + 1));
        TomlEntry entry;
        entry.name = std::string(item.name);
        entry.value = std::move(value);
        out.entries.push_back(std::move(entry));
      }
      return out;
    default: return fail(ErrorCode::kInvalid, "null is not a setting; leave it out");
  }
}

// The byte of the source that begins the value.
std::size_t offset_of(std::string_view source, TextPlace place) {
  std::size_t at = 0;
  for (std::size_t line = 1; line < place.line && at < source.size(); ++line) {
    const std::size_t newline = source.find('\n', at);
    if (newline == std::string_view::npos) return source.size();
    at = newline + 1;
  }
  return std::min(at + place.column - 1, source.size());
}

std::size_t utf8_size(std::uint32_t c) {
  return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

// Steps over one written character or escape of a basic string; `decoded` grows by what it stands
// for.
void step_escape(std::string_view source, std::size_t& at, std::size_t& decoded) {
  const char letter = at + 1 < source.size() ? source[at + 1] : '\0';
  if (letter == 'u' || letter == 'U') {
    const std::size_t digits = letter == 'u' ? 4 : 8;
    const auto c = parse_hex_u64(source.substr(at + 2, digits));
    decoded += utf8_size(static_cast<std::uint32_t>(c.value_or('?')));
    at += 2 + digits;
  } else if (letter == '\n' || letter == ' ' || letter == '\t' || letter == '\r') {
    at += 2;  // A line ending in a backslash: white space is skipped up to the next text.
    while (at < source.size() &&
           (source[at] == ' ' || source[at] == '\t' || source[at] == '\r' || source[at] == '\n'))
      ++at;
  } else {
    at += 2;
    ++decoded;
  }
}

}  // namespace

Result<RuleDocument> read_toml_document(std::string_view text) {
  TRY(root, parse_toml(text));
  RuleDocument document;
  document.root = std::move(root);
  document.source = text;
  return document;
}

Result<RuleDocument> read_json_document(std::string_view text) {
  TRY(json, JsonDoc::parse(as_bytes(text)));
  if (!json.root().is_object()) return fail(ErrorCode::kInvalid, "expected an object");
  TRY(root, convert(json.root(), 0));
  RuleDocument document;
  document.root = std::move(root);
  return document;
}

TextPlace place_in_string(const RuleDocument& document, const TomlValue& value,
                          std::size_t offset) {
  if (document.source.empty()) return place_of(value.string, offset);
  const std::string_view source = document.source;
  std::size_t at = offset_of(source, value.place);
  const char quote = at < source.size() ? source[at] : '\0';
  if (quote != '"' && quote != '\'') return value.place;
  if (source.substr(at, 3) == std::string(3, quote)) {
    at += 3;
    if (source.substr(at, 1) == "\n") at += 1;
    else if (source.substr(at, 2) == "\r\n") at += 2;
  } else {
    at += 1;
  }
  std::size_t decoded = 0;
  while (decoded < offset && at < source.size()) {
    if (quote == '"' && source[at] == '\\') {
      step_escape(source, at, decoded);
    } else {
      ++at;
      ++decoded;
    }
  }
  return place_of(source, at);
}

}  // namespace creel::filters
