#include "filters/language/rule.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && equal_ignore_case(text.substr(text.size() - end.size()), end);
}

Value find_pair(const std::vector<std::pair<std::string, std::string>>& pairs,
                const std::string& name, bool ignore_case) {
  for (const auto& [key, value] : pairs)
    if (key == name || (ignore_case && equal_ignore_case(key, name))) return string_value(value);
  return missing_value();
}

Value object_field(const ObjectInfo& object, const Path& path) {
  const std::string& field = path.steps[0].name.text;
  if (field == "key") return string_value(object.key);
  if (field == "bucket") return string_value(object.bucket);
  if (field == "size")
    return int_value(static_cast<std::int64_t>(std::min<std::uint64_t>(object.size, INT64_MAX)));
  if (field == "etag") return string_value(object.etag);
  if (field == "content_type") return string_value(object.content_type);
  if (field == "version") return string_value(object.version);
  if (field == "age") return int_value(object.age_ms / 1000);
  if (field == "meta") return find_pair(object.metadata, path.steps[1].name.text, true);
  if (field == "tag") return find_pair(object.tags, path.steps[1].name.text, false);
  return missing_value();
}

std::optional<RecordFormat> by_content_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  type = trim(type);
  for (const std::string_view csv : {"text/csv", "application/csv"})
    if (equal_ignore_case(type, csv)) return RecordFormat::kCsv;
  for (const std::string_view json :
       {"application/x-ndjson", "application/ndjson", "application/jsonl",
        "application/x-jsonlines", "application/jsonlines"})
    if (equal_ignore_case(type, json)) return RecordFormat::kNdjson;
  return std::nullopt;
}

}  // namespace

std::string_view held_name(HeldReason reason) {
  constexpr std::string_view kNames[] = {"compile",   "key",  "columns",    "redaction", "binary",
                                         "truncated", "bomb", "max_errors", "dlq_full",  "match"};
  return kNames[static_cast<int>(reason)];
}

std::string_view action_name(Action action) {
  constexpr std::string_view kNames[] = {"replicate", "hold", "drop", "filter"};
  return kNames[static_cast<int>(action)];
}

std::string Rule::identity_hex() const { return hex_encode(identity); }

std::optional<RecordFormat> detect_format(const Rule& rule, const ObjectInfo& object) {
  if (rule.format != RecordFormat::kAuto) return rule.format;
  if (const auto known = by_content_type(object.content_type)) return known;
  std::string_view key = object.key;
  for (const std::string_view packed : {".gz", ".zst"})
    if (ends_with(key, packed)) key.remove_suffix(packed.size());
  if (ends_with(key, ".csv")) return RecordFormat::kCsv;
  if (ends_with(key, ".ndjson") || ends_with(key, ".jsonl")) return RecordFormat::kNdjson;
  return std::nullopt;
}

void bind_object(Frame& frame, const ObjectInfo& object) {
  const std::vector<Slot>& slots = frame.program.slots;
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i].path.of_object) frame.set_object_value(i, object_field(object, slots[i].path));
}

std::optional<bool> evaluate_match(const Program& program, const ObjectInfo& object) {
  Frame frame(program, nullptr, 1 * MiB);
  bind_object(frame, object);
  frame.begin(1);
  run(frame, program.where_ops);
  if (frame.any_fault) return std::nullopt;
  return frame.truth(*program.where)[0] == kTrue;
}

}  // namespace creel::filters
