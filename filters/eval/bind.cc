#include "filters/eval/bind.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

class Binder {
 public:
  Binder(const Rule& rule, const Plan& plan, const std::vector<std::string>& names,
         std::uint32_t cells, CsvBinding& out, std::string& reason)
      : rule_(rule), plan_(plan), names_(names), cells_(cells), out_(out), reason_(reason) {}

  bool run() {
    if (!check_names()) return false;
    for (const Slot& slot : plan_.program.slots) {
      std::uint32_t column = CsvReader::kAbsent;
      if (!slot.path.of_object && !find(slot.path, column)) return false;
      out_.slots.push_back(column);
    }
    if (plan_.shape == Plan::Shape::kColumns) return listed_columns();
    if (plan_.shape == Plan::Shape::kCsvStar) return star_columns();
    return true;
  }

 private:
  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  bool is_declared(const std::string& name) const {
    return std::any_of(rule_.columns.begin(), rule_.columns.end(),
                       [&](const std::string& column) { return equal_ignore_case(column, name); });
  }

  // Column names may be personal data only in a broken file; they are named, values never are.
  bool check_names() {
    for (std::size_t i = 0; rule_.redacting && i < names_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (equal_ignore_case(names_[i], names_[j]))
          return refuse(cat("column '", names_[i].substr(0, 64), "' is there twice"));
    if (rule_.columns.empty() || rule_.new_column != NewColumn::kHold) return true;
    for (const std::string& name : names_)
      if (!is_declared(name))
        return refuse(cat("column '", name.substr(0, 64), "' is not declared"));
    return true;
  }

  bool find(const Path& path, std::uint32_t& column) {
    column = CsvReader::kAbsent;
    if (path.position != 0) {
      if (path.position <= cells_) column = path.position - 1;
    } else {
      const Name& name = path.steps[0].name;
      for (std::uint32_t i = 0; i < names_.size(); ++i) {
        if (names_[i] == name.text) {
          column = i;
          break;
        }
        if (column == CsvReader::kAbsent && name.matches(names_[i])) column = i;
      }
    }
    if (column != CsvReader::kAbsent || rule_.missing_is_null) return true;
    return refuse(cat("column '", print(path), "' is absent"));
  }

  bool listed_columns() {
    for (const Plan::Column& column : plan_.columns) {
      OutputColumn made;
      made.name = column.name;
      made.operand = column.operand;
      if (column.cell) {
        made.is_cell = true;
        if (!find(*column.cell, made.cell)) return false;
      }
      out_.columns.push_back(std::move(made));
    }
    return true;
  }

  bool star_columns() {
    std::vector<char> cut(cells_, 0);
    std::vector<const Plan::Change*> changes(cells_, nullptr);
    for (const Path& path : plan_.except) {
      std::uint32_t column = 0;
      if (!find(path, column)) return false;
      if (column < cells_) cut[column] = 1;
    }
    for (const Plan::Change& change : plan_.replace) {
      std::uint32_t column = 0;
      if (!find(change.path, column)) return false;
      if (column >= cells_) continue;
      if (cut[column] != 0 || changes[column] != nullptr)
        return refuse(cat("column ", print(change.path), " is cut or replaced twice"));
      changes[column] = &change;
    }
    for (std::uint32_t i = 0; i < cells_; ++i) {
      const bool known = i < names_.size();
      if (known && !rule_.columns.empty() && rule_.new_column == NewColumn::kStrip &&
          !is_declared(names_[i]))
        continue;
      if (cut[i] != 0) continue;
      OutputColumn made;
      made.name = known && !names_[i].empty() ? names_[i] : cat("_", i + 1);
      made.is_cell = changes[i] == nullptr;
      made.cell = i;
      if (changes[i] != nullptr) made.operand = changes[i]->operand;
      out_.columns.push_back(std::move(made));
    }
    return true;
  }

  const Rule& rule_;
  const Plan& plan_;
  const std::vector<std::string>& names_;
  std::uint32_t cells_;
  CsvBinding& out_;
  std::string& reason_;
};

}  // namespace

bool bind_csv(const Rule& rule, const Plan& plan, const std::vector<std::string>& names,
              std::uint32_t cells, CsvBinding& out, std::string& reason) {
  return Binder(rule, plan, names, cells, out, reason).run();
}

}  // namespace creel::filters
