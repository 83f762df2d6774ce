#pragma once
#include <string>
#include <vector>

#include "filters/eval/program.h"
#include "filters/language/ast.h"
#include "filters/language/lexer.h"

namespace creel::filters {

// What the compiler knows of the records before it has seen one.
struct Schema {
  enum class Kind : std::uint8_t { kObject, kCsv, kJson };
  Kind kind = Kind::kObject;
  // CSV: names the columns must have, if declared. A name outside the list is refused at once.
  std::vector<std::string> columns{};
  bool has_key = false;  // For HMAC.
};

// Turns checked syntax into a Program. Evaluation order is the written one: AND, OR, CASE and
// COALESCE narrow the selection, so a right side only ever sees rows the left side left undecided.
class Compiler {
 public:
  Compiler(const Schema& schema, Program& out) : schema_(schema), out_(out) {}

  // WHERE or match. False with error() set.
  bool predicate(const Expr& expr);
  // One output column; the operand stays valid after all item operations have run.
  bool item(const Expr& expr, Operand& out);
  // A plain reference that will be copied as it is spelled.
  bool slot(const Path& path, std::uint16_t& out);

  const SqlError& error() const { return error_; }
  // Questions a reader should ask: a comparison of two cells as text, for instance.
  const std::vector<std::string>& warnings() const { return warnings_; }
  bool redacts() const { return redacts_; }

 private:
  bool value(const Expr& expr, std::uint16_t rows, Operand& out);
  bool truth(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool truth_into_value(const Expr& expr, std::uint16_t rows, Operand& out);
  bool chain(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool comparison(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool compare(ExprKind kind, Operand a, const Expr& left, const Expr& right, std::uint16_t rows,
               std::uint16_t& out);
  bool between(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool in_list(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool in_constants(const Expr& expr, Op& op);
  bool like(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool pattern(const Expr& expr, std::uint16_t rows, std::uint16_t& out);
  bool case_of(const Expr& expr, std::uint16_t rows, Operand& out);
  bool coalesce(const Expr& expr, std::uint16_t rows, Operand& out);
  bool call(const Expr& expr, std::uint16_t rows, Operand& out);
  bool call_constants(const Expr& expr, Op& op);
  bool call_operands(const Expr& expr, std::uint16_t rows, Op& op);
  bool simple(const Expr& expr, std::uint16_t rows, Kernel kernel, const char* name, Operand& out);
  bool path(const Expr& expr, Operand& out);

  Operand constant(const Value& value);
  Operand constant_of(const Expr& literal);
  static bool is_literal(const Expr& expr);

  Op& emit(Kernel kernel, const char* name, std::uint16_t rows);
  bool refuse(std::uint32_t offset, std::string reason);
  std::uint16_t label_of(const Expr& expr);

  std::uint16_t new_register();
  std::uint16_t new_truth();
  std::uint16_t new_selection();
  void free(Operand operand);
  void free_truth(std::uint16_t index) { free_truths_.push_back(index); }
  void free_selection(std::uint16_t index) { free_selections_.push_back(index); }

  const Schema& schema_;
  Program& out_;
  std::vector<Op>* ops_ = nullptr;
  bool in_where_ = false;
  bool redacts_ = false;
  SqlError error_{};
  std::vector<std::string> warnings_{};
  std::vector<std::uint16_t> free_registers_{};
  std::vector<std::uint16_t> free_truths_{};
  std::vector<std::uint16_t> free_selections_{};
};

}  // namespace creel::filters
