// What most filter tests need: a rule set from text, one object through one rule.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "filters/eval/record_filter.h"
#include "filters/language/rule_set.h"
#include "platform/base/text.h"

namespace creel::filters::test {

class FixedKeys final : public KeyLoader {
 public:
  Result<Bytes> load(std::string_view reference) const override {
    if (reference == "env:SHORT") return Bytes(8, 1);
    if (reference == "env:KEY") return Bytes(32, 0x4b);
    return fail(ErrorCode::kNotFound, "no such key");
  }
};

inline Result<std::shared_ptr<const RuleSet>> parse(std::string_view toml,
                                                    RuleOptions options = {}) {
  const FixedKeys keys;
  return RuleSet::parse_toml(toml, keys, options);
}

// A set of one rule "r" with these lines.
inline std::string rule_text(std::string_view lines) {
  return cat("default = \"hold\"\n[[rule]]\nname = \"r\"\n", lines, "\n");
}

inline std::shared_ptr<const RuleSet> must_parse(std::string_view toml) {
  auto set = parse(toml);
  EXPECT_TRUE(set.ok()) << (set.ok() ? "" : set.error().detail) << "\n" << toml;
  return set.ok() ? set.value() : nullptr;
}

inline std::string refusal(std::string_view toml) {
  auto set = parse(toml);
  return set.ok() ? "accepted" : set.error().detail;
}

struct Outcome {
  std::string out;
  std::string dead;
  std::string held;    // Name of the reason; empty if not held.
  std::string detail;
  bool raw = false;
  bool zstd = false;
  Counters counters;
};

inline Outcome run_pieces(const Rule& rule, const ObjectInfo& object, std::string_view input,
                          const std::vector<std::size_t>& cuts, FilterOptions options = {}) {
  auto filter = RecordFilter::make(rule, object, options);
  Outcome outcome;
  std::size_t at = 0;
  bool fine = true;
  for (std::size_t i = 0; i <= cuts.size() && fine; ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : input.size();
    fine = filter->push(as_bytes(input.substr(at, end - at))).ok();
    outcome.out += to_string(filter->take_output());
    outcome.dead += to_string(filter->take_dead_letters());
    at = end;
  }
  if (fine) {
    fine = filter->finish().ok();
    outcome.out += to_string(filter->take_output());
    outcome.dead += to_string(filter->take_dead_letters());
  }
  outcome.counters = filter->counters();
  outcome.raw = filter->sends_raw();
  outcome.zstd = filter->output_is_zstd();
  EXPECT_EQ(fine, !filter->held().has_value());
  if (filter->held()) {
    outcome.held = std::string(held_name(*filter->held()));
    outcome.detail = filter->held_detail();
    outcome.out.clear();  // As a caller does, who publishes at the end only.
    outcome.dead.clear();
  } else {
    const Counters& c = outcome.counters;
    EXPECT_EQ(c.rows, c.kept + c.dropped + c.dead);
    EXPECT_LE(c.unknown + c.over_limit, c.dropped);
  }
  return outcome;
}

inline ObjectInfo object_named(std::string key) {
  ObjectInfo object;
  object.bucket = "field";
  object.key = std::move(key);
  object.version = "v1";
  return object;
}

// Lines of a rule, whose errors are not judged; the input as a CSV or NDJSON object.
inline Outcome run_rule(std::string_view lines, std::string_view input, std::string key = "a.csv") {
  const auto set = must_parse(rule_text(lines));
  if (set == nullptr) return {};
  FilterOptions options;
  options.judge_errors = false;
  return run_pieces(*set->rules()[0], object_named(std::move(key)), input, {}, options);
}

inline Outcome run_csv(std::string_view sql, std::string_view input) {
  return run_rule(cat("sql = '''", sql, "'''"), input);
}
inline Outcome run_json(std::string_view sql, std::string_view input) {
  return run_rule(cat("sql = '''", sql, "'''"), input, "a.ndjson");
}

}  // namespace creel::filters::test
