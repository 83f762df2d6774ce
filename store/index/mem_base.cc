#include "store/index/mem_base.h"

#include "store/index/state_hash.h"

namespace creel::store {
namespace {

using Rows = std::map<RowName, std::string, RowNameLess>;

class MemCursor final : public RowCursor {
 public:
  MemCursor(const Rows& rows, Table table) : rows_(rows), table_(table), at_(rows.end()) {}
  Result<bool> seek(std::string_view key) override {
    at_ = rows_.lower_bound(RowNameView{table_, key});
    return valid();
  }
  Result<bool> next() override {
    check(valid());
    ++at_;
    return valid();
  }
  std::string_view key() const override { return at_->first.key; }
  std::string_view value() const override { return at_->second; }

 private:
  bool valid() const { return at_ != rows_.end() && at_->first.table == table_; }
  const Rows& rows_;
  Table table_;
  Rows::const_iterator at_;
};

class MemSnapshot final : public RowSnapshot {
 public:
  MemSnapshot(const Rows& rows, Lsn applied, StateHash hash)
      : rows_(rows), applied_(applied), hash_(hash), next_(rows_.begin()), at_(rows_.end()) {}
  Lsn applied() const override { return applied_; }
  StateHash state_hash() const override { return hash_; }
  Result<bool> next() override {
    at_ = next_;
    if (at_ == rows_.end()) return false;
    ++next_;
    return true;
  }
  Table table() const override { return at_->first.table; }
  std::string_view key() const override { return at_->first.key; }
  std::string_view value() const override { return at_->second; }

 private:
  Rows rows_;
  Lsn applied_;
  StateHash hash_;
  Rows::const_iterator next_;
  Rows::const_iterator at_;
};

void apply(Rows& rows, const RowEdit& edit, StateHash& hash) {
  const auto found = rows.find(RowNameView{edit.table, edit.key});
  if (found != rows.end()) hash.subtract(row_hash(edit.table, edit.key, found->second));
  if (edit.value) hash.add(row_hash(edit.table, edit.key, *edit.value));
  if (!edit.value) {
    if (found != rows.end()) rows.erase(found);
  } else if (found != rows.end()) {
    found->second = *edit.value;
  } else {
    rows.emplace(RowName{edit.table, edit.key}, *edit.value);
  }
}

}  // namespace

MemBase::MemBase(MemImage& image, bool fresh) : image_(image) {
  if (fresh) {
    image_.rows.clear();
    image_.applied = {};
    image_.hash = {};
  }
  rows_ = image_.rows;
  applied_ = image_.applied;
  hash_ = image_.hash;
}

Result<std::optional<std::string>> MemBase::find(Table table, std::string_view key) const {
  const auto found = rows_.find(RowNameView{table, key});
  if (found == rows_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Result<std::unique_ptr<RowCursor>> MemBase::cursor(Table table) const {
  return std::unique_ptr<RowCursor>(new MemCursor(rows_, table));
}

Result<Unit> MemBase::commit(const std::vector<RowEdit>& edits, Lsn applied) {
  std::uint64_t growth = 0;
  for (const RowEdit& edit : edits)
    if (edit.value) growth += edit.key.size() + edit.value->size();
  if (image_.capacity != 0 && growth > 0 && bytes_used() + growth > image_.capacity)
    return fail(ErrorCode::kNoSpace, "index: no room for a checkpoint");
  for (const RowEdit& edit : edits) apply(image_.rows, edit, image_.hash);
  image_.applied = applied;
  committed_.insert(committed_.end(), edits.begin(), edits.end());
  committed_applied_ = applied;
  return Unit{};
}

Result<Unit> MemBase::load(const std::vector<RowEdit>& rows, Lsn applied) {
  return commit(rows, applied);
}

Result<std::unique_ptr<RowSnapshot>> MemBase::snapshot() const {
  return std::unique_ptr<RowSnapshot>(new MemSnapshot(rows_, applied_, hash_));
}

void MemBase::publish() {
  for (const RowEdit& edit : committed_) apply(rows_, edit, hash_);
  committed_.clear();
  applied_ = committed_applied_;
}

std::uint64_t MemBase::bytes_used() const {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : rows_) bytes += name.key.size() + value.size();
  return bytes;
}

}  // namespace creel::store
