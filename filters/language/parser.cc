#include "filters/language/parser.h"

#include <algorithm>

#include "filters/language/expr_parser.h"
#include "platform/base/text.h"

namespace creel::filters {
namespace {

constexpr std::string_view kLaterClauses[] = {"AROUND", "DEDUP",  "SAMPLE", "RATE",
                                              "GROUP",  "WINDOW", "HAVING"};

class StatementParser {
 public:
  StatementParser(const std::vector<Token>& tokens, Statement& out)
      : in_(tokens, false), out_(out) {
    in_.bind_alias(find_alias(tokens));
  }

  bool run() {
    if (!in_.need_keyword("SELECT") || !list() || !in_.need_keyword("FROM") || !source())
      return false;
    if (in_.take_keyword("WHERE")) {
      out_.where = in_.expression();
      if (out_.where == nullptr) return false;
    }
    for (const std::string_view clause : kLaterClauses)
      if (in_.is_keyword(clause))
        return in_.refuse(in_.peek(), cat(clause, " is not executed by this build"));
    if (in_.take_keyword("LIMIT")) {
      const auto count = parse_u64(in_.peek().text);
      if (in_.peek().kind != TokenKind::kInt || !count || !in_.peek().suffix.empty())
        return in_.refuse(in_.peek(), "expected a number of rows");
      out_.limit = *count;
      in_.take();
    }
    return in_.at_end() || in_.refuse(in_.peek(), "expected the end of the statement");
  }

  const SqlError& error() const { return in_.error(); }

 private:
  // The list comes before FROM but may use the alias given there.
  static std::string find_alias(const std::vector<Token>& tokens) {
    for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
      const Token& token = tokens[i];
      if (token.kind != TokenKind::kName || !equal_ignore_case(token.text, "FROM")) continue;
      std::size_t at = i + 1;
      if (!equal_ignore_case(tokens[at].text, "S3Object") &&
          !equal_ignore_case(tokens[at].text, "stdin"))
        continue;
      ++at;
      while (at < tokens.size() && tokens[at].kind == TokenKind::kPunct) ++at;  // [*]
      if (at < tokens.size() && equal_ignore_case(tokens[at].text, "AS")) ++at;
      if (at < tokens.size() && tokens[at].kind == TokenKind::kName &&
          !ExprParser::is_reserved(tokens[at].text))
        return tokens[at].text;
    }
    return {};
  }

  bool source() {
    if (!in_.take_keyword("S3Object") && !in_.take_keyword("stdin"))
      return in_.refuse(in_.peek(), "expected S3Object");
    if (in_.is_punct("[") && in_.is_punct("*", 1) && in_.is_punct("]", 2)) {
      for (int i = 0; i < 3; ++i) in_.take();  // Of JSON lines: each record, as S3 Select has it.
    }
    if (in_.is_punct(".") || in_.is_punct("["))
      return in_.refuse(in_.peek(), "a path after S3Object is not executed by this build");
    if (in_.take_keyword("AS")) {
      if (in_.peek().kind != TokenKind::kName || ExprParser::is_reserved(in_.peek().text))
        return in_.refuse(in_.peek(), "expected a name");
      in_.take();
    } else if (in_.peek().kind == TokenKind::kName && !ExprParser::is_reserved(in_.peek().text)) {
      in_.take();
    }
    return true;
  }

  bool list() {
    const bool prefixed =
        in_.peek().kind == TokenKind::kName && in_.is_punct(".", 1) && in_.is_punct("*", 2);
    if (prefixed) {
      in_.take();
      in_.take();
    }
    if (in_.take_punct("*")) {
      out_.star = true;
      return star_tail();
    }
    do {
      if (out_.items.size() >= kColumnsMax)
        return in_.refuse(in_.peek(), cat("more than ", kColumnsMax, " columns"));
      if (!item()) return false;
    } while (in_.take_punct(","));
    return unique_names();
  }

  bool star_tail() {
    if (in_.take_keyword("EXCEPT")) {
      if (!in_.need_punct("(")) return false;
      do {
        if (!column(out_.except.emplace_back())) return false;
      } while (in_.take_punct(","));
      if (!in_.need_punct(")")) return false;
    }
    if (in_.take_keyword("REPLACE")) {
      if (!in_.need_punct("(")) return false;
      do {
        Replacement& change = out_.replace.emplace_back();
        change.expr = in_.expression();
        if (change.expr == nullptr || !in_.need_keyword("AS") || !column(change.path)) return false;
      } while (in_.take_punct(","));
      if (!in_.need_punct(")")) return false;
    }
    if (in_.is_punct(","))
      return in_.refuse(in_.peek(), "nothing may follow * but EXCEPT and REPLACE");
    return no_overlap();
  }

  // A column to cut or replace: by name only in both formats, so no list index.
  bool column(Path& out) {
    if (!in_.path(out)) return false;
    for (const Step& step : out.steps)
      if (step.kind == Step::Kind::kIndex)
        return in_.refuse_at(out.offset, "a list item cannot be cut or replaced");
    return true;
  }

  static bool is_prefix(const Path& a, const Path& b) {
    if (a.position != 0 || b.position != 0) return a.position == b.position;
    if (a.steps.size() > b.steps.size()) return false;
    for (std::size_t i = 0; i < a.steps.size(); ++i)
      if (!equal_ignore_case(a.steps[i].name.text, b.steps[i].name.text)) return false;
    return true;
  }

  bool no_overlap() {
    std::vector<const Path*> all;
    for (const Path& path : out_.except) all.push_back(&path);
    for (const Replacement& change : out_.replace) all.push_back(&change.path);
    if (all.size() > kColumnsMax) return in_.refuse_at(all.back()->offset, "too many columns");
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (is_prefix(*all[i], *all[j]) || is_prefix(*all[j], *all[i]))
          return in_.refuse_at(all[i]->offset, "column is cut or replaced twice");
    return true;
  }

  bool item() {
    Item& item = out_.items.emplace_back();
    item.offset = in_.peek().offset;
    item.expr = in_.expression();
    if (item.expr == nullptr) return false;
    if (in_.is_punct(".") && in_.is_punct("*", 1))
      return in_.refuse(in_.peek(), "only the whole record can be taken with .*");
    const bool as = in_.take_keyword("AS");
    const Token& name = in_.peek();
    if (name.kind == TokenKind::kQuotedName ||
        (name.kind == TokenKind::kName && !ExprParser::is_reserved(name.text))) {
      item.name = in_.take().text;
    } else if (as) {
      return in_.refuse(name, "expected a name");
    } else {
      item.name = made_name(*item.expr);
    }
    return true;
  }

  std::string made_name(const Expr& expr) const {
    if (expr.kind == ExprKind::kPath)
      for (std::size_t i = expr.path.steps.size(); i > 0; --i)
        if (expr.path.steps[i - 1].kind == Step::Kind::kName)
          return expr.path.steps[i - 1].name.text;
    return cat("_", out_.items.size());
  }

  bool unique_names() {
    std::vector<const Item*> sorted;
    for (const Item& item : out_.items) sorted.push_back(&item);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Item* a, const Item* b) { return a->name < b->name; });
    for (std::size_t i = 1; i < sorted.size(); ++i)
      if (sorted[i]->name == sorted[i - 1]->name)
        return in_.refuse_at(sorted[i]->offset, cat("two columns are called '", sorted[i]->name,
                                                    "'; give one a name with AS"));
    return true;
  }

  ExprParser in_;
  Statement& out_;
};

}  // namespace

bool parse_statement(std::string_view sql, Statement& out, SqlError& error) {
  std::vector<Token> tokens;
  if (!tokenize(sql, tokens, error)) return false;
  StatementParser parser(tokens, out);
  if (parser.run()) return true;
  error = parser.error();
  return false;
}

bool parse_predicate(std::string_view sql, ExprPtr& out, SqlError& error) {
  std::vector<Token> tokens;
  if (!tokenize(sql, tokens, error)) return false;
  ExprParser parser(tokens, true);
  out = parser.expression();
  if (out != nullptr && (parser.at_end() || parser.refuse(parser.peek(), "expected the end")))
    return true;
  error = parser.error();
  return false;
}

}  // namespace creel::filters
