#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/units.h"
#include "platform/codec/text_place.h"

namespace creel {

struct TomlLimits {
  std::uint64_t bytes_max = 1 * MiB;
  unsigned depth_max = 16;  // Nested tables and arrays.
};

enum class TomlType : std::uint8_t { kTable, kArray, kString, kInteger, kFloat, kBoolean };

// "a table", "a string", … for error texts.
std::string_view toml_type_name(TomlType type);

struct TomlEntry;

// One value of a TOML document, with its place, so that whoever reads a setting can say where it is
// wrong.
struct TomlValue {
  TomlType type = TomlType::kTable;
  TextPlace place{};  // Of the value; of the header for a [table].
  std::string string{};
  std::int64_t integer = 0;
  double real = 0;  // Also set for integers.
  bool boolean = false;
  std::vector<TomlValue> items{};  // Of an array, in order.
  std::vector<TomlEntry> entries;  // Of a table, in document order.

  // The entry of that name in a table; null if there is none, or this is no table.
  const TomlValue* find(std::string_view name) const;
};

struct TomlEntry {
  std::string name;
  TextPlace place{};  // Of the name.
  TomlValue value;
};

// Parses TOML 1.0. Dates and times are refused: nothing here is configured with one. Errors:
// kInvalid (reads "line 3, column 7: …"), kTooLarge.
Result<TomlValue> parse_toml(std::string_view text, TomlLimits limits = {});

}  // namespace creel
