#include <algorithm>

#include "platform/base/text.h"
#include "store/recovery.h"

namespace creel::store {

// With mirrors. The indexes that are furthest serve, at most three; one that lags, is damaged or
// was being copied is made again from them later. `fresh`: all are thrown away.
Task<Result<Unit>> Recovery::open_indexes(Ctx& ctx, bool fresh) {
  engine_.mirrored_ = nullptr;
  engine_.base_.reset();
  for (;;) {
    std::vector<OpenedIndex> all;
    for (const auto& folder : volume_.folders)
      if (folder->live()) all.push_back({folder.get(), std::nullopt});
    {
      Scope scope(ctx);
      for (OpenedIndex& one : all) scope.spawn(open_one_index(scope.ctx(), one, fresh));
      co_await scope.join();
    }
    CO_TRY(chosen, co_await choose_indexes(ctx, std::move(all), fresh));
    if (chosen) break;
    fresh = true;
  }
  index_fresh_ = fresh;
  for (const auto& folder : volume_.folders)
    folder->on_leave = [this_engine = &engine_, place = folder.get()] {
      if (this_engine->mirrored_ != nullptr)
        this_engine->mirrored_->leave(place->index(), fail(ErrorCode::kIo, place->why_down()));
    };
  co_return engine_.ledger_.load(*engine_.base_);
}

Task<void> Recovery::open_one_index(Ctx& ctx, OpenedIndex& found, bool fresh) {
  const std::string dir = found.folder->dir() + "/idx";
  Disk& disk = found.folder->disk();
  Result<Unit> made = co_await disk.make_dir(ctx, dir);  // May have been deleted while stopped.
  if (made.ok()) made = co_await disk.sync_dir(ctx, found.folder->dir());
  if (!made.ok()) {
    found.opened.emplace(made.error());
    co_return;
  }
  auto work = [&] {
    found.opened.emplace(engine_.options_.open_base(dir, volume_.uuid, fresh));
    const auto& opened = *found.opened;
    if (opened.ok() && opened.value()->applied().value == 0 && opened.value()->row_count() > 0)
      found.opened.emplace(
          fail(ErrorCode::kInvalid, "index: it was being filled when that was cut"));
  };
  co_await offload_call(ctx, volume_.platform.offload, work);
}

// Indexes as far as each other differ if one of them missed a checkpoint of moves only, which has
// the position of the one before. That at an orderly stop is known; else the one that most have.
// A start replays the moves behind the position, so any of them is right.
StateHash Recovery::hash_to_serve(const std::vector<OpenedIndex>& all, Lsn best) const {
  constexpr std::ptrdiff_t kCertain = 1'000;  // More than there are folders.
  std::vector<StateHash> seen;
  for (const OpenedIndex& one : all)
    if (one.opened->ok() && one.opened->value()->applied() == best)
      seen.push_back(one.opened->value()->state_hash());
  const auto count = [&](const StateHash& hash) {
    const bool stopped_there = state_.clean && best == state_.last_lsn && hash == state_.hash;
    return std::count(seen.begin(), seen.end(), hash) + (stopped_there ? kCertain : 0);
  };
  StateHash most = seen.front();
  for (const StateHash& hash : seen)
    if (count(hash) > count(most)) most = hash;
  return most;
}

// False: none can serve, but all may be made again.
Task<Result<bool>> Recovery::choose_indexes(Ctx& ctx, std::vector<OpenedIndex> all, bool fresh) {
  std::optional<Lsn> best;
  std::optional<Error> bad;
  for (const OpenedIndex& one : all) {
    if (one.opened->ok()) best = std::max(best.value_or(Lsn{}), one.opened->value()->applied());
    else bad = one.opened->error();
  }
  if (!best || (best->value == 0 && bad)) {
    const bool doubtful = bad->code == ErrorCode::kCorrupt || bad->code == ErrorCode::kInvalid;
    if (!best && (fresh || !doubtful)) co_return *bad;
    if (!fresh_) CO_DO(co_await may_rebuild(ctx));
    if (!fresh) {
      const std::string text = cat("the index is rebuilt: ", error_text(*bad));
      if (bad->code == ErrorCode::kCorrupt) volume_.report(text);
      else volume_.note(text);
      co_return false;
    }
  }
  const StateHash hash = hash_to_serve(all, *best);
  auto base = std::make_unique<MirroredBase>(
      [engine = &engine_](unsigned place, const Error& why) { engine->index_left(place, why); });
  engine_.index_after_.assign(volume_.folders.size(), Instant());
  for (OpenedIndex& one : all) {
    if (!one.opened->ok()) {
      volume_.note(cat("the index in ", one.folder->dir(),
                       " is made again: ", error_text(one.opened->error())));
    } else if (one.opened->value()->applied() == *best &&
               one.opened->value()->state_hash() == hash &&
               base->places().size() < Engine::kIndexFolders) {
      base->add(one.folder->index(), one.opened->take());
    }
  }
  auto work = [&] { all.clear(); };
  co_await offload_call(ctx, volume_.platform.offload, work);
  engine_.mirrored_ = base.get();
  engine_.base_ = std::move(base);
  co_return true;
}

}  // namespace creel::store
