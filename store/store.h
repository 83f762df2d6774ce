#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/async/scope.h"
#include "platform/platform.h"
#include "store/index/rows.h"
#include "store/space.h"
#include "store/types.h"

namespace creel::store {

// Where a record is about to lie: known before decide(), so that rows can name their bytes.
struct Place {
  std::uint32_t segment = 0;
  std::uint32_t generation = 0;
  std::uint64_t offset = 0;  // Of the record head.
};

// One operation as the model sees it. On replay `op.meta` is the decided form that the log holds.
struct OpView {
  Op& op;
  Lsn lsn;
  Place place;
  bool replay = false;
  std::uint64_t payload_crc64 = 0;
  std::uint64_t payload_bytes = 0;
  // The payload's extent, from the final meta length: call it after op.meta is final.
  Extent payload_extent() const;
};

// What became of an operation. Refused ones leave no trace in the log and no row edits.
struct Verdict {
  bool accepted = false;
  Lsn lsn;                     // If accepted.
  std::optional<Error> error;  // If refused.
  Bytes answer;                // The model's own words to the caller, either way.
};

// The deterministic state machine over the rows: owned by store/, implemented by s3/model and by
// core/ for shards. No I/O, clock, randomness or iteration over unordered containers: whatever is
// not a function of the op and the rows is put into the op before it is submitted.
class Decider : public ExtentFinder {
 public:
  // Errors of `rows` come back as a refused verdict with that error.
  virtual Verdict decide(OpView view, StagedRows& rows) = 0;
  // What people call the objects whose bytes this row names, at most `max` of them; empty: nothing
  // better than the row's key. May look through all rows: only asked about damage.
  virtual std::vector<std::string> names_of(const RowReader& rows, Table table,
                                            std::string_view key, std::string_view value,
                                            std::size_t max) const {
    (void)rows, (void)table, (void)key, (void)value, (void)max;
    return {};
  }

 protected:
  ~Decider() = default;
};

class Store;

struct Options {
  // Folders that hold the same log: 1 at the edge, up to 5 in a core. A batch is durable when
  // ⌊n/2⌋+1 of them have flushed it. The index lies in up to three of the healthy ones.
  std::vector<std::string> dirs;
  // Fixed at format; a power of two. 0: 2^⌊log2(size/64)⌋, at least 8 MiB, at most the maximum.
  std::uint64_t segment_bytes = 0;
  std::uint64_t segment_bytes_max = 64 * MiB;  // Core: 256 MiB.
  // What the store may use of the file system. 0: as at format, there 80 % of what is free.
  std::uint64_t size_bytes = 0;
  // Mirrors: a blank folder among formatted ones is filled from the others, at the start or while
  // serving. Else it is reported as down, for it may be a mount point without its drive.
  bool adopt_blank = false;
  std::size_t batch_bytes_max = 1 * MiB;  // Core: 4 MiB.
  std::size_t inline_bytes_max = 256 * KiB;  // Core: 1 MiB.
  std::size_t queue_bytes_max = 4 * MiB;  // Ops waiting for a batch; then submit() waits.
  std::size_t checkpoint_rows = 1'024;  // Core: 16,384.
  // How long a batch with room left waits for company, 0–20 ms: fewer flushes for the flash, later
  // answers for the clients.
  Duration commit_delay = Duration();
  Duration checkpoint_busy = 4_s;
  Duration checkpoint_idle = 30_s;
  std::uint64_t image_ops = 1'000'000;  // An image after so many; or rows / 4, if that is more.
  Duration scrub_every = 60_min * 24 * 30;  // All live bytes are read back so often; 0: never.
  std::uint64_t scrub_bytes_per_second = 4 * MiB;  // Never more than that.
  bool rebuild_index = false;  // Throw it away and make it anew, if it can be.
  Uuid cluster{};  // Zero: a lone store makes its own.
  // All who read the log later are through with it up to there; what lies above is kept for them.
  // Empty: nobody does.
  std::function<Lsn(const Store& store)> log_read_upto;
  unsigned lane = 1;  // Disk lane of the log writer; +1 for mirrors.
  // Opens the rows kept in DIR/idx; LMDB in production, memory in the simulator. `fresh` throws
  // away what is there (rebuild).
  // Called with `dir` = DIR/idx, which exists; on an offload thread.
  std::function<Result<std::unique_ptr<RowBase>>(const std::string& dir, const Uuid& store,
                                                 bool fresh)>
      open_base;
  std::function<void(std::string_view)> log;  // One line for the operator; may be empty.
};

// Room, in bytes.
struct SpaceStatus {
  std::uint64_t size = 0;  // What the store may use.
  SpaceLevel level = SpaceLevel::kPlenty;
  std::string warning;  // For people, naming what is full and what helps; or empty.
  std::uint64_t free = 0;  // Without the reserve.
  std::uint64_t promised = 0;  // Of it, to bodies on their way.
  std::uint64_t reserve = 0;  // Preallocated for what must always succeed.
  std::uint64_t reserve_missing = 0;  // Of it; refilled as soon as there is room.
  std::uint64_t refill_at = 0;  // Writes are taken again at so much free; 0: they are taken.
  std::uint64_t live = 0;  // Named by rows.
  std::uint64_t garbage = 0;  // In full segments, named by nobody, to be reclaimed.
  std::uint64_t held = 0;  // Segments kept only for those who read the log.
  IndexRoom index;
  std::uint64_t refused_full = 0;  // Since the start: operations and bodies refused …
  std::uint64_t refused_index = 0;  // … because the index is full.
};

// A check of everything, as far as it has come; or the last one.
struct CheckProgress {
  bool running = false;
  bool whole = false;  // It got to its end.
  std::uint64_t rows = 0;
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bytes_expected = 0;  // At most: the size of the files.
  std::uint64_t log_operations = 0;
  std::uint64_t damaged = 0;
  std::vector<std::string> findings;  // At most 64 of them.
};

// The reading back that goes on by itself.
struct ScrubStatus {
  bool running = false;
  std::int64_t completed_wall_ms = 0;  // When the last whole pass ended; 0: never.
  std::uint64_t bodies = 0;  // Of this pass since the start, or the last one.
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
};

// One of several folders that hold the log.
struct MirrorStatus {
  std::string dir;
  bool live = false;
  bool catching_up = false;  // Not live: it is being brought back.
  bool has_index = false;
  bool index_copying = false;  // It will have one.
  std::string why;  // Not live: what made it leave.
};

struct Status {
  bool read_only = false;  // After a failed write or flush: only a restart writes again.
  std::string reason;
  Lsn last;  // Newest durable operation.
  Lsn checkpointed;
  std::uint64_t segments = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t bulk_bytes = 0;
  std::uint64_t rows = 0;
  std::uint64_t index_bytes = 0;
  Lsn image_lsn;  // Newest verified image of the rows; 0: none.
  std::uint64_t image_rows = 0;
  std::uint64_t image_bytes = 0;  // On the drive.
  std::uint64_t free_bytes = 0;
  SpaceStatus space;
  std::uint64_t batches = 0;
  std::uint64_t flushes = 0;
  std::uint64_t damaged_ranges = 0;  // R4: quarantined, reported, never skipped silently.
  std::vector<std::string> damage;  // At most 64 texts.
  std::uint64_t damaged_objects = 0;  // Marked since the start, and not read well since.
  std::vector<std::string> damaged_names;  // "NAME: why", at most 64 of them.
  ScrubStatus scrub;
  std::vector<std::string> mirrors_down;  // "DIR: why"
  std::vector<std::string> mirrors_catching_up;  // Folders of those that are being brought back.
  std::uint64_t segments_recycled = 0;
  std::uint64_t moved_bytes = 0;  // Copied out of segments that held little else.
  std::vector<MirrorStatus> mirrors;  // All folders, if there are several.
};

// An operation read back from the log.
struct LoggedOp {
  Lsn lsn;
  Op op;  // payload empty unless asked for
  Extent payload;  // length 0 if there was none
};

// Streams one large body into BULK as it arrives. Dead bytes until an operation names its extents;
// dropping the writer before seal() abandons them. Sealed ones wait 15 minutes for their operation.
// One user at a time.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  // Buffers at most 256 KiB; waits for the drive. Errors: kNoSpace, kIo, kReadOnly, kStopped.
  virtual Task<Result<Unit>> write(Ctx& ctx, ByteView piece) = 0;
  // Flushes (one fdatasync shared by all who wait): the extents are on stable storage when ok.
  virtual Task<Result<std::vector<Extent>>> seal(Ctx& ctx) = 0;
};

// While it lives its segments keep their bytes, whatever becomes of the rows that name them.
class ReadHold {
 public:
  virtual ~ReadHold() = default;
};

// One drive's engine: a segment log that is the truth, an index derived from it. Loop thread only;
// its own scope runs the log writer and the checkpoints. Format: docs/formats/.
class Store : public RowReader {
 public:
  // Locks the folder(s), recovers (store.md §8: R1–R7) or formats empty ones, and is ready to
  // serve. Errors: kExists (another process: names its pid), kReadOnly (folder), kInvalid (foreign
  // or newer format, named), kCorrupt (more damage than recovery may judge alone), kUnavailable
  // (too few mirrors), kIo, kNoSpace.
  static Task<Result<std::unique_ptr<Store>>> open(Ctx& ctx, Platform& platform, Decider& decider,
                                                   Options options);
  virtual ~Store() = default;

  // Runs the log writer until stop() was asked; spawn it in the owner's scope.
  virtual Task<void> run(Ctx& ctx) = 0;
  // After run() has ended: final checkpoint and clean flag. Then the Store may be destroyed.
  virtual Task<Result<Unit>> close(Ctx& ctx) = 0;

  // Decides, appends and flushes; ok means decided *and*, if accepted, on stable storage. On a full
  // drive OpClass::kGrow is kNoSpace, OpClass::kAlways goes on in the reserve. Refused verdicts
  // wait for their batch too, because they judge rows not yet durable. Errors: kNoSpace, kReadOnly,
  // kStopped (not submitted), kUnknown (the flush failed: it may survive a restart).
  virtual Task<Result<Verdict>> submit(Ctx& ctx, Op op) = 0;

  // Room for a body of this size, beside all that was promised to others? kNoSpace names what is
  // full and what helps.
  virtual Result<Unit> admit(std::uint64_t bytes) const = 0;
  // `size_hint`: bytes expected, 0 if not known; a good one keeps the body in fewer extents and
  // wastes no room. That much is promised to the writer; one without is promised 1 MiB at a time,
  // and its write() may meet kNoSpace.
  virtual Task<Result<std::unique_ptr<BodyWriter>>> start_body(Ctx& ctx,
                                                               std::uint64_t size_hint = 0) = 0;
  // Reads [offset, offset + into.size()) of an extent, every touched cell checked before it is
  // returned; must lie inside. Tries other mirrors on damage. Errors: kCorrupt names the place,
  // kIo, kNotFound (recycled: look the row up again).
  virtual Task<Result<Unit>> read(Ctx& ctx, Extent extent, std::uint64_t offset,
                                  MutableBytes into) = 0;

  // For reads that take several calls. What is gone already stays gone: hold in the step that
  // looked the row up.
  virtual std::unique_ptr<ReadHold> hold(std::span<const Extent> extents) = 0;
  // No operation will name these sealed extents.
  virtual void abandon(std::span<const Extent> extents) = 0;

  // Operations with lsn > after in order, at most `bytes_max` of records (at least one if there is
  // one). Empty at the end of the durable log. Reads sequentially; `with_payload` loads bodies too.
  // Errors: kCorrupt (the operations right after `after` are damaged in every copy: lost() names
  // them, go on behind), kNotFound (the log begins later), kIo.
  virtual Task<Result<std::vector<LoggedOp>>> read_log(Ctx& ctx, Lsn after, std::size_t bytes_max,
                                                       bool with_payload) = 0;
  virtual Lsn log_begin() const = 0;  // Every operation from there on is in the log; at least 1.
  // Resumes when the newest durable operation is above `after`.
  virtual Task<Result<Unit>> wait_beyond(Ctx& ctx, Lsn after) = 0;

  virtual Task<Result<Unit>> checkpoint(Ctx& ctx) = 0;
  // All rows as of some operation at or above the newest durable one at the call, written to
  // segments of their own and read back: the index can be rebuilt from there, operations up to
  // image_lsn() are no longer needed for it. run() makes one each million operations. Only one is
  // made at a time. Errors: kNoSpace, kReadOnly, kStopped, kCorrupt (the index is damaged), kIo.
  virtual Task<Result<Unit>> make_image(Ctx& ctx) = 0;
  virtual Lsn image_lsn() const = 0;  // Newest verified image; 0: none.
  // A mirror's folder was seen to be gone, though files open in it may still take writes: it leaves
  // the set and counts no more. No-op for others and for the last one. A folder that left for
  // whatever reason is brought up to date and readmitted once it can be used again: run() looks
  // every few seconds, unless the store is read-only.
  virtual void drop_folder(std::string_view dir, std::string why) = 0;
  // The mirror at place `index` of Options::dirs is to be looked for at `dir` from now on. No-op
  // while it is live.
  virtual void place_folder(unsigned index, std::string dir) = 0;
  // Bytes of this object could not be read right: `name` is what people call it. Listed in status()
  // until the next start, or until clear_damage() when it was read well or is gone.
  virtual void mark_damaged(std::string name, std::string why) = 0;
  virtual void clear_damage(std::string_view name) = 0;
  // Reads back everything while run() serves: index, bodies, images, the whole log. No-op while one
  // is under way.
  virtual void start_check() = 0;
  virtual const CheckProgress& check_progress() const = 0;
  // Operations that no copy of the log holds any more: reported, never skipped silently.
  virtual std::vector<LostRange> lost() const = 0;
  // Walks all segments: for people and every few seconds, not for each request.
  virtual Status status() const = 0;
  virtual Lsn last() const = 0;  // The newest durable operation.
  virtual const Uuid& uuid() const = 0;
  virtual std::uint32_t epoch() const = 0;
  virtual std::uint64_t starts() const = 0;  // Rises durably at each start.
};

}  // namespace creel::store
