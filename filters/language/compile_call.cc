#include "filters/eval/address.h"
#include "filters/eval/kernels.h"
#include "filters/language/compile.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

Kernel kernel_of(Function function) {
  switch (function) {
    case Function::kCharLength: return kernel::char_length;
    case Function::kLower: return kernel::lower;
    case Function::kUpper: return kernel::upper;
    case Function::kSubstring: return kernel::substring;
    case Function::kTrim: return kernel::trim;
    case Function::kDateAdd: return kernel::date_add;
    case Function::kDateDiff: return kernel::date_diff;
    case Function::kToString: return kernel::to_string;
    case Function::kToTimestamp: return kernel::to_timestamp;
    case Function::kReplace: return kernel::replace;
    case Function::kHash64: return kernel::hash64;
    case Function::kAbs: return kernel::absolute;
    case Function::kRound:
    case Function::kFloor:
    case Function::kCeil: return kernel::round;
    case Function::kHmac: return kernel::hmac;
    case Function::kMask: return kernel::mask;
    case Function::kRedact: return kernel::redact;
    case Function::kTruncIp: return kernel::truncate_ip;
    case Function::kRoundGeo: return kernel::round_geo;
    case Function::kPart: return kernel::part;
    default: return nullptr;
  }
}

// A literal whole number from `low` to `high`.
bool whole_number(const Expr& expr, std::int64_t low, std::int64_t high, std::uint32_t& out) {
  if (expr.kind != ExprKind::kNumber || expr.number.kind != Number::Kind::kInt) return false;
  if (expr.number.integer < low || expr.number.integer > high) return false;
  out = static_cast<std::uint32_t>(expr.number.integer);
  return true;
}

bool redact_kind(const std::string& name, std::uint32_t& out) {
  constexpr std::string_view kNames[] = {"email", "pan", "ipv4", "iban"};
  for (std::uint32_t i = 0; i < 4; ++i)
    if (name == kNames[i]) return out = i, true;
  return false;
}

// How many leading arguments are values; the rest are constants folded into the operation.
std::size_t value_arguments(const Expr& expr) {
  switch (expr.function) {
    case Function::kCidr:
    case Function::kHmac:
    case Function::kMask:
    case Function::kRedact:
    case Function::kTruncIp:
    case Function::kRoundGeo: return 1;
    default: return expr.args.size();
  }
}

}  // namespace

// Checks the arguments that must be constants and puts them into the operation.
bool Compiler::call_constants(const Expr& expr, Op& op) {
  const auto& args = expr.args;
  switch (expr.function) {
    case Function::kCidr: {
      CidrRange range;
      if (args[1]->kind != ExprKind::kString || !parse_cidr(args[1]->text, range))
        return refuse(args[1]->offset, "expected a network such as '10.0.0.0/8', host bits zero");
      out_.ranges.push_back(range);
      op.extra = static_cast<std::uint32_t>(out_.ranges.size() - 1);
      return true;
    }
    case Function::kHmac:
      redacts_ = true;
      return schema_.has_key ||
             refuse(expr.offset, "HMAC needs a key: key = {hmac = \"file:…\", id = \"…\"}");
    case Function::kMask:
      redacts_ = true;
      return (whole_number(*args[1], 0, 1024, op.extra) &&
              whole_number(*args[2], 0, 1024, op.more)) ||
             refuse(expr.offset, "MASK takes two whole numbers from 0 to 1024 behind the text");
    case Function::kRedact:
      redacts_ = true;
      return (args[1]->kind == ExprKind::kString && redact_kind(args[1]->text, op.extra)) ||
             refuse(args[1]->offset, "expected 'email', 'pan', 'ipv4' or 'iban'");
    case Function::kTruncIp: redacts_ = true; return true;
    case Function::kRoundGeo:
      redacts_ = true;
      return whole_number(*args[1], 0, 15, op.extra) ||
             refuse(args[1]->offset, "expected a number of digits from 0 to 15");
    case Function::kTrim:
      op.extra = (expr.leading ? 1u : 0u) | (expr.trailing ? 2u : 0u);
      op.more = args.size() > 1 ? 1 : 0;
      return true;
    case Function::kSubstring: op.extra = args.size() > 2 ? 1 : 0; return true;
    case Function::kDateAdd:
    case Function::kDateDiff: op.extra = static_cast<std::uint32_t>(expr.part); return true;
    case Function::kRound:
    case Function::kFloor:
    case Function::kCeil:
      op.extra = static_cast<std::uint32_t>(expr.function == Function::kRound   ? Rounding::kNearest
                                            : expr.function == Function::kFloor ? Rounding::kDown
                                                                                : Rounding::kUp);
      op.more = args.size() > 1 ? 1 : 0;
      return true;
    case Function::kToString: {
      std::string sample;
      Value now;
      now.type = Type::kTimestamp;
      if (args[1]->kind == ExprKind::kString && !format_timestamp(now, args[1]->text, sample))
        return refuse(args[1]->offset, "unknown letter in the time pattern");
      return true;
    }
    case Function::kPart: op.extra = static_cast<std::uint32_t>(expr.number.integer); return true;
    default: return true;
  }
}

bool Compiler::call(const Expr& expr, std::uint16_t rows, Operand& out) {
  if (expr.function == Function::kCoalesce) return coalesce(expr, rows, out);
  if (expr.function == Function::kCidr || expr.function == Function::kLuhn)
    return truth_into_value(expr, rows, out);
  if (expr.function == Function::kNullif) {
    Operand a;
    std::uint16_t equal = 0;
    if (!value(*expr.args[0], rows, a)) return false;
    if (!compare(ExprKind::kEqual, a, *expr.args[0], *expr.args[1], rows, equal)) return false;
    free(a);
    free_truth(equal);
    const std::uint16_t to = new_register();
    Op& op = emit(kernel::null_if, "null_if", rows);
    op.a = a;
    op.truth = equal;
    op.to = to;
    out = {Operand::Kind::kRegister, to};
    return true;
  }
  Op op;
  op.run = kernel_of(expr.function);
  op.name = function_name(expr.function).data();
  op.rows = rows;
  op.label = label_of(expr);
  if (!call_constants(expr, op)) return false;
  if (expr.function == Function::kPart) {
    Path key;
    key.of_object = true;
    key.offset = expr.offset;
    key.steps.push_back({Step::Kind::kName, {"key", true}, 0});
    op.a.kind = Operand::Kind::kSlot;
    if (!slot(key, op.a.index)) return false;
    op.to = new_register();
  } else {
    Operand* places[] = {&op.a, &op.b, &op.c};
    const std::size_t count = value_arguments(expr);
    for (std::size_t i = 0; i < count; ++i)
      if (!value(*expr.args[i], rows, *places[i])) return false;
    for (std::size_t i = 0; i < count; ++i) free(*places[i]);
    op.to = new_register();
  }
  ops_->push_back(op);
  out = {Operand::Kind::kRegister, op.to};
  return true;
}

}  // namespace creel::filters
