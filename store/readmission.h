#pragma once
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "store/recovery.h"

namespace creel::store {

// The way of one folder back into the set while the store serves (core.md §7). It is a stranger to
// the engine, under a Folder of its own, until it holds all that the live ones hold:
//  - Most is copied while the log grows. Then the log and all calls to the folders stand still for
//  the
//    small rest, and the folder is live from there on, with its own queue of the log.
//  - At any moment it holds a whole prefix of the log and every body that this prefix names, and
//  what it
//    held before: bodies are copied before the log, files are replaced by renaming. So a start
//    after a crash may count it, and may even adopt it.
// A failure leaves the folder down and nothing else.
class Readmission {
 public:
  Readmission(Engine& engine, unsigned index, std::string dir);

  // Live again when ok. Errors: kNotFound (it is not there, or not usable yet), kInvalid (another
  // store's, a copy, or written by a later start: named), others: of its drive.
  Task<Result<Unit>> run(Ctx& ctx);

 private:
  // --- what is there
  Task<Result<Unit>> examine(Ctx& ctx);
  Task<Result<Unit>> check_identity();
  Task<Result<Unit>> prepare(Ctx& ctx);
  bool is_same(const SegmentInfo& info) const;

  // --- copying, most of it while the store serves
  Task<Result<Unit>> copy_most(Ctx& ctx);
  Task<Result<Unit>> copy_round(Ctx& ctx);
  Task<Result<Unit>> copy_bulk(Ctx& ctx);
  Task<Result<Unit>> copy_log(Ctx& ctx, LogPlace upto, std::vector<SegmentInfo> logs);
  Task<Result<Unit>> open_copy(Ctx& ctx, SegmentInfo info, std::uint64_t bytes);
  Task<Result<Unit>> close_copy(Ctx& ctx);
  Task<Result<Unit>> copy_range(Ctx& ctx, std::uint32_t id, File& target, std::uint64_t from,
                                std::uint64_t to, bool compare);
  std::uint64_t rest_bytes() const;
  std::vector<SegmentInfo> log_segments() const;
  std::vector<SegmentInfo> other_segments() const;

  // --- at the barrier
  Task<Result<Unit>> join(Ctx& ctx);
  Task<Result<Unit>> finish(Ctx& ctx);
  Task<Result<Unit>> keep_same_spares(Ctx& ctx);
  Task<Result<Unit>> copy_header(Ctx& ctx, std::uint32_t id);

  Engine& engine_;
  Volume& volume_;
  Recovery recovery_;
  std::unique_ptr<Folder> folder_;
  Shelf shelf_;
  std::set<std::uint32_t> spares_;  // Made on it.
  std::set<std::uint32_t> whole_;  // Segments that are complete on it, but for dirty pieces.
  std::unique_ptr<File> copy_;  // Of one LOG segment, beside its final name.
  SegmentInfo copy_info_;
  std::uint64_t copied_ = 0;
};

}  // namespace creel::store
