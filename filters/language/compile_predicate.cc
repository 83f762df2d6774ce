#include <algorithm>

#include "filters/eval/kernels.h"
#include "filters/language/compile.h"

// BETWEEN, IN, LIKE, GLOB and MATCHES.
namespace creel::filters {
namespace {

// A float constant is left to the general comparison: scaling it would round.
bool is_exact_number(const Expr& expr) {
  return expr.kind == ExprKind::kNumber && expr.number.kind != Number::Kind::kFloat;
}

}  // namespace

bool Compiler::between(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  Operand a;
  if (!value(*expr.args[0], rows, a)) return false;
  if (!compare(ExprKind::kGreaterEqual, a, *expr.args[0], *expr.args[1], rows, out)) return false;
  const std::uint16_t open = new_selection();
  Op& cut = emit(kernel::narrow_not_false, "narrow_not_false", rows);
  cut.truth = out;
  cut.to = open;
  std::uint16_t upper = 0;
  if (!compare(ExprKind::kLessEqual, a, *expr.args[0], *expr.args[2], open, upper)) return false;
  Op& merge = emit(kernel::and_truth, "and", open);
  merge.truth = upper;
  merge.to = out;
  free_truth(upper);
  free_selection(open);
  free(a);
  if (expr.negated) {
    Op& op = emit(kernel::not_truth, "not", rows);
    op.truth = op.to = out;
  }
  return true;
}

// A list of only strings, or only exact numbers, becomes one set; NULL may stand among them.
bool Compiler::in_constants(const Expr& expr, Op& op) {
  bool strings = true;
  bool numbers = true;
  bool with_null = false;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    const Expr& one = *expr.args[i];
    const bool null = one.kind == ExprKind::kNull || one.kind == ExprKind::kMissing;
    with_null = with_null || null;
    strings = strings && (null || one.kind == ExprKind::kString);
    numbers = numbers && (null || is_exact_number(one));
  }
  if (strings) {
    StringSet& set = out_.string_sets.emplace_back();
    set.with_null = with_null;
    for (std::size_t i = 1; i < expr.args.size(); ++i)
      if (expr.args[i]->kind == ExprKind::kString) set.items.push_back(expr.args[i]->text);
    std::sort(set.items.begin(), set.items.end());
    op.run = kernel::in_strings;
    op.name = "in_strings";
    op.extra = static_cast<std::uint32_t>(out_.string_sets.size() - 1);
    return true;
  }
  if (!numbers) return false;
  NumberSet& set = out_.number_sets.emplace_back();
  set.with_null = with_null;
  for (std::size_t i = 1; i < expr.args.size(); ++i)
    if (expr.args[i]->kind == ExprKind::kNumber) set.items.emplace_back(expr.args[i]->number);
  op.run = kernel::in_numbers;
  op.name = "in_numbers";
  op.extra = static_cast<std::uint32_t>(out_.number_sets.size() - 1);
  return true;
}

bool Compiler::in_list(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  Operand a;
  if (!value(*expr.args[0], rows, a)) return false;
  Op op;
  op.rows = rows;
  op.a = a;
  op.label = label_of(expr);
  if (in_constants(expr, op)) {
    op.to = out = new_truth();
    ops_->push_back(op);
  } else {  // As a = x OR a = y OR …
    const std::uint16_t open = new_selection();
    std::uint16_t from = rows;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      std::uint16_t next = 0;
      if (i > 1) {
        Op& cut = emit(kernel::narrow_not_true, "narrow_not_true", from);
        cut.truth = out;
        cut.to = open;
        from = open;
      }
      if (!compare(ExprKind::kEqual, a, *expr.args[0], *expr.args[i], from, next)) return false;
      if (i == 1) {
        out = next;
        continue;
      }
      Op& merge = emit(kernel::or_truth, "or", open);
      merge.truth = next;
      merge.to = out;
      free_truth(next);
    }
    free_selection(open);
  }
  free(a);
  if (expr.negated) {
    Op& no = emit(kernel::not_truth, "not", rows);
    no.truth = no.to = out;
  }
  return true;
}

bool Compiler::like(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  Op op;
  op.rows = rows;
  op.label = label_of(expr);
  if (!value(*expr.args[0], rows, op.a)) return false;
  if (expr.has_escape && expr.text.empty())
    return refuse(expr.offset, "ESCAPE takes one character");
  if (expr.args[1]->kind == ExprKind::kString) {
    std::string reason;
    LikePattern& like = out_.likes.emplace_back();
    if (!like.parse(expr.args[1]->text, expr.text, reason))
      return refuse(expr.args[1]->offset, reason);
    op.run = kernel::like_constant;
    op.name = "like";
    op.extra = static_cast<std::uint32_t>(out_.likes.size() - 1);
  } else {
    if (!value(*expr.args[1], rows, op.b)) return false;
    op.run = kernel::like_any;
    op.name = "like_any";
    op.more = expr.has_escape ? 1 : 0;
    if (expr.has_escape) op.c = constant(string_value(out_.texts.emplace_back(expr.text)));
    free(op.b);
  }
  free(op.a);
  op.to = out = new_truth();
  ops_->push_back(op);
  if (expr.negated) {
    Op& no = emit(kernel::not_truth, "not", rows);
    no.truth = no.to = out;
  }
  return true;
}

bool Compiler::pattern(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  Op op;
  op.rows = rows;
  op.label = label_of(expr);
  if (!value(*expr.args[0], rows, op.a)) return false;
  std::string reason;
  std::size_t at = 0;
  Automaton& machine = out_.automata.emplace_back();
  const bool built = expr.kind == ExprKind::kGlob ? machine.glob(expr.text, reason, at)
                                                  : machine.regex(expr.text, reason, at);
  if (!built)
    return refuse(static_cast<std::uint32_t>(expr.offset + 1 + std::min(at, expr.text.size())),
                  reason);
  op.run = kernel::automaton;
  op.name = expr.kind == ExprKind::kGlob ? "glob" : "matches";
  op.extra = static_cast<std::uint32_t>(out_.automata.size() - 1);
  op.to = out = new_truth();
  free(op.a);
  ops_->push_back(op);
  if (expr.negated) {
    Op& no = emit(kernel::not_truth, "not", rows);
    no.truth = no.to = out;
  }
  return true;
}

}  // namespace creel::filters
