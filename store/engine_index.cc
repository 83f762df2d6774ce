// The index on several folders: a place that leaves, and copies for those that lack it.
#include <algorithm>

#include "platform/base/text.h"
#include "store/engine.h"

namespace creel::store {
namespace {
constexpr std::size_t kCopyRows = 1'024;  // Read on the loop, written as one transaction.
constexpr Duration kCopyAgain = 30_s;     // After a place has failed.
}  // namespace

// On the loop, at the moment it leaves.
void Engine::index_left(unsigned place, const Error& why) {
  const std::string text =
      cat("the index in ", volume_.folders[place]->dir(), " is given up: ", error_text(why));
  if (volume_.folders[place]->live()) volume_.report(text);
  else volume_.note(text);
  index_after_[place] = platform_.clock.now() + kCopyAgain;
  index_wanted_.notify_all();
}

std::optional<unsigned> Engine::folder_without_index() const {
  const std::vector<unsigned> have = mirrored_->places();
  if (have.size() >= kIndexFolders) return std::nullopt;
  for (const auto& folder : volume_.folders) {
    const unsigned place = folder->index();
    if (folder->live() && !folder->behind && platform_.clock.now() >= index_after_[place] &&
        std::find(have.begin(), have.end(), place) == have.end())
      return place;
  }
  return std::nullopt;
}

Task<void> Engine::keep_index(Ctx& ctx) {
  constexpr Duration kLook = 5_s;
  while (!ctx.stopped() && !volume_.read_only) {
    Result<Unit> closed = co_await close_left(ctx);
    if (!closed.ok()) break;
    if (const std::optional<unsigned> place = folder_without_index()) {
      const std::string dir = volume_.folders[*place]->dir();
      Result<Unit> copied = co_await copy_index(ctx, *place);
      if (copied.ok()) volume_.note(cat("the index is in ", dir, " too"));
      else if (!ctx.stopped()) volume_.note(cat("no index in ", dir, ": ", copied.error().detail));
      if (!copied.ok()) index_after_[*place] = platform_.clock.now() + kCopyAgain;
      continue;
    }
    Ctx timed(ctx, platform_.clock.now() + kLook);
    (void)co_await index_wanted_.wait(timed);
  }
}

// The caller alone uses and changes the set of indexes, until let_base_go().
Task<Result<Unit>> Engine::hold_base(Ctx& ctx) {
  while (checkpointing_) CO_DO(co_await checkpoint_done_.wait(ctx));
  checkpointing_ = true;
  co_return Unit{};
}

void Engine::let_base_go() {
  checkpointing_ = false;
  checkpoint_done_.notify_all();
  wake_.notify();
}

Task<Result<Unit>> Engine::close_left(Ctx& ctx) {
  CO_DO(co_await hold_base(ctx));
  std::vector<std::unique_ptr<RowBase>> left;
  if (!snapshot_held_ && index_checks_ == 0) left = mirrored_->take_left();
  let_base_go();
  if (left.empty()) co_return Unit{};
  auto work = [&] { left.clear(); };
  co_await offload_call(ctx, platform_.offload, work);
  co_return Unit{};
}

Task<Result<Unit>> Engine::copy_index(Ctx& ctx, unsigned place) {
  Folder& folder = *volume_.folders[place];
  const std::string dir = folder.dir() + "/idx";
  CO_DO(co_await platform_.disk.make_dir(ctx, dir));
  CO_DO(co_await platform_.disk.sync_dir(ctx, folder.dir()));
  std::optional<Result<std::unique_ptr<RowBase>>> opened;
  auto work = [&] { opened.emplace(options_.open_base(dir, volume_.uuid, true)); };
  co_await offload_call(ctx, platform_.offload, work);
  if (!opened->ok()) co_return opened->error();
  CO_DO(co_await hold_base(ctx));
  if (folder.live() && mirrored_->may_copy()) mirrored_->begin_copy(place, opened->take());
  let_base_go();
  for (bool more = true; more;) {
    CO_DO(co_await hold_base(ctx));
    Result<bool> copied = co_await copy_piece(ctx, place);
    if (!copied.ok()) mirrored_->leave(place, copied.error());
    let_base_go();
    if (!copied.ok()) co_return copied.error();
    more = copied.value();
    co_await YieldNow(ctx);
  }
  co_return Unit{};
}

// False: it is complete and counts.
Task<Result<bool>> Engine::copy_piece(Ctx& ctx, unsigned place) {
  if (mirrored_->copying_to() != place) co_return fail(ErrorCode::kIo, "its folder has left");
  CO_TRY(piece, mirrored_->next_to_copy(kCopyRows));
  Result<Unit> done = Unit{};
  auto work = [&] {
    done = piece.empty() ? mirrored_->complete_copy() : mirrored_->commit_copied(piece);
  };
  co_await offload_call(ctx, platform_.offload, work);
  if (!done.ok()) co_return done.error();
  if (!piece.empty()) co_return true;
  if (!mirrored_->adopt_copy()) co_return fail(ErrorCode::kIo, "its folder has left");
  co_return false;
}

}  // namespace creel::store
