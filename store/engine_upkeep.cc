#include <algorithm>

#include "platform/base/text.h"
#include "store/engine.h"

namespace creel::store {

// Spares ahead of need, free space measured, state flags written.
Task<void> Engine::keep_up(Ctx& ctx) {
  constexpr Duration kInterval = 5_s;
  constexpr Duration kServed = 60_s;  // After that a start counts as a good one.
  const Instant begun = platform_.clock.now();
  bool suspect_saved = false;
  bool full_said = false;
  while (!ctx.stopped() && !volume_.read_only) {
    co_await grow_index(ctx);
    Result<Unit> kept = co_await keep_spares(ctx);
    if (!kept.ok() && kept.error().code != ErrorCode::kNoSpace) {
      volume_.stop_writing(kept.error());
      break;
    }
    if (!kept.ok() && !full_said)
      volume_.note(cat("no further segment: ", error_text(kept.error())));
    full_said = !kept.ok();
    say_level();
    if (base_suspect_ && !volume_.index_suspect) {
      volume_.index_suspect = true;
      volume_.report("the index gave back damaged rows; it will be rebuilt at the next start");
    }
    const bool served = volume_.unclean_streak > 0 && platform_.clock.now() - begun >= kServed;
    if (served) volume_.unclean_streak = 0;
    if (served || (volume_.index_suspect && !suspect_saved) || scrub_moved()) {
      suspect_saved = volume_.index_suspect;
      Result<Unit> saved = co_await save_state(ctx, false);
      if (!saved.ok()) volume_.stop_writing(saved.error());
    }
    Ctx timed(ctx, platform_.clock.now() + kInterval);
    Result<Unit> woken = co_await volume_.changed.wait(timed);
    if (!woken.ok() && ctx.stopped()) break;
  }
  wake_.notify();  // Read-only: the writer has answers to give.
}

// Before anything is served. A full drive has what it has.
Task<Result<Unit>> Engine::keep_reserve(Ctx& ctx) {
  co_await grow_index(ctx);
  while (volume_.spares.size() < volume_.reserve_segments()) {
    Result<Unit> made = co_await volume_.make_spare(ctx);
    if (!made.ok() && made.error().code == ErrorCode::kNoSpace) break;
    if (!made.ok()) co_return made;
  }
  co_return co_await volume_.measure(ctx);
}

Task<Result<Unit>> Engine::keep_spares(Ctx& ctx) {
  const std::size_t spares = volume_.reserve_segments() +
                             plan_space(volume_.size_bytes, volume_.segment_bytes).ahead_segments;
  CO_DO(co_await volume_.remove_doomed(ctx));
  CO_DO(co_await volume_.measure(ctx));
  while (volume_.spares.size() < spares && !ctx.stopped()) {
    CO_DO(co_await volume_.make_spare(ctx));
    CO_DO(co_await volume_.measure(ctx));
  }
  co_return Unit{};
}

void Engine::say_level() {
  const SpaceLevel level = volume_.level();
  if (level == said_level_) return;
  const std::string warning = volume_.space_status().warning;
  if (!warning.empty()) volume_.note(warning);
  else if (said_level_ >= SpaceLevel::kScarce)
    volume_.note(cat("room again: ", volume_.free_bytes() / MiB, " MiB free"));
  said_level_ = level;
}

DriveState Engine::drive_state(bool clean) const {
  DriveState state;
  state.starts = volume_.starts;
  state.clean = clean;
  state.index_suspect = volume_.index_suspect || base_suspect_;
  state.unclean_streak = clean ? 0 : volume_.unclean_streak;
  state.streak_wall_ms = volume_.streak_wall_ms;
  state.last_lsn = durable_lsn_;
  state.last_batch = durable_batch_;
  state.chain = chain_;
  state.log_segment = roll_next_ ? 0 : log_.segment().id;
  state.log_end = tail_;
  if (bulk_.end()) state.bulk = *bulk_.end();
  if (base_->applied() == durable_lsn_) state.hash = base_->state_hash();
  state.lost = volume_.lost;
  state.scrub_completed_ms = scrub_completed_ms_;
  state.scrub_table = static_cast<std::uint8_t>(scrubber_.place().table);
  state.scrub_key = scrubber_.place().key;
  state.log_begin = volume_.log_begin;
  return state;
}

Task<Result<Unit>> Engine::save_state(Ctx& ctx, bool clean) {
  const DriveState state = drive_state(clean);
  const auto write = [&](Folder& folder) { return folder.write_state(ctx, state); };
  co_return co_await volume_.on_all(ctx, write);
}

Task<Result<Unit>> Engine::close(Ctx& ctx) {
  check(!running_);
  stopping_ = true;
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  Result<Unit> done = co_await checkpoint(ctx);
  // Without room for the index the log alone has it all: a full drive can be stopped too.
  if (!done.ok() && done.error().code != ErrorCode::kNoSpace) co_return done.error();
  co_return co_await save_state(ctx, true);
}

void Engine::drop_folder(std::string_view dir, std::string why) {
  for (const auto& folder : volume_.folders) {
    if (folder->dir() != dir || !folder->live() || volume_.live_count() <= 1) continue;
    volume_.report(cat("log folder ", folder->dir(), " leaves: ", why));
    folder->leave(std::move(why));
    log_.look_again();
    return;
  }
}

std::vector<MirrorStatus> Engine::mirror_status() const {
  std::vector<MirrorStatus> all;
  for (const auto& folder : volume_.folders) {
    MirrorStatus one;
    one.dir = folder->dir();
    one.live = folder->live();
    one.catching_up = returning_ == folder->index();
    one.index_copying = mirrored_->copying_to() == folder->index();
    one.why = folder->why_down();
    all.push_back(std::move(one));
  }
  for (const unsigned place : mirrored_->places()) all[place].has_index = true;
  return all;
}

Status Engine::status() const {
  Status status;
  status.read_only = volume_.read_only;
  status.reason = volume_.reason;
  status.last = durable_lsn_;
  status.checkpointed = base_->applied();
  status.segments = volume_.segments.size();
  for (const auto& [id, info] : volume_.segments)
    if (info.stream != StreamKind::kImage)
      (info.stream == StreamKind::kLog ? status.log_bytes : status.bulk_bytes) +=
          volume_.segment_bytes;
  status.rows = base_->row_count();
  status.index_bytes = base_->bytes_used();
  status.image_lsn = image_.lsn;
  status.image_rows = image_.rows;
  status.image_bytes = volume_.image_bytes;
  status.free_bytes = volume_.free_bytes();
  status.space = volume_.space_status();
  status.batches = batches_;
  for (const auto& folder : volume_.folders) {
    status.flushes += folder->flushes;
    if (!folder->live())
      status.mirrors_down.push_back(cat(folder->dir(), ": ", folder->why_down()));
  }
  if (returning_) status.mirrors_catching_up.push_back(volume_.folders[*returning_]->dir());
  const Cleaner::Figures cleaned = cleaner_.figures();
  status.space.live = ledger_.live_bytes();
  status.space.garbage = cleaned.garbage_bytes;
  status.space.held = cleaned.held_by_cursors;
  status.segments_recycled = cleaned.recycled;
  status.moved_bytes = cleaned.moved_bytes;
  if (mirrored_ != nullptr) status.mirrors = mirror_status();
  status.damaged_ranges = volume_.damaged_ranges;
  status.damage = volume_.damage;
  const CheckProgress& scrub = scrubber_.progress();
  status.scrub = {scrub.running, scrub_completed_ms_, scrub.bodies, scrub.bytes, scrub.damaged};
  status.damaged_objects = volume_.marked.size();
  for (const auto& [name, why] : volume_.marked) {
    if (status.damaged_names.size() >= kDamageTextsMax) break;
    status.damaged_names.push_back(cat(name, ": ", why));
  }
  return status;
}

}  // namespace creel::store
