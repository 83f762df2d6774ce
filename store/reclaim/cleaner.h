#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/reclaim/cold_stream.h"
#include "store/reclaim/move_record.h"

namespace creel::store {

class Engine;

// Gives segments back (store.md §10): those that nobody needs at once, others after what is alive
// in them was moved to COLD. Works in slices, lets every batch pass first, and takes a fifth of the
// drive's time at most while there is room left. Loop thread only.
class Cleaner {
 public:
  explicit Cleaner(Engine& engine);
  // Until ctx stops or the store is read-only.
  Task<void> run(Ctx& ctx);

  struct Figures {
    std::uint64_t garbage_bytes = 0;  // In segments of bodies, without those being filled.
    std::uint64_t held_by_cursors = 0;  // Segments of the log kept only for its readers.
    std::uint64_t recycled = 0;  // Segments.
    std::uint64_t moved_bytes = 0;
  };
  Figures figures() const;

 private:
  // A segment as the cleaner sees it.
  struct Seen {
    SegmentInfo info;
    std::uint64_t live = 0;
    bool filling = false;  // Being written to, or read by a folder on its way back.
    bool needed = false;  // LOG: of its operations.
    bool by_cursor = false;  // LOG: needed by readers of the log alone.
    bool awaits_image = false;  // LOG: needed only until a newer image is made.
    Lsn next_lsn;  // LOG: first operation behind it.
  };
  struct Item {  // An extent to move and the row that names it.
    Table table;
    std::string key;
    Extent extent;
  };
  struct Load {
    std::uint64_t total = 0;  // Segments of bodies that are full.
    std::uint64_t garbage = 0;  // In them.
    std::uint64_t with_log = 0;  // As total and garbage, with segments of the log that only
    std::uint64_t log_garbage = 0;  // await an image.
    bool low = false;  // < 15 % free.
    bool pressed = false;  // < 10 % free: no rests.
    bool urgent = false;  // < 5 % free: nearly full segments, too.
  };

  bool may_work() const;
  bool is_quiet();  // Nobody has written for a while.
  std::vector<Seen> look() const;
  Load weigh(const std::vector<Seen>& all) const;
  Task<Result<bool>> round(Ctx& ctx);
  Task<Result<Unit>> free_dead(Ctx& ctx);
  Task<Result<Unit>> give_back(Ctx& ctx, const std::vector<Seen>& dead);
  Task<Result<Unit>> drop_operations(Ctx& ctx, const std::vector<Seen>& all, bool low);
  bool waits_for_checkpoint() const;
  std::vector<Seen> choose(std::vector<Seen> all) const;
  Task<Result<Unit>> collect(Ctx& ctx, std::vector<Item>& items);
  Result<bool> collect_some(Table table, std::string& from, std::vector<Item>& items) const;
  bool is_named(const Item& item) const;
  Task<Result<Unit>> move_all(Ctx& ctx, std::vector<Item> items);
  Task<Result<Unit>> move_one(Ctx& ctx, const Item& item);
  Task<Result<Extent>> copy(Ctx& ctx, Extent extent);
  Task<Result<Unit>> end_slice(Ctx& ctx);
  Task<Result<Unit>> let_others_go_first(Ctx& ctx);

  Engine& engine_;
  Volume& volume_;
  ColdStream cold_;
  bool cleaning_ = false;  // Garbage passed the upper mark, and not yet the lower one.
  bool pressed_ = false;
  bool urgent_ = false;
  Instant rest_until_;
  Duration rest_;
  Lsn seen_lsn_;
  Instant quiet_since_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> victims_;  // Segment and generation.
  std::set<std::pair<std::uint32_t, std::uint32_t>> kept_;  // They hold damaged bodies.
  // The slice under way.
  std::vector<Move> moves_;
  std::size_t moves_bytes_ = 0;
  std::uint64_t slice_bytes_ = 0;
  Instant slice_begun_;
  std::uint64_t recycled_ = 0;
  std::uint64_t moved_bytes_ = 0;
};

}  // namespace creel::store
