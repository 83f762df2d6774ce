#include <algorithm>

#include "platform/base/text.h"
#include "store/recovery.h"

namespace creel::store {

// Chooses the folder whose log is to be adopted — the highest term, then the longest — and brings
// the others to the same state (core.md §7). What a majority flushed is in any majority; what only
// one holds may have been flushed by a missing one too, so it is kept.
Task<Result<Unit>> Recovery::agree(Ctx& ctx) {
  {  // Side by side: each drive reads its own.
    Scope scope(ctx);
    for (Shelf& shelf : shelves_)
      if (!shelf.blank && !end_is_known(shelf)) scope.spawn(find_one_end(scope.ctx(), shelf));
    co_await scope.join();
  }
  std::erase_if(shelves_, [](const Shelf& shelf) { return !shelf.folder->live(); });
  const auto whole = static_cast<std::size_t>(std::count_if(
      shelves_.begin(), shelves_.end(), [](const Shelf& shelf) { return !shelf.blank; }));
  if (whole < volume_.majority())
    co_return fail(ErrorCode::kUnavailable,
                   cat("only ", whole, " of ", volume_.folders.size(), " log folders can be read"));
  const auto best =
      std::max_element(shelves_.begin(), shelves_.end(), [](const Shelf& a, const Shelf& b) {
        return std::tuple(!a.blank, a.last_log.term, a.last_batch) <
               std::tuple(!b.blank, b.last_log.term, b.last_batch);
      });
  CO_DO(co_await mend_headers(ctx, *best));
  for (Shelf& shelf : shelves_) {
    if (&shelf == &*best) continue;
    Result<Unit> done = co_await catch_up(ctx, *best, shelf);
    if (!done.ok()) shelf.folder->leave(error_text(done.error()));
    best->next_segment = std::max(best->next_segment, shelf.next_segment);
    best->term = std::max(best->term, shelf.term);
    best->epoch = std::max(best->epoch, shelf.epoch);
  }
  if (volume_.live_count() < volume_.majority())
    co_return fail(ErrorCode::kUnavailable, "too few log folders could be brought up to date");
  looked_behind_ = best->last_batch;
  adopt(*best);
  co_return Unit{};
}

// A store that was stopped in order says where it ended: there is nothing to look for.
bool Recovery::end_is_known(Shelf& shelf) const {
  if (!state_.clean || state_.log_segment == 0 || !shelf.headless.empty()) return false;
  const SegmentInfo* last = nullptr;
  for (const auto& [id, info] : shelf.segments)
    if (info.stream == StreamKind::kLog &&
        (last == nullptr ||
         std::pair(info.first_batch, info.term) > std::pair(last->first_batch, last->term)))
      last = &info;
  if (last == nullptr || last->id != state_.log_segment) return false;
  shelf.last_log = *last;
  shelf.last_batch = state_.last_batch;
  shelf.chain = state_.chain;
  shelf.end = state_.log_end;
  return true;
}

Task<void> Recovery::find_one_end(Ctx& ctx, Shelf& shelf) {
  Result<Unit> found = co_await find_end(ctx, shelf, volume_.folders[shelf.folder->index()]);
  if (!found.ok()) shelf.folder->leave(error_text(found.error()));
}

// Where this folder's own log ends, read as if it were alone.
Task<Result<Unit>> Recovery::find_end(Ctx& ctx, Shelf& shelf, std::unique_ptr<Folder>& owner) {
  Options quiet = engine_.options_;
  quiet.log = nullptr;
  Volume alone(volume_.platform, quiet);
  alone.uuid = volume_.uuid;
  alone.segment_bytes = volume_.segment_bytes;
  alone.segments = shelf.segments;
  const std::vector<const SegmentInfo*> logs = alone.log_segments();
  if (logs.empty()) co_return Unit{};
  shelf.last_log = *logs.back();
  alone.folders.push_back(std::move(owner));
  LogScan scan(alone, shelf.last_log, {shelf.last_log.first_lsn.value - 1});
  Result<Unit> done = Unit{};
  for (;;) {
    Result<LogScan::Step> step = co_await scan.next(ctx, LogScan::Bounds());
    if (!step.ok()) done = step.error();
    if (!step.ok() || step.value().kind == LogScan::Step::Kind::kEnd) break;
  }
  shelf.last_batch = scan.last_batch();
  shelf.chain = scan.chain();
  shelf.end = scan.place().offset;
  owner = std::move(alone.folders.front());
  co_return done;
}

// A header that only the chosen folder lost is written again from another one's.
Task<Result<Unit>> Recovery::mend_headers(Ctx& ctx, Shelf& best) {
  for (const std::uint32_t id : best.headless) {
    for (const Shelf& other : shelves_) {
      const auto found = other.segments.find(id);
      const bool has =
          found != other.segments.end() &&
          std::find(other.headless.begin(), other.headless.end(), id) == other.headless.end() &&
          found->second.generation == best.segments[id].generation;
      if (!has) continue;
      CO_TRY(file, co_await other.folder->segment(ctx, id));
      Bytes header(kSegmentHeadBytes);
      CO_TRY(got, co_await file->read(ctx, 0, header));
      header.resize(got);
      const auto shared = std::make_shared<const Bytes>(std::move(header));
      CO_DO(co_await best.folder->write_synced(ctx, id, 0, shared));
      best.segments[id] = found->second;
      volume_.report(
          cat(best.folder->segment_path(id), ": header repaired from ", other.folder->dir()));
      break;
    }
  }
  best.headless.clear();
  co_return Unit{};
}

Task<Result<Unit>> Recovery::catch_up(Ctx& ctx, const Shelf& best, Shelf& other) {
  Folder& folder = *other.folder;
  const bool same_end = !other.blank && other.last_log.id == best.last_log.id &&
                        other.last_log.term == best.last_log.term &&
                        other.last_batch == best.last_batch && other.chain == best.chain;
  if (!same_end)
    volume_.note(cat("log folder ", folder.dir(), ": catching up from batch ", other.last_batch,
                     " to ", best.last_batch));
  // Files that the adopted log does not know go first: what is left is a prefix of it.
  std::vector<std::uint32_t> unknown = other.doomed;
  for (const auto& [id, info] : other.segments)
    if (!best.segments.contains(id)) unknown.push_back(id);
  for (const auto& [id, generation] : other.spares)
    if (!best.spares.contains(id) && !best.segments.contains(id)) unknown.push_back(id);
  for (const std::uint32_t id : unknown) CO_DO(co_await folder.remove_segment(ctx, id));
  std::vector<SegmentInfo> wanted;
  for (const auto& [id, info] : best.segments) wanted.push_back(info);
  // Bodies before the log that names them: cut at any moment, the folder is what it was or a longer
  // whole prefix, and may be the one that a next start adopts.
  const auto order = [](const SegmentInfo& a) {
    return std::tuple(a.stream == StreamKind::kLog, a.first_batch, a.term, a.id);
  };
  std::sort(wanted.begin(), wanted.end(),
            [&](const SegmentInfo& a, const SegmentInfo& b) { return order(a) < order(b); });
  for (const SegmentInfo& info : wanted) {
    const auto mine = other.segments.find(info.id);
    bool same =
        mine != other.segments.end() && mine->second.generation == info.generation &&
        mine->second.stream == info.stream && mine->second.term == info.term &&
        mine->second.first_batch == info.first_batch &&
        std::find(other.headless.begin(), other.headless.end(), info.id) == other.headless.end();
    // Written to since this folder fell behind?
    if (!same_end && info.stream == StreamKind::kLog)
      same = same && info.first_batch < other.last_log.first_batch;
    if (!same_end && info.stream != StreamKind::kLog) same = false;  // Slow bodies end late.
    if (!same) CO_DO(co_await copy_segment(ctx, best, other, info));
  }
  for (const auto& [id, generation] : best.spares) {
    const auto mine = other.spares.find(id);
    if (mine != other.spares.end() && mine->second == generation) continue;
    CO_DO(co_await folder.remove_segment(ctx, id));
    CO_DO(co_await folder.make_spare(ctx, id, volume_.segment_bytes));
  }
  if (other.blank) CO_DO(co_await write_identity(ctx, folder));
  co_return Unit{};
}

// Beside the old file, then renamed over it: a cut copy changes nothing.
Task<Result<Unit>> Recovery::copy_segment(Ctx& ctx, const Shelf& best, Shelf& other,
                                          SegmentInfo info) {
  Folder& folder = *other.folder;
  const std::string path = folder.segment_path(info.id);
  CO_TRY(source, co_await best.folder->segment(ctx, info.id));
  CO_TRY(size, co_await source->size(ctx));
  // Behind the adopted end there is nothing to keep.
  const std::uint64_t used = info.id == best.last_log.id ? std::min(best.end, size) : size;
  {
    OpenOptions options;
    options.write = options.create = true;
    CO_TRY(target, co_await folder.disk().open(ctx, path + ".new", options));
    CO_DO(co_await target->truncate(ctx, 0));
    CO_DO(co_await target->allocate(ctx, size));
    Bytes piece(256 * KiB);
    for (std::uint64_t at = 0; at < used; at += piece.size()) {
      const MutableBytes into = MutableBytes(piece).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), used - at)));
      CO_TRY(got, co_await source->read(ctx, at, into));
      if (got != into.size())
        co_return fail(ErrorCode::kIo,
                       cat(best.folder->segment_path(info.id), ": shorter than ", used, " bytes"));
      const ByteView parts[] = {into};
      CO_DO(co_await target->write(ctx, at, parts));
    }
    CO_DO(co_await target->sync(ctx));
  }
  folder.forget(info.id);
  CO_DO(co_await folder.disk().rename(ctx, path + ".new", path));
  co_return co_await folder.disk().sync_dir(ctx, folder.dir() + "/seg");
}

}  // namespace creel::store
