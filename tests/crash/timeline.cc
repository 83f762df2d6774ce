#include "tests/crash/timeline.h"

#include <algorithm>

#include "platform/base/check.h"

namespace creel::crash {
namespace {

class Overhearing final : public store::StagedRows {
 public:
  explicit Overhearing(store::StagedRows& rows) : rows_(rows) {}
  Result<std::optional<std::string>> find(store::Table table, std::string_view key) const override {
    return rows_.find(table, key);
  }
  Result<std::unique_ptr<store::RowCursor>> cursor(store::Table table) const override {
    return rows_.cursor(table);
  }
  void put(store::Table table, std::string_view key, std::string_view value) override {
    edits.push_back({table, std::string(key), std::string(value)});
    rows_.put(table, key, value);
  }
  void erase(store::Table table, std::string_view key) override {
    edits.push_back({table, std::string(key), std::nullopt});
    rows_.erase(table, key);
  }
  std::vector<store::RowEdit> edits;

 private:
  store::StagedRows& rows_;
};

s3::ModelOptions small_parts() {
  s3::ModelOptions options;
  options.part_bytes_min = 1;
  return options;
}

}  // namespace

void Timeline::set(std::uint64_t lsn, Step step) {
  check(lsn >= 1 && lsn <= steps_.size());
  steps_.resize(static_cast<std::size_t>(lsn));
  steps_.push_back(std::make_shared<const Step>(std::move(step)));
  std::erase_if(memos_, [&](const Memo& memo) { return memo.lsn >= lsn; });
}

Timeline Timeline::prefix(std::uint64_t lsn) const {
  Timeline copy;
  copy.steps_.assign(steps_.begin(), steps_.begin() + static_cast<std::ptrdiff_t>(lsn) + 1);
  return copy;
}

const Rows& Timeline::rows(std::uint64_t lsn) const {
  constexpr std::size_t kMemos = 6;
  check(lsn <= last());
  Memo* below = nullptr;
  for (Memo& memo : memos_) {
    if (memo.lsn == lsn) {
      memo.used = ++uses_;
      return memo.rows;
    }
    if (memo.lsn < lsn && (below == nullptr || memo.lsn > below->lsn)) below = &memo;
  }
  Memo made;
  if (below != nullptr) made = *below;
  while (made.lsn < lsn) {
    ++made.lsn;
    for (const store::RowEdit& edit : steps_[made.lsn]->edits) {
      if (edit.value) made.rows[{edit.table, edit.key}] = *edit.value;
      else made.rows.erase({edit.table, edit.key});
    }
  }
  made.used = ++uses_;
  if (memos_.size() >= kMemos)
    memos_.erase(std::min_element(memos_.begin(), memos_.end(),
                                  [](const Memo& a, const Memo& b) { return a.used < b.used; }));
  memos_.push_back(std::move(made));
  return memos_.back().rows;
}

OverheardModel::OverheardModel(Timeline* timeline) : model_(small_parts()), timeline_(timeline) {}

store::Verdict OverheardModel::decide(store::OpView view, store::StagedRows& rows) {
  if (timeline_ == nullptr) return model_.decide(view, rows);
  Overhearing overhearing(rows);
  store::Verdict verdict = model_.decide(view, overhearing);
  if (verdict.accepted && !view.replay)
    timeline_->set(view.lsn.value, {now, std::move(overhearing.edits)});
  return verdict;
}

}  // namespace creel::crash
