#include "filters/language/rule_canonical.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"
#include "platform/cpu/hash.h"

namespace creel::filters {
namespace {

void list(JsonWriter& json, std::string_view name, const std::vector<std::string>& items) {
  json.name(name).begin_array();
  for (const std::string& item : items) json.string(item);
  json.end_array();
}

void format(JsonWriter& json, const Rule& rule) {
  const CsvFormat& csv = rule.csv;
  const CsvFormat plain;
  json.name("format").begin_object();
  if (csv.comment != 0) json.field("comment", std::string_view(&csv.comment, 1));
  if (csv.delimiter != plain.delimiter)
    json.field("delimiter", std::string_view(&csv.delimiter, 1));
  if (csv.has_quote && csv.escape != csv.quote)
    json.field("escape", std::string_view(&csv.escape, 1));
  if (csv.header == CsvFormat::Header::kNames) list(json, "header", csv.names);
  if (csv.header == CsvFormat::Header::kIgnore) json.field("header", "ignore");
  if (csv.header == CsvFormat::Header::kNone) json.field("header", "none");
  if (csv.null_texts != plain.null_texts) list(json, "null", csv.null_texts);
  if (!csv.has_quote) json.field("quote", "");
  else if (csv.quote != plain.quote) json.field("quote", std::string_view(&csv.quote, 1));
  if (csv.quoted_newlines) json.field("quoted_newlines", true);
  if (csv.pad_ragged) json.field("ragged", "pad");
  if (rule.format != RecordFormat::kAuto)
    json.field("type", rule.format == RecordFormat::kCsv ? "csv" : "ndjson");
  json.end_object();
}

std::string encode_text(const Rule& rule) {
  std::string text = !rule.encode ? "same" : *rule.encode == RecordFormat::kCsv ? "csv" : "ndjson";
  if (rule.compress == Compress::kZstd) text += "+zstd";
  if (rule.compress == Compress::kNone) text += "+none";
  return text;
}

std::string_view on_error_text(OnError on_error) {
  constexpr std::string_view kNames[] = {"dlq", "drop", "pass", "fail_object"};
  return kNames[static_cast<int>(on_error)];
}

std::string percent_text(std::uint32_t per_mille) {
  return cat(per_mille / 10, ".", per_mille % 10, "%");
}

// Fields that only a filter has, in the order of their names together with write_rule.
void filter_head(JsonWriter& json, const Rule& rule) {
  if (rule.binary_replicate) json.field("binary", "replicate");
  if (!rule.columns.empty()) list(json, "columns", rule.columns);
}

void write_tests(JsonWriter& json, const Rule& rule) {
  if (rule.tests.empty()) return;
  json.name("tests").begin_array();
  for (const RuleTest& test : rule.tests) {
    json.begin_object();
    if (test.dead) json.field("dlq", *test.dead);
    if (test.dropped) json.field("dropped", *test.dropped);
    json.field("in", test.in);
    if (test.out) json.field("out", *test.out);
    json.end_object();
  }
  json.end_array();
}

void write_rule(JsonWriter& json, const Rule& rule) {
  const Rule plain;
  const bool filters = rule.statement != nullptr;
  json.begin_object();
  if (!filters) json.field("action", action_name(rule.action));
  if (filters) filter_head(json, rule);
  if (!rule.dead_letter_bucket.empty()) json.field("dead_letter", rule.dead_letter_bucket);
  if (!rule.replicate_deletes) json.field("deletes", "ignore");
  if (rule.empty_marker) json.field("empty", "marker");
  if (filters) json.field("encode", encode_text(rule));
  if (filters) format(json, rule);
  if (!rule.key_reference.empty())
    json.name("key")
        .begin_object()
        .field("hmac", rule.key_reference)
        .field("id", rule.key_id)
        .end_object();
  if (rule.match != nullptr) json.field("match", rule.match_text);
  if (filters) {
    if (rule.max_errors.absolute) json.field("max_errors", rule.max_errors.count);
    else json.field("max_errors", percent_text(rule.max_errors.per_mille));
    json.field("max_inflated", rule.max_inflated);
    json.field("max_record", rule.max_record);
  }
  if (rule.metadata == MetadataPolicy::kNames) list(json, "metadata", rule.metadata_names);
  else json.field("metadata", rule.metadata == MetadataPolicy::kCopy ? "copy" : "none");
  if (rule.missing_is_null) json.field("missing", "null");
  json.field("name", rule.name);
  if (filters) {
    constexpr std::string_view kNew[] = {"pass", "strip", "hold"};
    json.field("new_column", kNew[static_cast<int>(rule.new_column)]);
    json.field("on_error", on_error_text(rule.on_error));
    if (rule.redact_error_dead_letter) json.field("redact_error", "dlq");
    if (rule.redacting) json.field("redacts", true);
  }
  if (rule.retain) json.field("retain", cat(rule.retain->ms(), "ms"));
  if (filters) json.field("sql", print(*rule.statement));
  json.field("state_memory", rule.state_memory);
  list(json, "targets", rule.targets);
  write_tests(json, rule);
  if (rule.where_false_dead_letter) json.field("where_false", "dlq");
  json.end_object();
}

}  // namespace

void seal(Rule& rule) {
  rule.canonical_json.clear();
  JsonWriter json(rule.canonical_json);
  write_rule(json, rule);
  Sha256 hash;
  hash.update(as_bytes(rule.canonical_json));
  hash.update(as_bytes(
      cat("\n", rule.key != nullptr ? rule.key->check_value() : std::string(), "\n", kEngineAbi)));
  rule.identity = hash.finish();
}

}  // namespace creel::filters
