#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/repair/blob_repair.h"
#include "s3/model/records.h"
#include "s3/service/log.h"

namespace creel::core {

struct HealerOptions {
  Duration pass = 5_s;             // Between looks at the queues.
  Duration retry = 30_s;           // For what could not be healed; sooner when a drive returns.
  Duration reap_grace = 60_s;      // For readers of a blob that was deleted under them.
  Duration sweep_after = 10_s;     // The first search for shards that no row names.
};

struct HealProgress {
  bool running = false;
  std::uint64_t blobs = 0;          // To look at.
  std::uint64_t blobs_done = 0;
  std::uint64_t shards_rebuilt = 0;
  std::uint64_t bytes_rebuilt = 0;
  std::uint64_t blobs_incomplete = 0;  // Still lack shards: a drive is away.
  std::uint64_t blobs_failed = 0;
  std::string last_error;
};

struct HealerCounters {
  std::uint64_t healed = 0, read_repairs = 0, reaped = 0, orphans = 0;
};

// Works what the rows say is to be done: degraded blobs ('h' rows), dead ones ('d' rows); repairs
// what reads found broken; removes shards that no row names. Loop thread only.
class Healer {
 public:
  Healer(Platform& platform, Drives& drives, ErasureBlobs& blobs, s3::Log& log,
         store::Store& log_store, HealerOptions options = {});

  Task<void> run(Ctx& ctx);

  // Takes blank drives in and walks all blobs, verifying every cell: `creel heal`. One at a time:
  // kExists while another runs. Errors: those of taking drives in, kStopped.
  Task<Result<HealProgress>> heal_all(Ctx& ctx);
  const HealProgress& progress() const { return progress_; }
  const HealerCounters& counters() const { return counters_; }

 private:
  struct Found {
    s3::RowId id;
    std::string manifest;
  };
  Task<void> heal_loop(Ctx& ctx);
  Task<void> reap_loop(Ctx& ctx);
  Task<void> sweep_loop(Ctx& ctx);
  Task<Result<Unit>> work_heal_rows(Ctx& ctx);
  Task<Result<Unit>> work_read_repairs(Ctx& ctx);
  Task<Result<RepairOutcome>> heal_one(Ctx& ctx, s3::RowId id, std::string manifest,
                                       RepairOptions options);
  Task<Result<Unit>> reap(Ctx& ctx);
  Task<Result<Unit>> sweep(Ctx& ctx);
  Task<Result<Unit>> sweep_seat(Ctx& ctx, unsigned seat);
  Task<Result<Unit>> gather_live(Ctx& ctx);
  bool is_live(const BlobId& blob, unsigned slot, unsigned seat) const;
  Result<std::vector<Found>> blobs_after(std::string after, std::size_t count,
                                         std::string& last) const;
  Task<Result<Unit>> submit(Ctx& ctx, std::string meta);

  Platform& platform_;
  Drives& drives_;
  ErasureBlobs& blobs_;
  s3::Log& log_;
  store::Store& log_store_;
  HealerOptions options_;
  BlobRepair repair_;
  Semaphore turn_{1};  // Repairs and sweeps do not mix: a sweep knows rows of a while ago.
  HealProgress progress_;
  HealerCounters counters_;
  std::deque<std::pair<Instant, std::uint64_t>> marks_;  // When the log stood where.
  std::uint64_t reapable_ = 0;  // Deleted up to here: grace is over.
  std::vector<std::pair<BlobId, std::string>> live_;  // Sorted; seats of the slots.
  std::uint32_t swept_up_ = 0;  // Seats that were up at the last sweep.
};

}  // namespace creel::core
