#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "store/log/volume.h"

namespace creel::store {

// Reads a segment in pieces of at least kReadAhead, one piece in memory.
class LogWindow {
 public:
  // [offset, offset + want) of the segment in that folder; shorter at the end of the file. Valid
  // until the next call.
  Task<Result<ByteView>> view(Ctx& ctx, Folder& folder, std::uint32_t segment, std::uint64_t offset,
                              std::size_t want);
  void forget() { folder_ = nullptr; }
  static constexpr std::size_t kReadAhead = 256 * KiB;

 private:
  Folder* folder_ = nullptr;
  std::uint32_t segment_ = 0;
  std::uint64_t start_ = 0;
  Bytes data_;
  bool at_end_ = false;
};

// Where in the log: a batch boundary of a LOG segment.
struct LogPlace {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
  bool operator==(const LogPlace&) const = default;
};

// Walks the log in order over all segments and tells a torn tail from damage in the middle
// (store.md R3, R4). A batch that is bad in one folder is taken from another one and repaired.
class LogScan {
 public:
  struct Bounds {
    // The log is known to be durable up to here, from the index, a clean stop or the running
    // engine: a bad batch below is damage, wherever it lies.
    Lsn durable_lsn;
    std::uint64_t durable_batch = 0;
    // Every folder was looked through already: no batch lies behind this one.
    std::optional<std::uint64_t> looked_behind;
    // What one folder has damaged is written again from another.
    bool repair = false;
    // The running engine's end: nothing is read beyond.
    std::optional<LogPlace> stop;
  };
  struct Step {
    enum class Kind { kRecord, kLost, kEnd };
    Kind kind = Kind::kEnd;
    RecordView record;         // kRecord. Views into the scan, until its next call.
    SegmentInfo segment;       // Where the record or damage lies.
    LostRange lost;            // kLost: operations that are gone. None of them will follow.
  };

  // Starts at the first batch of `segment`, a LOG segment; `last` is the operation before it.
  LogScan(Volume& volume, const SegmentInfo& segment, Lsn last);

  // The next record (OP, NOTE, …) in log order. Errors: kIo (unreadable everywhere), kNotFound (the
  // segment was given back), never kCorrupt: damage is a step.
  Task<Result<Step>> next(Ctx& ctx, const Bounds& bounds);

  // Before going on after kEnd: the log may have grown.
  void refresh() { window_.forget(); }

  // After kEnd.
  LogPlace place() const { return {segment_.id, at_}; }
  Lsn last_lsn() const { return last_; }
  std::uint64_t last_batch() const { return expect_ - 1; }
  std::uint64_t chain() const { return chain_; }
  // The last whole batch, for writing it again: it may never have reached the drive.
  const std::optional<LogPlace>& last_batch_place() const { return last_batch_place_; }
  std::uint64_t last_batch_bytes() const { return last_batch_bytes_; }
  bool damaged() const { return damaged_; }  // Something was lost or repaired on the way.
  bool tail_torn() const { return tail_torn_; }

 private:
  struct Gap {
    std::uint64_t at;  // Next byte to look at.
    std::uint64_t begin;
    std::uint64_t end;  // Where reading goes on.
    Lsn limit;  // LSN of the first operation behind it; none: 0.
    std::uint64_t next_batch;
  };
  Task<Result<bool>> load_batch(Ctx& ctx, const Bounds& bounds);
  Task<Result<bool>> read_batch(Ctx& ctx, Folder& folder, std::uint64_t at);
  Task<Result<bool>> read_anywhere(Ctx& ctx, const Bounds& bounds);
  Task<Result<Unit>> repair(Ctx& ctx, Folder& good, const std::vector<Folder*>& bad);
  bool fits_chain(const BatchView& batch) const;
  Task<Result<bool>> handle_bad(Ctx& ctx, const Bounds& bounds, bool structure_good);
  Task<Result<std::optional<LogPlace>>> probe(Ctx& ctx, std::uint64_t from, std::uint64_t to);
  Task<Result<std::optional<Step>>> salvage(Ctx& ctx);
  const std::optional<SegmentInfo>& next_segment();
  void enter(const SegmentInfo& segment);
  void accept_batch();
  Step record_step(const RecordView& record);
  Step lost_step(Lsn first, Lsn last);

  Volume& volume_;
  SegmentInfo segment_;
  std::uint64_t at_ = kSegmentHeadBytes;
  std::optional<SegmentInfo> next_;  // Valid while segments_version is next_known_.
  std::uint64_t next_known_ = 0;
  std::uint64_t expect_ = 0;  // Number of the batch that should lie at at_.
  Lsn last_;
  std::uint64_t chain_ = 0;
  bool chain_known_ = false;
  LogWindow window_;
  BatchView batch_;  // Being handed out.
  std::size_t batch_next_ = 0;
  std::optional<Gap> gap_;
  std::optional<BatchHead> probed_;
  std::uint64_t damage_at_ = 0;
  std::optional<LogPlace> last_batch_place_;
  std::uint64_t last_batch_bytes_ = 0;
  bool damaged_ = false;
  bool tail_torn_ = false;
};

}  // namespace creel::store
