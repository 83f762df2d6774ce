#pragma once
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/index/rows.h"
#include "store/types.h"

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

// A row began (bytes > 0) or ceased to name an extent of that footprint.
struct LiveChange {
  std::uint32_t segment;
  std::uint32_t generation;
  std::uint64_t offset;
  std::int64_t bytes;
};
using LiveChanges = std::vector<LiveChange>;

// Rows as decide() sees them: `top` takes the edits of one operation at a time and can undo them.
class StagingRows final : public StagedRows {
 public:
  // `layers` from newest to oldest, `top` among them or not: it is read first anyway.
  StagingRows(Layer& top, std::vector<const Layer*> below, const RowBase& base);
  Result<std::optional<std::string>> find(Table table, std::string_view key) const override;
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override;
  void put(Table table, std::string_view key, std::string_view value) override;
  void erase(Table table, std::string_view key) override;
  // From now on `changes` gets what the edits that are kept do to extents.
  void watch(const ExtentFinder& finder, LiveChanges& changes);
  // Of the operation being decided so far.
  std::span<const LiveChange> changes() const;
  // An old row could not be read: the operation must be refused with this.
  const std::optional<Error>& trouble() const { return trouble_; }
  void keep();  // The operation was accepted.
  void undo();  // It was refused: as if it had never been.

 private:
  struct Undo {
    RowName name;
    bool was_there;
    std::optional<std::string> value;
  };
  void set(Table table, std::string_view key, std::optional<std::string> value);
  void count(Table table, std::string_view key, const std::optional<std::string>& value, int sign);
  Layer& top_;
  std::vector<const Layer*> layers_;
  const RowBase& base_;
  std::vector<Undo> undo_;
  const ExtentFinder* finder_ = nullptr;
  LiveChanges* changes_ = nullptr;
  std::size_t kept_ = 0;  // Of *changes_.
  std::vector<std::size_t> spots_;
  std::optional<Error> trouble_;
};

}  // namespace creel::store
