#include "store/reclaim/cleaner.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "platform/base/text.h"
#include "store/engine.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kBeginPercent = 30;  // Of full segments' bytes; garbage.
constexpr std::uint64_t kEndPercent = 15;
constexpr std::uint64_t kQuietPercent = 10;  // When nobody writes: it disturbs nobody.
constexpr std::uint64_t kUsedShare = 4;  // Not while less than a quarter of the store is used.
constexpr std::uint64_t kLowPercent = 15;  // Free, of the store's size.
constexpr std::uint64_t kPressedPercent = 10;  // At 7 writers begin to be refused.
constexpr std::uint64_t kUrgentPercent = 5;
constexpr std::size_t kVictimsMax = 16;  // At once: rows are walked once for all of them.
constexpr std::uint64_t kVictimBytesMax = 64 * MiB;
constexpr std::size_t kItemsMax = 8'192;
constexpr std::uint64_t kSliceBytes = 4 * MiB;
constexpr Duration kSlice = 50_ms;
constexpr Duration kRestMin = 10_s;  // When nothing was won; doubled each time.
constexpr Duration kRestMax = 10_min;
constexpr std::uint64_t kImageRowBytes = 60;  // About what a row costs an image.
constexpr int kRestFactor = 4;  // A slice, then four times as long for others.

}  // namespace

Cleaner::Cleaner(Engine& engine)
    : engine_(engine), volume_(engine.volume_), cold_(engine.volume_, engine.bulk_) {}

Task<void> Cleaner::run(Ctx& ctx) {
  constexpr Duration kIdle = 5_s;
  constexpr Duration kPressed = 1_s;
  while (!ctx.stopped() && !volume_.read_only) {
    bool more = false;
    if (may_work()) {
      Result<bool> done = co_await round(ctx);
      if (!done.ok() && !ctx.stopped() && done.error().code != ErrorCode::kNoSpace)
        volume_.note(cat("reclaiming put off: ", error_text(done.error())));
      more = done.ok() && done.value();
    }
    if (more) {
      co_await YieldNow(ctx);
      continue;
    }
    // A checkpoint may have made segments free, or somebody has taken one.
    Ctx timed(ctx, engine_.platform_.clock.now() + (cleaning_ ? kPressed : kIdle));
    (void)co_await volume_.changed.wait(timed);
  }
}

// With a doubtful index nothing is thrown away; a folder on its way back copies what is there now.
bool Cleaner::may_work() const {
  return !engine_.returning_ && !volume_.index_suspect && !engine_.base_suspect_;
}

std::vector<Cleaner::Seen> Cleaner::look() const {
  const std::vector<const SegmentInfo*> logs = volume_.log_segments();
  const Lsn known = std::min(engine_.image_lsn(), engine_.base_->applied());
  const Lsn read = engine_.options_.log_read_upto ? engine_.options_.log_read_upto(engine_)
                                                  : engine_.durable_lsn_;
  std::map<std::uint32_t, Lsn> next;  // First operation behind that segment of the log.
  for (std::size_t i = 0; i + 1 < logs.size(); ++i) next[logs[i]->id] = logs[i + 1]->first_lsn;
  std::vector<Seen> all;
  for (const auto& [id, info] : volume_.segments) {
    if (info.stream == StreamKind::kImage) continue;
    Seen seen;
    seen.info = info;
    seen.live = engine_.ledger_.live_bytes(id, info.generation);
    seen.filling = id == engine_.log_.segment().id || id == engine_.durable_place_.segment ||
                   engine_.bulk_.is_current(id) || cold_.is_current(id);
    if (info.stream == StreamKind::kLog) {
      // The operation at the mark itself stays: recovery begins with the segment that holds it.
      const auto behind = next.find(id);
      if (behind != next.end()) seen.next_lsn = behind->second;
      seen.needed = behind == next.end() || seen.next_lsn > std::min(known, read);
      seen.by_cursor = seen.needed && behind != next.end() && seen.next_lsn <= known;
      seen.awaits_image = seen.needed && behind != next.end() && seen.next_lsn <= read &&
                          seen.next_lsn > engine_.image_lsn();
    }
    all.push_back(seen);
  }
  return all;
}

Cleaner::Load Cleaner::weigh(const std::vector<Seen>& all) const {
  Load load;
  for (const Seen& seen : all) {
    if (seen.filling || (seen.needed && !seen.awaits_image)) continue;
    // Without anything alive it needs no cleaning, only a checkpoint.
    if (seen.live == 0 && !seen.needed) continue;
    const std::uint64_t dead = volume_.segment_bytes - std::min(seen.live, volume_.segment_bytes);
    load.with_log += volume_.segment_bytes;
    load.log_garbage += dead;
    if (seen.needed) continue;
    load.total += volume_.segment_bytes;
    load.garbage += dead;
  }
  const std::uint64_t free = volume_.free_bytes();
  load.low = free < volume_.size_bytes / 100 * kLowPercent;
  load.pressed = free < volume_.size_bytes / 100 * kPressedPercent;
  load.urgent = free < volume_.size_bytes / 100 * kUrgentPercent;
  return load;
}

Cleaner::Figures Cleaner::figures() const {
  Figures figures;
  const std::vector<Seen> all = look();
  figures.garbage_bytes = weigh(all).garbage;
  for (const Seen& seen : all)
    if (seen.by_cursor) figures.held_by_cursors += volume_.segment_bytes;
  figures.recycled = recycled_;
  figures.moved_bytes = moved_bytes_;
  return figures;
}

bool Cleaner::is_quiet() {
  constexpr Duration kQuiet = 10_s;
  const Instant now = engine_.platform_.clock.now();
  if (seen_lsn_ != engine_.next_lsn_) quiet_since_ = now;  // Moves have no number.
  seen_lsn_ = engine_.next_lsn_;
  return now - quiet_since_ >= kQuiet;
}

// True: there may be more to do at once.
Task<Result<bool>> Cleaner::round(Ctx& ctx) {
  volume_.pins.expire(engine_.platform_.clock.now());
  CO_DO(co_await free_dead(ctx));
  std::vector<Seen> all = look();
  Load load = weigh(all);
  const bool worth_it = load.with_log >= volume_.size_bytes / kUsedShare;
  if (load.low || (worth_it && load.log_garbage > load.with_log / 100 * kBeginPercent)) {
    CO_DO(co_await drop_operations(ctx, all, load.low));
    CO_DO(co_await free_dead(ctx));
    all = look();
    load = weigh(all);
  }
  const std::uint64_t mark = is_quiet() ? kQuietPercent : cleaning_ ? kEndPercent : kBeginPercent;
  cleaning_ = load.low || (worth_it && load.garbage > load.total / 100 * mark &&
                           load.garbage >= 2 * volume_.segment_bytes);
  pressed_ = load.pressed;
  urgent_ = load.urgent;
  if (!cleaning_) co_return false;
  if (waits_for_checkpoint()) {
    CO_DO(co_await engine_.checkpoint(ctx));
    CO_DO(co_await free_dead(ctx));
    all = look();
  }
  if (engine_.platform_.clock.now() < rest_until_ && !engine_.starved_since_) co_return false;
  std::vector<Seen> victims = choose(std::move(all));
  if (victims.empty()) {
    if (std::exchange(volume_.only_moves, false)) engine_.wake_.notify();  // There are none.
    co_return false;
  }
  victims_.clear();
  for (const Seen& seen : victims) victims_.emplace(seen.info.id, seen.info.generation);
  std::vector<Item> items;
  CO_DO(co_await collect(ctx, items));
  const std::uint64_t used = cold_.used_bytes();
  const std::uint64_t recycled = recycled_;
  CO_DO(co_await move_all(ctx, std::move(items)));
  CO_DO(co_await engine_.checkpoint(ctx));
  CO_DO(co_await free_dead(ctx));
  // Bodies as large as segments pack no better than they lie now.
  if ((recycled_ - recycled) * volume_.segment_bytes > cold_.used_bytes() - used) {
    rest_ = Duration{};
    co_return true;
  }
  rest_ = std::clamp(rest_ + rest_, kRestMin, kRestMax);
  rest_until_ = engine_.platform_.clock.now() + rest_;
  co_return false;
}

// Segments that no row names but the one on the drive still does.
bool Cleaner::waits_for_checkpoint() const {
  for (const Seen& seen : look())
    if (!seen.filling && !seen.needed && seen.live == 0 &&
        !engine_.ledger_.is_dead(seen.info.id, seen.info.generation))
      return true;
  return false;
}

// I3.
Task<Result<Unit>> Cleaner::free_dead(Ctx& ctx) {
  // While there is plenty of room the log stays: what if the image is damaged one day?
  const bool spare_log =
      volume_.segments.size() * volume_.segment_bytes < volume_.size_bytes / kUsedShare;
  std::vector<Seen> dead;
  for (const Seen& seen : look())
    if (!seen.filling && !(spare_log && seen.info.stream == StreamKind::kLog) && !seen.needed &&
        !volume_.pins.pinned(seen.info.id) &&
        engine_.ledger_.is_dead(seen.info.id, seen.info.generation))
      dead.push_back(seen);
  if (dead.empty() || !may_work()) co_return Unit{};
  co_return co_await give_back(ctx, dead);
}

Task<Result<Unit>> Cleaner::give_back(Ctx& ctx, const std::vector<Seen>& dead) {
  // Where the log begins must be known before a part of it is written over.
  Lsn begin = volume_.log_begin;
  for (const Seen& seen : dead)
    if (seen.info.stream == StreamKind::kLog) begin = std::max(begin, seen.next_lsn);
  if (begin > volume_.log_begin) {
    const Lsn before = std::exchange(volume_.log_begin, begin);
    Result<Unit> saved = co_await engine_.save_state(ctx, false);
    if (!saved.ok()) {
      if (saved.error().code == ErrorCode::kNoSpace) volume_.log_begin = before;
      else volume_.stop_writing(saved.error());
      co_return saved;
    }
  }
  for (const Seen& seen : dead) {
    // Things may have changed meanwhile.
    const SegmentInfo* info = volume_.find(seen.info.id, seen.info.generation);
    if (info == nullptr || volume_.pins.pinned(seen.info.id) || !may_work() ||
        !engine_.ledger_.is_dead(seen.info.id, seen.info.generation))
      continue;
    if (co_await volume_.recycle(ctx, SegmentInfo(*info))) ++recycled_;
  }
  co_return Unit{};
}

// Bodies in the log can only be moved away once its operations are in an image.
Task<Result<Unit>> Cleaner::drop_operations(Ctx& ctx, const std::vector<Seen>& all, bool low) {
  std::uint64_t gain = 0;
  for (const Seen& seen : all)
    if (seen.awaits_image)
      gain += volume_.segment_bytes - std::min(seen.live, volume_.segment_bytes);
  // Room for the next image is kept free from the first one on: that must be made while there is
  // room, or on a full drive no operation could ever be dropped. When deletes wait nothing else
  // helps.
  const std::uint64_t cost = engine_.base_->row_count() * kImageRowBytes;
  const bool first = engine_.image_.lsn.value == 0;
  const std::uint64_t kept = first ? cost + 2 * volume_.segment_bytes : 0;
  std::uint64_t worth = kept + 2 * std::max(volume_.segment_bytes, cost);
  if (engine_.starved_since_) worth = volume_.segment_bytes;
  if (gain < worth && !(first && low)) co_return Unit{};
  Result<Unit> made = co_await engine_.make_image(ctx);
  if (made.ok() || made.error().code == ErrorCode::kUnsupported) co_return Unit{};
  if (made.error().code == ErrorCode::kNoSpace) co_return Unit{};  // Others may still be moved.
  co_return made;
}

// The best (1 − u)·age / (1 + u), as in LFS; age in batches.
std::vector<Cleaner::Seen> Cleaner::choose(std::vector<Seen> all) const {
  // One body may fill most of a segment of few chunks: they do not pack.
  const bool few_chunks = volume_.segment_bytes < 4 * kChunkStride;
  const auto most = [&](const Seen& seen) {
    const bool packs = !few_chunks || seen.info.stream == StreamKind::kLog;
    return volume_.segment_bytes / 100 * (!packs ? 50 : urgent_ ? 95 : 85);
  };
  std::erase_if(all, [&](const Seen& seen) {
    return seen.filling || seen.needed || seen.live == 0 || seen.live > most(seen) ||
           volume_.pins.pinned(seen.info.id) ||
           kept_.contains({seen.info.id, seen.info.generation});
  });
  const auto worth = [&](const Seen& seen) {
    const double u = static_cast<double>(seen.live) / static_cast<double>(volume_.segment_bytes);
    const std::uint64_t age =
        engine_.next_batch_ - std::min(engine_.next_batch_, seen.info.first_batch);
    return (1 - u) * static_cast<double>(age + 1) / (1 + u);
  };
  std::sort(all.begin(), all.end(), [&](const Seen& a, const Seen& b) {
    const double mine = worth(a);
    const double other = worth(b);
    return mine != other ? mine > other : a.info.id < b.info.id;
  });
  // Copies and what they were copied from are both there until the next checkpoint.
  const std::uint64_t there = volume_.spares.size() + volume_.segments_left();
  const std::uint64_t reserve = volume_.copy_reserve();
  const std::uint64_t segments = there > reserve ? there - reserve : 0;
  const std::uint64_t room =
      cold_.room() + std::max<std::uint64_t>(segments / 2, std::min<std::uint64_t>(segments, 1)) *
                         volume_.segment_bytes;
  std::uint64_t left = std::min(kVictimBytesMax, room / 8 * 7);
  std::vector<Seen> chosen;
  for (const Seen& seen : all) {
    if (chosen.size() == kVictimsMax) break;
    if (seen.live > left) continue;
    left -= seen.live;
    chosen.push_back(seen);
  }
  return chosen;
}

// The rows that name something in a victim. Those that appear behind the walk (a copy shares the
// bytes of its source) are found the next time: only a segment without any is ever given back.
Task<Result<Unit>> Cleaner::collect(Ctx& ctx, std::vector<Item>& items) {
  for (const Table table : kExtentTables) {
    std::string from;
    for (bool more = true; more && items.size() < kItemsMax;) {
      if (ctx.stopped()) co_return ctx.stop_error();
      CO_TRY(rest, collect_some(table, from, items));
      more = rest;
      co_await YieldNow(ctx);
    }
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.extent.segment, a.extent.offset) <
           std::tie(b.extent.segment, b.extent.offset);
  });
  co_return Unit{};
}

Result<bool> Cleaner::collect_some(Table table, std::string& from, std::vector<Item>& items) const {
  constexpr int kRows = 256;
  std::vector<std::size_t> spots;
  TRY(cursor, engine_.cursor(table));
  TRY(found, cursor->seek(from));
  bool more = found;
  for (int i = 0; more && i < kRows; ++i) {
    spots.clear();
    engine_.decider_.find_extents(table, cursor->key(), cursor->value(), spots);
    for (const std::size_t at : spots) {
      const Result<Extent> extent = parse_extent(as_bytes(cursor->value()), at);
      if (extent.ok() && extent.value().length > 0 &&
          victims_.contains({extent.value().segment, extent.value().generation}))
        items.push_back({table, std::string(cursor->key()), extent.value()});
    }
    TRY(next, cursor->next());
    more = next;
  }
  if (more) from = std::string(cursor->key());
  return more;
}

bool Cleaner::is_named(const Item& item) const {
  const Result<std::optional<std::string>> row = engine_.find(item.table, item.key);
  if (!row.ok() || !row.value()) return false;
  std::vector<std::size_t> spots;
  engine_.decider_.find_extents(item.table, item.key, *row.value(), spots);
  for (const std::size_t at : spots) {
    const Result<Extent> extent = parse_extent(as_bytes(*row.value()), at);
    if (extent.ok() && extent.value() == item.extent) return true;
  }
  return false;
}

Task<Result<Unit>> Cleaner::move_all(Ctx& ctx, std::vector<Item> items) {
  const std::size_t meta_max =
      std::min<std::size_t>(64 * KiB, engine_.options_.batch_bytes_max / 4);
  slice_begun_ = engine_.platform_.clock.now();
  for (const Item& item : items) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!is_named(item)) continue;
    CO_DO(co_await move_one(ctx, item));
    if (slice_bytes_ >= kSliceBytes || moves_.size() >= kMovesMax || moves_bytes_ >= meta_max ||
        engine_.platform_.clock.now() - slice_begun_ >= kSlice)
      CO_DO(co_await end_slice(ctx));
  }
  co_return co_await end_slice(ctx);
}

Task<Result<Unit>> Cleaner::move_one(Ctx& ctx, const Item& item) {
  Result<Extent> copied = co_await copy(ctx, item.extent);
  if (!copied.ok()) {
    if (copied.error().code == ErrorCode::kNotFound) co_return Unit{};
    if (copied.error().code != ErrorCode::kCorrupt) co_return copied.error();
    // Reported where it was read. The segment stays, so that nothing of it is lost for good.
    kept_.emplace(item.extent.segment, item.extent.generation);
    co_return Unit{};
  }
  Move move;
  move.table = item.table;
  move.key = item.key;
  move.from = {item.extent.segment, item.extent.generation, item.extent.offset};
  move.to = {copied.value().segment, copied.value().generation, copied.value().offset};
  moves_bytes_ += move_bytes(move);
  slice_bytes_ += item.extent.length;
  moves_.push_back(std::move(move));
  co_return Unit{};
}

Task<Result<Extent>> Cleaner::copy(Ctx& ctx, Extent extent) {
  Bytes payload;
  if (extent.kind == Extent::Kind::kInline) {
    payload.resize(static_cast<std::size_t>(extent.length));
    CO_DO(co_await engine_.extents_.read(ctx, extent, 0, payload));
    co_return co_await cold_.copy_inline(ctx, extent, payload, engine_.next_batch_);
  }
  CO_TRY(target, co_await cold_.begin_chunks(ctx, extent, engine_.next_batch_));
  for (std::uint64_t at = 0; at < extent.length; at += kChunkPayload) {
    payload.resize(static_cast<std::size_t>(std::min(kChunkPayload, extent.length - at)));
    CO_DO(co_await engine_.extents_.read(ctx, extent, at, payload));
    CO_DO(co_await cold_.write_chunk(ctx, payload));
  }
  co_return target;
}

// Bytes on stable storage, then the rows; then the others.
Task<Result<Unit>> Cleaner::end_slice(Ctx& ctx) {
  const std::vector<Move> moves = std::exchange(moves_, {});
  const std::uint64_t bytes = std::exchange(slice_bytes_, 0);
  moves_bytes_ = 0;
  if (!moves.empty()) {
    CO_DO(co_await cold_.flush(ctx));
    CO_DO(co_await engine_.submit_moves(ctx, moves));
    moved_bytes_ += bytes;
  }
  CO_DO(co_await let_others_go_first(ctx));
  slice_begun_ = engine_.platform_.clock.now();
  co_return Unit{};
}

Task<Result<Unit>> Cleaner::let_others_go_first(Ctx& ctx) {
  constexpr Duration kRestMax = 1_s;
  const Duration took = engine_.platform_.clock.now() - slice_begun_;
  if (!pressed_ && took.ns > 0)
    CO_DO(co_await sleep_for(ctx, std::min(Duration{took.ns * kRestFactor}, kRestMax)));
  if (engine_.flight_) {
    Ctx timed(ctx, engine_.platform_.clock.now() + kRestMax);
    (void)co_await engine_.durable_changed_.wait(timed);
  }
  co_await YieldNow(ctx);
  if (ctx.stopped()) co_return ctx.stop_error();
  co_return Unit{};
}

}  // namespace creel::store
