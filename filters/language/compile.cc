#include "filters/language/compile.h"

#include <algorithm>

#include "filters/eval/kernels.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

bool is_ordering(ExprKind kind) {
  return kind >= ExprKind::kLess && kind <= ExprKind::kGreaterEqual;
}

kernel::Compare compare_of(ExprKind kind) {
  switch (kind) {
    case ExprKind::kEqual: return kernel::kEq;
    case ExprKind::kNotEqual: return kernel::kNe;
    case ExprKind::kLess: return kernel::kLt;
    case ExprKind::kLessEqual: return kernel::kLe;
    case ExprKind::kGreater: return kernel::kGt;
    default: return kernel::kGe;
  }
}

Kernel bound_kernel(kernel::Compare compare) {
  constexpr Kernel kKernels[] = {
      kernel::compare_bound<kernel::kEq>, kernel::compare_bound<kernel::kNe>,
      kernel::compare_bound<kernel::kLt>, kernel::compare_bound<kernel::kLe>,
      kernel::compare_bound<kernel::kGt>, kernel::compare_bound<kernel::kGe>};
  return kKernels[compare];
}

// 5 < x as x > 5.
ExprKind mirrored(ExprKind kind) {
  switch (kind) {
    case ExprKind::kLess: return ExprKind::kGreater;
    case ExprKind::kLessEqual: return ExprKind::kGreaterEqual;
    case ExprKind::kGreater: return ExprKind::kLess;
    case ExprKind::kGreaterEqual: return ExprKind::kLessEqual;
    default: return kind;
  }
}

// A float constant is left to the general comparison: scaling it would round.
bool is_exact_number(const Expr& expr) {
  return expr.kind == ExprKind::kNumber && expr.number.kind != Number::Kind::kFloat;
}

bool same_path(const Path& a, const Path& b) { return print(a) == print(b); }

}  // namespace

bool Compiler::refuse(std::uint32_t offset, std::string reason) {
  if (error_.reason.empty()) error_ = {offset, std::move(reason)};
  return false;
}

Op& Compiler::emit(Kernel kernel, const char* name, std::uint16_t rows) {
  Op op;
  op.run = kernel;
  op.name = name;
  op.rows = rows;
  ops_->push_back(op);
  return ops_->back();
}

std::uint16_t Compiler::new_register() {
  if (free_registers_.empty()) return out_.registers++;
  const std::uint16_t index = free_registers_.back();
  free_registers_.pop_back();
  return index;
}
std::uint16_t Compiler::new_truth() {
  if (free_truths_.empty()) return out_.truths++;
  const std::uint16_t index = free_truths_.back();
  free_truths_.pop_back();
  return index;
}
std::uint16_t Compiler::new_selection() {
  if (free_selections_.empty()) return out_.selections++;
  const std::uint16_t index = free_selections_.back();
  free_selections_.pop_back();
  return index;
}
void Compiler::free(Operand operand) {
  if (operand.kind == Operand::Kind::kRegister) free_registers_.push_back(operand.index);
}

bool Compiler::is_literal(const Expr& expr) { return expr.kind <= ExprKind::kTimestamp; }

Operand Compiler::constant(const Value& value) {
  out_.constants.push_back(value);
  return {Operand::Kind::kConstant, static_cast<std::uint16_t>(out_.constants.size() - 1)};
}

Operand Compiler::constant_of(const Expr& literal) {
  switch (literal.kind) {
    case ExprKind::kNumber:
      if (literal.number.kind == Number::Kind::kInt)
        return constant(int_value(literal.number.integer));
      if (literal.number.kind == Number::Kind::kFloat)
        return constant(float_value(literal.number.real));
      {
        Value v;
        v.type = Type::kDecimal;
        v.decimal = &out_.decimals.emplace_back(literal.number.decimal);
        return constant(v);
      }
    case ExprKind::kString: return constant(string_value(out_.texts.emplace_back(literal.text)));
    case ExprKind::kBool: return constant(bool_value(literal.truth));
    case ExprKind::kTimestamp: return constant(literal.timestamp);
    case ExprKind::kMissing: return constant(missing_value());
    default: return constant(null_value());
  }
}

// The first column an expression reads: dead letters name it.
std::uint16_t Compiler::label_of(const Expr& expr) {
  const Expr* at = &expr;
  std::vector<const Expr*> stack{at};
  while (!stack.empty()) {
    at = stack.back();
    stack.pop_back();
    if (at->kind == ExprKind::kPath) break;
    for (std::size_t i = at->args.size(); i > 0; --i) stack.push_back(at->args[i - 1].get());
  }
  if (at->kind != ExprKind::kPath) return 0;
  const std::string name = print(at->path);
  for (std::size_t i = 1; i < out_.labels.size(); ++i)
    if (out_.labels[i] == name) return static_cast<std::uint16_t>(i);
  if (out_.labels.size() > UINT16_MAX) return 0;
  out_.labels.push_back(name);
  return static_cast<std::uint16_t>(out_.labels.size() - 1);
}

bool Compiler::predicate(const Expr& expr) {
  ops_ = &out_.where_ops;
  in_where_ = true;
  std::uint16_t index = 0;
  if (!truth(expr, kAllRows, index)) return false;
  out_.where = index;  // Never freed: read after the last operation.
  return true;
}

bool Compiler::item(const Expr& expr, Operand& out) {
  ops_ = &out_.item_ops;
  in_where_ = false;
  return value(expr, kAllRows, out);
}

bool Compiler::slot(const Path& path, std::uint16_t& out) {
  if (!path.of_object && schema_.kind == Schema::Kind::kObject)
    return refuse(path.offset, "only fields of the object, such as o.key, are known here");
  if (!path.of_object && schema_.kind == Schema::Kind::kCsv && path.position == 0) {
    if (path.steps.size() != 1) return refuse(path.offset, "a CSV column has no parts");
    const Name& name = path.steps[0].name;
    const bool known = schema_.columns.empty() ||
                       std::any_of(schema_.columns.begin(), schema_.columns.end(),
                                   [&](const std::string& column) { return name.matches(column); });
    if (!known) return refuse(path.offset, cat("no column '", name.text, "' is declared"));
  }
  if (!path.of_object && schema_.kind == Schema::Kind::kJson && path.position != 0)
    return refuse(path.offset, "columns by number exist in CSV only");
  for (std::size_t i = 0; i < out_.slots.size(); ++i) {
    if (!same_path(out_.slots[i].path, path)) continue;
    out_.slots[i].used_by_where |= in_where_;
    out = static_cast<std::uint16_t>(i);
    return true;
  }
  if (out_.slots.size() >= kColumnsMax)
    return refuse(path.offset, "more than 1024 columns are used");
  out_.slots.push_back({path, in_where_});
  out = static_cast<std::uint16_t>(out_.slots.size() - 1);
  return true;
}

bool Compiler::path(const Expr& expr, Operand& out) {
  out.kind = Operand::Kind::kSlot;
  return slot(expr.path, out.index);
}

bool Compiler::value(const Expr& expr, std::uint16_t rows, Operand& out) {
  if (is_literal(expr)) return out = constant_of(expr), true;
  switch (expr.kind) {
    case ExprKind::kPath: return path(expr, out);
    case ExprKind::kNegate: return simple(expr, rows, kernel::negate, "negate", out);
    case ExprKind::kAdd: return simple(expr, rows, kernel::add, "add", out);
    case ExprKind::kSubtract: return simple(expr, rows, kernel::subtract, "subtract", out);
    case ExprKind::kMultiply: return simple(expr, rows, kernel::multiply, "multiply", out);
    case ExprKind::kDivide: return simple(expr, rows, kernel::divide, "divide", out);
    case ExprKind::kRemainder: return simple(expr, rows, kernel::remainder, "remainder", out);
    case ExprKind::kConcat: return simple(expr, rows, kernel::concat, "concat", out);
    case ExprKind::kCase: return case_of(expr, rows, out);
    case ExprKind::kCast:
    case ExprKind::kTryCast: return simple(expr, rows, kernel::cast, "cast", out);
    case ExprKind::kExtract: return simple(expr, rows, kernel::extract, "extract", out);
    case ExprKind::kCall: return call(expr, rows, out);
    default: return truth_into_value(expr, rows, out);
  }
}

bool Compiler::truth_into_value(const Expr& expr, std::uint16_t rows, Operand& out) {
  std::uint16_t index = 0;
  if (!truth(expr, rows, index)) return false;
  Op& op = emit(kernel::value_of_truth, "value_of_truth", rows);
  op.truth = index;
  op.to = new_register();
  free_truth(index);
  out = {Operand::Kind::kRegister, op.to};
  return true;
}

// One operation over one to three operands.
bool Compiler::simple(const Expr& expr, std::uint16_t rows, Kernel kernel, const char* name,
                      Operand& out) {
  Op op;
  op.run = kernel;
  op.name = name;
  op.rows = rows;
  op.label = label_of(expr);
  if (expr.kind == ExprKind::kCast || expr.kind == ExprKind::kTryCast) {
    op.extra = static_cast<std::uint32_t>(expr.cast);
    op.more = (expr.kind == ExprKind::kTryCast ? 1u << 16 : 0u) |
              static_cast<std::uint32_t>(expr.cast_precision) << 8 | expr.cast_scale;
  }
  if (expr.kind == ExprKind::kExtract) op.extra = static_cast<std::uint32_t>(expr.part);
  if (!call_operands(expr, rows, op)) return false;
  ops_->push_back(op);
  out = {Operand::Kind::kRegister, op.to};
  return true;
}

bool Compiler::call_operands(const Expr& expr, std::uint16_t rows, Op& op) {
  Operand* places[] = {&op.a, &op.b, &op.c};
  const std::size_t count = std::min<std::size_t>(expr.args.size(), 3);
  for (std::size_t i = 0; i < count; ++i)
    if (!value(*expr.args[i], rows, *places[i])) return false;
  for (std::size_t i = 0; i < count; ++i) free(*places[i]);
  op.to = new_register();  // May be an operand's: each row is read before it is written.
  return true;
}

bool Compiler::truth(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  switch (expr.kind) {
    case ExprKind::kBool:
    case ExprKind::kNull:
    case ExprKind::kMissing: {
      Op& op = emit(kernel::set_truth, "set_truth", rows);
      op.extra = expr.kind == ExprKind::kBool ? (expr.truth ? kTrue : kFalse) : kUnknown;
      op.to = out = new_truth();
      return true;
    }
    case ExprKind::kNot: {
      if (!truth(*expr.args[0], rows, out)) return false;
      Op& op = emit(kernel::not_truth, "not", rows);
      op.truth = op.to = out;
      return true;
    }
    case ExprKind::kAnd:
    case ExprKind::kOr: return chain(expr, rows, out);
    case ExprKind::kEqual:
    case ExprKind::kNotEqual:
    case ExprKind::kLess:
    case ExprKind::kLessEqual:
    case ExprKind::kGreater:
    case ExprKind::kGreaterEqual: return comparison(expr, rows, out);
    case ExprKind::kBetween: return between(expr, rows, out);
    case ExprKind::kIn: return in_list(expr, rows, out);
    case ExprKind::kLike: return like(expr, rows, out);
    case ExprKind::kGlob:
    case ExprKind::kMatches: return pattern(expr, rows, out);
    case ExprKind::kIsTrue:
    case ExprKind::kIsFalse: {
      if (!truth(*expr.args[0], rows, out)) return false;
      Op& op = emit(kernel::is_truth, "is_truth", rows);
      op.truth = op.to = out;
      op.extra = expr.kind == ExprKind::kIsTrue ? kTrue : kFalse;
      break;
    }
    case ExprKind::kIsNull:
    case ExprKind::kIsMissing: {
      Operand a;
      if (!value(*expr.args[0], rows, a)) return false;
      const bool null = expr.kind == ExprKind::kIsNull;
      Op& op =
          emit(null ? kernel::is_null : kernel::is_missing, null ? "is_null" : "is_missing", rows);
      op.a = a;
      op.to = out = new_truth();
      free(a);
      break;
    }
    default: {
      if (expr.kind == ExprKind::kCall &&
          (expr.function == Function::kCidr || expr.function == Function::kLuhn)) {
        Op op;
        op.rows = rows;
        op.label = label_of(expr);
        if (!call_constants(expr, op) || !value(*expr.args[0], rows, op.a)) return false;
        op.run = expr.function == Function::kCidr ? kernel::cidr : kernel::luhn;
        op.name = expr.function == Function::kCidr ? "cidr" : "luhn";
        op.to = out = new_truth();
        ops_->push_back(op);
        free(op.a);
        return true;
      }
      if (expr.kind == ExprKind::kNumber || expr.kind == ExprKind::kString ||
          expr.kind == ExprKind::kTimestamp)
        return refuse(expr.offset, "expected a condition");
      Operand a;
      if (!value(expr, rows, a)) return false;
      Op& op = emit(kernel::truth_of_value, "truth_of_value", rows);
      op.a = a;
      op.label = label_of(expr);
      op.to = out = new_truth();
      free(a);
      return true;
    }
  }
  if (expr.negated) {
    Op& op = emit(kernel::not_truth, "not", rows);
    op.truth = op.to = out;
  }
  return true;
}

// AND and OR: each next argument sees only the rows the ones before left open.
bool Compiler::chain(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  const bool all = expr.kind == ExprKind::kAnd;
  if (!truth(*expr.args[0], rows, out)) return false;
  const std::uint16_t open = new_selection();
  std::uint16_t from = rows;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    Op& cut = emit(all ? kernel::narrow_not_false : kernel::narrow_not_true,
                   all ? "narrow_not_false" : "narrow_not_true", from);
    cut.truth = out;
    cut.to = open;
    from = open;
    std::uint16_t next = 0;
    if (!truth(*expr.args[i], open, next)) return false;
    Op& merge = emit(all ? kernel::and_truth : kernel::or_truth, all ? "and" : "or", open);
    merge.truth = next;
    merge.to = out;
    free_truth(next);
  }
  free_selection(open);
  return true;
}

bool Compiler::comparison(const Expr& expr, std::uint16_t rows, std::uint16_t& out) {
  const Expr* left = expr.args[0].get();
  const Expr* right = expr.args[1].get();
  ExprKind kind = expr.kind;
  if (is_literal(*left) && !is_literal(*right)) {
    std::swap(left, right);
    kind = mirrored(kind);
  }
  if (is_ordering(kind) && schema_.kind == Schema::Kind::kCsv && left->kind == ExprKind::kPath &&
      right->kind == ExprKind::kPath && !left->path.of_object && !right->path.of_object)
    warnings_.push_back(cat(print(*left), " and ", print(*right),
                            " are compared as text; use CAST to compare numbers"));
  Operand a;
  if (!value(*left, rows, a)) return false;
  if (!compare(kind, a, *left, *right, rows, out)) return false;
  free(a);
  return true;
}

bool Compiler::compare(ExprKind kind, Operand a, const Expr& left, const Expr& right,
                       std::uint16_t rows, std::uint16_t& out) {
  Op op;
  op.rows = rows;
  op.a = a;
  op.label = label_of(left);
  if (op.label == 0) op.label = label_of(right);
  const kernel::Compare compare = compare_of(kind);
  if (is_exact_number(right)) {
    out_.bounds.emplace_back(right.number);
    op.run = bound_kernel(compare);
    op.name = "compare_number";
    op.extra = static_cast<std::uint32_t>(out_.bounds.size() - 1);
  } else if (right.kind == ExprKind::kString && left.kind == ExprKind::kPath) {
    op.run = kernel::compare_string;
    op.name = "compare_string";
    op.b = constant_of(right);
    op.more = compare;
  } else {
    if (!value(right, rows, op.b)) return false;
    op.run = kernel::compare_any;
    op.name = "compare";
    op.extra = compare;
    free(op.b);
  }
  op.to = out = new_truth();
  ops_->push_back(op);
  return true;
}

bool Compiler::case_of(const Expr& expr, std::uint16_t rows, Operand& out) {
  std::size_t at = 0;
  Operand operand;
  if (expr.has_operand && !value(*expr.args[at++], rows, operand)) return false;
  const std::uint16_t to = new_register();
  const std::uint16_t open = new_selection();
  const std::uint16_t chosen = new_selection();
  std::uint16_t from = rows;
  const auto give = [&](const Expr& result, std::uint16_t selection) {
    Operand made;
    if (!value(result, selection, made)) return false;
    Op& op = emit(kernel::copy, "copy", selection);
    op.a = made;
    op.to = to;
    free(made);
    return true;
  };
  const std::size_t pairs_end = expr.args.size() - (expr.has_else ? 1 : 0);
  for (; at < pairs_end; at += 2) {
    std::uint16_t holds = 0;
    const Expr& when = *expr.args[at];
    const bool compiled = expr.has_operand
                              ? compare(ExprKind::kEqual, operand, *expr.args[0], when, from, holds)
                              : truth(when, from, holds);
    if (!compiled) return false;
    Op& hit = emit(kernel::narrow_true, "narrow_true", from);
    hit.truth = holds;
    hit.to = chosen;
    Op& miss = emit(kernel::narrow_not_true, "narrow_not_true", from);
    miss.truth = holds;
    miss.to = open;
    free_truth(holds);
    from = open;
    if (!give(*expr.args[at + 1], chosen)) return false;
  }
  if (expr.has_else) {
    if (!give(*expr.args.back(), from)) return false;
  } else {
    emit(kernel::set_null, "set_null", from).to = to;
  }
  free_selection(open);
  free_selection(chosen);
  free(operand);
  out = {Operand::Kind::kRegister, to};
  return true;
}

bool Compiler::coalesce(const Expr& expr, std::uint16_t rows, Operand& out) {
  const std::uint16_t to = new_register();
  const std::uint16_t open = new_selection();
  std::uint16_t from = rows;
  for (std::size_t i = 0; i < expr.args.size(); ++i) {
    if (i > 0) {
      Op& cut = emit(kernel::narrow_null, "narrow_null", from);
      cut.a = {Operand::Kind::kRegister, to};
      cut.to = open;
      from = open;
    }
    Operand one;
    if (!value(*expr.args[i], from, one)) return false;
    Op& op = emit(kernel::copy, "copy", from);
    op.a = one;
    op.to = to;
    free(one);
  }
  free_selection(open);
  out = {Operand::Kind::kRegister, to};
  return true;
}

}  // namespace creel::filters
