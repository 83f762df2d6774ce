#include "store/index/mirrored_base.h"

#include "platform/base/check.h"

namespace creel::store {

// Goes on in another place where it stands when the one it walks fails.
class MirroredCursor final : public RowCursor {
 public:
  MirroredCursor(const MirroredBase& base, const MirroredBase::Place* place,
                 std::unique_ptr<RowCursor> cursor, Table table)
      : base_(base), place_(place), cursor_(std::move(cursor)), table_(table) {}

  Result<bool> seek(std::string_view key) override {
    key_ = key;
    return kept(cursor_->seek(key_), false);
  }
  Result<bool> next() override { return kept(cursor_->next(), true); }
  std::string_view key() const override { return cursor_->key(); }
  std::string_view value() const override { return cursor_->value(); }

 private:
  // The step's result, or that of the same step elsewhere: to the first row at key_, or behind it.
  Result<bool> kept(Result<bool> step, bool behind) {
    while (!step.ok() && base_.move_from(*place_, step.error())) {
      place_ = base_.reading();
      Result<std::unique_ptr<RowCursor>> fresh = place_->base->cursor(table_);
      if (!fresh.ok()) {
        step = fresh.error();
        continue;
      }
      cursor_ = fresh.take();
      step = cursor_->seek(key_);
      if (behind && step.ok() && step.value() && cursor_->key() == key_) step = cursor_->next();
    }
    if (step.ok() && step.value()) key_ = cursor_->key();
    return step;
  }

  const MirroredBase& base_;
  const MirroredBase::Place* place_;
  std::unique_ptr<RowCursor> cursor_;
  Table table_;
  std::string key_;  // Where it stands.
};

// Stops as soon as its place has left: what backs the file may be gone.
class MirroredSnapshot final : public RowSnapshot {
 public:
  MirroredSnapshot(const MirroredBase::Place* place, std::unique_ptr<RowSnapshot> rows)
      : place_(place), rows_(std::move(rows)) {}
  Lsn applied() const override { return rows_->applied(); }
  StateHash state_hash() const override { return rows_->state_hash(); }
  Result<bool> next() override {
    if (place_->left) return fail(ErrorCode::kIo, "the folder of this index has left");
    return rows_->next();
  }
  Table table() const override { return rows_->table(); }
  std::string_view key() const override { return rows_->key(); }
  std::string_view value() const override { return rows_->value(); }

 private:
  const MirroredBase::Place* place_;
  std::unique_ptr<RowSnapshot> rows_;
};

void MirroredBase::add(unsigned place, std::unique_ptr<RowBase> base) {
  if (places_.empty()) applied_ = committed_ = base->applied();
  check(base->applied() == applied_);
  check(places_.empty() || base->state_hash() == places_.front()->base->state_hash());
  places_.push_back(std::make_unique<Place>(place, std::move(base)));
}

void MirroredBase::leave(unsigned place, const Error& why) {
  for (const auto& one : places_)
    if (one->number == place) part_with(*one, why);
  if (copy_ && copy_->number == place) part_with(*copy_, why);
}

void MirroredBase::part_with(Place& place, const Error& why) const {
  if (place.left.exchange(1) != 0) return;
  if (on_leave_) on_leave_(place.number, why);
}

std::vector<std::unique_ptr<RowBase>> MirroredBase::take_left() {
  std::vector<std::unique_ptr<RowBase>> bases;
  const Place* const read = reading();
  for (const auto& one : places_)
    if (one->left && one.get() != read) bases.push_back(std::move(one->base));
  std::erase_if(places_, [](const auto& one) { return one->base == nullptr; });
  if (copy_ && copy_->left) {
    bases.push_back(std::move(copy_->base));
    copy_.reset();
  }
  return bases;
}

std::vector<unsigned> MirroredBase::places() const {
  std::vector<unsigned> all;
  for (const auto& one : places_)
    if (one->current && !one->left) all.push_back(one->number);
  return all;
}

std::vector<std::pair<unsigned, const RowBase*>> MirroredBase::bases() const {
  std::vector<std::pair<unsigned, const RowBase*>> all;
  for (const auto& one : places_)
    if (one->current && !one->left) all.emplace_back(one->number, one->base.get());
  return all;
}

std::optional<unsigned> MirroredBase::copying_to() const {
  if (!copy_ || copy_->left) return std::nullopt;
  return copy_->number;
}

// --- reading

const MirroredBase::Place* MirroredBase::reading() const {
  const Place* last = nullptr;  // Better than rows that are too old.
  for (const auto& one : places_) {
    if (!one->current) continue;
    if (!one->left) return one.get();
    last = one.get();
  }
  return last;
}

bool MirroredBase::move_from(const Place& bad, const Error& why) const {
  for (const auto& one : places_) {
    if (one.get() == &bad || one->left || !one->current) continue;
    for (const auto& mine : places_)
      if (mine.get() == &bad) part_with(*mine, why);
    return true;
  }
  return false;
}

Result<std::optional<std::string>> MirroredBase::find(Table table, std::string_view key) const {
  for (;;) {
    const Place* place = reading();
    Result<std::optional<std::string>> found = place->base->find(table, key);
    if (found.ok() || !move_from(*place, found.error())) return found;
  }
}

Result<std::unique_ptr<RowCursor>> MirroredBase::cursor(Table table) const {
  for (;;) {
    const Place* place = reading();
    Result<std::unique_ptr<RowCursor>> cursor = place->base->cursor(table);
    if (cursor.ok())
      return std::unique_ptr<RowCursor>(new MirroredCursor(*this, place, cursor.take(), table));
    if (!move_from(*place, cursor.error())) return cursor;
  }
}

Result<std::unique_ptr<RowSnapshot>> MirroredBase::snapshot() const {
  const Place* place = reading();
  TRY(rows, place->base->snapshot());
  return std::unique_ptr<RowSnapshot>(new MirroredSnapshot(place, std::move(rows)));
}

Result<Unit> MirroredBase::verify() const {
  for (const auto& [place, base] : bases()) TRY_DO(base->verify());
  return Unit{};
}

StateHash MirroredBase::state_hash() const { return reading()->base->state_hash(); }
std::uint64_t MirroredBase::row_count() const { return reading()->base->row_count(); }
std::uint64_t MirroredBase::bytes_used() const { return reading()->base->bytes_used(); }
std::string MirroredBase::describe() const { return reading()->base->describe(); }

IndexRoom MirroredBase::room() const {
  IndexRoom least = reading()->base->room();
  for (const auto& one : places_) {
    if (!one->current || one->left) continue;
    const IndexRoom mine = one->base->room();
    if (mine.allocated_bytes < least.allocated_bytes) least = mine;
  }
  return least;
}

// --- commits

Result<Unit> MirroredBase::write(const std::vector<RowEdit>& edits, Lsn applied, bool load) {
  std::optional<Error> full;
  std::optional<Error> failure;
  std::vector<Place*> lag;
  bool kept = false;
  for (const auto& one : places_) {
    one->done = false;
    if (one->left || one->failed) continue;
    Result<Unit> done = load ? one->base->load(edits, applied) : one->base->commit(edits, applied);
    one->done = done.ok();
    if (done.ok()) continue;
    const bool no_space = done.error().code == ErrorCode::kNoSpace;
    (no_space ? full : failure) = done.error();
    if (no_space) lag.push_back(one.get());
    else one->failed = done.error();
  }
  for (const auto& one : places_) kept = kept || (one->done && !one->left);
  if (!kept && full) return *full;
  if (!kept) return failure ? *failure : fail(ErrorCode::kIo, "no folder with the index is left");
  for (Place* one : lag) one->failed = full;
  committed_ = applied;
  if (copy_ && !copy_->left && !copy_->failed)
    if (Result<Unit> done = copy_->base->commit(edits, Lsn{}); !done.ok())
      copy_->failed = done.error();
  return Unit{};
}

Result<Unit> MirroredBase::allocate(std::uint64_t bytes) {
  std::optional<Error> error;
  bool kept = false;
  for (const auto& one : places_) {
    if (one->left || one->failed) continue;
    Result<Unit> done = one->base->allocate(bytes);
    kept = kept || done.ok();
    if (done.ok()) continue;
    error = done.error();
    if (error->code != ErrorCode::kNoSpace) one->failed = error;
  }
  if (kept || !error) return Unit{};
  return *error;
}

void MirroredBase::publish() {
  bool here = false;
  for (const auto& one : places_) here = here || (one->done && !one->left);
  for (const auto& one : places_) {
    one->current = one->done && (!one->left || !here);
    if (one->current) one->base->publish();
  }
  applied_ = committed_;
  for (const auto& one : places_)
    if (one->failed) part_with(*one, *one->failed);
  if (copy_ && copy_->failed) part_with(*copy_, *copy_->failed);
  else if (copy_ && !copy_->left) copy_->base->publish();
}

// --- copying

void MirroredBase::begin_copy(unsigned place, std::unique_ptr<RowBase> fresh) {
  check(!copy_ && fresh->row_count() == 0);
  copy_ = std::make_unique<Place>(place, std::move(fresh));
  copied_.reset();
}

Result<std::vector<RowEdit>> MirroredBase::next_to_copy(std::size_t rows_max) {
  std::vector<RowEdit> piece;
  copy_->base->publish();
  for (unsigned number = copied_ ? static_cast<unsigned>(copied_->first) : 1;
       number < 256 && piece.size() < rows_max; ++number) {
    const auto table = static_cast<Table>(number);
    const bool goes_on = copied_ && copied_->first == table;
    TRY(cursor, this->cursor(table));
    TRY(more, cursor->seek(goes_on ? std::string_view(copied_->second) : std::string_view()));
    if (goes_on && more && cursor->key() == copied_->second) {
      TRY(behind, cursor->next());
      more = behind;
    }
    while (more && piece.size() < rows_max) {
      piece.push_back({table, std::string(cursor->key()), std::string(cursor->value())});
      TRY(next, cursor->next());
      more = next;
    }
  }
  if (!piece.empty()) copied_.emplace(piece.back().table, piece.back().key);
  else if (copy_->base->state_hash() != state_hash() || copy_->base->row_count() != row_count())
    return fail(ErrorCode::kCorrupt, "the copy of the index differs from the index");
  return piece;
}

Result<Unit> MirroredBase::commit_copied(const std::vector<RowEdit>& piece) {
  return copy_->base->commit(piece, Lsn{});
}

Result<Unit> MirroredBase::complete_copy() { return copy_->base->commit({}, applied_); }

bool MirroredBase::adopt_copy() {
  if (!copy_ || copy_->left || copy_->failed) return false;
  copy_->base->publish();
  places_.push_back(std::move(copy_));
  return true;
}

}  // namespace creel::store
