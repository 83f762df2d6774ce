#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/index/rows.h"

namespace creel::store {

// The same rows in several places, each a base of its own. One of them is read, every commit goes
// to all, one after another; a place that fails leaves and the others go on. A place may be filled
// from the others while all this goes on. Loop thread only, but for commit(), commit_copied() and
// complete_copy(), which run elsewhere, one at a time; nothing that changes the set meanwhile but
// leave().
class MirroredBase final : public RowBase {
 public:
  // Called on the loop when a place has left, whatever made it leave.
  using OnLeave = std::function<void(unsigned place, const Error& why)>;
  explicit MirroredBase(OnLeave on_leave) : on_leave_(std::move(on_leave)) {}

  // One more place whose rows are those of the others, as the first one's applied() says.
  void add(unsigned place, std::unique_ptr<RowBase> base);
  // Neither read nor committed to any more: the loop never touches its files again, unless no
  // other place has the rows. Also ends a copy to it.
  void leave(unsigned place, const Error& why);
  // Bases of places that left, to be destroyed where that may block. Not while a snapshot lives.
  std::vector<std::unique_ptr<RowBase>> take_left();
  std::vector<unsigned> places() const;  // That hold all rows.
  // Those and their bases, for looking at them elsewhere; good until the next take_left().
  std::vector<std::pair<unsigned, const RowBase*>> bases() const;
  std::optional<unsigned> copying_to() const;

  // A copy into a fresh base: pieces in key order, while commits go to it too, so that what was
  // copied before stays true. It says applied() = 0 until it is complete: an index that says so
  // and holds rows is a copy that was cut.
  bool may_copy() const { return !copy_; }  // No other one is under way or waits for take_left().
  void begin_copy(unsigned place, std::unique_ptr<RowBase> fresh);
  // The next rows, at most so many; empty: all are copied. Errors: kCorrupt (at the end: what was
  // copied has another hash than what it was copied from), those of reading.
  Result<std::vector<RowEdit>> next_to_copy(std::size_t rows_max);
  Result<Unit> commit_copied(const std::vector<RowEdit>& piece);
  Result<Unit> complete_copy();
  // After complete_copy(), on the loop: it counts as the others do. False: it has left meanwhile.
  bool adopt_copy();

  Result<std::optional<std::string>> find(Table table, std::string_view key) const override;
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override;
  Lsn applied() const override { return applied_; }
  // Ok: at least one place that is still here has it; those that have not leave at publish().
  // kNoSpace: no place has room. Else no place could take it.
  Result<Unit> commit(const std::vector<RowEdit>& edits, Lsn applied) override {
    return write(edits, applied, false);
  }
  Result<Unit> load(const std::vector<RowEdit>& rows, Lsn applied) override {
    return write(rows, applied, true);
  }
  void publish() override;
  StateHash state_hash() const override;
  // Of all places; nothing may change the set meanwhile. bases() tells which one is damaged.
  Result<Unit> verify() const override;
  // Of the place that is read now; fails when that leaves.
  Result<std::unique_ptr<RowSnapshot>> snapshot() const override;
  std::uint64_t row_count() const override;
  std::uint64_t bytes_used() const override;
  std::string describe() const override;
  IndexRoom room() const override;  // Of the place with the least allocated.
  // Ok: in at least one place; another error than kNoSpace makes the others leave at publish().
  Result<Unit> allocate(std::uint64_t bytes) override;

 private:
  friend class MirroredCursor;
  friend class MirroredSnapshot;
  struct Place {
    unsigned number;
    std::unique_ptr<RowBase> base;
    std::atomic<std::uint32_t> left{0};  // Set on the loop, also while a commit runs.
    std::optional<Error> failed;  // Set by commits; it leaves at publish().
    bool done = false;  // The last commit succeeded here.
    bool current = true;  // Its rows are those of applied_.
    Place(unsigned n, std::unique_ptr<RowBase> b) : number(n), base(std::move(b)) {}
  };
  Result<Unit> write(const std::vector<RowEdit>& edits, Lsn applied, bool load);
  const Place* reading() const;
  // A read of this place failed: true if there is another one to ask, and it has left.
  bool move_from(const Place& bad, const Error& why) const;
  void part_with(Place& place, const Error& why) const;

  OnLeave on_leave_;
  std::vector<std::unique_ptr<Place>> places_;  // In the order to read from.
  std::unique_ptr<Place> copy_;
  std::optional<std::pair<Table, std::string>> copied_;  // The last row.
  Lsn applied_;
  Lsn committed_;
};

}  // namespace creel::store
