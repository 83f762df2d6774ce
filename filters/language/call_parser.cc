#include "filters/language/expr_parser.h"
#include "platform/base/text.h"

// What looks like a call: functions by their table, and those with a grammar of their own.
namespace creel::filters {
namespace {

struct FunctionShape {
  std::string_view name;
  Function function;
  std::uint8_t args_min;
  std::uint8_t args_max;
};

constexpr std::uint8_t kMany = 255;
constexpr FunctionShape kFunctions[] = {
    {"COALESCE", Function::kCoalesce, 1, kMany},
    {"NULLIF", Function::kNullif, 2, 2},
    {"CHAR_LENGTH", Function::kCharLength, 1, 1},
    {"CHARACTER_LENGTH", Function::kCharLength, 1, 1},
    {"LOWER", Function::kLower, 1, 1},
    {"UPPER", Function::kUpper, 1, 1},
    {"TO_STRING", Function::kToString, 2, 2},
    {"TO_TIMESTAMP", Function::kToTimestamp, 1, 1},
    {"REPLACE", Function::kReplace, 3, 3},
    {"CIDR", Function::kCidr, 2, 2},
    {"HASH64", Function::kHash64, 1, 1},
    {"LUHN", Function::kLuhn, 1, 1},
    {"ABS", Function::kAbs, 1, 1},
    {"ROUND", Function::kRound, 1, 2},
    {"FLOOR", Function::kFloor, 1, 1},
    {"CEIL", Function::kCeil, 1, 1},
    {"HMAC", Function::kHmac, 1, 1},
    {"MASK", Function::kMask, 3, 3},
    {"REDACT", Function::kRedact, 2, 2},
    {"TRUNC_IP", Function::kTruncIp, 1, 1},
    {"ROUND_GEO", Function::kRoundGeo, 2, 2},
};

// Known words this build refuses by name, so that nobody takes them for a typing error.
constexpr std::string_view kLater[] = {"COUNT", "SUM",     "AVG",    "MIN",      "MAX", "STDDEV",
                                       "FIRST", "LAST",    "P50",    "P95",      "LAG", "DELTA",
                                       "EWMA",  "CHANGED", "UTCNOW", "HAVERSINE"};

bool same(std::string_view a, std::string_view b) { return equal_ignore_case(a, b); }

}  // namespace

bool ExprParser::cast_type(Expr& out) {
  struct TypeName {
    std::string_view name;
    CastType type;
  };
  constexpr TypeName kTypes[] = {
      {"BOOL", CastType::kBool},       {"INT", CastType::kInt},
      {"INTEGER", CastType::kInt},     {"FLOAT", CastType::kFloat},
      {"DECIMAL", CastType::kDecimal}, {"NUMERIC", CastType::kDecimal},
      {"STRING", CastType::kString},   {"TIMESTAMP", CastType::kTimestamp}};
  const Token& token = peek();
  for (const TypeName& type : kTypes) {
    if (token.kind != TokenKind::kName || !same(token.text, type.name)) continue;
    out.cast = type.type;
    take();
    if (type.type != CastType::kDecimal || !take_punct("(")) return true;
    const auto size = [&](std::uint8_t& value) {
      const auto number = parse_u64(peek().text);
      if (peek().kind != TokenKind::kInt || !number || *number > 38)
        return refuse(peek(), "expected a number of digits up to 38");
      value = static_cast<std::uint8_t>(*number);
      take();
      return true;
    };
    if (!size(out.cast_precision)) return false;
    if (take_punct(",") && !size(out.cast_scale)) return false;
    if (out.cast_precision == 0 || out.cast_scale > out.cast_precision)
      return refuse(token, "precision must be at least 1 and not below the scale");
    return need_punct(")");
  }
  return refuse(token, "expected BOOL, INT, FLOAT, DECIMAL, STRING or TIMESTAMP");
}

ExprPtr ExprParser::cast_of(ExprKind kind) {
  ExprPtr expr = make(kind, take().offset);
  if (expr == nullptr || !need_punct("(") || !adopt(*expr, expression())) return nullptr;
  if (!need_keyword("AS") || !cast_type(*expr) || !need_punct(")")) return nullptr;
  return expr;
}

bool ExprParser::date_part(DatePart& out) {
  struct PartName {
    std::string_view name;
    DatePart part;
  };
  constexpr PartName kParts[] = {{"YEAR", DatePart::kYear},
                                 {"MONTH", DatePart::kMonth},
                                 {"DAY", DatePart::kDay},
                                 {"HOUR", DatePart::kHour},
                                 {"MINUTE", DatePart::kMinute},
                                 {"SECOND", DatePart::kSecond},
                                 {"TIMEZONE_HOUR", DatePart::kTimezoneHour},
                                 {"TIMEZONE_MINUTE", DatePart::kTimezoneMinute}};
  for (const PartName& part : kParts) {
    if (!take_keyword(part.name)) continue;
    out = part.part;
    return true;
  }
  return refuse(
      peek(), "expected YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, TIMEZONE_HOUR or TIMEZONE_MINUTE");
}

ExprPtr ExprParser::extract_of() {
  ExprPtr expr = make(ExprKind::kExtract, take().offset);
  if (expr == nullptr || !need_punct("(") || !date_part(expr->part)) return nullptr;
  if (!need_keyword("FROM") || !adopt(*expr, expression()) || !need_punct(")")) return nullptr;
  return expr;
}

ExprPtr ExprParser::substring_of() {
  ExprPtr expr = make(ExprKind::kCall, take().offset);
  if (expr == nullptr) return nullptr;
  expr->function = Function::kSubstring;
  if (!need_punct("(") || !adopt(*expr, expression())) return nullptr;
  const bool words = take_keyword("FROM");
  if (!words && !need_punct(",")) return nullptr;
  if (!adopt(*expr, sum())) return nullptr;
  if ((words ? take_keyword("FOR") : take_punct(",")) && !adopt(*expr, sum())) return nullptr;
  if (!need_punct(")")) return nullptr;
  return expr;
}

// TRIM([[LEADING|TRAILING|BOTH] [characters] FROM] text); args: text, then the characters if given.
ExprPtr ExprParser::trim_of() {
  ExprPtr expr = make(ExprKind::kCall, take().offset);
  if (expr == nullptr) return nullptr;
  expr->function = Function::kTrim;
  if (!need_punct("(")) return nullptr;
  bool sided = true;
  if (take_keyword("LEADING")) expr->trailing = false;
  else if (take_keyword("TRAILING")) expr->leading = false;
  else if (!take_keyword("BOTH")) sided = false;
  ExprPtr first;
  if (!is_keyword("FROM")) {
    first = sided ? sum() : expression();
    if (first == nullptr) return nullptr;
  } else if (!sided) {
    return fail_here("expected LEADING, TRAILING, BOTH or an expression");
  }
  if (take_keyword("FROM")) {
    if (!adopt(*expr, expression())) return nullptr;
    if (first != nullptr && !adopt(*expr, std::move(first))) return nullptr;
  } else {
    if (sided) return fail_here("expected FROM");
    if (!adopt(*expr, std::move(first))) return nullptr;
  }
  if (!need_punct(")")) return nullptr;
  return expr;
}

ExprPtr ExprParser::date_of(Function function) {
  ExprPtr expr = make(ExprKind::kCall, take().offset);
  if (expr == nullptr) return nullptr;
  expr->function = function;
  if (!need_punct("(")) return nullptr;
  const std::uint32_t part_offset = peek().offset;
  if (!date_part(expr->part)) return nullptr;
  if (expr->part >= DatePart::kTimezoneHour) {
    refuse_at(part_offset, "an offset cannot be added or subtracted");
    return nullptr;
  }
  if (!need_punct(",") || !adopt(*expr, expression()) || !need_punct(",") ||
      !adopt(*expr, expression()))
    return nullptr;
  if (!need_punct(")")) return nullptr;
  return expr;
}

bool ExprParser::arguments(Expr& out) {
  if (!need_punct("(")) return false;
  if (take_punct(")")) return true;
  do {
    if (is_punct("*")) return refuse(peek(), "aggregates are not executed by this build");
    if (!adopt(out, expression())) return false;
  } while (take_punct(","));
  return need_punct(")");
}

ExprPtr ExprParser::call() {
  const Token& token = peek();
  if (is_keyword("CAST")) return cast_of(ExprKind::kCast);
  if (is_keyword("TRY_CAST")) return cast_of(ExprKind::kTryCast);
  if (is_keyword("EXTRACT")) return extract_of();
  if (is_keyword("SUBSTRING")) return substring_of();
  if (is_keyword("TRIM")) return trim_of();
  if (is_keyword("DATE_ADD")) return date_of(Function::kDateAdd);
  if (is_keyword("DATE_DIFF")) return date_of(Function::kDateDiff);
  for (const std::string_view later : kLater)
    if (is_keyword(later)) return fail_here(cat(later, " is not executed by this build"));
  for (const FunctionShape& shape : kFunctions) {
    if (!is_keyword(shape.name)) continue;
    ExprPtr expr = make(ExprKind::kCall, take().offset);
    if (expr == nullptr) return nullptr;
    expr->function = shape.function;
    if (!arguments(*expr)) return nullptr;
    const std::size_t count = expr->args.size();
    if (count < shape.args_min || (shape.args_max != kMany && count > shape.args_max)) {
      refuse_at(token.offset,
                cat(shape.name, " takes ", int{shape.args_min},
                    shape.args_max == kMany            ? std::string(" or more")
                    : shape.args_max != shape.args_min ? cat(" to ", int{shape.args_max})
                                                       : std::string(),
                    shape.args_max == 1 ? " argument" : " arguments", ", not ", count));
      return nullptr;
    }
    return expr;
  }
  return fail_here(cat("unknown function '", token.text.substr(0, 40), "'"));
}

}  // namespace creel::filters
