#include "filters/language/expr_parser.h"

#include <algorithm>

#include "platform/base/text.h"

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
    {"COALESCE", Function::kCoalesce, 1, kMany}, {"NULLIF", Function::kNullif, 2, 2},
    {"CHAR_LENGTH", Function::kCharLength, 1, 1}, {"CHARACTER_LENGTH", Function::kCharLength, 1, 1},
    {"LOWER", Function::kLower, 1, 1},           {"UPPER", Function::kUpper, 1, 1},
    {"TO_STRING", Function::kToString, 2, 2},    {"TO_TIMESTAMP", Function::kToTimestamp, 1, 1},
    {"REPLACE", Function::kReplace, 3, 3},       {"CIDR", Function::kCidr, 2, 2},
    {"HASH64", Function::kHash64, 1, 1},         {"LUHN", Function::kLuhn, 1, 1},
    {"ABS", Function::kAbs, 1, 1},               {"ROUND", Function::kRound, 1, 2},
    {"FLOOR", Function::kFloor, 1, 1},           {"CEIL", Function::kCeil, 1, 1},
    {"HMAC", Function::kHmac, 1, 1},             {"MASK", Function::kMask, 3, 3},
    {"REDACT", Function::kRedact, 2, 2},         {"TRUNC_IP", Function::kTruncIp, 1, 1},
    {"ROUND_GEO", Function::kRoundGeo, 2, 2},
};

// Known words this build refuses by name, so that nobody takes them for a typing error.
constexpr std::string_view kLater[] = {"COUNT", "SUM",   "AVG",     "MIN",  "MAX",       "STDDEV", "FIRST",
                                       "LAST",  "P50",   "P95",     "LAG",  "DELTA",     "EWMA",   "CHANGED",
                                       "UTCNOW", "HAVERSINE"};

constexpr std::string_view kReserved[] = {
    "SELECT", "FROM",   "WHERE",  "AROUND", "BEFORE", "AFTER",   "DEDUP", "WITHIN", "SAMPLE", "RATE",
    "PER",    "GROUP",  "BY",     "WINDOW", "HAVING", "LIMIT",   "AND",   "OR",     "NOT",    "BETWEEN",
    "IN",     "LIKE",   "ESCAPE", "GLOB",   "MATCHES", "IS",     "NULL",  "MISSING", "TRUE",  "FALSE",
    "CASE",   "WHEN",   "THEN",   "ELSE",   "END",    "CAST",    "AS",    "EXCEPT"};

bool same(std::string_view a, std::string_view b) { return equal_ignore_case(a, b); }

}  // namespace

struct ExprParser::Level {
  explicit Level(ExprParser& p) : parser(p) { ++parser.level_; }
  ~Level() { --parser.level_; }
  bool too_deep() const { return parser.level_ > kExprDepthMax; }
  ExprParser& parser;
};

bool ExprParser::is_reserved(std::string_view word) {
  return std::any_of(std::begin(kReserved), std::end(kReserved),
                     [&](std::string_view other) { return same(word, other); });
}

const Token& ExprParser::peek(std::size_t ahead) const {
  return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}
const Token& ExprParser::take() {
  const Token& token = peek();
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}
bool ExprParser::is_keyword(std::string_view word, std::size_t ahead) const {
  return peek(ahead).kind == TokenKind::kName && same(peek(ahead).text, word);
}
bool ExprParser::is_punct(std::string_view text, std::size_t ahead) const {
  return peek(ahead).kind == TokenKind::kPunct && peek(ahead).text == text;
}
bool ExprParser::take_keyword(std::string_view word) { return is_keyword(word) && (take(), true); }
bool ExprParser::take_punct(std::string_view text) { return is_punct(text) && (take(), true); }
bool ExprParser::need_keyword(std::string_view word) {
  return take_keyword(word) || refuse(peek(), cat("expected ", word));
}
bool ExprParser::need_punct(std::string_view text) {
  return take_punct(text) || refuse(peek(), cat("expected '", text, "'"));
}

bool ExprParser::refuse(const Token& where, std::string reason) {
  if (where.kind == TokenKind::kEnd) reason += ", but the statement ends here";
  else if (reason.rfind("expected", 0) == 0) reason += cat(", found '", where.text.substr(0, 40), "'");
  return refuse_at(where.offset, std::move(reason));
}
bool ExprParser::refuse_at(std::uint32_t offset, std::string reason) {
  if (!failed_) error_ = {offset, std::move(reason)};
  failed_ = true;
  return false;
}
ExprPtr ExprParser::fail_here(std::string reason) {
  refuse(peek(), std::move(reason));
  return nullptr;
}

ExprPtr ExprParser::make(ExprKind kind, std::uint32_t offset) {
  if (++nodes_ > kExprNodesMax) {
    refuse_at(offset, cat("more than ", kExprNodesMax, " parts in one expression"));
    return nullptr;
  }
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->offset = offset;
  return expr;
}

// Takes the child into the parent; false if either is missing or the tree gets too deep.
bool ExprParser::adopt(Expr& parent, ExprPtr child) {
  if (child == nullptr) return false;
  parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kExprDepthMax)
    return refuse_at(parent.offset, cat("nested deeper than ", kExprDepthMax));
  parent.args.push_back(std::move(child));
  return true;
}

ExprPtr ExprParser::join(ExprKind kind, std::uint32_t offset, ExprPtr a, ExprPtr b) {
  ExprPtr parent = make(kind, offset);
  if (parent == nullptr || !adopt(*parent, std::move(a)) || !adopt(*parent, std::move(b))) return nullptr;
  return parent;
}

ExprPtr ExprParser::expression() {
  Level level(*this);
  if (level.too_deep()) return fail_here(cat("nested deeper than ", kExprDepthMax));
  return either();
}

ExprPtr ExprParser::either() {
  ExprPtr left = both();
  if (left == nullptr || !is_keyword("OR")) return left;
  ExprPtr all = make(ExprKind::kOr, peek().offset);
  if (all == nullptr || !adopt(*all, std::move(left))) return nullptr;
  while (take_keyword("OR"))
    if (!adopt(*all, both())) return nullptr;
  return all;
}

ExprPtr ExprParser::both() {
  ExprPtr left = inverse();
  if (left == nullptr || !is_keyword("AND")) return left;
  ExprPtr all = make(ExprKind::kAnd, peek().offset);
  if (all == nullptr || !adopt(*all, std::move(left))) return nullptr;
  while (take_keyword("AND"))
    if (!adopt(*all, inverse())) return nullptr;
  return all;
}

ExprPtr ExprParser::inverse() {
  if (!is_keyword("NOT")) return comparison();
  Level level(*this);
  if (level.too_deep()) return fail_here(cat("nested deeper than ", kExprDepthMax));
  ExprPtr expr = make(ExprKind::kNot, take().offset);
  if (expr == nullptr || !adopt(*expr, inverse())) return nullptr;
  return expr;
}

ExprPtr ExprParser::comparison() {
  struct Operator {
    std::string_view text;
    ExprKind kind;
  };
  constexpr Operator kOperators[] = {
      {"=", ExprKind::kEqual},       {"<>", ExprKind::kNotEqual}, {"!=", ExprKind::kNotEqual},
      {"<", ExprKind::kLess},        {"<=", ExprKind::kLessEqual}, {">", ExprKind::kGreater},
      {">=", ExprKind::kGreaterEqual}};
  ExprPtr left = sum();
  if (left == nullptr) return nullptr;
  for (const Operator& op : kOperators) {
    if (!is_punct(op.text)) continue;
    const std::uint32_t offset = take().offset;
    return join(op.kind, offset, std::move(left), sum());
  }
  if (is_keyword("IS")) return is_test(std::move(left));
  const bool negated = is_keyword("NOT");
  const std::size_t ahead = negated ? 1 : 0;
  if (negated && !is_keyword("BETWEEN", 1) && !is_keyword("IN", 1) && !is_keyword("LIKE", 1) &&
      !is_keyword("GLOB", 1) && !is_keyword("MATCHES", 1))
    return left;
  const Token& word = peek(ahead);
  if (word.kind != TokenKind::kName) return left;
  if (negated) take();
  if (take_keyword("BETWEEN")) return between(std::move(left), negated);
  if (take_keyword("IN")) return in_list(std::move(left), negated);
  if (take_keyword("LIKE")) return like(std::move(left), negated);
  if (take_keyword("GLOB")) return pattern(std::move(left), negated, ExprKind::kGlob);
  if (take_keyword("MATCHES")) return pattern(std::move(left), negated, ExprKind::kMatches);
  return left;
}

ExprPtr ExprParser::between(ExprPtr left, bool negated) {
  ExprPtr expr = make(ExprKind::kBetween, left->offset);
  if (expr == nullptr || !adopt(*expr, std::move(left)) || !adopt(*expr, sum())) return nullptr;
  if (!need_keyword("AND") || !adopt(*expr, sum())) return nullptr;
  expr->negated = negated;
  return expr;
}

ExprPtr ExprParser::in_list(ExprPtr left, bool negated) {
  ExprPtr expr = make(ExprKind::kIn, left->offset);
  if (expr == nullptr || !adopt(*expr, std::move(left)) || !need_punct("(")) return nullptr;
  expr->negated = negated;
  do {
    if (expr->args.size() > kInListMax)
      return fail_here(cat("more than ", kInListMax, " values in IN"));
    if (!adopt(*expr, expression())) return nullptr;
  } while (take_punct(","));
  if (!need_punct(")")) return nullptr;
  return expr;
}

ExprPtr ExprParser::like(ExprPtr left, bool negated) {
  ExprPtr expr = make(ExprKind::kLike, left->offset);
  if (expr == nullptr || !adopt(*expr, std::move(left)) || !adopt(*expr, sum())) return nullptr;
  expr->negated = negated;
  if (!take_keyword("ESCAPE")) return expr;
  if (peek().kind != TokenKind::kString) return fail_here("expected a string after ESCAPE");
  expr->has_escape = true;
  expr->text = take().text;
  return expr;
}

ExprPtr ExprParser::pattern(ExprPtr left, bool negated, ExprKind kind) {
  ExprPtr expr = make(kind, left->offset);
  if (expr == nullptr || !adopt(*expr, std::move(left))) return nullptr;
  if (peek().kind != TokenKind::kString)
    return fail_here(kind == ExprKind::kGlob ? "expected a string after GLOB"
                                             : "expected a string after MATCHES");
  expr->offset = peek().offset;  // Pattern errors point at the pattern.
  expr->text = take().text;
  expr->negated = negated;
  return expr;
}

ExprPtr ExprParser::is_test(ExprPtr left) {
  const std::uint32_t offset = take().offset;
  const bool negated = take_keyword("NOT");
  ExprKind kind = ExprKind::kIsNull;
  if (take_keyword("NULL")) kind = ExprKind::kIsNull;
  else if (take_keyword("MISSING")) kind = ExprKind::kIsMissing;
  else if (take_keyword("TRUE")) kind = ExprKind::kIsTrue;
  else if (take_keyword("FALSE")) kind = ExprKind::kIsFalse;
  else return fail_here("expected NULL, MISSING, TRUE or FALSE");
  ExprPtr expr = make(kind, offset);
  if (expr == nullptr || !adopt(*expr, std::move(left))) return nullptr;
  expr->negated = negated;
  return expr;
}

ExprPtr ExprParser::sum() {
  ExprPtr left = product();
  while (left != nullptr) {
    ExprKind kind = ExprKind::kAdd;
    if (is_punct("+")) kind = ExprKind::kAdd;
    else if (is_punct("-")) kind = ExprKind::kSubtract;
    else if (is_punct("||")) kind = ExprKind::kConcat;
    else break;
    const std::uint32_t offset = take().offset;
    left = join(kind, offset, std::move(left), product());
  }
  return left;
}

ExprPtr ExprParser::product() {
  ExprPtr left = unary();
  while (left != nullptr) {
    ExprKind kind = ExprKind::kMultiply;
    if (is_punct("*")) kind = ExprKind::kMultiply;
    else if (is_punct("/")) kind = ExprKind::kDivide;
    else if (is_punct("%")) kind = ExprKind::kRemainder;
    else break;
    const std::uint32_t offset = take().offset;
    left = join(kind, offset, std::move(left), unary());
  }
  return left;
}

ExprPtr ExprParser::unary() {
  if (take_punct("+")) return primary();
  if (!is_punct("-")) return primary();
  const std::uint32_t offset = take().offset;
  ExprPtr inner = primary();
  if (inner == nullptr) return nullptr;
  if (inner->kind == ExprKind::kNumber) {
    Number negative;
    if (negate(inner->number, negative) == Fault::kNone) {
      inner->number = negative;
      inner->offset = offset;
      return inner;
    }
  }
  ExprPtr expr = make(ExprKind::kNegate, offset);
  if (expr == nullptr || !adopt(*expr, std::move(inner))) return nullptr;
  return expr;
}

ExprPtr ExprParser::primary() {
  const Token& token = peek();
  switch (token.kind) {
    case TokenKind::kInt:
    case TokenKind::kDecimal:
    case TokenKind::kFloat: return number();
    case TokenKind::kString: {
      ExprPtr expr = make(ExprKind::kString, token.offset);
      if (expr != nullptr) expr->text = take().text;
      return expr;
    }
    case TokenKind::kTimestamp: {
      ExprPtr expr = make(ExprKind::kTimestamp, token.offset);
      if (expr == nullptr) return nullptr;
      if (!parse_timestamp(token.text, expr->timestamp)) return fail_here("not a timestamp");
      take();
      return expr;
    }
    case TokenKind::kName:
    case TokenKind::kQuotedName: return named();
    case TokenKind::kPunct:
      if (take_punct("(")) {
        ExprPtr inner = expression();
        if (inner == nullptr || !need_punct(")")) return nullptr;
        return inner;
      }
      break;
    case TokenKind::kEnd: break;
  }
  return fail_here("expected an expression");
}

ExprPtr ExprParser::number() {
  const Token& token = peek();
  ExprPtr expr = make(ExprKind::kNumber, token.offset);
  if (expr == nullptr) return nullptr;
  if (!parse_number(token.text, expr->number)) return fail_here("number is out of range");
  if (!token.suffix.empty()) {
    std::int64_t unit = 0;
    if (same(token.suffix, "KiB")) unit = 1 << 10;
    if (same(token.suffix, "MiB")) unit = 1 << 20;
    if (same(token.suffix, "GiB")) unit = 1 << 30;
    if (unit == 0 || token.kind != TokenKind::kInt)
      return fail_here(cat("unknown unit '", token.suffix.substr(0, 40), "'"));
    if (multiply(expr->number, from_int(unit), expr->number) != Fault::kNone)
      return fail_here("number is out of range");
  }
  take();
  return expr;
}

ExprPtr ExprParser::named() {
  const Token& token = peek();
  const bool bare = token.kind == TokenKind::kName;
  if (bare) {
    const auto literal = [&](ExprKind kind, bool truth) {
      ExprPtr expr = make(kind, take().offset);
      if (expr != nullptr) expr->truth = truth;
      return expr;
    };
    if (is_keyword("TRUE")) return literal(ExprKind::kBool, true);
    if (is_keyword("FALSE")) return literal(ExprKind::kBool, false);
    if (is_keyword("NULL")) return literal(ExprKind::kNull, false);
    if (is_keyword("MISSING")) return literal(ExprKind::kMissing, false);
    if (is_keyword("CASE")) return case_of();
    if (is_keyword("o") && is_punct(".", 1)) return object_field();
    if (is_punct("(", 1)) return call();
    if (is_reserved(token.text)) return fail_here("expected an expression");
  }
  return column();
}

ExprPtr ExprParser::case_of() {
  Level level(*this);
  if (level.too_deep()) return fail_here(cat("nested deeper than ", kExprDepthMax));
  ExprPtr expr = make(ExprKind::kCase, take().offset);
  if (expr == nullptr) return nullptr;
  if (!is_keyword("WHEN")) {
    expr->has_operand = true;
    if (!adopt(*expr, expression())) return nullptr;
  }
  if (!is_keyword("WHEN")) return fail_here("expected WHEN");
  while (take_keyword("WHEN")) {
    if (!adopt(*expr, expression()) || !need_keyword("THEN") || !adopt(*expr, expression()))
      return nullptr;
  }
  if (take_keyword("ELSE")) {
    expr->has_else = true;
    if (!adopt(*expr, expression())) return nullptr;
  }
  if (!need_keyword("END")) return nullptr;
  return expr;
}

bool ExprParser::cast_type(Expr& out) {
  struct TypeName {
    std::string_view name;
    CastType type;
  };
  constexpr TypeName kTypes[] = {
      {"BOOL", CastType::kBool},       {"INT", CastType::kInt},         {"INTEGER", CastType::kInt},
      {"FLOAT", CastType::kFloat},     {"DECIMAL", CastType::kDecimal}, {"NUMERIC", CastType::kDecimal},
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
  return refuse(peek(), "expected YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, TIMEZONE_HOUR or TIMEZONE_MINUTE");
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
  if (!need_punct(",") || !adopt(*expr, expression()) || !need_punct(",") || !adopt(*expr, expression()))
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
      refuse_at(token.offset, cat(shape.name, " takes ", int{shape.args_min},
                                  shape.args_max == kMany ? std::string(" or more")
                                  : shape.args_max != shape.args_min
                                      ? cat(" to ", int{shape.args_max})
                                      : std::string(),
                                  shape.args_max == 1 ? " argument" : " arguments", ", not ", count));
      return nullptr;
    }
    return expr;
  }
  return fail_here(cat("unknown function '", token.text.substr(0, 40), "'"));
}

// o.name, o.meta['k'], o.tag['k'], o.part(n)
ExprPtr ExprParser::object_field() {
  const std::uint32_t offset = take().offset;
  take();  // The point.
  const Token& field = peek();
  if (field.kind != TokenKind::kName) return fail_here("expected a field of o");
  if (same(field.text, "part")) {
    ExprPtr expr = make(ExprKind::kCall, offset);
    if (expr == nullptr) return nullptr;
    take();
    expr->function = Function::kPart;
    const Token& index = peek(1);
    if (!is_punct("(") || index.kind != TokenKind::kInt || parse_u64(index.text).value_or(0) == 0 ||
        parse_u64(index.text).value_or(0) > 1024)
      return fail_here("expected o.part(n) with n from 1");
    take();
    expr->number = from_int(static_cast<std::int64_t>(*parse_u64(take().text)));
    if (!need_punct(")")) return nullptr;
    return expr;
  }
  ExprPtr expr = make(ExprKind::kPath, offset);
  if (expr == nullptr) return nullptr;
  expr->path.of_object = true;
  expr->path.offset = offset;
  constexpr std::string_view kFields[] = {"key", "bucket", "size", "etag", "content_type", "age", "version"};
  expr->path.steps.push_back({Step::Kind::kName, {to_lower(field.text), true}, 0});
  if (same(field.text, "meta") || same(field.text, "tag")) {
    take();
    if (!need_punct("[")) return nullptr;
    if (peek().kind != TokenKind::kString) return fail_here("expected a name in quotes");
    expr->path.steps.push_back({Step::Kind::kName, {take().text, true}, 0});
    if (!need_punct("]")) return nullptr;
    return expr;
  }
  for (const std::string_view known : kFields)
    if (same(field.text, known)) return take(), std::move(expr);
  return fail_here(cat("o has no field '", field.text.substr(0, 40), "'"));
}

bool ExprParser::steps(Path& out) {
  while (true) {
    if (out.steps.size() > 32) return refuse(peek(), "path is longer than 32 steps");
    if (is_punct(".") && is_punct("*", 1)) return true;  // The caller's: item '.*'.
    if (take_punct(".")) {
      const Token& name = peek();
      if (name.kind != TokenKind::kName && name.kind != TokenKind::kQuotedName)
        return refuse(name, "expected a name");
      out.steps.push_back({Step::Kind::kName, {name.text, name.kind == TokenKind::kQuotedName}, 0});
      take();
    } else if (take_punct("[")) {
      const Token& index = peek();
      if (index.kind == TokenKind::kString) {
        out.steps.push_back({Step::Kind::kName, {index.text, true}, 0});
      } else if (index.kind == TokenKind::kInt && parse_u64(index.text).value_or(1u << 31) < (1u << 31)) {
        out.steps.push_back({Step::Kind::kIndex, {}, static_cast<std::uint32_t>(*parse_u64(index.text))});
      } else if (is_punct("*")) {
        return refuse(index, "[*] in a path is not executed by this build");
      } else {
        return refuse(index, "expected an index from 0 or a name in quotes");
      }
      take();
      if (!need_punct("]")) return false;
    } else {
      return true;
    }
  }
}

bool ExprParser::path(Path& out) {
  const Token& name = peek();
  out.offset = name.offset;
  if (name.kind != TokenKind::kName && name.kind != TokenKind::kQuotedName)
    return refuse(name, "expected a column");
  const bool bare = name.kind == TokenKind::kName;
  if (bare && is_reserved(name.text)) return refuse(name, "expected a column");
  if (bare && name.text.size() > 1 && name.text[0] == '_') {
    const auto position = parse_u64(std::string_view(name.text).substr(1));
    if (position && *position >= 1 && *position <= kColumnsMax) {
      take();
      out.position = static_cast<std::uint32_t>(*position);
      return true;
    }
  }
  out.steps.push_back({Step::Kind::kName, {name.text, !bare}, 0});
  take();
  return steps(out);
}

ExprPtr ExprParser::column() {
  const Token& token = peek();
  if (object_only_)
    return fail_here("match may only use fields of the object, such as o.key");
  const bool is_source = token.kind == TokenKind::kName &&
                         (same(token.text, "ROOT") || same(token.text, "S3Object") ||
                          (!alias_.empty() && same(token.text, alias_)));
  if (is_source && is_punct(".", 1) && !is_punct("*", 2)) {
    take();
    take();
  }
  ExprPtr expr = make(ExprKind::kPath, token.offset);
  if (expr == nullptr || !path(expr->path)) return nullptr;
  expr->path.offset = token.offset;
  return expr;
}

}  // namespace creel::filters
