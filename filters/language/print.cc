#include "filters/language/ast.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

std::string quoted(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += c;
    out += c;
  }
  return out += quote;
}

// Bare names are lowered: they mean the same in any case.
std::string name_text(const Name& name) {
  return name.exact ? quoted(name.text, '"') : to_lower(name.text);
}

std::string_view part_name(DatePart part) {
  constexpr std::string_view kNames[] = {"YEAR",   "MONTH",  "DAY",           "HOUR",
                                         "MINUTE", "SECOND", "TIMEZONE_HOUR", "TIMEZONE_MINUTE"};
  return kNames[static_cast<int>(part)];
}

std::string type_text(const Expr& e) {
  constexpr std::string_view kNames[] = {"BOOL", "INT", "FLOAT", "DECIMAL", "STRING", "TIMESTAMP"};
  std::string out(kNames[static_cast<int>(e.cast)]);
  if (e.cast_precision != 0) out += cat("(", int{e.cast_precision}, ",", int{e.cast_scale}, ")");
  return out;
}

std::string join(const std::vector<ExprPtr>& args, std::string_view between, std::size_t from = 0) {
  std::string out;
  for (std::size_t i = from; i < args.size(); ++i) {
    if (i > from) out += between;
    out += print(*args[i]);
  }
  return out;
}

std::string call_text(const Expr& e) {
  if (e.function == Function::kPart) return cat("o.part(", e.number.integer, ")");
  if (e.function == Function::kTrim) {
    const std::string_view side = e.leading && e.trailing ? "BOTH "
                                  : e.leading             ? "LEADING "
                                                          : "TRAILING ";
    const std::string characters = e.args.size() > 1 ? print(*e.args[1]) + " " : std::string();
    return cat("TRIM(", side, characters, "FROM ", print(*e.args[0]), ")");
  }
  std::string out(function_name(e.function));
  out += '(';
  if (e.function == Function::kDateAdd || e.function == Function::kDateDiff)
    out += cat(part_name(e.part), ", ");
  return out += join(e.args, ", ") + ")";
}

std::string case_text(const Expr& e) {
  std::string out = "CASE";
  std::size_t at = 0;
  if (e.has_operand) out += " " + print(*e.args[at++]);
  const std::size_t pairs_end = e.args.size() - (e.has_else ? 1 : 0);
  for (; at < pairs_end; at += 2)
    out += cat(" WHEN ", print(*e.args[at]), " THEN ", print(*e.args[at + 1]));
  if (e.has_else) out += " ELSE " + print(*e.args.back());
  return out + " END";
}

std::string infix(const Expr& e, std::string_view op) { return "(" + join(e.args, op) + ")"; }

std::string number_text(const Number& n) {
  char text[kNumberText];
  std::string out(text, print_number(n, text));
  if (n.kind == Number::Kind::kDecimal && n.decimal.scale == 0) out += '.';
  if (n.kind == Number::Kind::kFloat && out.find('e') == std::string::npos) out += "e0";
  return out;
}

std::string timestamp_text(const Value& v) {
  char text[kTimestampText];
  return cat("`", std::string_view(text, print_timestamp(v, text)), "`");
}

}  // namespace

std::string_view function_name(Function function) {
  constexpr std::string_view kNames[] = {
      "COALESCE", "NULLIF",    "CHAR_LENGTH", "LOWER",        "UPPER",   "SUBSTRING", "TRIM",
      "DATE_ADD", "DATE_DIFF", "TO_STRING",   "TO_TIMESTAMP", "REPLACE", "CIDR",      "HASH64",
      "LUHN",     "ABS",       "ROUND",       "FLOOR",        "CEIL",    "HMAC",      "MASK",
      "REDACT",   "TRUNC_IP",  "ROUND_GEO",   "part"};
  return kNames[static_cast<int>(function)];
}

bool is_redaction(Function function) {
  return function >= Function::kHmac && function <= Function::kRoundGeo;
}

bool Name::matches(std::string_view other) const {
  return exact ? text == other : equal_ignore_case(text, other);
}

std::string print(const Path& path) {
  if (path.position != 0) return cat("_", path.position);
  if (path.of_object) {
    const std::string& field = path.steps[0].name.text;
    if (path.steps.size() == 1) return "o." + field;
    return cat("o.", field, "[", quoted(path.steps[1].name.text, '\''), "]");
  }
  std::string out;
  for (const Step& step : path.steps) {
    if (step.kind == Step::Kind::kIndex) {
      out += cat("[", step.index, "]");
      continue;
    }
    if (!out.empty()) out += '.';
    out += name_text(step.name);
  }
  return out;
}

std::string print(const Expr& e) {
  const std::string_view no = e.negated ? " NOT" : "";
  const auto first = [&] { return print(*e.args[0]); };
  switch (e.kind) {
    case ExprKind::kNumber: return number_text(e.number);
    case ExprKind::kString: return quoted(e.text, '\'');
    case ExprKind::kBool: return e.truth ? "TRUE" : "FALSE";
    case ExprKind::kNull: return "NULL";
    case ExprKind::kMissing: return "MISSING";
    case ExprKind::kTimestamp: return timestamp_text(e.timestamp);
    case ExprKind::kPath: return print(e.path);
    case ExprKind::kNegate: return cat("(-", first(), ")");
    case ExprKind::kNot: return cat("(NOT ", first(), ")");
    case ExprKind::kAnd: return infix(e, " AND ");
    case ExprKind::kOr: return infix(e, " OR ");
    case ExprKind::kAdd: return infix(e, " + ");
    case ExprKind::kSubtract: return infix(e, " - ");
    case ExprKind::kMultiply: return infix(e, " * ");
    case ExprKind::kDivide: return infix(e, " / ");
    case ExprKind::kRemainder: return infix(e, " % ");
    case ExprKind::kConcat: return infix(e, " || ");
    case ExprKind::kEqual: return infix(e, " = ");
    case ExprKind::kNotEqual: return infix(e, " <> ");
    case ExprKind::kLess: return infix(e, " < ");
    case ExprKind::kLessEqual: return infix(e, " <= ");
    case ExprKind::kGreater: return infix(e, " > ");
    case ExprKind::kGreaterEqual: return infix(e, " >= ");
    case ExprKind::kBetween:
      return cat("(", first(), no, " BETWEEN ", print(*e.args[1]), " AND ", print(*e.args[2]), ")");
    case ExprKind::kIn: return cat("(", first(), no, " IN (", join(e.args, ", ", 1), "))");
    case ExprKind::kLike:
      return cat("(", first(), no, " LIKE ", print(*e.args[1]),
                 e.has_escape ? " ESCAPE " + quoted(e.text, '\'') : std::string(), ")");
    case ExprKind::kGlob: return cat("(", first(), no, " GLOB ", quoted(e.text, '\''), ")");
    case ExprKind::kMatches: return cat("(", first(), no, " MATCHES ", quoted(e.text, '\''), ")");
    case ExprKind::kIsNull: return cat("(", first(), " IS", no, " NULL)");
    case ExprKind::kIsMissing: return cat("(", first(), " IS", no, " MISSING)");
    case ExprKind::kIsTrue: return cat("(", first(), " IS", no, " TRUE)");
    case ExprKind::kIsFalse: return cat("(", first(), " IS", no, " FALSE)");
    case ExprKind::kCase: return case_text(e);
    case ExprKind::kCast: return cat("CAST(", first(), " AS ", type_text(e), ")");
    case ExprKind::kTryCast: return cat("TRY_CAST(", first(), " AS ", type_text(e), ")");
    case ExprKind::kExtract: return cat("EXTRACT(", part_name(e.part), " FROM ", first(), ")");
    case ExprKind::kCall: return call_text(e);
  }
  return {};
}

std::string print(const Statement& s) {
  std::string out = "SELECT ";
  if (s.star) {
    out += '*';
    for (std::size_t i = 0; i < s.except.size(); ++i)
      out += cat(i == 0 ? " EXCEPT (" : ", ", print(s.except[i]));
    if (!s.except.empty()) out += ')';
    for (std::size_t i = 0; i < s.replace.size(); ++i)
      out += cat(i == 0 ? " REPLACE (" : ", ", print(*s.replace[i].expr), " AS ",
                 print(s.replace[i].path));
    if (!s.replace.empty()) out += ')';
  }
  for (std::size_t i = 0; i < s.items.size(); ++i)
    out += cat(i == 0 ? "" : ", ", print(*s.items[i].expr), " AS ", quoted(s.items[i].name, '"'));
  out += " FROM S3Object";
  if (s.where != nullptr) out += " WHERE " + print(*s.where);
  if (s.limit) out += cat(" LIMIT ", *s.limit);
  return out;
}

}  // namespace creel::filters
