// What the rows are after each operation of the log: the deciding state machine, overheard.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "s3/model/model.h"
#include "store/index/layer.h"

namespace creel::crash {

using Rows = std::map<store::RowName, std::string, store::RowNameLess>;

// The row edits of each operation by LSN. An operation that never reached the log is overwritten by
// the one that got its number.
class Timeline {
 public:
  struct Step {
    std::uint32_t at = 0;  // Ops in the op-log when it was decided.
    std::vector<store::RowEdit> edits;
  };
  void set(std::uint64_t lsn, Step step);
  std::uint64_t last() const { return steps_.size() - 1; }
  const Step& step(std::uint64_t lsn) const { return *steps_[lsn]; }
  // The same up to `lsn`, to go on differently.
  Timeline prefix(std::uint64_t lsn) const;
  // Rows as of `lsn`; valid until a few other calls later.
  const Rows& rows(std::uint64_t lsn) const;

 private:
  std::vector<std::shared_ptr<const Step>> steps_{std::make_shared<const Step>()};
  struct Memo {
    std::uint64_t lsn = 0;
    std::uint64_t used = 0;
    Rows rows;
  };
  mutable std::vector<Memo> memos_;
  mutable std::uint64_t uses_ = 0;
};

// The S3 state machine; what it accepts goes into a timeline, if there is one.
class OverheardModel final : public store::Decider {
 public:
  explicit OverheardModel(Timeline* timeline);
  store::Verdict decide(store::OpView view, store::StagedRows& rows) override;
  void find_extents(store::Table table, std::string_view key, std::string_view value,
                    std::vector<std::size_t>& at) const override {
    model_.find_extents(table, key, value, at);
  }
  std::uint32_t now = 0;  // Becomes Step::at; kept by the owner.

 private:
  s3::Model model_;
  Timeline* timeline_;
};

}  // namespace creel::crash
