// Rows in memory that fail as their drive does: what an LMDB file on it would do.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "platform/base/text.h"
#include "platform/sim/disk.h"
#include "store/index/mem_base.h"

namespace creel::test {

class DriveBase final : public store::RowBase {
 public:
  // What is wrong with the drive at this moment, for a read and for a commit.
  using Fault = std::function<std::optional<Error>(bool commit)>;
  DriveBase(std::shared_ptr<store::MemImage> image, bool fresh, Fault fault)
      : image_(std::move(image)), base_(*image_, fresh), fault_(std::move(fault)) {}

  Result<std::optional<std::string>> find(store::Table table, std::string_view key) const override {
    if (const auto error = fault_(false)) return *error;
    return base_.find(table, key);
  }
  Result<std::unique_ptr<store::RowCursor>> cursor(store::Table table) const override {
    if (const auto error = fault_(false)) return *error;
    TRY(walk, base_.cursor(table));
    return std::unique_ptr<store::RowCursor>(new Cursor(std::move(walk), fault_));
  }
  store::Lsn applied() const override { return base_.applied(); }
  Result<Unit> commit(const std::vector<store::RowEdit>& edits, store::Lsn applied) override {
    if (const auto error = fault_(true)) return *error;
    return base_.commit(edits, applied);
  }
  Result<Unit> load(const std::vector<store::RowEdit>& rows, store::Lsn applied) override {
    if (const auto error = fault_(true)) return *error;
    return base_.load(rows, applied);
  }
  void publish() override { base_.publish(); }
  store::StateHash state_hash() const override { return base_.state_hash(); }
  Result<std::unique_ptr<store::RowSnapshot>> snapshot() const override {
    if (const auto error = fault_(false)) return *error;
    return base_.snapshot();
  }
  store::IndexRoom room() const override { return base_.room(); }
  Result<Unit> allocate(std::uint64_t bytes) override {
    if (const auto error = fault_(true)) return *error;
    return base_.allocate(bytes);
  }
  std::uint64_t row_count() const override { return base_.row_count(); }
  std::uint64_t bytes_used() const override { return base_.bytes_used(); }

 private:
  class Cursor final : public store::RowCursor {
   public:
    Cursor(std::unique_ptr<store::RowCursor> walk, const Fault& fault)
        : walk_(std::move(walk)), fault_(fault) {}
    Result<bool> seek(std::string_view key) override {
      if (const auto error = fault_(false)) return *error;
      return walk_->seek(key);
    }
    Result<bool> next() override {
      if (const auto error = fault_(false)) return *error;
      return walk_->next();
    }
    std::string_view key() const override { return walk_->key(); }
    std::string_view value() const override { return walk_->value(); }

   private:
    std::unique_ptr<store::RowCursor> walk_;
    const Fault& fault_;
  };

  std::shared_ptr<store::MemImage> image_;  // Outlives the drive's replacement.
  store::MemBase base_;
  Fault fault_;
};

// The index in `dir` of a simulated machine; `image` is its content.
inline Result<std::unique_ptr<store::RowBase>> open_drive_base(
    SimDisk& disk, const std::string& dir, std::shared_ptr<store::MemImage> image, bool fresh) {
  auto fault = [&disk, dir](bool commit) -> std::optional<Error> {
    const SimDrive& drive = disk.drive_of(SimDisk::normal(dir));
    const bool failing = commit ? drive.faults.write_error >= 1 || drive.faults.sync_error >= 1
                                : drive.faults.read_error >= 1;
    if (!drive.available || failing) return fail(ErrorCode::kIo, cat(dir, ": its drive fails"));
    return std::nullopt;
  };
  if (const auto error = fault(false)) return *error;
  return std::unique_ptr<store::RowBase>(new DriveBase(std::move(image), fresh, std::move(fault)));
}

}  // namespace creel::test
