#pragma once
#include <memory>

#include "filters/language/compile.h"
#include "filters/language/rule.h"

namespace creel::filters {

// Compiles the rule's statement for one input format. Sets rule.redacting if it redacts. Null with
// `error` set if the statement does not fit.
std::unique_ptr<Plan> make_plan(Rule& rule, RecordFormat input, SqlError& error);

}  // namespace creel::filters
