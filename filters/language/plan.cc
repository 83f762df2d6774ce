#include "filters/language/plan.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

// "user.name" → two bare names.
std::vector<Step> steps_of(std::string_view column) {
  std::vector<Step> steps;
  while (true) {
    const std::size_t dot = column.find('.');
    steps.push_back({Step::Kind::kName, {std::string(column.substr(0, dot)), false}, 0});
    if (dot == std::string_view::npos) return steps;
    column.remove_prefix(dot + 1);
  }
}

class Planner {
 public:
  Planner(Rule& rule, RecordFormat input, SqlError& error)
      : rule_(rule), statement_(*rule.statement), error_(error), plan_(std::make_unique<Plan>()) {
    plan_->input = input;
    plan_->output = rule.encode.value_or(input);
    schema_.kind = input == RecordFormat::kCsv ? Schema::Kind::kCsv : Schema::Kind::kJson;
    schema_.has_key = rule.key != nullptr || rule.key_missing;
    if (rule.csv.header == CsvFormat::Header::kNames) schema_.columns = rule.csv.names;
    else if (!rule.columns.empty()) schema_.columns = rule.columns;
  }

  std::unique_ptr<Plan> run() {
    Compiler compiler(schema_, plan_->program);
    compiler_ = &compiler;
    const bool fine = where() && (statement_.star ? star() : list()) && tree();
    rule_.redacting |= compiler.redacts();
    if (!fine) {
      if (error_.reason.empty()) error_ = compiler.error();
      return nullptr;
    }
    for (const std::string& warning : compiler.warnings())
      if (std::find(rule_.warnings.begin(), rule_.warnings.end(), warning) == rule_.warnings.end())
        rule_.warnings.push_back(warning);
    return std::move(plan_);
  }

 private:
  bool is_csv() const { return plan_->input == RecordFormat::kCsv; }
  bool refuse(std::uint32_t offset, std::string reason) {
    error_ = {offset, std::move(reason)};
    return false;
  }

  bool where() { return statement_.where == nullptr || compiler_->predicate(*statement_.where); }

  bool list() {
    plan_->shape = Plan::Shape::kColumns;
    for (const Item& item : statement_.items) {
      Plan::Column column;
      column.name = item.name;
      const bool plain = item.expr->kind == ExprKind::kPath && !item.expr->path.of_object;
      if (plain && is_csv()) {
        std::uint16_t unused = 0;
        if (!known_cell(item.expr->path, unused)) return false;
        column.cell = item.expr->path;
      } else if (!compiler_->item(*item.expr, column.operand)) {
        return false;
      }
      plan_->columns.push_back(std::move(column));
    }
    return true;
  }

  // Checks a path as the compiler would, without making a slot for it.
  bool known_cell(const Path& path, std::uint16_t&) {
    Program scratch;
    Compiler checker(schema_, scratch);
    std::uint16_t slot = 0;
    return checker.slot(path, slot) || refuse(checker.error().offset, checker.error().reason);
  }

  bool star() {
    const bool untouched = statement_.except.empty() && statement_.replace.empty() &&
                           rule_.new_column != NewColumn::kStrip;
    if (plan_->output != plan_->input && !is_csv()) return star_to_csv();
    if (plan_->output == plan_->input && untouched) {
      plan_->shape = Plan::Shape::kCopy;
      return true;
    }
    plan_->shape = is_csv() ? Plan::Shape::kCsvStar : Plan::Shape::kJsonEdit;
    plan_->except = statement_.except;
    for (const Path& path : statement_.except)
      if (!changeable(path)) return false;
    for (const Replacement& replacement : statement_.replace) {
      Plan::Change change;
      change.path = replacement.path;
      if (!changeable(change.path) || !compiler_->item(*replacement.expr, change.operand))
        return false;
      plan_->replace.push_back(std::move(change));
    }
    return true;
  }

  bool changeable(const Path& path) {
    if (is_csv()) {
      std::uint16_t unused = 0;
      return known_cell(path, unused);
    }
    if (path.position != 0) return refuse(path.offset, "columns by number exist in CSV only");
    if (rule_.columns.empty()) return true;
    // EXCEPT ("Email") where `email` is declared would cut nothing and let the value through.
    for (const std::string& column : rule_.columns) {
      const std::vector<Step> steps = steps_of(column);
      const std::size_t common = std::min(steps.size(), path.steps.size());
      bool same = true;
      for (std::size_t i = 0; i < common; ++i)
        same = same && path.steps[i].name.matches(steps[i].name.text);
      if (same) return true;
    }
    return refuse(path.offset, cat("no column '", print(path), "' is declared"));
  }

  // JSON to CSV needs to know the columns: the declared ones, in their order.
  bool star_to_csv() {
    if (rule_.columns.empty())
      return refuse(0, "SELECT * from NDJSON to CSV needs columns = [...] or a list");
    if (!statement_.replace.empty())
      return refuse(statement_.replace[0].path.offset,
                    "REPLACE from NDJSON to CSV: write a list instead");
    plan_->shape = Plan::Shape::kColumns;
    for (const Path& path : statement_.except)
      if (!changeable(path)) return false;
    for (const std::string& name : rule_.columns) {
      Expr expr;
      expr.kind = ExprKind::kPath;
      expr.path.steps = steps_of(name);
      if (is_cut(expr.path)) continue;
      Plan::Column column;
      column.name = name;
      if (!compiler_->item(expr, column.operand)) return false;
      plan_->columns.push_back(std::move(column));
    }
    return true;
  }

  bool is_cut(const Path& path) const {
    for (const Path& cut : statement_.except) {
      bool same = cut.steps.size() <= path.steps.size();
      for (std::size_t i = 0; same && i < cut.steps.size(); ++i)
        same = cut.steps[i].name.matches(path.steps[i].name.text);
      if (same) return true;
    }
    return false;
  }

  bool tree() {
    if (is_csv()) return true;
    JsonTree& tree = plan_->tree;
    const bool closed =
        !rule_.columns.empty() && rule_.new_column != NewColumn::kPass && statement_.star;
    for (const std::string& column : rule_.columns) {
      const std::vector<Step> steps = steps_of(column);
      tree.reach(steps);
      if (!closed) continue;
      // Each level that a declared name passes through is closed; below its end everything may
      // come.
      for (std::size_t i = 0; i < steps.size(); ++i)
        tree.nodes[tree.reach({steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(i)})]
            .closed = true;
    }
    const std::vector<Slot>& slots = plan_->program.slots;
    for (std::uint32_t i = 0; i < slots.size(); ++i)
      if (!slots[i].path.of_object) tree.nodes[reach(slots[i].path)].slots.push_back(i);
    if (plan_->shape == Plan::Shape::kJsonEdit) {
      for (const Path& path : plan_->except) tree.nodes[reach(path)].cut = true;
      for (std::uint32_t i = 0; i < plan_->replace.size(); ++i)
        tree.nodes[reach(plan_->replace[i].path)].replace = i;
    }
    tree.strip_new = rule_.new_column == NewColumn::kStrip;
    return !tree.ambiguous ||
           refuse(0,
                  "a key is written both bare and in \"quotes\"; write it the same way everywhere");
  }

  // A declared column is written bare; a quoted name of the same spelling means the same member.
  std::uint32_t reach(const Path& path) {
    std::vector<Step> steps = path.steps;
    for (const std::string& column : rule_.columns) {
      const std::vector<Step> declared = steps_of(column);
      for (std::size_t i = 0; i < std::min(declared.size(), steps.size()); ++i) {
        if (steps[i].kind != Step::Kind::kName || !steps[i].name.matches(declared[i].name.text))
          break;
        steps[i] = declared[i];
      }
    }
    return plan_->tree.reach(steps);
  }

  Rule& rule_;
  const Statement& statement_;
  SqlError& error_;
  Schema schema_{};
  std::unique_ptr<Plan> plan_;
  Compiler* compiler_ = nullptr;
};

}  // namespace

std::unique_ptr<Plan> make_plan(Rule& rule, RecordFormat input, SqlError& error) {
  return Planner(rule, input, error).run();
}

}  // namespace creel::filters
