#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/index/layer.h"

namespace creel::store {

// What a MemBase has made durable: owned by its world, so that it outlives a simulated crash.
struct MemImage {
  std::map<RowName, std::string, RowNameLess> rows;
  Lsn applied;
  StateHash hash;
  std::uint64_t capacity = 0;  // A test's bound: commits beyond it are kNoSpace. 0: none.
  bool grows = false;  // The bound is that of a file that allocate() makes larger.
};

// Rows in memory, for the simulator and tests. commit() changes the image only, publish() what
// readers see, as LmdbBase does with its transactions.
class MemBase final : public RowBase {
 public:
  // `fresh` empties the image first.
  MemBase(MemImage& image, bool fresh);

  Result<std::optional<std::string>> find(Table table, std::string_view key) const override;
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override;
  Lsn applied() const override { return applied_; }
  StateHash state_hash() const override { return hash_; }
  Result<Unit> commit(const std::vector<RowEdit>& edits, Lsn applied) override;
  Result<Unit> load(const std::vector<RowEdit>& rows, Lsn applied) override;
  void publish() override;
  Result<std::unique_ptr<RowSnapshot>> snapshot() const override;
  std::uint64_t row_count() const override { return rows_.size(); }
  std::uint64_t bytes_used() const override;
  IndexRoom room() const override { return {bytes_used(), image_.capacity, 0, true}; }
  Result<Unit> allocate(std::uint64_t bytes) override {
    if (image_.grows) image_.capacity = std::max(image_.capacity, bytes);
    return Unit{};
  }

 private:
  MemImage& image_;
  std::map<RowName, std::string, RowNameLess> rows_;
  Lsn applied_;
  StateHash hash_;
  std::vector<RowEdit> committed_;  // Not yet published.
  Lsn committed_applied_;
};

}  // namespace creel::store
