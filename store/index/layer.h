#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/rows.h"

namespace creel::store {

// A row's full name: table, then key bytes. The order of the whole index.
struct RowName {
  Table table;
  std::string key;
};
struct RowNameView {
  Table table;
  std::string_view key;
};
struct RowNameLess {
  using is_transparent = void;
  template <class A, class B>
  bool operator()(const A& a, const B& b) const {
    if (a.table != b.table) return a.table < b.table;
    return std::string_view(a.key) < std::string_view(b.key);  // Unsigned bytes.
  }
};

// Row changes newer than what lies below: an absent value erases. Nodes are never removed while a
// cursor walks, so its iterators stay good.
using Layer = std::map<RowName, std::optional<std::string>, RowNameLess>;

// What one layer says about a row: nullptr = nothing, else the value or its absence.
const std::optional<std::string>* find_in(const Layer& layer, Table table, std::string_view key);
// Moves all of `from` over `into`; `from` is the newer one and ends empty.
void fold_into(Layer& into, Layer& from);

// Layers from newest to oldest over the base.
Result<std::optional<std::string>> find_through(const std::vector<const Layer*>& layers,
                                                const RowBase& base, Table table,
                                                std::string_view key);
Result<std::unique_ptr<RowCursor>> cursor_through(std::vector<const Layer*> layers,
                                                  const RowBase& base, Table table);

// Rows as decide() sees them: `top` takes the edits of one operation at a time and can undo them.
class StagingRows final : public StagedRows {
 public:
  // `layers` from newest to oldest, `top` among them or not: it is read first anyway.
  StagingRows(Layer& top, std::vector<const Layer*> below, const RowBase& base);
  Result<std::optional<std::string>> find(Table table, std::string_view key) const override;
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  void keep() { undo_.clear(); }  // The operation was accepted.
  void undo();                    // It was refused: as if it had never been.

 private:
  struct Undo {
    RowName name;
    bool was_there;
    std::optional<std::string> value;
  };
  void set(Table table, std::string_view key, std::optional<std::string> value);
  Layer& top_;
  std::vector<const Layer*> layers_;
  const RowBase& base_;
  std::vector<Undo> undo_;
};

}  // namespace creel::store
