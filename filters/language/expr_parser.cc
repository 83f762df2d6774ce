#include "filters/language/expr_parser.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

constexpr std::string_view kReserved[] = {
    "SELECT",  "FROM", "WHERE", "AROUND",  "BEFORE", "AFTER",  "DEDUP",  "WITHIN",
    "SAMPLE",  "RATE", "PER",   "GROUP",   "BY",     "WINDOW", "HAVING", "LIMIT",
    "AND",     "OR",   "NOT",   "BETWEEN", "IN",     "LIKE",   "ESCAPE", "GLOB",
    "MATCHES", "IS",   "NULL",  "MISSING", "TRUE",   "FALSE",  "CASE",   "WHEN",
    "THEN",    "ELSE", "END",   "CAST",    "AS",     "EXCEPT"};

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
  else if (reason.rfind("expected", 0) == 0)
    reason += cat(", found '", where.text.substr(0, 40), "'");
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
  if (parent == nullptr || !adopt(*parent, std::move(a)) || !adopt(*parent, std::move(b)))
    return nullptr;
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
  constexpr Operator kOperators[] = {{"=", ExprKind::kEqual},        {"<>", ExprKind::kNotEqual},
                                     {"!=", ExprKind::kNotEqual},    {"<", ExprKind::kLess},
                                     {"<=", ExprKind::kLessEqual},   {">", ExprKind::kGreater},
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
  constexpr std::string_view kFields[] = {"key",          "bucket", "size",   "etag",
                                          "content_type", "age",    "version"};
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
      } else if (index.kind == TokenKind::kInt &&
                 parse_u64(index.text).value_or(1u << 31) < (1u << 31)) {
        out.steps.push_back(
            {Step::Kind::kIndex, {}, static_cast<std::uint32_t>(*parse_u64(index.text))});
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
  if (object_only_) return fail_here("match may only use fields of the object, such as o.key");
  const bool is_source =
      token.kind == TokenKind::kName && (same(token.text, "ROOT") || same(token.text, "S3Object") ||
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
