#pragma once
#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "platform/codec/toml.h"

namespace creel::filters {

// A rule document as one tree, whether it came as TOML or JSON.
struct RuleDocument {
  TomlValue root{};
  std::string_view
      source{};  // TOML text, to turn places in strings into places in the file; empty for JSON.
};

Result<RuleDocument> read_toml_document(std::string_view text);
Result<RuleDocument> read_json_document(std::string_view text);

// Where byte `offset` of the string `value` stands in the file: escapes, '''…''' and """…""" are
// followed. With JSON the place inside the string.
TextPlace place_in_string(const RuleDocument& document, const TomlValue& value, std::size_t offset);

}  // namespace creel::filters
