#include "filters/language/rule_tests.h"

#include "filters/eval/record_filter.h"
#include "platform/base/text.h"
#include "platform/codec/stream.h"

namespace creel::filters {
namespace {

std::string_view less_newline(std::string_view text) {
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  return text;
}

// What the case's input is, when the rule leaves it to the object.
ObjectInfo object_of(const RuleTest& test) {
  ObjectInfo object;
  const std::size_t first = test.in.find_first_not_of(" \t\r\n");
  const bool json = first != std::string::npos && test.in[first] == '{';
  object.key = json ? "test.ndjson" : "test.csv";
  object.size = test.in.size();
  return object;
}

bool run_one(const Rule& rule, const RuleTest& test, std::string& reason) {
  const ObjectInfo object = object_of(test);
  FilterOptions options;
  options.judge_errors = false;
  const auto filter = RecordFilter::make(rule, object, options);
  Result<Unit> done = filter->push(as_bytes(test.in));
  if (done.ok()) done = filter->finish();
  if (!done.ok()) return reason = done.error().detail, false;
  Bytes output = filter->take_output();
  if (filter->output_is_zstd()) {
    auto plain = zstd_decompress(output, 64 * MiB);
    if (!plain.ok()) return reason = plain.error().detail, false;
    output = plain.take();
  }
  const Counters& counters = filter->counters();
  if (test.out && less_newline(*test.out) != less_newline(as_text(output)))
    return reason = cat("expected '", less_newline(*test.out), "', got '",
                        less_newline(as_text(output)).substr(0, 1000), "'"),
           false;
  if (test.dead && *test.dead != counters.dead)
    return reason = cat("expected ", *test.dead, " dead letters, got ", counters.dead), false;
  if (test.dropped && *test.dropped != counters.dropped)
    return reason = cat("expected ", *test.dropped, " dropped, got ", counters.dropped), false;
  return true;
}

}  // namespace

bool run_rule_tests(const Rule& rule, std::size_t& which, std::string& reason) {
  for (which = 0; which < rule.tests.size(); ++which) {
    std::string why;
    if (run_one(rule, rule.tests[which], why)) continue;
    reason = cat("case ", which + 1, " failed: ", why);
    return false;
  }
  return true;
}

}  // namespace creel::filters
