#include "platform/codec/toml.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 16
// Numbers by <charconv>: the other way is a stream, which brings 400 KB of locales into the program.
#define TOML_INT_CHARCONV 1
#define TOML_FLOAT_CHARCONV 1
// Its assertions can be reached by input ("[:"); without them the same input is refused with an error.
#define TOML_ASSERT(expr) static_cast<void>(0)
#include <algorithm>
#include <toml++/toml.hpp>

#include "platform/base/text.h"

namespace creel {
namespace {

// The library limits nested brackets but not dotted keys (a.b.c.…), and frees its tree recursively;
// this keeps its deepest tree at about 4,000 levels. A long text with more dots can be spread over
// several lines.
constexpr std::size_t kDotsInLineMax = 250;

Error toml_error(ErrorCode code, TextPlace place, std::string_view reason) {
  return fail(code, cat(place_text(place), ": ", reason));
}

TextPlace place_of(const toml::source_region& region) {
  return {.line = region.begin.line, .column = region.begin.column};
}

Result<Unit> check_dots(std::string_view text) {
  std::size_t line = 1;
  std::size_t dots = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > kDotsInLineMax) {
      return toml_error(ErrorCode::kTooLarge, {.line = line},
                        cat("more than ", kDotsInLineMax, " dots in one line"));
    }
  }
  return Unit{};
}

Result<TomlValue> convert(const toml::node& node, const TomlLimits& limits, unsigned depth);

Result<TomlValue> convert_table(const toml::table& table, const TomlLimits& limits,
                                unsigned depth) {
  TomlValue out;
  for (const auto& [key, node] : table) {
    const TextPlace place = place_of(key.source());
    TRY(value, convert(node, limits, depth + 1));
    out.entries.push_back(
        {.name = std::string(key.str()), .place = place, .value = std::move(value)});
  }
  std::sort(out.entries.begin(), out.entries.end(), [](const TomlEntry& a, const TomlEntry& b) {
    return a.place.line != b.place.line ? a.place.line < b.place.line
                                        : a.place.column < b.place.column;
  });
  return out;
}

Result<TomlValue> convert_array(const toml::array& array, const TomlLimits& limits,
                                unsigned depth) {
  TomlValue out{.type = TomlType::kArray};
  out.items.reserve(array.size());
  for (const toml::node& node : array) {
    TRY(value, convert(node, limits, depth + 1));
    out.items.push_back(std::move(value));
  }
  return out;
}

Result<TomlValue> convert_scalar(const toml::node& node) {
  TomlValue out;
  if (const auto* text = node.as_string()) {
    out.type = TomlType::kString;
    out.string = text->get();
  } else if (const auto* integer = node.as_integer()) {
    out.type = TomlType::kInteger;
    out.integer = integer->get();
    out.real = static_cast<double>(out.integer);
  } else if (const auto* real = node.as_floating_point()) {
    out.type = TomlType::kFloat;
    out.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    out.type = TomlType::kBoolean;
    out.boolean = boolean->get();
  } else {
    return toml_error(ErrorCode::kInvalid, place_of(node.source()),
                      "dates and times are not used here; write a string in quotes");
  }
  return out;
}

Result<TomlValue> convert(const toml::node& node, const TomlLimits& limits, unsigned depth) {
  const TextPlace place = place_of(node.source());
  if (depth > limits.depth_max)
    return toml_error(ErrorCode::kTooLarge, place,
                      cat("nested deeper than ", limits.depth_max, " levels"));
  Result<TomlValue> out = node.is_table()   ? convert_table(*node.as_table(), limits, depth)
                          : node.is_array() ? convert_array(*node.as_array(), limits, depth)
                                            : convert_scalar(node);
  if (out.ok()) out.value().place = place;
  return out;
}

}  // namespace

Result<TomlValue> parse_toml(std::string_view text, TomlLimits limits) {
  if (text.size() > limits.bytes_max)
    return fail(ErrorCode::kTooLarge,
                cat("TOML of ", text.size(), " bytes; at most ", limits.bytes_max));
  TRY_DO(check_dots(text));
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return toml_error(ErrorCode::kInvalid, place_of(error.source()), error.description());
  }
  return convert(parsed.table(), limits, 0);
}

std::string_view toml_type_name(TomlType type) {
  switch (type) {
    case TomlType::kTable: return "a table";
    case TomlType::kArray: return "an array";
    case TomlType::kString: return "a string";
    case TomlType::kInteger: return "an integer";
    case TomlType::kFloat: return "a number with a fraction";
    case TomlType::kBoolean: return "true or false";
  }
  return "nothing";
}

const TomlValue* TomlValue::find(std::string_view wanted) const {
  for (const TomlEntry& entry : entries)
    if (entry.name == wanted) return &entry.value;
  return nullptr;
}

}  // namespace creel
