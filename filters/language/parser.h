#pragma once
#include <string_view>

#include "filters/language/ast.h"
#include "filters/language/lexer.h"

namespace creel::filters {

// Parses one SELECT. Clauses this build does not execute (AROUND, DEDUP, SAMPLE, RATE, GROUP BY,
// HAVING, nested sources) are refused where they stand. False with `error` set.
bool parse_statement(std::string_view sql, Statement& out, SqlError& error);

// Parses one expression over o.*: the `match` of a rule. Bare names are refused.
bool parse_predicate(std::string_view sql, ExprPtr& out, SqlError& error);

}  // namespace creel::filters
