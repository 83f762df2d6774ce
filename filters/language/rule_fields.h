#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "filters/language/rule.h"
#include "filters/language/rule_document.h"

namespace creel::filters {

// Reads the settings of one table and says where one is wrong. The first refusal stands in error().
class FieldReader {
 public:
  FieldReader(const RuleDocument& document, std::string context)
      : document_(document), context_(std::move(context)) {}

  bool refuse(const TomlValue& value, std::string_view field, std::string reason);
  bool refuse_text(const TomlValue& value, std::string_view field, std::size_t offset,
                   std::string reason);
  const std::string& error() const { return error_; }

  bool string(const TomlValue& value, std::string_view field, std::string& out);
  bool boolean(const TomlValue& value, std::string_view field, bool& out);
  bool strings(const TomlValue& value, std::string_view field, std::vector<std::string>& out);
  // One of `names`; `out` is its index.
  bool choice(const TomlValue& value, std::string_view field,
              std::initializer_list<std::string_view> names, int& out);
  // A whole number, or "64 KiB", within the bounds.
  bool bytes(const TomlValue& value, std::string_view field, std::uint64_t low, std::uint64_t high,
             std::uint64_t& out);
  bool duration(const TomlValue& value, std::string_view field, Duration& out);  // "90s", "7d"
  bool character(const TomlValue& value, std::string_view field, char& out);
  bool error_limit(const TomlValue& value, std::string_view field,
                   ErrorLimit& out);  // "0.5%" or a count

 private:
  std::string place(const TomlValue& value, std::string_view field) const;
  const RuleDocument& document_;
  std::string context_;
  std::string error_{};
};

// The value of `format`.
bool read_format(FieldReader& fields, const TomlValue& value, Rule& rule);

}  // namespace creel::filters
