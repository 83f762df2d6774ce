#pragma once
#include <string>
#include <vector>

#include "filters/formats/record_writer.h"
#include "filters/language/rule.h"

namespace creel::filters {

// A plan tied to the columns one CSV object has.
struct CsvBinding {
  std::vector<std::uint32_t> slots;    // Column of each slot; CsvReader::kAbsent.
  std::vector<OutputColumn> columns;   // Unless the plan copies records.
};

// `names` are those of the header, or empty; `cells` is how many a record has. False with `reason`
// if the object must be held: a column is there twice, is not declared, or is named and absent.
bool bind_csv(const Rule& rule, const Plan& plan, const std::vector<std::string>& names,
              std::uint32_t cells, CsvBinding& out, std::string& reason);

}  // namespace creel::filters
