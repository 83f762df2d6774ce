#pragma once
#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/async/event.h"
#include "store/checker.h"
#include "store/extents/bulk_stream.h"
#include "store/extents/extent_reader.h"
#include "store/image/image_format.h"
#include "store/index/layer.h"
#include "store/index/mirrored_base.h"
#include "store/log/batch_builder.h"
#include "store/log/log_reader.h"
#include "store/log/log_writer.h"
#include "store/log/signal.h"
#include "store/log/volume.h"
#include "store/reclaim/cleaner.h"
#include "store/reclaim/ledger.h"
#include "store/store.h"

namespace creel::store {

// One operation on its way, in the frame of submit().
class Submission : public ListNode {
 public:
  Submission(Executor& executor, Op&& submitted);
  void answer(Result<Verdict> verdict);  // Once; leaves its queue.
  bool await_ready() const noexcept { return outcome.has_value(); }
  void await_suspend(std::coroutine_handle<> handle) { ready_.handle = handle; }
  void await_resume() const noexcept {}

  Op op;
  bool moves = false;         // The meta is that of a MOVE record.
  std::size_t bytes;          // As queued.
  SpaceToken room;            // Until it has landed: many at once cannot pass the bar.
  Bytes cells;
  std::uint64_t crc64 = 0;
  Verdict verdict;            // Once decided.
  std::optional<Result<Verdict>> outcome;

 private:
  Executor& executor_;
  Ready ready_;
};

// Operations decided together, written with one write and one flush.
struct Batch {
  Batch(const Seed& seed, std::uint64_t offset, std::uint64_t bytes_max, Lsn first)
      : builder(seed, offset, bytes_max), first_lsn(first) {}
  BatchBuilder builder;
  Layer edits;
  LiveChanges changes;
  List<Submission> waiters;
  Lsn first_lsn;
  Lsn last_lsn;
  Instant opened;
  bool closed = false;
  // Once launched:
  std::uint64_t number = 0;
  std::uint64_t chain_before = 0;
  std::optional<BulkEnd> noted_before;
  std::uint64_t bytes = 0;
};

// The Store: decides, stages and publishes on its loop; only writes, flushes and checkpoints run
// elsewhere. The next batch is decided while the last one is being flushed; readers see durable
// rows only. Loop thread only.
class Engine final : public Store {
 public:
  Engine(Platform& platform, Decider& decider, Options options);
  ~Engine() override = default;

  Task<void> run(Ctx& ctx) override;
  Task<Result<Unit>> close(Ctx& ctx) override;
  Task<Result<Verdict>> submit(Ctx& ctx, Op op) override;
  Result<Unit> admit(std::uint64_t bytes) const override;
  Task<Result<std::unique_ptr<BodyWriter>>> start_body(Ctx& ctx, std::uint64_t size_hint) override;
  Task<Result<Unit>> read(Ctx& ctx, Extent extent, std::uint64_t offset,
                          MutableBytes into) override;
  std::unique_ptr<ReadHold> hold(std::span<const Extent> extents) override;
  void abandon(std::span<const Extent> extents) override { volume_.pins.abandoned(extents); }
  Task<Result<std::vector<LoggedOp>>> read_log(Ctx& ctx, Lsn after, std::size_t bytes_max,
                                               bool with_payload) override;
  Lsn log_begin() const override { return std::max(volume_.log_begin, Lsn{1}); }
  Task<Result<Unit>> wait_beyond(Ctx& ctx, Lsn after) override;
  Task<Result<Unit>> checkpoint(Ctx& ctx) override;
  Task<Result<Unit>> make_image(Ctx& ctx) override;
  Lsn image_lsn() const override { return image_.lsn; }
  void drop_folder(std::string_view dir, std::string why) override;
  void place_folder(unsigned index, std::string dir) override;
  Status status() const override;
  Lsn last() const override { return durable_lsn_; }
  const Uuid& uuid() const override { return volume_.uuid; }
  std::uint32_t epoch() const override { return volume_.epoch; }
  std::uint64_t starts() const override { return volume_.starts; }
  void mark_damaged(std::string name, std::string why) override {
    volume_.mark_damaged(std::move(name), std::move(why));
  }
  void clear_damage(std::string_view name) override { volume_.clear_damage(name); }
  void start_check() override;
  const CheckProgress& check_progress() const override { return checker_.progress(); }
  std::vector<LostRange> lost() const override { return volume_.lost; }
  Result<std::optional<std::string>> find(Table table, std::string_view key) const override;
  Result<std::unique_ptr<RowCursor>> cursor(Table table) const override;

 private:
  friend class Recovery;
  friend class Readmission;
  friend class Checker;
  friend class Cleaner;

  // --- engine.cc: the way of an operation
  Result<Unit> may_submit() const;
  Result<SpaceToken> room_for(const Op& op) const;
  Task<void> write_batches(Ctx& ctx, Scope& scope);
  bool can_decide();
  bool must_roll(const Submission& first) const;
  bool must_starve();
  Task<void> decide_some(Ctx& ctx);
  Task<void> starve(Ctx& ctx, Error why);
  Task<Result<Unit>> begin_batch(Ctx& ctx);
  Task<Result<Unit>> roll(Ctx& ctx);
  bool decide_one(Submission& submission, StagingRows& rows);
  std::optional<Error> judge_edits(const StagingRows& rows) const;
  bool decide_moves(Submission& submission, StagingRows& rows);
  void take_from_queue(Submission& submission, Verdict verdict);
  // Ok when those rows that still named the old places name the new ones, durably.
  Task<Result<Unit>> submit_moves(Ctx& ctx, std::vector<Move> moves);
  bool waits_for_company(const Ctx& ctx) const;
  Task<void> end_commit_delay(Ctx& ctx);
  void launch(Scope& scope);
  Task<void> fly(Ctx& ctx);
  void land();
  void drop_undurable(const Error& flight_error, const Error& next_error);
  void refuse_queue(const Error& error);
  void refuse_growth(const Error& error);

  // --- engine_rows.cc: overlay and checkpoints
  void publish(Layer& edits);
  std::vector<const Layer*> published() const;
  Task<void> checkpoint_when_due(Ctx& ctx);
  Instant checkpoint_due() const;
  Task<Result<Unit>> commit_frozen(Ctx& ctx, Lsn applied);
  Task<void> grow_index(Ctx& ctx);
  Task<void> allocate_index(Ctx& ctx);  // While nothing commits.

  // --- scrub.cc
  Task<void> check_when_asked(Ctx& ctx);
  Task<void> scrub_when_due(Ctx& ctx);
  std::uint64_t scrub_rate() const;
  bool scrub_moved();

  // --- engine_index.cc: the index on several folders
  void index_left(unsigned place, const Error& why);
  std::optional<unsigned> folder_without_index() const;
  Task<void> keep_index(Ctx& ctx);
  Task<Result<Unit>> close_left(Ctx& ctx);
  Task<Result<Unit>> copy_index(Ctx& ctx, unsigned place);
  Task<Result<bool>> copy_piece(Ctx& ctx, unsigned place);
  Task<Result<Unit>> hold_base(Ctx& ctx);
  void let_base_go();
  static constexpr std::size_t kIndexFolders = 3;

  // --- engine_upkeep.cc: space, state, status
  Task<void> keep_up(Ctx& ctx);
  Task<Result<Unit>> keep_reserve(Ctx& ctx);
  Task<Result<Unit>> keep_spares(Ctx& ctx);
  void say_level();
  DriveState drive_state(bool clean) const;
  Task<Result<Unit>> save_state(Ctx& ctx, bool clean);
  std::vector<MirrorStatus> mirror_status() const;

  // --- image/engine_image.cc
  Task<void> make_images_when_due(Ctx& ctx);
  Task<Result<Unit>> write_image(Ctx& ctx);
  void adopt_image(const ImageInfo& image);

  // --- readmission.cc: folders that left and return
  struct Return {
    std::string dir;             // Where to look; empty: where it was.
    Duration wait = kReturnWait;
    Instant next;                // No attempt before.
    Instant joined;
    bool away = false;           // It was seen to be out of the set.
    std::string said;
  };
  Task<void> bring_back(Ctx& ctx);
  Task<void> try_return(Ctx& ctx, unsigned index);
  static constexpr Duration kReturnWait = 5_s;
  static constexpr std::size_t kOverlayMax = 8;  // Times checkpoint_rows.

  Platform& platform_;
  Decider& decider_;
  Options options_;
  Volume volume_;
  LogWriter log_;
  LogReader log_reader_;
  BulkStream bulk_;
  ExtentReader extents_;
  std::unique_ptr<RowBase> base_;
  MirroredBase* mirrored_ = nullptr;  // base_ again, with several folders.
  Ledger ledger_;

  Cleaner cleaner_;

  // The overlay: rows of durable batches not yet in the base.
  Layer active_;
  Layer frozen_;                  // Being committed to the base.
  Instant first_dirty_;           // Of active_.
  mutable bool base_suspect_ = false;  // It gave back damage: rebuild at the next start.
  bool checkpointing_ = false;        // Or the set of indexes is changing.
  bool checkpoint_full_ = false;  // The last one met kNoSpace.
  std::optional<Instant> starved_since_;  // What always succeeds met kNoSpace then.
  Checker checker_{*this};   // When somebody asks.
  Checker scrubber_{*this};  // When it is time.
  bool check_asked_ = false;
  Event check_wanted_;
  std::int64_t scrub_completed_ms_ = 0;
  Instant scrub_saved_;
  Event dirty_;
  Event checkpoint_done_;
  Event index_wanted_;
  unsigned index_checks_ = 0;         // Under way: no base may go.
  std::vector<Instant> index_after_;  // By folder: no copy before.

  ImageInfo image_;               // The newest that is whole; lsn 0: none.
  bool imaging_ = false;
  bool snapshot_held_ = false;    // Checkpoints wait, so that the file does not grow.
  std::uint64_t images_begun_ = 0;
  Event image_done_;

  // The log's end. Positions are those after the flight, if there is one.
  Lsn durable_lsn_;
  std::uint64_t durable_batch_ = 0;
  LogPlace durable_place_;
  Lsn next_lsn_{1};
  std::uint64_t next_batch_ = 1;
  std::uint64_t chain_ = 0;
  std::uint64_t tail_ = 0;
  bool roll_next_ = false;        // The current segment must not be continued.
  std::optional<BulkEnd> noted_;  // By the newest NOTE.
  std::uint32_t noted_segment_ = 0;  // LOG segment that holds a NOTE already.

  List<Submission> queue_;
  std::size_t queued_bytes_ = 0;
  Event queue_room_;
  std::unique_ptr<Batch> next_;
  std::unique_ptr<Batch> flight_;
  bool delaying_ = false;         // end_commit_delay() is under way.
  Signal wake_;
  Event durable_changed_;
  bool running_ = false;
  bool stopping_ = false;
  bool pause_ = false;            // A returning folder wants the log to stand still.
  bool paused_ = false;
  Event pause_changed_;
  std::vector<Return> returns_;   // By folder.
  std::optional<unsigned> returning_;
  Event look_for_folders_;
  std::uint64_t batches_ = 0;
  Instant started_;
  SpaceLevel said_level_ = SpaceLevel::kPlenty;
};

}  // namespace creel::store
