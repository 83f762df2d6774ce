#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/engine.h"

namespace creel::store {

// What one folder holds, by its segment headers.
struct Shelf {
  Folder* folder = nullptr;
  std::map<std::uint32_t, SegmentInfo> segments;
  std::map<std::uint32_t, std::uint32_t> spares;   // Id → last generation.
  std::vector<std::uint32_t> doomed;               // Hold nothing, and not as a spare does.
  std::vector<std::uint32_t> headless;             // In use, but their header is damaged.
  std::uint32_t next_segment = 1;
  std::uint32_t epoch = 0;
  std::uint32_t term = 0;
  bool blank = false;                              // Adopted: to be filled.
  // Mirrors: its end of the log.
  SegmentInfo last_log;
  std::uint64_t last_batch = 0;
  std::uint64_t chain = 0;
  std::uint64_t end = 0;
};

// Brings the folders of a store into a state to serve from (store.md §8, R1–R7), or formats empty
// ones. Every step may be cut by a crash and done again. Lives for one Store::open.
class Recovery {
 public:
  explicit Recovery(Engine& engine) : engine_(engine), volume_(engine.volume_) {}
  Task<Result<Unit>> run(Ctx& ctx);

 private:
  friend class Readmission;
  // --- recovery_folders.cc: R1
  Task<Result<Unit>> open_folders(Ctx& ctx);
  Task<Result<bool>> look_at(Ctx& ctx, Folder& folder, bool may_make);
  Task<Result<Unit>> take_lock(Ctx& ctx, Folder& folder);
  Task<Result<bool>> is_virgin(Ctx& ctx, Folder& folder);
  Task<Result<Unit>> compare_identities();
  Task<Result<Unit>> format(Ctx& ctx);
  Task<Result<Unit>> format_folder(Ctx& ctx, Folder& folder, bool with_identity);
  Task<Result<Unit>> write_identity(Ctx& ctx, Folder& folder);
  Task<Result<Unit>> load_states(Ctx& ctx);
  Task<Result<Unit>> count_start(Ctx& ctx);
  Result<Unit> validate_options() const;
  std::uint64_t choose_segment_bytes(std::uint64_t size) const;

  // --- recovery_segments.cc: R2
  Task<Result<Unit>> read_headers(Ctx& ctx, Shelf& shelf);
  Task<Result<Unit>> read_header(Ctx& ctx, Shelf& shelf, std::uint32_t id);
  Task<Result<Unit>> examine_headless(Ctx& ctx, Shelf& shelf, std::uint32_t id, Bytes start);
  Task<Result<Unit>> drop_twins(Ctx& ctx, Shelf& shelf);
  Task<Result<bool>> holds_batches(Ctx& ctx, Folder& folder, SegmentInfo info);

  // --- recovery_mirrors.cc
  Task<Result<Unit>> agree(Ctx& ctx);
  Task<void> find_one_end(Ctx& ctx, Shelf& shelf);
  bool end_is_known(Shelf& shelf) const;
  Task<Result<Unit>> find_end(Ctx& ctx, Shelf& shelf, std::unique_ptr<Folder>& owner);
  Task<Result<Unit>> mend_headers(Ctx& ctx, Shelf& best);
  Task<Result<Unit>> catch_up(Ctx& ctx, const Shelf& best, Shelf& other);
  Task<Result<Unit>> copy_segment(Ctx& ctx, const Shelf& best, Shelf& other, SegmentInfo info);
  void adopt(const Shelf& shelf);

  // --- image/recovery_image.cc
  Task<Result<Unit>> find_images(Ctx& ctx);
  Task<Result<Unit>> find_image(Ctx& ctx, const SegmentInfo& first);
  Task<Result<Unit>> may_rebuild(Ctx& ctx);
  bool log_reaches(Lsn lsn) const;
  Task<Result<Unit>> load_image(Ctx& ctx);
  Task<Result<Unit>> finish_rebuild(Ctx& ctx);
  void keep_images();
  void say_progress(std::string_view what, std::uint64_t rows, std::uint64_t bytes,
                    std::uint64_t of_bytes);

  // --- recovery_index.cc: open_index() with several folders
  struct OpenedIndex {
    Folder* folder;
    std::optional<Result<std::unique_ptr<RowBase>>> opened;
  };
  Task<Result<Unit>> open_indexes(Ctx& ctx, bool fresh);
  Task<void> open_one_index(Ctx& ctx, OpenedIndex& found, bool fresh);
  StateHash hash_to_serve(const std::vector<OpenedIndex>& all, Lsn best) const;
  Task<Result<bool>> choose_indexes(Ctx& ctx, std::vector<OpenedIndex> all, bool fresh);

  // --- recovery.cc: R3–R7
  bool log_is_complete() const;
  Task<Result<Unit>> open_index(Ctx& ctx, bool fresh);
  Task<Result<Unit>> replay_or_rebuild(Ctx& ctx);
  Task<Result<Unit>> replay(Ctx& ctx);
  Task<Result<Unit>> replay_log(Ctx& ctx, LogScan& scan, const LogScan::Bounds& bounds);
  Result<Unit> replay_one(const RecordView& record, const SegmentInfo& segment);
  Result<Unit> replay_moves(const RecordView& record);
  void remember_lost(const LostRange& lost);
  Task<Result<Unit>> settle_tail(Ctx& ctx, LogScan& scan);
  Task<Result<Unit>> write_last_batch_again(Ctx& ctx, const LogScan& scan);
  Task<Result<bool>> is_zero_behind(Ctx& ctx, std::uint32_t segment, std::uint64_t end);
  Task<Result<Unit>> begin_segment(Ctx& ctx, LogPlace end, bool in_order = false);
  void free_unnamed_segments();

  Engine& engine_;
  Volume& volume_;
  std::vector<Folder*> formatted_;
  std::vector<Folder*> blank_;
  std::vector<Shelf> shelves_;
  DriveState state_;            // The newest of all folders, as found.
  bool fresh_ = false;          // Formatted just now.
  bool index_fresh_ = false;    // Rebuilt from the log.
  bool gap_ = false;            // Operations are missing before what is replayed now.
  // Mirrors: every folder was looked through, and nothing lies behind this batch.
  std::optional<std::uint64_t> looked_behind_;
  std::uint64_t replayed_ = 0;
  // Images with an end, the newest first.
  struct Found {
    ImageInfo info;
    Folder* verified = nullptr;  // Read there and found good.
  };
  std::vector<Found> images_;
  bool from_image_ = false;     // The index was filled from the first of them.
  Instant said_;                // When progress was told.
};

}  // namespace creel::store
