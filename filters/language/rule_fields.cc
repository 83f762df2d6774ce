#include "filters/language/rule_fields.h"

#include "platform/base/text.h"

namespace creel::filters {

std::string FieldReader::place(const TomlValue& value, std::string_view field) const {
  if (document_.source.empty()) return cat(context_, field, ": ");
  return cat(context_, place_text(value.place), ": ", field, field.empty() ? "" : ": ");
}

bool FieldReader::refuse(const TomlValue& value, std::string_view field, std::string reason) {
  if (error_.empty()) error_ = place(value, field) + reason;
  return false;
}

// Points into the text of a string.
bool FieldReader::refuse_text(const TomlValue& value, std::string_view field, std::size_t offset,
                              std::string reason) {
  const std::string where = place_text(place_in_string(document_, value, offset));
  const bool in_file = !document_.source.empty();
  if (error_.empty())
    error_ = cat(context_, in_file ? "" : field, in_file ? "" : ", ", where, ": ",
                 in_file ? field : "", in_file ? ": " : "", reason);
  return false;
}

bool FieldReader::string(const TomlValue& value, std::string_view field, std::string& out) {
  if (value.type != TomlType::kString) return refuse(value, field, "expected a string");
  out = value.string;
  return true;
}

bool FieldReader::boolean(const TomlValue& value, std::string_view field, bool& out) {
  if (value.type != TomlType::kBoolean) return refuse(value, field, "expected true or false");
  out = value.boolean;
  return true;
}

bool FieldReader::strings(const TomlValue& value, std::string_view field,
                          std::vector<std::string>& out) {
  out.clear();
  if (value.type != TomlType::kArray) return refuse(value, field, "expected a list of strings");
  if (value.items.size() > kColumnsMax)
    return refuse(value, field, cat("more than ", kColumnsMax, " entries"));
  for (const TomlValue& item : value.items) {
    if (item.type != TomlType::kString) return refuse(item, field, "expected a string");
    for (const std::string& other : out)
      if (other == item.string)
        return refuse(item, field, cat("'", item.string, "' is there twice"));
    out.push_back(item.string);
  }
  return true;
}

bool FieldReader::choice(const TomlValue& value, std::string_view field,
                         std::initializer_list<std::string_view> names, int& out) {
  std::string all;
  int index = 0;
  for (const std::string_view name : names) {
    if (value.type == TomlType::kString && value.string == name) return out = index, true;
    all += cat(index++ == 0 ? "" : ", ", "\"", name, "\"");
  }
  return refuse(value, field, cat("expected one of ", all));
}

bool FieldReader::bytes(const TomlValue& value, std::string_view field, std::uint64_t low,
                        std::uint64_t high, std::uint64_t& out) {
  std::optional<std::uint64_t> number;
  if (value.type == TomlType::kInteger && value.integer >= 0) {
    number = static_cast<std::uint64_t>(value.integer);
  } else if (value.type == TomlType::kString) {
    std::string_view text = value.string;
    std::uint64_t unit = 1;
    const std::pair<std::string_view, std::uint64_t> units[] = {
        {"KiB", KiB}, {"MiB", MiB}, {"GiB", GiB}};
    for (const auto& [name, size] : units) {
      if (text.size() <= name.size() || text.substr(text.size() - name.size()) != name) continue;
      text = trim(text.substr(0, text.size() - name.size()));
      unit = size;
      break;
    }
    number = parse_u64(text);
    if (number && *number > UINT64_MAX / unit) number.reset();
    if (number) number = *number * unit;
  }
  if (!number)
    return refuse(value, field, "expected a number of bytes, such as 65536 or \"64 KiB\"");
  if (*number < low || *number > high)
    return refuse(value, field, cat("must lie between ", low, " and ", high, " bytes"));
  out = *number;
  return true;
}

bool FieldReader::duration(const TomlValue& value, std::string_view field, Duration& out) {
  const std::string_view text = value.string;
  const std::pair<std::string_view, std::int64_t> units[] = {{"ms", 1'000'000},
                                                             {"s", 1'000'000'000},
                                                             {"m", 60'000'000'000},
                                                             {"h", 3'600'000'000'000},
                                                             {"d", 86'400'000'000'000}};
  for (const auto& [name, ns] : units) {
    if (value.type != TomlType::kString || text.size() <= name.size()) continue;
    if (text.substr(text.size() - name.size()) != name) continue;
    const auto count = parse_u64(text.substr(0, text.size() - name.size()));
    if (!count || *count > static_cast<std::uint64_t>(INT64_MAX / ns)) continue;
    out = {static_cast<std::int64_t>(*count) * ns};
    return true;
  }
  return refuse(value, field, "expected a time, such as \"90s\", \"12h\" or \"30d\"");
}

bool FieldReader::character(const TomlValue& value, std::string_view field, char& out) {
  if (value.type != TomlType::kString || value.string.size() != 1 ||
      static_cast<unsigned char>(value.string[0]) >= 0x80 || value.string[0] == '\n' ||
      value.string[0] == '\r')
    return refuse(value, field, "expected one ASCII character, no line end");
  out = value.string[0];
  return true;
}

bool FieldReader::error_limit(const TomlValue& value, std::string_view field, ErrorLimit& out) {
  if (value.type == TomlType::kInteger && value.integer >= 0) {
    out.absolute = true;
    out.count = static_cast<std::uint64_t>(value.integer);
    return true;
  }
  std::string_view text = value.string;
  Number percent;
  Number per_mille;
  std::int64_t whole = 0;
  const bool reads = value.type == TomlType::kString && !text.empty() && text.back() == '%' &&
                     parse_number(text.substr(0, text.size() - 1), percent) &&
                     multiply(percent, from_int(10), per_mille) == Fault::kNone &&
                     to_int(per_mille, whole);
  if (!reads || whole < 0 || whole > 1000)
    return refuse(value, field,
                  "expected a number of records, or a share such as \"1%\" or \"0.5%\"");
  out = {};
  out.per_mille = static_cast<std::uint32_t>(whole);
  return true;
}

namespace {

bool read_header(FieldReader& fields, const TomlValue& value, CsvFormat& csv) {
  if (value.type == TomlType::kArray) {
    csv.header = CsvFormat::Header::kNames;
    return fields.strings(value, "format.header", csv.names) &&
           (!csv.names.empty() ||
            fields.refuse(value, "format.header", "the list of names is empty"));
  }
  int which = 0;
  if (!fields.choice(value, "format.header", {"use", "ignore", "none"}, which)) return false;
  csv.header = which == 0   ? CsvFormat::Header::kUse
               : which == 1 ? CsvFormat::Header::kIgnore
                            : CsvFormat::Header::kNone;
  return true;
}

bool read_format_field(FieldReader& fields, const TomlEntry& entry, Rule& rule,
                       bool& escape_given) {
  const TomlValue& value = entry.value;
  CsvFormat& csv = rule.csv;
  int which = 0;
  if (entry.name == "type") {
    if (value.string == "json" || value.string == "pattern" || value.string == "text")
      return fields.refuse(value, "format.type",
                           cat(value.string, " is not executed by this build"));
    if (!fields.choice(value, "format.type", {"auto", "csv", "ndjson"}, which)) return false;
    rule.format = static_cast<RecordFormat>(which);
    return true;
  }
  if (entry.name == "header") return read_header(fields, value, csv);
  if (entry.name == "delimiter") return fields.character(value, "format.delimiter", csv.delimiter);
  if (entry.name == "quote") {
    csv.has_quote = !(value.type == TomlType::kString && value.string.empty());
    return !csv.has_quote || fields.character(value, "format.quote", csv.quote);
  }
  if (entry.name == "escape") {
    escape_given = true;
    return fields.character(value, "format.escape", csv.escape);
  }
  if (entry.name == "comment") return fields.character(value, "format.comment", csv.comment);
  if (entry.name == "quoted_newlines")
    return fields.boolean(value, "format.quoted_newlines", csv.quoted_newlines);
  if (entry.name == "null") return fields.strings(value, "format.null", csv.null_texts);
  if (entry.name == "ragged") {
    if (!fields.choice(value, "format.ragged", {"error", "pad"}, which)) return false;
    csv.pad_ragged = which == 1;
    return true;
  }
  return fields.refuse(value, "format", cat("unknown field '", entry.name, "'"));
}

}  // namespace

bool read_format(FieldReader& fields, const TomlValue& value, Rule& rule) {
  if (value.type == TomlType::kString) {  // format = "csv"
    TomlEntry entry;
    entry.name = "type";
    entry.value = value;
    bool unused = false;
    return read_format_field(fields, entry, rule, unused);
  }
  if (value.type != TomlType::kTable) return fields.refuse(value, "format", "expected a table");
  bool escape_given = false;
  for (const TomlEntry& entry : value.entries)
    if (!read_format_field(fields, entry, rule, escape_given)) return false;
  CsvFormat& csv = rule.csv;
  if (!escape_given) csv.escape = csv.quote;
  if (csv.has_quote && (csv.quote == csv.delimiter || csv.escape == csv.delimiter))
    return fields.refuse(value, "format", "delimiter, quote and escape must differ");
  if (csv.comment != 0 &&
      (csv.comment == csv.delimiter || (csv.has_quote && csv.comment == csv.quote)))
    return fields.refuse(value, "format", "comment must differ from delimiter and quote");
  return true;
}

}  // namespace creel::filters
