#include <algorithm>

#include "platform/base/text.h"
#include "store/recovery.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kSegmentBytesMin = 16 * KiB;  // Tests; real drives get at least 8 MiB.

bool is_ours(std::string_view name) {
  return name == "lock" || name == "seg" || name == "idx" || name == "state" ||
         name == "lost+found" || name.substr(0, 5) == "creel" || name.substr(0, 1) == ".";
}

}  // namespace

Result<Unit> Recovery::validate_options() const {
  const Options& options = engine_.options_;
  if (options.dirs.empty() || options.dirs.size() > 5)
    return fail(ErrorCode::kInvalid, cat("a store has 1 to 5 folders, not ", options.dirs.size()));
  if (!options.open_base) return fail(ErrorCode::kInvalid, "no index to open");
  const std::uint64_t bytes = options.segment_bytes;
  if (bytes != 0 && ((bytes & (bytes - 1)) != 0 || bytes < kSegmentBytesMin || bytes > 4 * GiB))
    return fail(ErrorCode::kInvalid, cat("segments of ", bytes, " bytes"));
  if (options.batch_bytes_max < 2 * kBlock || options.batch_bytes_max > kBatchBytesCap)
    return fail(ErrorCode::kInvalid, cat("batches of ", options.batch_bytes_max, " bytes"));
  if (options.commit_delay < Duration() || options.commit_delay > 20_ms)
    return fail(ErrorCode::kInvalid,
                cat("a commit delay of ", options.commit_delay.ms(), " ms; at most 20"));
  return Unit{};
}

std::uint64_t Recovery::choose_segment_bytes(std::uint64_t size) const {
  if (engine_.options_.segment_bytes != 0) return engine_.options_.segment_bytes;
  std::uint64_t bytes = 8 * MiB;
  while (bytes * 2 <= size / 64 && bytes * 2 <= engine_.options_.segment_bytes_max) bytes *= 2;
  return bytes;
}

// R1, first half: every folder is there, locked and of this store, or left out with a reason.
Task<Result<Unit>> Recovery::open_folders(Ctx& ctx) {
  CO_DO(validate_options());
  const Options& options = engine_.options_;
  for (std::size_t i = 0; i < options.dirs.size(); ++i)
    volume_.folders.push_back(std::make_unique<Folder>(volume_.platform.disk, options.dirs[i],
                                                       static_cast<unsigned>(i),
                                                       options.lane + static_cast<unsigned>(i)));
  const bool alone = volume_.folders.size() == 1;
  std::vector<Folder*> missing;
  for (const auto& folder : volume_.folders) {
    Result<bool> there = co_await look_at(ctx, *folder, alone);
    if (!there.ok()) co_return there.error();
    if (!there.value()) missing.push_back(folder.get());
  }
  bool virgin = true;  // Nobody ever served from these folders.
  for (Folder* folder : formatted_) {
    CO_TRY(unused, co_await is_virgin(ctx, *folder));
    virgin = virgin && unused;
  }
  if (virgin)
    for (Folder* folder : missing) {
      CO_TRY(made, co_await look_at(ctx, *folder, true));
      if (!made)
        co_return fail(ErrorCode::kUnavailable, cat(folder->dir(), ": ", folder->why_down()));
    }
  if (!formatted_.empty()) CO_DO(co_await compare_identities());
  if (virgin && volume_.live_count() == volume_.folders.size()) co_return co_await format(ctx);
  if (virgin) {
    std::string text = "a new store needs all its folders";
    for (const auto& folder : volume_.folders)
      if (!folder->live()) text += cat("; ", folder->dir(), ": ", folder->why_down());
    co_return fail(ErrorCode::kUnavailable, text);
  }
  for (Folder* folder : blank_)
    if (!options.adopt_blank) folder->leave("blank folder: heal it to fill it from the others");
  for (Folder* folder : missing) folder->leave("missing");
  if (formatted_.size() >= volume_.majority()) co_return Unit{};
  std::string text = cat("only ", formatted_.size(), " of ", volume_.folders.size(),
                         " log folders are here, ", volume_.majority(), " are needed");
  for (const auto& folder : volume_.folders)
    if (!folder->live()) text += cat("; ", folder->dir(), ": ", folder->why_down());
  co_return fail(ErrorCode::kUnavailable, text);
}

// False: the folder is absent, or a mirror that cannot be used now. Locks it.
Task<Result<bool>> Recovery::look_at(Ctx& ctx, Folder& folder, bool may_make) {
  const bool alone = volume_.folders.size() == 1;
  Result<std::vector<std::string>> names = co_await folder.disk().list(ctx, folder.dir());
  if (!names.ok() && names.error().code == ErrorCode::kNotFound) {
    if (!may_make) co_return false;
    CO_DO(co_await folder.disk().make_dir(ctx, folder.dir()));
    CO_DO(co_await folder.disk().sync_dir(ctx, parent_dir(folder.dir())));
    names = co_await folder.disk().list(ctx, folder.dir());
  }
  if (!names.ok()) {
    if (alone) co_return names.error();
    folder.leave(error_text(names.error()));
    co_return false;
  }
  const auto& all = names.value();
  const bool has_identity = std::find(all.begin(), all.end(), "creel.drive") != all.end();
  if (!has_identity)
    for (const std::string& name : all)
      if (!is_ours(name))
        co_return fail(ErrorCode::kInvalid, cat(folder.dir(),
                                                " is not a Creel drive and not empty: "
                                                "it holds `",
                                                name, "`"));
  Result<Unit> locked = co_await take_lock(ctx, folder);
  if (!locked.ok()) {
    if (alone || locked.error().code == ErrorCode::kExists) co_return locked.error();
    folder.leave(error_text(locked.error()));
    co_return false;
  }
  if (!has_identity) {
    blank_.push_back(&folder);
    co_return true;
  }
  Result<Bytes> content =
      co_await read_file(ctx, folder.disk(), folder.dir() + "/creel.drive", kDriveIdentityBytes);
  Result<DriveIdentity> identity =
      content.ok() ? parse_drive_identity(content.value()) : content.error();
  if (!identity.ok()) {
    const Error error =
        fail(identity.error().code, cat(folder.dir(), "/creel.drive: ", identity.error().detail));
    if (alone || error.code == ErrorCode::kInvalid) co_return error;
    folder.leave(error_text(error));
    co_return false;
  }
  folder.identity = identity.value();
  formatted_.push_back(&folder);
  co_return true;
}

Task<Result<Unit>> Recovery::take_lock(Ctx& ctx, Folder& folder) {
  if (folder.lock) co_return Unit{};
  Result<std::unique_ptr<FileLock>> lock = co_await folder.disk().lock(ctx, folder.dir() + "/lock");
  if (lock.ok()) {
    folder.lock = lock.take();
    co_return Unit{};
  }
  const Error& error = lock.error();
  if (error.code == ErrorCode::kExists)
    co_return fail(error.code, cat(folder.dir(), " is in use by another process: ", error.detail));
  if (error.code == ErrorCode::kDenied || error.code == ErrorCode::kReadOnly)
    co_return fail(ErrorCode::kReadOnly, cat(folder.dir(), " cannot be written: ", error.detail));
  co_return error;
}

Task<Result<bool>> Recovery::is_virgin(Ctx& ctx, Folder& folder) {
  CO_TRY(names, co_await folder.disk().list(ctx, folder.dir() + "/seg"));
  for (const std::string& name : names) {
    CO_TRY(file, co_await folder.disk().open(ctx, cat(folder.dir(), "/seg/", name), OpenOptions()));
    Bytes head(kSegmentHeadBytes);
    CO_TRY(got, co_await file->read(ctx, 0, head));
    head.resize(got);
    if (std::any_of(head.begin(), head.end(), [](std::uint8_t b) { return b != 0; }))
      co_return false;
  }
  co_return true;
}

Task<Result<Unit>> Recovery::compare_identities() {
  const DriveIdentity& first = formatted_.front()->identity;
  for (std::size_t i = 0; i < formatted_.size(); ++i) {
    Folder& folder = *formatted_[i];
    const DriveIdentity& one = folder.identity;
    if (one.store != first.store || one.segment_log2 != first.segment_log2)
      co_return fail(ErrorCode::kInvalid,
                     cat(folder.dir(), " belongs to store ", uuid_text(one.store), ", ",
                         formatted_.front()->dir(), " to store ", uuid_text(first.store)));
    if (one.mirrors != volume_.folders.size())
      co_return fail(ErrorCode::kInvalid,
                     cat(folder.dir(), " is one of ", one.mirrors, " log folders, but ",
                         volume_.folders.size(), " are given"));
    for (std::size_t j = 0; j < i; ++j)
      if (formatted_[j]->identity.drive == one.drive)
        co_return fail(ErrorCode::kInvalid, cat(folder.dir(), " is a copy of ",
                                                formatted_[j]->dir(), ": the same drive twice"));
  }
  volume_.uuid = first.store;
  volume_.segment_bytes = std::uint64_t{1} << first.segment_log2;
  volume_.size_bytes =
      engine_.options_.size_bytes != 0 ? engine_.options_.size_bytes : first.size_bytes;
  if (volume_.uuid != engine_.options_.cluster && engine_.options_.cluster != Uuid{})
    co_return fail(ErrorCode::kInvalid,
                   cat(formatted_.front()->dir(), " belongs to cluster ", uuid_text(volume_.uuid),
                       ", not to ", uuid_text(engine_.options_.cluster)));
  if (engine_.options_.batch_bytes_max > volume_.segment_bytes - kSegmentHeadBytes)
    engine_.options_.batch_bytes_max =
        static_cast<std::size_t>(volume_.segment_bytes - kSegmentHeadBytes);
  co_return Unit{};
}

// The very first start, or what a crash left of it. No folder gets a segment before all have their
// identity, so this can be repeated until it is done.
Task<Result<Unit>> Recovery::format(Ctx& ctx) {
  fresh_ = true;
  if (formatted_.empty()) {
    CO_DO(co_await volume_.measure(ctx));
    const Options& options = engine_.options_;
    volume_.uuid = options.cluster;
    if (volume_.uuid == Uuid{}) volume_.platform.random.fill(volume_.uuid);
    volume_.size_bytes =
        options.size_bytes != 0 ? options.size_bytes : volume_.space.free_bytes / 5 * 4;
    volume_.segment_bytes = choose_segment_bytes(volume_.size_bytes);
    if (options.batch_bytes_max > volume_.segment_bytes - kSegmentHeadBytes)
      engine_.options_.batch_bytes_max =
          static_cast<std::size_t>(volume_.segment_bytes - kSegmentHeadBytes);
  }
  if (volume_.size_bytes < 4 * volume_.segment_bytes)
    co_return fail(ErrorCode::kNoSpace, cat(volume_.folders[0]->dir(), ": ",
                                            volume_.size_bytes / MiB, " MiB are too few; at least ",
                                            4 * volume_.segment_bytes / MiB, " MiB are needed"));
  for (Folder* folder : blank_) CO_DO(co_await format_folder(ctx, *folder, true));
  blank_.clear();
  formatted_.clear();
  for (const auto& folder : volume_.folders) formatted_.push_back(folder.get());
  co_return Unit{};
}

Task<Result<Unit>> Recovery::format_folder(Ctx& ctx, Folder& folder, bool with_identity) {
  Disk& disk = folder.disk();
  CO_DO(co_await disk.make_dir(ctx, folder.dir() + "/seg"));
  CO_DO(co_await disk.make_dir(ctx, folder.dir() + "/idx"));
  CO_TRY(names, co_await disk.list(ctx, folder.dir() + "/seg"));
  if (!names.empty() && with_identity)
    co_return fail(ErrorCode::kInvalid, cat(folder.dir(),
                                            " holds segments but no creel.drive: its "
                                            "identity is lost"));
  for (const std::string& name : names)  // Of an earlier filling that was cut.
    CO_DO(co_await disk.remove(ctx, cat(folder.dir(), "/seg/", name)));
  // Both slots and the suspect word get their blocks now: later starts must work on a full drive.
  CO_DO(co_await folder.write_state(ctx, DriveState()));
  CO_DO(co_await folder.write_state(ctx, DriveState()));
  CO_DO(co_await disk.sync_dir(ctx, folder.dir()));
  if (!with_identity) co_return Unit{};
  // Whoever made the folder may not have flushed its name. Where we may not look, it was not us.
  Result<Unit> named = co_await disk.sync_dir(ctx, parent_dir(folder.dir()));
  if (!named.ok() && named.error().code != ErrorCode::kDenied) co_return named.error();
  co_return co_await write_identity(ctx, folder);
}

Task<Result<Unit>> Recovery::write_identity(Ctx& ctx, Folder& folder) {
  DriveIdentity identity;
  identity.store = volume_.uuid;
  volume_.platform.random.fill(identity.drive);
  while ((std::uint64_t{1} << identity.segment_log2) < volume_.segment_bytes)
    ++identity.segment_log2;
  identity.size_bytes = volume_.size_bytes;
  identity.mirrors = static_cast<std::uint32_t>(volume_.folders.size());
  identity.mirror_index = folder.index();
  folder.identity = identity;
  Bytes encoded = encode_drive_identity(identity);
  co_return co_await write_file_durable(ctx, folder.disk(), folder.dir() + "/creel.drive",
                                        std::move(encoded));
}

Task<Result<Unit>> Recovery::load_states(Ctx& ctx) {
  const auto to_be_filled = [&](const std::unique_ptr<Folder>& folder) {
    return std::find(blank_.begin(), blank_.end(), folder.get()) != blank_.end();
  };
  for (const auto& folder : volume_.folders) {
    if (!folder->live() || to_be_filled(folder)) continue;
    Result<Bytes> file =
        co_await read_file(ctx, folder->disk(), folder->dir() + "/state", 64 * KiB);
    if (!file.ok() && file.error().code != ErrorCode::kNotFound) {
      if (volume_.folders.size() == 1) co_return file.error();
      folder->leave(error_text(file.error()));
      continue;
    }
    const std::optional<DriveState> state =
        file.ok() ? parse_state(file.value()) : std::optional<DriveState>();
    if (!state) {
      volume_.report(cat(folder->dir(), "/state is damaged: the index will be rebuilt"));
      state_.index_suspect = true;
      continue;
    }
    folder->state = *state;
    volume_.log_begin = std::max(volume_.log_begin, state->log_begin);
    const bool suspect = state_.index_suspect || state->index_suspect;
    if (state->starts >= state_.starts) state_ = *state;
    state_.index_suspect = suspect;
  }
  // A lone flag is worth nothing if another folder went on without it. Those that are missing could
  // not: each start counts itself on a majority, one of which is here.
  for (const auto& folder : volume_.folders)
    if (folder->live() && !to_be_filled(folder) &&
        (folder->state.starts != state_.starts || !folder->state.clean ||
         folder->state.last_batch != state_.last_batch || folder->state.chain != state_.chain))
      state_.clean = false;
  volume_.lost = state_.lost;
  for (const LostRange& lost : state_.lost)
    volume_.report(cat("operations ", lost.first.value, " to ", lost.last.value,
                       " were lost to damage in segment ", lost.segment));
  volume_.damaged_ranges = state_.lost.size();
  co_return Unit{};
}

// Three unclean starts within ten minutes, none of which served for one: the index may be the
// cause.
Task<Result<Unit>> Recovery::count_start(Ctx& ctx) {
  constexpr std::uint64_t kStreakMs = 10 * 60 * 1'000;
  const auto now = static_cast<std::uint64_t>(volume_.platform.clock.wall().ms());
  DriveState next = state_;
  volume_.starts = next.starts = state_.starts + 1;
  engine_.scrub_completed_ms_ = state_.scrub_completed_ms;
  engine_.scrubber_.set_place({static_cast<Table>(state_.scrub_table), state_.scrub_key});
  if (state_.clean || fresh_) next.unclean_streak = 0;
  else if (next.unclean_streak++ == 0) next.streak_wall_ms = now;
  if (next.unclean_streak >= 3 && now - next.streak_wall_ms <= kStreakMs && state_.lost.empty()) {
    volume_.note("three unclean starts in ten minutes: rebuilding the index");
    next.index_suspect = true;
    next.unclean_streak = 0;
  }
  state_.index_suspect = volume_.index_suspect = next.index_suspect;
  volume_.unclean_streak = next.unclean_streak;
  volume_.streak_wall_ms = next.streak_wall_ms;
  next.clean = false;
  const auto write = [&](Folder& folder) { return folder.write_state(ctx, next); };
  co_return co_await volume_.on_all(ctx, write);
}

}  // namespace creel::store
