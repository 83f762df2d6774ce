#pragma once
#include <string>

#include "filters/language/rule.h"

namespace creel::filters {

// Runs the cases a rule brings along. False with the number of the case that failed and what came
// instead.
bool run_rule_tests(const Rule& rule, std::size_t& which, std::string& reason);

}  // namespace creel::filters
