// Drives while they serve: who goes, who returns, who is taken in.
#include <algorithm>
#include <bit>

#include "core/drives/drives.h"
#include "platform/base/text.h"
#include "store/log/drive_identity.h"

namespace creel::core {
namespace {
constexpr Duration kCheckPause = 10_ms;
}

Task<void> Drives::serve(Ctx& ctx, std::shared_ptr<ShardStore> store) { co_await store->run(ctx); }

void Drives::start(Scope& scope, Folder& folder) { scope.spawn(serve(scope.ctx(), folder.store)); }

Task<void> Drives::run(Ctx& ctx) {
  Scope scope(ctx);
  scope_ = &scope;
  for (const auto& folder : folders_)
    if (folder->store) start(scope, *folder);
  co_await watch(scope.ctx(), scope);
  co_await scope.join();
  scope_ = nullptr;
}

Task<void> Drives::watch(Ctx& ctx, Scope& scope) {
  while (!ctx.stopped()) {
    for (const auto& folder : folders_) {
      if (!folder->checking) {
        folder->checking = true;
        folder->check_begun = platform_.clock.now();
        scope.spawn(check_folder(ctx, scope, *folder));
      } else if (folder->state == DriveState::kUp &&
                 platform_.clock.now() - folder->check_begun > options_.answer_max) {
        take_down(*folder, "it does not answer");
      }
    }
    Ctx timed(ctx, platform_.clock.now() + options_.watch);
    (void)co_await look_now_.wait(timed);
  }
}

Task<void> Drives::check_folder(Ctx& ctx, Scope& scope, Folder& folder) {
  Result<Look> found = co_await look(ctx, folder.dir);
  if (!found.ok()) {
    if (folder.state == DriveState::kUp) gone(folder, found.error().detail);
    folder.state = DriveState::kDown;
    folder.why = found.error().detail;
  } else if (folder.state == DriveState::kUp) {
    const Look& now = found.value();
    if (now.state != DriveState::kUp) gone(folder, now.why);
    else if (now.identity.drive != folder.drive) gone(folder, "another drive is in its place");
    else if (folder.store->store().status().read_only)
      take_down(folder, folder.store->store().status().reason);
    if (now.state == DriveState::kBlank && folder.state == DriveState::kDown) {
      folder.state = DriveState::kBlank;
      folder.why = now.why;
    }
  } else if (!ctx.stopped()) {
    Result<Unit> back = co_await take_back(ctx, scope, folder, found.value());
    if (!back.ok()) folder.why = error_text(back.error());
  }
  folder.checking = false;
}

// Files that are open on it may still take writes that nobody will ever see again.
void Drives::gone(Folder& folder, const std::string& why) {
  take_down(folder, why);
  if (on_gone_) on_gone_(folder.dir, why);
}

void Drives::take_down(Folder& folder, std::string why) {
  note(cat(folder.dir, " is down: ", why));
  folder.state = DriveState::kDown;
  folder.why = std::move(why);
  folder.lock.reset();
  folder.reopen_after = platform_.clock.now() + options_.reopen;
  seats_[static_cast<unsigned>(folder.seat)].reset();
  folder.closing = folder.store;
  folder.store->stop();
  folder.store.reset();
  changed_.notify_all();
}

// A folder that was not up looks different now.
Task<Result<Unit>> Drives::take_back(Ctx& ctx, Scope& scope, Folder& folder, Look found) {
  if (found.state != DriveState::kUp) {
    folder.state = found.state;
    folder.why = found.why;
    co_return Unit{};
  }
  if (!folder.closing.expired() || platform_.clock.now() < folder.reopen_after) co_return Unit{};
  const CoreIdentity& identity = found.identity;
  if (identity.config.cluster != config_.cluster)
    co_return fail(ErrorCode::kInvalid,
                   cat("belongs to core ", store::uuid_text(identity.config.cluster)));
  const int seat = config_.seat_of(identity.drive);
  folder.drive = identity.drive;
  folder.epoch = identity.config.epoch;
  if (seat < 0) {
    if (folder.state != DriveState::kStale)
      note(cat(folder.dir, " is stale: its seat was given to another drive while it was away"));
    folder.state = DriveState::kStale;
    folder.seat = -1;
    co_return fail(ErrorCode::kInvalid, "its seat was given to another drive while it was away");
  }
  if (seats_[static_cast<unsigned>(seat)])
    co_return fail(ErrorCode::kInvalid, "the same drive is here twice: this one is a copy");
  folder.seat = seat;
  CO_DO(co_await lock_folder(ctx, folder));
  if (folder.epoch != config_.epoch) {
    note(cat(folder.dir, " knows configuration ", folder.epoch, ", now ", config_.epoch));
    CO_DO(co_await write_identity(ctx, folder, config_));
  }
  CO_DO(co_await open_store(ctx, folder));
  start(scope, folder);
  note(cat(folder.dir, " is back"));
  co_return co_await tell_mirror_back(ctx, folder);
}

// The drive was recognised, so this is no bare mount point: its part of the log may be made on it.
Task<Result<Unit>> Drives::tell_mirror_back(Ctx& ctx, Folder& folder) {
  const auto bit = std::uint32_t{1} << folder.seat;
  if ((config_.mirrors & bit) == 0 || !on_mirror_back_) co_return Unit{};
  const std::string dir = folder.dir + "/meta";
  CO_DO(co_await platform_.disk.make_dir(ctx, dir));
  CO_DO(co_await platform_.disk.sync_dir(ctx, folder.dir));
  on_mirror_back_(static_cast<unsigned>(std::popcount(config_.mirrors & (bit - 1))), dir);
  co_return Unit{};
}

// --- blank drives

// The seat a blank folder takes: that of the drive it stood in for, else of any that is away, else
// a new one; -1: there is none.
int Drives::seat_for(const Folder& folder) const {
  const auto dead = [&](unsigned seat) { return config_.seats[seat].taken() && !seats_[seat]; };
  if (folder.seat >= 0 && dead(static_cast<unsigned>(folder.seat))) return folder.seat;
  if (folder.index < kSlotsMax && dead(folder.index)) return static_cast<int>(folder.index);
  for (unsigned seat = 0; seat < kSlotsMax; ++seat)
    if (dead(seat)) return static_cast<int>(seat);
  const unsigned next = config_.seat_count();
  return next < kSlotsMax ? static_cast<int>(next) : -1;
}

Task<Result<unsigned>> Drives::adopt_blank(Ctx& ctx) {
  unsigned taken = 0;
  for (const auto& folder : folders_) {
    if (folder->state == DriveState::kUp || !folder->closing.expired()) continue;
    CO_TRY(found, co_await look(ctx, folder->dir));
    if (found.state != DriveState::kBlank) continue;
    CO_TRY(adopted, co_await adopt(ctx, *folder));
    if (adopted) ++taken;
  }
  co_return taken;
}

Task<Result<bool>> Drives::adopt(Ctx& ctx, Folder& folder) {
  // Between its new identity and the new configuration the folder would look stale to the watch.
  while (folder.checking) CO_DO(co_await sleep_for(ctx, kCheckPause));
  if (folder.state == DriveState::kUp) co_return false;
  struct Claim {
    Folder& folder;
    explicit Claim(Folder& claimed) : folder(claimed) { folder.checking = true; }
    ~Claim() { folder.checking = false; }
  };
  const Claim claim(folder);
  folder.check_begun = platform_.clock.now();
  const int seat = seat_for(folder);
  if (seat < 0) co_return false;
  CO_DO(co_await lock_folder(ctx, folder));
  ClusterConfig next = config_;
  ++next.epoch;
  Seat& place = next.seats[static_cast<unsigned>(seat)];
  platform_.random.fill(place.drive);
  ++place.version;
  for (const auto& other : folders_)
    if (other.get() != &folder && other->seat == seat) other->seat = -1;
  folder.drive = place.drive;
  folder.seat = seat;
  // The new drive first: a start that sees only this one finishes the change.
  CO_DO(co_await write_identity(ctx, folder, next));
  CO_DO(co_await write_config(ctx, next));
  CO_DO(co_await open_store(ctx, folder));
  folder.check_begun = platform_.clock.now();
  if (scope_ != nullptr) start(*scope_, folder);
  note(cat(folder.dir, " takes seat ", seat));
  CO_DO(co_await tell_mirror_back(ctx, folder));
  co_return true;
}

}  // namespace creel::core
