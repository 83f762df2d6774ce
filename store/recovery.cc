#include "store/recovery.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {
namespace {
constexpr std::size_t kRebuildRows = 32'768;  // A checkpoint of that many takes up to 200 MiB.
}

Task<Result<std::unique_ptr<Store>>> Store::open(Ctx& ctx, Platform& platform, Decider& decider,
                                                 Options options) {
  auto engine = std::make_unique<Engine>(platform, decider, std::move(options));
  Recovery recovery(*engine);
  Result<Unit> done = co_await recovery.run(ctx);
  if (!done.ok()) co_return done.error();
  co_return std::unique_ptr<Store>(std::move(engine));
}

Task<Result<Unit>> Recovery::run(Ctx& ctx) {
  CO_DO(co_await open_folders(ctx));
  CO_DO(co_await load_states(ctx));
  CO_DO(co_await count_start(ctx));
  for (const auto& folder : volume_.folders) {
    if (!folder->live()) continue;
    Shelf shelf;
    shelf.folder = folder.get();
    shelf.blank = std::find(blank_.begin(), blank_.end(), folder.get()) != blank_.end();
    Result<Unit> read = Unit{};
    if (shelf.blank) read = co_await format_folder(ctx, *folder, false);
    if (read.ok()) read = co_await read_headers(ctx, shelf);
    if (read.ok()) {
      shelves_.push_back(std::move(shelf));
      continue;
    }
    if (volume_.folders.size() == 1 || read.error().code == ErrorCode::kInvalid)
      co_return read.error();
    folder->leave(error_text(read.error()));
  }
  if (volume_.folders.size() > 1) CO_DO(co_await agree(ctx));
  else adopt(shelves_.front());
  // What is taken for headers and spares below needs this figure.
  CO_DO(co_await volume_.measure(ctx));
  CO_DO(co_await find_images(ctx));
  bool doubted = (state_.index_suspect || engine_.options_.rebuild_index) && !fresh_;
  if (doubted) {
    Result<Unit> may = co_await may_rebuild(ctx);
    doubted = may.ok();
    if (engine_.options_.rebuild_index && !may.ok()) co_return may.error();
    volume_.note(cat("the index was found damaged, starts kept failing, or it was asked for: ",
                     may.ok() ? std::string("it is rebuilt") : error_text(may.error())));
  }
  CO_DO(co_await open_index(ctx, doubted));
  if (const std::string text = engine_.base_->describe(); !text.empty())
    volume_.note(cat("index: ", text));
  CO_DO(co_await replay_or_rebuild(ctx));
  keep_images();
  CO_DO(co_await volume_.remove_doomed(ctx));
  volume_.index_suspect = state_.index_suspect && !index_fresh_;
  CO_DO(co_await engine_.save_state(ctx, false));
  CO_DO(co_await engine_.keep_reserve(ctx));
  for (const auto& folder : volume_.folders)
    if (!folder->live())
      volume_.report(cat("log folder ", folder->dir(), " is left out: ", folder->why_down()));
  co_return Unit{};
}

Task<Result<Unit>> Recovery::replay_or_rebuild(Ctx& ctx) {
  for (;;) {
    const Lsn before = engine_.base_->applied();
    Result<Unit> done = Unit{};
    if (before.value == 0 && !fresh_) done = co_await load_image(ctx);
    if (done.ok()) done = co_await replay(ctx);
    const bool made_anew = index_fresh_ || from_image_ ||
                           (before.value == 0 && replayed_ > engine_.options_.checkpoint_rows);
    if (done.ok() && made_anew && !fresh_) done = co_await finish_rebuild(ctx);
    if (done.ok() || done.error().code != ErrorCode::kCorrupt) co_return done;
    // What this came from goes, and the next best is tried: the images one by one, then the log.
    if (from_image_) images_.erase(images_.begin());
    else if (index_fresh_ || !volume_.lost.empty()) co_return done;
    Result<Unit> may = co_await may_rebuild(ctx);
    if (!may.ok() && may.error().detail == done.error().detail) co_return done;
    if (!may.ok())
      co_return fail(ErrorCode::kCorrupt, cat(done.error().detail, "; ", may.error().detail));
    volume_.report(cat("the index does not fit the log, rebuilding it: ", done.error().detail));
    engine_.active_.clear();
    CO_DO(co_await open_index(ctx, true));
  }
}

void Recovery::adopt(const Shelf& shelf) {
  volume_.segments = shelf.segments;
  ++volume_.segments_version;
  volume_.spares.clear();
  for (const auto& [id, generation] : shelf.spares) volume_.spares.push_back({id, generation});
  volume_.next_segment = shelf.next_segment;
  volume_.doomed = shelf.doomed;
  volume_.epoch = std::max<std::uint32_t>(shelf.epoch, 1);
  volume_.term = shelf.term;
}

// Else the index cannot be made from it, and must not be thrown away.
bool Recovery::log_is_complete() const {
  const std::vector<const SegmentInfo*> logs = volume_.log_segments();
  if (volume_.log_begin.value > 1) return false;
  return fresh_ || (!logs.empty() && logs.front()->first_lsn.value == 1);
}

Task<Result<Unit>> Recovery::open_index(Ctx& ctx, bool fresh) {
  if (volume_.folders.size() > 1) co_return co_await open_indexes(ctx, fresh);
  Folder& folder = volume_.first_live();
  const std::string dir = folder.dir() + "/idx";
  CO_DO(co_await folder.disk().make_dir(ctx, dir));  // May have been deleted while stopped.
  CO_DO(co_await folder.disk().sync_dir(ctx, folder.dir()));
  engine_.base_.reset();
  for (bool again = true; again;) {
    again = false;
    std::optional<Result<std::unique_ptr<RowBase>>> opened;
    auto work = [&] { opened.emplace(engine_.options_.open_base(dir, volume_.uuid, fresh)); };
    co_await offload_call(ctx, volume_.platform.offload, work);
    if (opened->ok() && opened->value()->applied().value == 0 && opened->value()->row_count() > 0)
      opened.emplace(fail(ErrorCode::kInvalid, "index: it was being filled when that was cut"));
    if (opened->ok()) {
      engine_.base_ = opened->take();
    } else {
      const Error& error = opened->error();
      const bool doubtful = error.code == ErrorCode::kCorrupt || error.code == ErrorCode::kInvalid;
      if (fresh || !doubtful) co_return error;
      if (!fresh_) CO_DO(co_await may_rebuild(ctx));
      const std::string text = cat("the index is rebuilt: ", error_text(error));
      if (error.code == ErrorCode::kCorrupt) volume_.report(text);
      else volume_.note(text);  // Another format or word size, a load that was cut.
      fresh = again = true;
    }
  }
  index_fresh_ = fresh;
  co_return engine_.ledger_.load(*engine_.base_);
}

// R3–R7.
Task<Result<Unit>> Recovery::replay(Ctx& ctx) {
  const Lsn applied = engine_.base_->applied();
  const std::vector<const SegmentInfo*> logs = volume_.log_segments();
  if (logs.empty()) {
    if (applied.value != 0)
      co_return fail(ErrorCode::kInvalid,
                     cat("no log is left, but the index holds operations up to ", applied.value));
    co_return co_await begin_segment(ctx, LogPlace());
  }
  const SegmentInfo* start = nullptr;
  // With a batch before what is missing, if there is one: the chain goes on from it.
  for (const SegmentInfo* info : logs)
    if (info->first_lsn.value <= std::max<std::uint64_t>(applied.value, 1)) start = info;
  if (start == nullptr && logs.front()->first_lsn == applied.next()) start = logs.front();
  if (start == nullptr || applied.next() < volume_.log_begin)
    co_return fail(ErrorCode::kCorrupt,
                   cat("the log begins with operation ",
                       std::max(volume_.log_begin, logs.front()->first_lsn).value,
                       ", the index ends with ", applied.value));
  const SegmentInfo* last = logs.back();
  // Stopped in order: nothing to read, unless the only index left misses moved bytes.
  const bool as_stopped = volume_.folders.size() == 1 || engine_.base_->state_hash() == state_.hash;
  if (state_.clean && applied == state_.last_lsn && last->id == state_.log_segment && as_stopped) {
    engine_.durable_lsn_ = applied;
    engine_.durable_batch_ = state_.last_batch;
    engine_.chain_ = state_.chain;
    if (state_.bulk.segment != 0) engine_.bulk_.resume(state_.bulk);
    co_return co_await begin_segment(ctx, {state_.log_segment, state_.log_end}, true);
  }
  LogScan scan(volume_, *start, {start->first_lsn.value - 1});
  LogScan::Bounds bounds;
  bounds.durable_lsn = applied;
  bounds.repair = true;
  bounds.looked_behind = looked_behind_;
  if (state_.clean) {
    bounds.durable_lsn = std::max(applied, state_.last_lsn);
    bounds.durable_batch = state_.last_batch;
  }
  CO_DO(co_await replay_log(ctx, scan, bounds));
  engine_.durable_lsn_ = scan.last_lsn();
  engine_.durable_batch_ = scan.last_batch();
  engine_.chain_ = scan.chain();
  if (engine_.durable_lsn_ < applied)
    co_return fail(ErrorCode::kCorrupt,
                   cat("the log ends with operation ", engine_.durable_lsn_.value,
                       ", the index with ", applied.value));
  co_return co_await settle_tail(ctx, scan);
}

Task<Result<Unit>> Recovery::replay_log(Ctx& ctx, LogScan& scan, const LogScan::Bounds& bounds) {
  const Lsn applied = engine_.base_->applied();
  std::uint64_t batch = 0;
  gap_ = false;
  // Nothing else runs and most rows are touched again: large checkpoints save most of the writing.
  const std::size_t few = engine_.options_.checkpoint_rows;
  const std::size_t rows_max = index_fresh_ || applied.value == 0 || from_image_
                                   ? std::max(few, std::min(4 * few, kRebuildRows))
                                   : few;
  std::map<std::uint64_t, std::uint64_t> before;  // Bytes before the segment with that first batch.
  std::uint64_t all_bytes = 0;
  for (const SegmentInfo* info : volume_.log_segments())
    if (info->first_lsn.value > applied.value || info->id == scan.place().segment ||
        all_bytes > 0) {
      before[info->first_batch] = all_bytes;
      const bool end_known = state_.clean && info->id == state_.log_segment;
      all_bytes += end_known ? state_.log_end : volume_.segment_bytes;
    }
  for (;;) {
    CO_TRY(step, co_await scan.next(ctx, bounds));
    if (step.kind == LogScan::Step::Kind::kEnd) break;
    if (step.kind == LogScan::Step::Kind::kLost) {
      remember_lost(step.lost);
      gap_ = gap_ || step.lost.last > applied;
      continue;
    }
    const RecordView record = step.record;
    if (record.head.type == RecordType::kNote) {
      if (const std::optional<BulkEnd> end = parse_bulk_end(record.meta))
        engine_.bulk_.resume(*end);
    }
    const bool op = record.head.type == RecordType::kOp && record.head.lsn > applied;
    // A move stands behind its number's operation: done with it, or not yet. Twice does no harm.
    const bool move = record.head.type == RecordType::kMove && record.head.lsn >= applied;
    if (!op && !move) continue;
    if (scan.last_batch() != batch) {
      // A batch follows, so all before it were flushed: they may go into the index.
      batch = scan.last_batch();
      say_progress("replaying the log", replayed_, before[step.segment.first_batch] + record.offset,
                   all_bytes);
      if (engine_.active_.size() >= rows_max) {
        engine_.durable_lsn_ = {record.head.lsn.value - (op ? 1 : 0)};
        CO_DO(co_await engine_.checkpoint(ctx));
      }
    }
    if (move) {
      CO_DO(replay_moves(record));
      continue;
    }
    CO_DO(replay_one(record, step.segment));
    ++replayed_;
  }
  co_return Unit{};
}

Result<Unit> Recovery::replay_moves(const RecordView& record) {
  TRY(moves, parse_moves(record.meta));
  StagingRows rows(engine_.active_, engine_.published(), *engine_.base_);
  LiveChanges changes;
  rows.watch(engine_.decider_, changes);
  const bool first = engine_.active_.empty();
  (void)apply_moves(moves, engine_.decider_, rows);
  if (rows.trouble()) return *rows.trouble();
  rows.keep();
  engine_.ledger_.apply(changes);
  if (first) engine_.first_dirty_ = volume_.platform.clock.now();
  return Unit{};
}

Result<Unit> Recovery::replay_one(const RecordView& record, const SegmentInfo& segment) {
  Op op;
  op.meta = to_bytes(record.meta);
  op.payload = to_bytes(record.payload);
  OpView view{op,   record.head.lsn,   {segment.id, segment.generation, record.offset},
              true, record.head.crc64, record.payload.size()};
  StagingRows rows(engine_.active_, engine_.published(), *engine_.base_);
  LiveChanges changes;
  rows.watch(engine_.decider_, changes);
  const Verdict verdict = engine_.decider_.decide(view, rows);
  if (rows.trouble()) return *rows.trouble();
  if (verdict.accepted) {
    rows.keep();
    engine_.ledger_.apply(changes);
    if (engine_.active_.size() == 1) engine_.first_dirty_ = volume_.platform.clock.now();
    return Unit{};
  }
  rows.undo();
  const std::string why = verdict.error ? error_text(*verdict.error) : "no reason given";
  if (!gap_)
    return fail(ErrorCode::kCorrupt,
                cat("operation ", record.head.lsn.value, " of the log is refused now: ", why));
  ++volume_.damaged_ranges;
  volume_.report(
      cat("operation ", record.head.lsn.value, " lacks one that was lost before it: ", why));
  return Unit{};
}

void Recovery::remember_lost(const LostRange& lost) {
  if (std::find(volume_.lost.begin(), volume_.lost.end(), lost) != volume_.lost.end()) return;
  volume_.report(cat("operations ", lost.first.value, " to ", lost.last.value,
                     " are lost: segment ", lost.segment, " offset ", lost.offset));
  if (volume_.lost.size() < kLostRangesMax) volume_.lost.push_back(lost);
}

Task<Result<Unit>> Recovery::settle_tail(Ctx& ctx, LogScan& scan) {
  CO_DO(co_await write_last_batch_again(ctx, scan));
  free_unnamed_segments();
  // Ended below what is known: consumers of this log must be able to tell (replication.md §1).
  if (!volume_.lost.empty() && volume_.lost.back().last == engine_.durable_lsn_ &&
      std::find(state_.lost.begin(), state_.lost.end(), volume_.lost.back()) == state_.lost.end())
    ++volume_.epoch;
  co_return co_await begin_segment(ctx, scan.place());
}

// The last batch may be in the page cache only: after kill -9, or after a flush that failed and
// left its pages clean. It is adopted, so it must be on the drive before anything builds on it.
Task<Result<Unit>> Recovery::write_last_batch_again(Ctx& ctx, const LogScan& scan) {
  if (!scan.last_batch_place()) co_return Unit{};
  const LogPlace place = *scan.last_batch_place();
  Bytes content(static_cast<std::size_t>(scan.last_batch_bytes()));
  for (const auto& folder : volume_.folders) {
    if (!folder->live()) continue;
    CO_TRY(file, co_await folder->segment(ctx, place.segment));
    CO_TRY(got, co_await file->read(ctx, place.offset, content));
    const SegmentInfo& info = volume_.segments[place.segment];
    if (got == content.size() &&
        parse_batch(volume_.seed_of(info), place.offset, content, false).ok())
      break;
  }
  const auto shared = std::make_shared<const Bytes>(std::move(content));
  const auto write = [&](Folder& folder) {
    return folder.write_synced(ctx, place.segment, place.offset, shared);
  };
  co_return co_await volume_.on_all(ctx, write);
}

// R6, R7: segments that no batch up to the last one can name hold nothing.
void Recovery::free_unnamed_segments() {
  std::vector<SegmentInfo> unnamed;
  for (const auto& [id, info] : volume_.segments)
    if (info.stream != StreamKind::kImage &&
        info.first_batch > engine_.durable_batch_ + (info.stream == StreamKind::kLog ? 1 : 0))
      unnamed.push_back(info);
  for (const SegmentInfo& info : unnamed) volume_.release(info);
}

Task<Result<bool>> Recovery::is_zero_behind(Ctx& ctx, std::uint32_t segment, std::uint64_t end) {
  Folder& folder = volume_.first_live();
  CO_TRY(file, co_await folder.segment(ctx, segment));
  CO_TRY(size, co_await file->size(ctx));
  if (size < volume_.segment_bytes) co_return false;
  // One batch was in flight at most; behind it this generation wrote nothing.
  const std::uint64_t stop = std::min(volume_.segment_bytes, end + kBatchBytesCap);
  Bytes piece(64 * KiB);
  for (std::uint64_t at = end; at < stop; at += piece.size()) {
    CO_TRY(got, co_await file->read(ctx, at, piece));
    if (std::any_of(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(got),
                    [](std::uint8_t b) { return b != 0; }))
      co_return false;
    if (got < piece.size()) break;
  }
  co_return true;
}

// R6: goes on behind `end` if nothing was ever written there, or the store stopped there in order
// (what lies behind is of an older generation), else in a fresh segment.
Task<Result<Unit>> Recovery::begin_segment(Ctx& ctx, LogPlace end, bool in_order) {
  Engine& engine = engine_;
  engine.next_lsn_ = engine.durable_lsn_.next();
  engine.next_batch_ = engine.durable_batch_ + 1;
  const auto found = volume_.segments.find(end.segment);
  if (found != volume_.segments.end()) {
    const SegmentInfo old = found->second;
    const bool empty = old.first_batch == engine.next_batch_;
    const bool same_epoch = volume_.epoch == std::max<std::uint32_t>(shelves_.front().epoch, 1);
    if (volume_.folders.size() == 1 && same_epoch && end.offset + kBlock <= volume_.segment_bytes) {
      bool untouched = in_order;
      if (!untouched) {
        CO_TRY(zero, co_await is_zero_behind(ctx, end.segment, end.offset));
        untouched = zero;
      }
      if (untouched) {
        if (empty && !state_.clean) {  // Its header may be in the page cache only, as a last batch.
          const auto header = std::make_shared<const Bytes>(volume_.header_of(old));
          CO_DO(co_await volume_.first_live().write_synced(ctx, old.id, 0, header));
        }
        engine.tail_ = end.offset;
        engine.durable_place_ = end;
        co_return co_await engine.log_.resume(ctx, old);
      }
    }
    if (empty) {
      volume_.release(old);
    } else if (end.offset < volume_.segment_bytes) {
      const auto cut = [&](Folder& folder) { return folder.truncate(ctx, old.id, end.offset); };
      CO_DO(co_await volume_.on_all(ctx, cut));
    }
  }
  if (volume_.folders.size() > 1) ++volume_.term;
  Result<Unit> taken = co_await engine.log_.take(ctx, engine.next_lsn_, engine.next_batch_, 0);
  if (!taken.ok() && taken.error().code == ErrorCode::kNoSpace && !fresh_) {
    // Full: reads are served, and writing goes on when the first operation finds room.
    volume_.note(cat("no room for a log segment: ", taken.error().detail));
    engine.roll_next_ = true;
    engine.durable_place_ = end;
    co_return Unit{};
  }
  if (!taken.ok()) co_return taken.error();
  engine.tail_ = kSegmentHeadBytes;
  engine.durable_place_ = {engine.log_.segment().id, engine.tail_};
  co_return Unit{};
}

}  // namespace creel::store
