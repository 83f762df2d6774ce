#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "store/index/layer.h"

namespace creel::store {

// How many bytes of each segment rows name (docs/formats/rows.md, table 10): kept by adding and
// subtracting at every edit, written with every checkpoint, counted anew from the rows when the
// index has no figures yet. Loop thread only.
class Ledger {
 public:
  explicit Ledger(const ExtentFinder& finder) : finder_(finder) {}

  // What the base says, as of its applied position; counted from its rows if it says nothing.
  Result<Unit> load(const RowBase& base);
  // Forgets everything and adds up what the rows of `rows` name.
  Result<Unit> recount(const RowReader& rows);
  void apply(std::span<const LiveChange> changes);

  // Bytes that published rows name in that generation of the segment.
  std::uint64_t live_bytes(std::uint32_t segment, std::uint32_t generation) const;
  // No row names a byte of it, not even in the base as it is on the drive.
  bool is_dead(std::uint32_t segment, std::uint32_t generation) const;
  std::uint64_t live_bytes() const;

  // A checkpoint: adds the rows of all that changed to `edits`, which stay sorted.
  void freeze(std::vector<RowEdit>& edits);
  void checkpointed(bool done);

 private:
  struct Account {
    std::uint32_t generation = 0;
    std::int64_t live = 0;
    bool changed = false;         // Since the last freeze().
    std::uint64_t dead_from = 0;  // The first freeze() that saw it at 0.
  };
  Account* account(std::uint32_t segment, std::uint32_t generation);

  const ExtentFinder& finder_;
  std::map<std::uint32_t, Account> accounts_;
  bool complete_ = false;              // The base has the table.
  std::vector<std::uint32_t> frozen_;  // In the checkpoint under way.
  std::uint64_t freezes_ = 0;
  std::uint64_t done_ = 0;             // The last freeze() that is on the drive.
};

}  // namespace creel::store
