#include <algorithm>

#include "platform/base/text.h"
#include "store/engine.h"

namespace creel::store {
namespace {
constexpr std::size_t kRowsBesideImage = 6;  // Of the 8 × checkpoint_rows that the overlay takes.
}

std::vector<const Layer*> Engine::published() const {
  std::vector<const Layer*> layers{&active_};
  if (!frozen_.empty()) layers.push_back(&frozen_);
  return layers;
}

Result<std::optional<std::string>> Engine::find(Table table, std::string_view key) const {
  if (const auto* value = find_in(active_, table, key)) return *value;
  if (const auto* value = find_in(frozen_, table, key)) return *value;
  Result<std::optional<std::string>> found = base_->find(table, key);
  if (!found.ok() && found.error().code == ErrorCode::kCorrupt) base_suspect_ = true;
  return found;
}

Result<std::unique_ptr<RowCursor>> Engine::cursor(Table table) const {
  return cursor_through(published(), *base_, table);
}

void Engine::publish(Layer& edits) {
  const std::size_t before = active_.size();
  if (before == 0) first_dirty_ = platform_.clock.now();
  fold_into(active_, edits);
  // The checkpoint task sleeps until its time; tell it only when that may have changed.
  for (const std::size_t mark :
       {std::size_t{1}, options_.checkpoint_rows / 16, options_.checkpoint_rows,
        kRowsBesideImage * options_.checkpoint_rows})
    if (before < mark && active_.size() >= mark) {
      dirty_.notify_all();
      break;
    }
}

// Few rows may wait long: each checkpoint costs two flushes and the pages it touches.
Instant Engine::checkpoint_due() const {
  if (active_.empty()) return Instant::never();
  if (snapshot_held_ && active_.size() < kRowsBesideImage * options_.checkpoint_rows)
    return Instant::never();
  if (active_.size() >= options_.checkpoint_rows) return first_dirty_;
  const bool busy = active_.size() >= options_.checkpoint_rows / 16;
  return first_dirty_ + (busy ? options_.checkpoint_busy : options_.checkpoint_idle);
}

Task<void> Engine::checkpoint_when_due(Ctx& ctx) {
  constexpr Duration kRetry = 1_s;
  while (!ctx.stopped()) {
    const Instant due = checkpoint_due();
    if (due <= platform_.clock.now()) {
      Result<Unit> done = co_await checkpoint(ctx);
      if (!done.ok() && !ctx.stopped()) {
        Result<Unit> slept = co_await sleep_for(ctx, kRetry);
        if (!slept.ok()) co_return;
      }
      continue;
    }
    Ctx timed(ctx, due);
    Result<Unit> woken = co_await dirty_.wait(timed);
    if (!woken.ok() && ctx.stopped()) co_return;
  }
}

Task<Result<Unit>> Engine::checkpoint(Ctx& ctx) {
  while (checkpointing_) CO_DO(co_await checkpoint_done_.wait(ctx));
  if (base_->applied() >= durable_lsn_ && active_.empty()) co_return Unit{};
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  checkpointing_ = true;
  check(frozen_.empty());
  frozen_.swap(active_);
  Result<Unit> done = co_await commit_frozen(ctx, durable_lsn_);
  ledger_.checkpointed(done.ok());
  if (done.ok()) {
    base_->publish();
    frozen_.clear();
    // Room for the next one before anybody is judged by what this one took.
    co_await allocate_index(ctx);
  } else {  // The old rows stand, and so does what was to change them.
    fold_into(frozen_, active_);
    active_.swap(frozen_);
    if (done.error().code != ErrorCode::kNoSpace) volume_.stop_writing(done.error());
    else if (!checkpoint_full_) volume_.note(cat("checkpoint put off: ", error_text(done.error())));
  }
  checkpoint_full_ = !done.ok() && done.error().code == ErrorCode::kNoSpace;
  checkpointing_ = false;
  checkpoint_done_.notify_all();
  wake_.notify();
  co_return done;
}

Task<Result<Unit>> Engine::commit_frozen(Ctx& ctx, Lsn applied) {
  std::vector<RowEdit> edits;
  edits.reserve(frozen_.size());
  for (const auto& [name, value] : frozen_) edits.push_back({name.table, name.key, value});
  ledger_.freeze(edits);
  Result<Unit> done = Unit{};
  auto work = [&] { done = base_->commit(edits, applied); };
  co_await offload_call(ctx, platform_.offload, work);
  co_return done;
}

// Ahead of need, so that a checkpoint finds room even if others fill the file system. What cannot
// be had is no failure: what grows is refused in time.
Task<void> Engine::grow_index(Ctx& ctx) {
  if (checkpointing_) co_return;
  checkpointing_ = true;
  co_await allocate_index(ctx);
  checkpointing_ = false;
  checkpoint_done_.notify_all();
}

Task<void> Engine::allocate_index(Ctx& ctx) {
  const IndexRoom room = base_->room();
  const std::uint64_t wanted = volume_.index_wanted(room.used_bytes);
  if (room.ahead && room.allocated_bytes < wanted) {
    Result<Unit> done = Unit{};
    auto work = [&] { done = base_->allocate(wanted); };
    co_await offload_call(ctx, platform_.offload, work);
    if (!done.ok() && done.error().code != ErrorCode::kNoSpace) volume_.stop_writing(done.error());
  }
  volume_.index_room = base_->room();
}

}  // namespace creel::store
