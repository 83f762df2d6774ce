#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "store/log/signal.h"
#include "store/log/volume.h"

namespace creel::store {

// Appends batches to the LOG segments of all folders. With mirrors each folder has its own queue:
// an append is durable when a majority has flushed it, and the others may lag a bounded while.
// One append or take at a time.
class LogWriter {
 public:
  explicit LogWriter(Volume& volume);

  const SegmentInfo& segment() const { return segment_; }
  std::uint64_t room(std::uint64_t offset) const { return volume_.segment_bytes - offset; }

  // Goes on in a segment whose batches end at `end` and behind which nothing was ever written.
  Task<Result<Unit>> resume(Ctx& ctx, const SegmentInfo& segment);
  // A fresh segment, leaving `reserve` spares: its header is on stable storage when ok. Errors:
  // kNoSpace (nothing changed), kIo.
  Task<Result<Unit>> take(Ctx& ctx, Lsn first_lsn, std::uint64_t first_batch, std::size_t reserve);
  // One write and one sync on each folder. kNoSpace (a lone folder): the batch is certainly not
  // there. Any other error: it may be.
  Task<Result<Unit>> append(Ctx& ctx, std::uint64_t offset, std::shared_ptr<const Bytes> bytes);

  // Mirrors only: the folders' queues run in `scope` until finish() has been called and they are
  // empty.
  void start(Scope& scope);
  void finish();
  // A folder that has left owes no answer any more: admit() may be called.
  bool idle(const Folder& folder) const;
  // It holds all that was sent so far and is live again.
  void admit(const Folder& folder);
  void look_again() { progress_.notify(); }  // A folder has left: who waits counts anew.

 private:
  struct Job {
    std::uint64_t sequence;
    std::uint64_t offset;
    std::shared_ptr<const Bytes> bytes;
    std::uint32_t new_segment;  // Not 0: open this one; bytes are its header.
    Instant since;
  };
  struct Lane {
    Folder* folder;
    std::deque<Job> jobs;
    std::uint64_t queued_bytes = 0;
    std::uint64_t done = 0;  // Sequence of the last job that succeeded.
    bool busy = false;
  };
  Task<void> work(Ctx& ctx, Lane& lane);
  Task<Result<Unit>> run_job(Ctx& ctx, Lane& lane, Job job);
  Task<Result<Unit>> send(std::uint64_t offset, std::shared_ptr<const Bytes> bytes,
                          std::uint32_t new_segment);
  void drop_laggards();
  std::size_t count_done(std::uint64_t sequence) const;

  static constexpr std::uint64_t kLagBytesMax = 64 * MiB;
  static constexpr Duration kLagMax = 10_s;

  Volume& volume_;
  SegmentInfo segment_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  void mark_behind();
  std::uint64_t sequence_ = 0;
  std::uint64_t durable_ = 0;  // Sequence that a majority has done.
  bool finishing_ = false;
  Signal jobs_;
  Signal progress_;
};

}  // namespace creel::store
