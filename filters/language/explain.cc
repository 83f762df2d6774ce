#include "filters/language/rule_set.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

std::string_view format_name(RecordFormat format) {
  return format == RecordFormat::kCsv ? "csv" : format == RecordFormat::kNdjson ? "ndjson" : "auto";
}

std::string_view shape_name(Plan::Shape shape) {
  constexpr std::string_view kNames[] = {"copies records", "writes columns",
                                         "copies all but some columns",
                                         "copies all but some members"};
  return kNames[static_cast<int>(shape)];
}

void explain_ops(std::string& out, std::string_view stage, const std::vector<Op>& ops) {
  if (ops.empty()) return;
  out += cat("    ", stage, ":");
  for (const Op& op : ops) out += cat(" ", op.name);
  out += "\n";
}

void explain_plan(std::string& out, const Plan& plan) {
  const Program& program = plan.program;
  out += cat("  ", format_name(plan.input), " -> ", format_name(plan.output), ", ",
             shape_name(plan.shape), "\n");
  out += "    reads:";
  for (const Slot& slot : program.slots)
    out += cat(" ", print(slot.path), slot.used_by_where ? "*" : "");
  out += program.slots.empty() ? " nothing\n" : "   (* before WHERE)\n";
  explain_ops(out, "where", program.where_ops);
  explain_ops(out, "select", program.item_ops);
  for (const Automaton& automaton : program.automata)
    out += cat("    automaton: ", automaton.states(), " states\n");
  out += cat("    batch: ", program.batch_rows(), " rows\n");
}

}  // namespace

std::string explain(const Rule& rule) {
  std::string out = cat("rule ", rule.name, " @", rule.identity_hex().substr(0, 12), ": ",
                        action_name(rule.action), rule.redacting ? ", redacting" : "", "\n");
  out +=
      cat("  match: ", rule.match != nullptr ? rule.match_text : std::string("every object"), "\n");
  if (rule.statement == nullptr) return out;
  out += cat("  sql: ", print(*rule.statement), "\n");
  if (rule.csv_plan != nullptr) explain_plan(out, *rule.csv_plan);
  if (rule.ndjson_plan != nullptr) explain_plan(out, *rule.ndjson_plan);
  for (const std::string& warning : rule.warnings) out += cat("  warning: ", warning, "\n");
  return out;
}

}  // namespace creel::filters
