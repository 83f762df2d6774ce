#include "core/drives/drives.h"

#include <algorithm>
#include <bit>

#include "platform/base/text.h"
#include "store/log/drive_identity.h"

namespace creel::core {

std::string_view drive_state_name(DriveState state) {
  switch (state) {
    case DriveState::kUp: return "up";
    case DriveState::kDown: return "down";
    case DriveState::kBlank: return "blank";
    case DriveState::kStale: return "stale";
  }
  return "?";
}

Drives::Drives(Platform& platform, DriveOptions options)
    : platform_(platform), options_(std::move(options)) {
  for (std::size_t i = 0; i < options_.dirs.size(); ++i) {
    folders_.push_back(std::make_unique<Folder>());
    folders_.back()->dir = options_.dirs[i];
    folders_.back()->index = static_cast<unsigned>(i);
  }
}

void Drives::note(std::string_view text) const {
  if (options_.store.log) options_.store.log(text);
}

std::uint32_t Drives::up() const {
  std::uint32_t bits = 0;
  for (unsigned seat = 0; seat < kSlotsMax; ++seat)
    if (seats_[seat]) bits |= 1u << seat;
  return bits;
}

std::string Drives::seat_text(unsigned seat) const {
  for (const auto& folder : folders_)
    if (folder->seat == static_cast<int>(seat) && folder->state != DriveState::kStale)
      return folder->state == DriveState::kUp
                 ? cat("seat ", seat, " (", folder->dir, ")")
                 : cat("seat ", seat, " (", folder->dir, ": ", folder->why, ")");
  return cat("seat ", seat, " (its drive is not here)");
}

void Drives::suspect(unsigned seat) {
  if (seats_[seat]) look_now_.notify_all();
}

std::vector<DriveStatus> Drives::status() const {
  std::vector<DriveStatus> all;
  for (const auto& folder : folders_) {
    DriveStatus status;
    status.dir = folder->dir;
    status.state = folder->state;
    status.seat = folder->seat;
    status.why = folder->why;
    if (folder->store) {
      const store::Status of_store = folder->store->store().status();
      status.free_bytes = of_store.free_bytes;
      status.space = of_store.space;
      status.shards = of_store.rows;
    }
    all.push_back(std::move(status));
  }
  return all;
}

// --- identities

// What lies in a folder. Errors: kInvalid: it must not be used at all.
Task<Result<Drives::Look>> Drives::look(Ctx& ctx, std::string dir) {
  Look found;
  Result<Bytes> content =
      co_await read_file(ctx, platform_.disk, dir + "/creel.drive", kCoreIdentityBytes);
  if (content.ok()) {
    Result<CoreIdentity> identity = parse_core_identity(content.value());
    if (identity.ok()) {
      found.state = DriveState::kUp;
      found.identity = identity.take();
      co_return found;
    }
    const std::string why = cat(dir, "/creel.drive: ", identity.error().detail);
    if (identity.error().code == ErrorCode::kInvalid) co_return fail(ErrorCode::kInvalid, why);
    found.why = why;
    co_return found;
  }
  if (content.error().code != ErrorCode::kNotFound) {
    found.why = error_text(content.error());
    co_return found;
  }
  Result<std::vector<std::string>> names = co_await platform_.disk.list(ctx, dir);
  if (!names.ok()) {
    found.why = names.error().code == ErrorCode::kNotFound ? std::string("the folder is not there")
                                                           : error_text(names.error());
    co_return found;
  }
  for (const std::string& name : names.value()) {
    if (name == "lock" || name == "lost+found" || name.starts_with("credentials") ||
        name.starts_with('.') || name.starts_with("creel."))
      continue;
    if (name == "shards" || name == "meta") {
      found.why = "its creel.drive is lost";
      co_return found;
    }
    co_return fail(ErrorCode::kInvalid,
                   cat(dir, " is not a Creel drive and not empty: it holds `", name, "`"));
  }
  found.state = DriveState::kBlank;
  found.why = "blank: `creel heal` takes it in";
  co_return found;
}

Task<Result<Unit>> Drives::lock_folder(Ctx& ctx, Folder& folder) {
  if (folder.lock) co_return Unit{};
  Result<std::unique_ptr<FileLock>> lock = co_await platform_.disk.lock(ctx, folder.dir + "/lock");
  if (lock.ok()) {
    folder.lock = lock.take();
    co_return Unit{};
  }
  if (lock.error().code == ErrorCode::kExists)
    co_return fail(ErrorCode::kExists,
                   cat(folder.dir, " is in use by another process: ", lock.error().detail));
  co_return lock.error();
}

Task<Result<Unit>> Drives::write_identity(Ctx& ctx, Folder& folder, ClusterConfig config) {
  CoreIdentity identity;
  identity.drive = folder.drive;
  identity.config = config;
  Bytes encoded = encode_core_identity(identity);
  CO_DO(co_await write_file_durable(ctx, platform_.disk, folder.dir + "/creel.drive",
                                    std::move(encoded)));
  folder.epoch = config.epoch;
  co_return Unit{};
}

Task<void> Drives::write_one(Ctx& ctx, Folder& folder, const ClusterConfig& next,
                             unsigned& written) {
  Result<Unit> done = co_await write_identity(ctx, folder, next);
  if (done.ok()) ++written;
  else
    note(cat(folder.dir, ": configuration ", next.epoch,
             " not written: ", error_text(done.error())));
}

// Drives that a start needs: enough to read every blob, and a majority of the log's mirrors.
unsigned Drives::needed_at_start() const {
  const unsigned count = config_.seat_count();
  const unsigned readable = count - std::min<unsigned>(count - 1, default_layout(count).parity);
  return std::max(readable, config_.mirror_count() / 2 + 1);
}

// It holds when so many of the old seats have it that every start sees one of them.
Task<Result<Unit>> Drives::write_config(Ctx& ctx, ClusterConfig next) {
  while (changing_) CO_DO(co_await changed_.wait(ctx));
  changing_ = true;
  next.epoch = std::max(next.epoch, config_.epoch + 1);
  unsigned written = 0;
  {
    Scope scope(ctx);
    for (const auto& folder : folders_)
      if (folder->state == DriveState::kUp && folder->seat >= 0)
        scope.spawn(write_one(scope.ctx(), *folder, next, written));
    co_await scope.join();
  }
  changing_ = false;
  changed_.notify_all();
  const unsigned wanted = config_.seat_count() - needed_at_start() + 1;
  if (written < wanted)
    co_return fail(ErrorCode::kUnavailable, cat("configuration ", next.epoch, " reached ", written,
                                                " drives; ", wanted, " are needed"));
  config_ = next;
  co_return Unit{};
}

// --- the start

Task<Result<Unit>> Drives::open(Ctx& ctx) {
  if (folders_.empty() || folders_.size() > kSlotsMax)
    co_return fail(ErrorCode::kInvalid,
                   cat("a core has 1 to ", kSlotsMax, " drives, not ", folders_.size()));
  CO_DO(co_await gather(ctx));
  std::vector<std::optional<Error>> errors(folders_.size());
  {
    Scope scope(ctx);
    for (const auto& folder : folders_)
      if (folder->state == DriveState::kUp)
        scope.spawn(open_one(scope.ctx(), *folder, errors[folder->index]));
    co_await scope.join();
  }
  for (const auto& error : errors)
    if (error && (error->code == ErrorCode::kExists || error->code == ErrorCode::kInvalid))
      co_return *error;
  const unsigned here = static_cast<unsigned>(std::popcount(up()));
  if (here >= needed_at_start()) co_return Unit{};
  std::string text = cat("only ", here, " of ", config_.seat_count(), " drives are here, ",
                         needed_at_start(), " are needed");
  for (unsigned seat = 0; seat < config_.seat_count(); ++seat)
    if (!seats_[seat]) text += cat("; ", seat_text(seat));
  co_return fail(ErrorCode::kUnavailable, text);
}

Task<Result<Unit>> Drives::gather(Ctx& ctx) {
  std::vector<Look> looks;
  bool any = false;
  for (const auto& folder : folders_) {
    CO_TRY(found, co_await look(ctx, folder->dir));
    any = any || (found.state == DriveState::kUp && found.identity.config.epoch > 0);
    folder->state = found.state;
    folder->why = found.why;
    looks.push_back(found);
  }
  if (!any) co_return co_await form(ctx);
  co_return co_await settle_config(ctx, looks);
}

// The very first start, or what a crash left of it: nothing was stored before epoch 1 is written,
// and that is written only after every drive holds epoch 0.
Task<Result<Unit>> Drives::form(Ctx& ctx) {
  for (const auto& folder : folders_) {
    CO_DO(co_await platform_.disk.make_dir(ctx, folder->dir));
    CO_TRY(found, co_await look(ctx, folder->dir));
    if (found.state == DriveState::kDown)
      co_return fail(ErrorCode::kUnavailable,
                     cat("a new core needs all its drives; ", folder->dir, ": ", found.why));
    CO_DO(co_await lock_folder(ctx, *folder));
  }
  config_ = ClusterConfig();
  platform_.random.fill(config_.cluster);
  for (const auto& folder : folders_) {
    platform_.random.fill(folder->drive);
    folder->seat = static_cast<int>(folder->index);
    folder->state = DriveState::kUp;
    folder->why.clear();
    config_.seats[folder->index] = {folder->drive, 1};
  }
  const unsigned count = static_cast<unsigned>(folders_.size());
  config_.mirrors = (1u << log_mirrors(count)) - 1;
  for (std::uint64_t epoch = 0; epoch < 2; ++epoch) {
    config_.epoch = epoch;
    for (const auto& folder : folders_) CO_DO(co_await write_identity(ctx, *folder, config_));
  }
  note(cat("new core ", store::uuid_text(config_.cluster), " on ", count, " drives"));
  co_return Unit{};
}

Task<Result<Unit>> Drives::settle_config(Ctx& ctx, const std::vector<Look>& looks) {
  const Look* newest = nullptr;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    if (looks[i].state != DriveState::kUp) continue;
    const CoreIdentity& one = looks[i].identity;
    if (newest != nullptr && one.config.cluster != newest->identity.config.cluster)
      co_return fail(
          ErrorCode::kInvalid,
          cat(folders_[i]->dir, " belongs to core ", store::uuid_text(one.config.cluster),
              ", other drives to core ", store::uuid_text(newest->identity.config.cluster)));
    for (std::size_t j = 0; j < i; ++j)
      if (looks[j].state == DriveState::kUp && looks[j].identity.drive == one.drive)
        co_return fail(ErrorCode::kInvalid, cat(folders_[i]->dir, " and ", folders_[j]->dir,
                                                " are the same drive: one of them is a copy"));
    if (newest == nullptr || one.config.epoch > newest->identity.config.epoch) newest = &looks[i];
  }
  check(newest != nullptr);
  config_ = newest->identity.config;
  for (std::size_t i = 0; i < looks.size(); ++i) {
    Folder& folder = *folders_[i];
    if (looks[i].state != DriveState::kUp) continue;
    folder.drive = looks[i].identity.drive;
    folder.epoch = looks[i].identity.config.epoch;
    folder.seat = config_.seat_of(folder.drive);
    if (folder.seat < 0) {
      folder.state = DriveState::kStale;
      folder.why = "its seat was given to another drive while it was away";
      note(cat(folder.dir, " is stale: ", folder.why));
      continue;
    }
    CO_DO(co_await lock_folder(ctx, folder));
    if (folder.epoch < config_.epoch) {
      note(cat(folder.dir, " was away: it knows configuration ", folder.epoch, ", now ",
               config_.epoch));
      Result<Unit> told = co_await write_identity(ctx, folder, config_);
      if (!told.ok()) {
        folder.state = DriveState::kDown;
        folder.why = error_text(told.error());
      }
    }
  }
  co_return Unit{};
}

Task<void> Drives::open_one(Ctx& ctx, Folder& folder, std::optional<Error>& error) {
  Result<Unit> opened = co_await open_store(ctx, folder);
  if (!opened.ok()) error = opened.error();
}

Task<Result<Unit>> Drives::open_store(Ctx& ctx, Folder& folder) {
  const auto seat = static_cast<unsigned>(folder.seat);
  auto store = std::make_shared<ShardStore>(folder.dir, seat, config_.seats[seat].version);
  store::Options options = options_.store;
  options.dirs = {folder.dir + "/shards"};
  options.cluster = folder.drive;  // So that no drive's bytes ever validate on another.
  options.lane = options_.lane + folder.index;
  Result<Unit> opened = co_await store->open(ctx, platform_, std::move(options));
  if (!opened.ok()) {
    folder.state = DriveState::kDown;
    folder.why = error_text(opened.error());
    folder.reopen_after = platform_.clock.now() + options_.reopen;
    note(cat(folder.dir, " cannot be used: ", folder.why));
    co_return opened;
  }
  folder.store = store;
  folder.state = DriveState::kUp;
  folder.why.clear();
  seats_[seat] = std::move(store);
  changed_.notify_all();
  co_return Unit{};
}

Task<Result<Unit>> Drives::close(Ctx& ctx) {
  Result<Unit> all = Unit{};
  for (const auto& folder : folders_) {
    if (!folder->store) continue;
    Result<Unit> closed = co_await folder->store->store().close(ctx);
    if (!closed.ok() && all.ok()) all = closed.error();
    seats_[static_cast<unsigned>(folder->seat)].reset();
    folder->store.reset();
  }
  co_return all;
}

// --- the operation log's mirrors

std::vector<std::string> Drives::log_dirs() const {
  std::vector<std::string> dirs;
  for (unsigned seat = 0; seat < kSlotsMax; ++seat) {
    if ((config_.mirrors >> seat & 1) == 0) continue;
    std::string dir;
    for (const auto& folder : folders_)
      if (folder->seat == static_cast<int>(seat) && folder->state == DriveState::kUp)
        dir = folder->dir + "/meta";
    // A folder that is not there keeps the set's size, which decides what a majority is.
    if (dir.empty()) dir = cat(folders_.front()->dir, "/.creel-away/seat-", seat);
    dirs.push_back(std::move(dir));
  }
  return dirs;
}

Task<Result<Unit>> Drives::choose_mirrors(Ctx& ctx) {
  ClusterConfig next = config_;
  for (unsigned seat = 0; seat < kSlotsMax && config_.log_made; ++seat) {
    if ((next.mirrors >> seat & 1) == 0 || seats_[seat]) continue;
    for (unsigned other = 0; other < kSlotsMax; ++other) {
      if (!seats_[other] || (next.mirrors >> other & 1)) continue;
      next.mirrors = (next.mirrors & ~(1u << seat)) | 1u << other;
      note(cat("the operation log moves from ", seat_text(seat), " to ", seat_text(other)));
      break;
    }
  }
  if (next.mirrors != config_.mirrors) CO_DO(co_await write_config(ctx, next));
  if (!config_.log_made) co_return Unit{};
  for (const auto& folder : folders_)
    if (folder->state == DriveState::kUp && (config_.mirrors >> folder->seat & 1))
      CO_DO(co_await platform_.disk.make_dir(ctx, folder->dir + "/meta"));
  co_return Unit{};
}

Task<Result<Unit>> Drives::check_log_there(Ctx& ctx) {
  if (!config_.log_made) co_return Unit{};
  for (const std::string& dir : log_dirs()) {
    Result<Bytes> identity =
        co_await read_file(ctx, platform_.disk, dir + "/creel.drive", store::kDriveIdentityBytes);
    if (identity.ok()) co_return Unit{};
  }
  co_return fail(
      ErrorCode::kUnavailable,
      "no drive that is here holds the operation log, and it may not be made anew: bring "
      "back the drives that held it");
}

Task<Result<Unit>> Drives::note_log_made(Ctx& ctx) {
  if (config_.log_made) co_return Unit{};
  ClusterConfig next = config_;
  next.log_made = true;
  co_return co_await write_config(ctx, next);
}

}  // namespace creel::core
