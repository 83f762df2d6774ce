#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "filters/language/ast.h"
#include "filters/language/lexer.h"

namespace creel::filters {

// Recursive descent over a token list; depth and nodes are counted. Every parse function returns
// null, or false, after the first refusal, which stands in error(). Statements are built on top
// (parser.cc).
class ExprParser {
 public:
  ExprParser(const std::vector<Token>& tokens, bool object_only)
      : tokens_(tokens), object_only_(object_only) {}

  ExprPtr expression();
  bool path(Path& out);  // name {step}, without a source prefix.

  // The name that stands for the record in `name.column`; empty before FROM is read, see
  // bind_alias.
  void bind_alias(std::string alias) { alias_ = std::move(alias); }

  const Token& peek(std::size_t ahead = 0) const;
  const Token& take();
  bool is_keyword(std::string_view word, std::size_t ahead = 0) const;
  bool is_punct(std::string_view text, std::size_t ahead = 0) const;
  bool take_keyword(std::string_view word);
  bool take_punct(std::string_view text);
  bool need_keyword(std::string_view word);
  bool need_punct(std::string_view text);
  bool at_end() const { return peek().kind == TokenKind::kEnd; }

  bool refuse(const Token& where, std::string reason);
  bool refuse_at(std::uint32_t offset, std::string reason);
  bool failed() const { return failed_; }
  const SqlError& error() const { return error_; }

  // Words that end an expression or start a clause, and so are no column names.
  static bool is_reserved(std::string_view word);

 private:
  struct Level;  // Counts nesting while it lives.

  ExprPtr make(ExprKind kind, std::uint32_t offset);
  ExprPtr join(ExprKind kind, std::uint32_t offset, ExprPtr a, ExprPtr b);
  bool adopt(Expr& parent, ExprPtr child);
  ExprPtr fail_here(std::string reason);

  ExprPtr either();
  ExprPtr both();
  ExprPtr inverse();
  ExprPtr comparison();
  ExprPtr between(ExprPtr left, bool negated);
  ExprPtr in_list(ExprPtr left, bool negated);
  ExprPtr like(ExprPtr left, bool negated);
  ExprPtr pattern(ExprPtr left, bool negated, ExprKind kind);
  ExprPtr is_test(ExprPtr left);
  ExprPtr sum();
  ExprPtr product();
  ExprPtr unary();
  ExprPtr primary();
  ExprPtr number();
  ExprPtr named();
  ExprPtr case_of();
  ExprPtr cast_of(ExprKind kind);
  ExprPtr extract_of();
  ExprPtr substring_of();
  ExprPtr trim_of();
  ExprPtr date_of(Function function);
  ExprPtr call();
  ExprPtr object_field();
  ExprPtr column();
  bool cast_type(Expr& out);
  bool date_part(DatePart& out);
  bool steps(Path& out);
  bool arguments(Expr& out);

  const std::vector<Token>& tokens_;
  bool object_only_;
  std::size_t at_ = 0;
  std::uint32_t nodes_ = 0;
  std::uint32_t level_ = 0;
  bool failed_ = false;
  SqlError error_{};
  std::string alias_{};
};

}  // namespace creel::filters
