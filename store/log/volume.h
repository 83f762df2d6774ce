#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/async/event.h"
#include "platform/async/scope.h"
#include "platform/platform.h"
#include "store/index/layer.h"
#include "store/log/folder.h"
#include "store/log/format.h"
#include "store/log/signal.h"
#include "store/reclaim/pins.h"
#include "store/store.h"

namespace creel::store {

// What is known of a segment that holds something.
struct SegmentInfo {
  std::uint32_t id = 0;
  std::uint32_t generation = 0;
  StreamKind stream = StreamKind::kLog;
  std::uint32_t term = 0;
  Lsn first_lsn;                  // LOG: of its first operation.
  std::uint64_t first_batch = 0;  // The next batch when it was taken.
  std::uint64_t end = 0;          // LOG: behind its last batch; 0: not known.
};

// A preallocated file that holds nothing; `generation` is the last one its blocks were written in.
struct Spare {
  std::uint32_t id = 0;
  std::uint32_t generation = 0;
};

// What the parts of an open store share: folders, segments, space and health. Loop thread only.
class Volume {
 public:
  Volume(Platform& from, Options& with)
      : platform(from), options(with), gate_opened(from.executor) {}

  // --- folders
  // Runs `call(folder)` on all live folders side by side and waits for all. A folder whose call
  // fails leaves the set, but for kNoSpace, which is answered. Errors: kIo (no majority is left;
  // for a lone folder its own error). Waits while a returning folder joins.
  template <class Call>
  Task<Result<Unit>> on_all(Ctx& ctx, Call& call);
  std::size_t live_count() const;
  std::size_t majority() const { return folders.size() / 2 + 1; }
  Folder& first_live() const;
  // Live folders in the order to read from: those that are behind come last.
  std::vector<Folder*> to_read() const;

  // --- segments
  Seed seed_of(const SegmentInfo& info) const { return {uuid, info.id, info.generation}; }
  const SegmentInfo* find(std::uint32_t id, std::uint32_t generation) const;
  // LOG segments in log order.
  std::vector<const SegmentInfo*> log_segments() const;
  // One more spare on every live folder. Errors: kNoSpace (also: `size` is used up), kIo.
  Task<Result<Unit>> make_spare(Ctx& ctx);
  // Claims a spare, or makes one; the last `reserve` stay for others. Its header is not written
  // yet.
  Task<Result<SegmentInfo>> claim(Ctx& ctx, StreamKind stream, std::size_t reserve);
  // The same with its header on stable storage everywhere, and added; not for the log, which has a
  // way of its own to its files. What failed, other than kNoSpace, stops writing.
  Task<Result<SegmentInfo>> begin_segment(Ctx& ctx, StreamKind stream, std::size_t reserve,
                                          Lsn first_lsn, std::uint64_t first_batch);
  Bytes header_of(const SegmentInfo& info) const;
  void add(const SegmentInfo& info);  // A claimed one, its header is written.
  void give_back(const SegmentInfo& info);  // A claimed one is a spare again.
  // It holds nothing: forgotten now, its files go with remove_doomed(). They are not used again, so
  // that a torn header is never mistaken for one of an older generation.
  void release(const SegmentInfo& info);
  Task<Result<Unit>> remove_doomed(Ctx& ctx);
  // Nobody needs what it holds: a spare from now on, its blocks used anew under the next
  // generation. False: its files could not be brought to full size again, and go.
  Task<bool> recycle(Ctx& ctx, SegmentInfo info);
  void reuse(const SegmentInfo& info);  // The same at once: it was never cut.

  // --- space (volume_space.cc)
  Task<Result<Unit>> measure(Ctx& ctx);
  // Spares that claim() leaves: to bodies and what grows all of these; to operations that always
  // succeed those of the cleaner, which makes room for them; to images kForMoves, to MOVEs none.
  std::size_t reserve_segments() const;
  std::size_t clean_reserve() const;
  std::size_t image_reserve() const;
  // To the cleaner's copies: those of an image, and one for the moves unless they have it.
  std::size_t copy_reserve() const { return image_reserve() + (only_moves ? 0 : kForMoves); }
  static constexpr std::size_t kForMoves = 1;
  std::uint64_t free_bytes() const;  // Without the reserve; what is promised is in it.
  std::uint64_t segments_left() const;  // That `size` still allows to be made.
  SpaceLevel level() const;
  bool index_full() const;
  Result<Unit> admit(std::uint64_t bytes) const;
  // Admits and promises. `take_for_named`: for an operation that names bytes written before; it may
  // use half of what is kept back. Errors: kNoSpace, kReadOnly.
  Result<SpaceToken> take(std::uint64_t bytes) const;
  Result<SpaceToken> take_for_named(std::uint64_t bytes) const;
  SpaceStatus space_status() const;
  std::string full_text() const;  // For people: what is full, and what helps.
  // That a checkpoint may add to an index of that size before it frees; what is to be allocated
  // for it, ahead of two of those.
  std::uint64_t checkpoint_bytes(std::uint64_t used) const;
  std::uint64_t index_wanted(std::uint64_t used) const;

  // --- health
  // Kept for status() and logged; the same text again is neither. True if it was new.
  bool report(std::string text);
  void note(std::string_view text) const;
  // Objects whose bytes are damaged, by name; logged once each. At most kMarkedMax are kept.
  void mark_damaged(std::string name, std::string why);
  void clear_damage(std::string_view name);
  void stop_writing(const Error& why);  // Read-only until the next start.

  Platform& platform;
  Options& options;
  std::vector<std::unique_ptr<Folder>> folders;
  Uuid uuid{};
  std::uint64_t segment_bytes = 0;
  std::uint64_t size_bytes = 0;
  std::uint32_t epoch = 1;
  std::uint32_t term = 0;
  std::uint64_t starts = 0;
  std::map<std::uint32_t, SegmentInfo> segments;
  std::uint64_t segments_version = 1;  // Rises when `segments` changes.
  std::deque<Spare> spares;
  std::vector<std::uint32_t> doomed;  // Files to remove.
  Pins pins;  // Segments that must not be recycled.
  bool only_moves = false;  // May go on in the log's segment: it is one of the last.
  Lsn log_begin;  // Segments with operations below may be gone; those above are all here.
  std::uint32_t next_segment = 1;
  std::uint64_t bulk_unused_bytes = 0;  // Of the current BULK segment.
  DiskSpace space;
  std::uint64_t image_bytes = 0;  // Of the newest image: room for the next is kept.
  IndexRoom index_room;  // As of the last checkpoint.
  std::shared_ptr<std::uint64_t> promised = std::make_shared<std::uint64_t>(0);
  mutable bool tight = false;  // What grows was refused; until some room is back.
  mutable bool index_tight = false;
  mutable std::uint64_t refused_full = 0;
  mutable std::uint64_t refused_index = 0;
  bool read_only = false;
  std::string reason;
  std::uint64_t damaged_ranges = 0;
  std::vector<std::string> damage;
  std::map<std::string, std::string, std::less<>> marked;  // Damaged objects, and why.
  // Rows whose bodies a check found damaged, and the names that were marked for them. At most
  // kMarkedMax.
  std::map<RowName, std::vector<std::string>, RowNameLess> damaged_rows;
  std::vector<LostRange> lost;
  bool index_suspect = false;
  std::uint32_t unclean_streak = 0;  // Of the state file.
  std::uint64_t streak_wall_ms = 0;
  Event changed;  // Spares taken, health changed.

  // --- a folder on its way back (Readmission)
  std::vector<Spare> claimed;  // Neither a spare nor a segment for the moment.
  unsigned calls = 0;  // on_all() under way.
  Event calls_ended;
  bool gate_closed = false;  // on_all() waits.
  Signal gate_opened;
  // Pieces of BULK written since it began, as (segment, offset / kDirtyPiece).
  static constexpr std::uint64_t kDirtyPiece = 256 * KiB;
  std::optional<std::set<std::pair<std::uint32_t, std::uint64_t>>> dirty;

 private:
  Result<Unit> judge_room(std::uint64_t bytes, bool is_named) const;
  std::uint64_t index_bytes() const;  // Of `size`, whether used or not.
  std::uint64_t index_capacity() const;
  std::string index_text() const;
  static Task<void> settle(Folder& folder, Task<Result<Unit>> call, std::optional<Error>& error);
  Result<Unit> judge(const std::vector<std::optional<Error>>& errors);
};

inline constexpr std::size_t kDamageTextsMax = 64;
inline constexpr std::size_t kMarkedMax = 1'024;

template <class Call>
Task<Result<Unit>> Volume::on_all(Ctx& ctx, Call& call) {
  if (folders.size() == 1) co_return co_await call(*folders[0]);
  while (gate_closed) co_await gate_opened.wait();
  ++calls;
  std::vector<std::optional<Error>> errors(folders.size());
  Scope scope(ctx);
  for (std::size_t i = 0; i < folders.size(); ++i)
    if (folders[i]->live()) scope.spawn(settle(*folders[i], call(*folders[i]), errors[i]));
  co_await scope.join();
  if (--calls == 0) calls_ended.notify_all();
  co_return judge(errors);
}

}  // namespace creel::store
