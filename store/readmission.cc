#include "store/readmission.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {
namespace {

constexpr std::uint64_t kPiece = 256 * KiB;
constexpr std::uint64_t kRestMax = 2 * MiB;     // What the log may stand still for.
constexpr int kRoundsMax = 16;
constexpr Duration kPatience = 2_s;             // With its drive, and with calls under way.
constexpr Duration kReturnWaitMax = 60_s;

}  // namespace

Readmission::Readmission(Engine& engine, unsigned index, std::string dir)
    : engine_(engine),
      volume_(engine.volume_),
      recovery_(engine),
      folder_(std::make_unique<Folder>(engine.platform_.disk, std::move(dir), index,
                                       engine.options_.lane + index)) {
  shelf_.folder = folder_.get();
}

Task<Result<Unit>> Readmission::run(Ctx& ctx) {
  CO_DO(co_await examine(ctx));
  volume_.note(cat("log folder ", folder_->dir(), ": catching up from batch ", shelf_.last_batch,
                   " to ", engine_.durable_batch_));
  volume_.dirty.emplace();
  Result<Unit> done = co_await copy_most(ctx);
  if (done.ok()) done = co_await join(ctx);
  volume_.dirty.reset();
  co_return done;
}

Task<Result<Unit>> Readmission::examine(Ctx& ctx) {
  CO_TRY(there, co_await recovery_.look_at(ctx, *folder_, false));
  if (!there)
    co_return fail(ErrorCode::kNotFound,
                   folder_->live() ? std::string("missing") : folder_->why_down());
  shelf_.blank = !recovery_.blank_.empty();
  if (shelf_.blank) {
    if (!engine_.options_.adopt_blank)
      co_return fail(ErrorCode::kNotFound, "blank folder: heal it to fill it from the others");
    CO_DO(co_await recovery_.format_folder(ctx, *folder_, false));
  } else {
    CO_DO(co_await check_identity());
    Result<Bytes> content =
        co_await read_file(ctx, folder_->disk(), folder_->dir() + "/state", 64 * KiB);
    if (!content.ok() && content.error().code != ErrorCode::kNotFound) co_return content.error();
    std::optional<DriveState> state;
    if (content.ok()) state = parse_state(content.value());
    if (state) folder_->state = std::move(*state);
  }
  CO_DO(co_await recovery_.read_headers(ctx, shelf_));
  if (!shelf_.blank) CO_DO(co_await recovery_.find_end(ctx, shelf_, folder_));
  if (shelf_.term > volume_.term || shelf_.epoch > volume_.epoch)
    co_return fail(ErrorCode::kInvalid, cat(folder_->dir(),
                                            " was written to by a later start of the "
                                            "store, with other folders"));
  co_return co_await prepare(ctx);
}

Task<Result<Unit>> Readmission::check_identity() {
  const DriveIdentity& mine = folder_->identity;
  if (mine.store != volume_.uuid)
    co_return fail(ErrorCode::kInvalid,
                   cat(folder_->dir(), " belongs to store ", uuid_text(mine.store), ", not to ",
                       uuid_text(volume_.uuid)));
  if (std::uint64_t{1} << mine.segment_log2 != volume_.segment_bytes ||
      mine.mirrors != volume_.folders.size())
    co_return fail(ErrorCode::kInvalid,
                   cat(folder_->dir(), " is one of ", mine.mirrors, " log folders, but ",
                       volume_.folders.size(), " are in use"));
  for (const auto& other : volume_.folders)
    if (other->live() && other->identity.drive == mine.drive)
      co_return fail(ErrorCode::kInvalid,
                     cat(folder_->dir(), " is a copy of ", other->dir(), ": the same drive twice"));
  co_return Unit{};
}

// Files that the running store does not know hold nothing that was acknowledged.
Task<Result<Unit>> Readmission::prepare(Ctx& ctx) {
  std::vector<std::uint32_t> unknown = shelf_.doomed;
  for (const auto& [id, info] : shelf_.segments)
    if (!volume_.segments.contains(id)) unknown.push_back(id);
  for (const auto& [id, generation] : shelf_.spares) unknown.push_back(id);
  for (const std::uint32_t id : unknown) CO_DO(co_await folder_->remove_segment(ctx, id));
  volume_.next_segment = std::max(volume_.next_segment, shelf_.next_segment);
  const DriveState state = engine_.drive_state(false);
  CO_DO(co_await folder_->write_state(ctx, state));
  co_return co_await keep_same_spares(ctx);
}

bool Readmission::is_same(const SegmentInfo& info) const {
  const auto found = shelf_.segments.find(info.id);
  if (found == shelf_.segments.end()) return false;
  const SegmentInfo& mine = found->second;
  return mine.generation == info.generation && mine.stream == info.stream &&
         mine.term == info.term && mine.first_batch == info.first_batch &&
         std::find(shelf_.headless.begin(), shelf_.headless.end(), info.id) ==
             shelf_.headless.end();
}

std::vector<SegmentInfo> Readmission::log_segments() const {
  std::vector<SegmentInfo> all;
  for (const SegmentInfo* info : volume_.log_segments()) all.push_back(*info);
  return all;
}

std::vector<SegmentInfo> Readmission::other_segments() const {
  std::vector<SegmentInfo> all;
  for (const auto& [id, info] : volume_.segments)
    if (info.stream != StreamKind::kLog) all.push_back(info);
  return all;
}

std::uint64_t Readmission::rest_bytes() const {
  std::uint64_t rest = volume_.dirty->size() * Volume::kDirtyPiece;
  for (const auto& [id, info] : volume_.segments) {
    if (whole_.contains(id)) continue;
    const bool current = id == engine_.durable_place_.segment;
    const std::uint64_t have = copy_ && copy_info_.id == id ? copied_ : 0;
    rest += (current ? engine_.durable_place_.offset : volume_.segment_bytes) - have;
  }
  return rest;
}

// Until the rest is small, and its drive fast enough that the log may wait for it.
Task<Result<Unit>> Readmission::copy_most(Ctx& ctx) {
  for (int round = 0; round < kRoundsMax; ++round) {
    const Instant begun = volume_.platform.clock.now();
    const std::uint64_t bytes = rest_bytes();
    CO_DO(co_await copy_round(ctx));
    const bool fast = volume_.platform.clock.now() - begun <= kPatience;
    if (rest_bytes() <= kRestMax && fast && round > 0) co_return Unit{};
    if (bytes <= kRestMax && !fast) break;
  }
  co_return fail(ErrorCode::kTimeout, "its drive is too slow to keep up");
}

Task<Result<Unit>> Readmission::copy_round(Ctx& ctx) {
  // The log's end first: bodies that it names were written before, and are copied now.
  const LogPlace upto = engine_.durable_place_;
  std::vector<SegmentInfo> logs = log_segments();
  CO_DO(co_await copy_bulk(ctx));
  co_return co_await copy_log(ctx, upto, std::move(logs));
}

Task<Result<Unit>> Readmission::copy_bulk(Ctx& ctx) {
  const auto dirty = std::exchange(*volume_.dirty, {});
  std::set<std::uint32_t> touched;
  for (const SegmentInfo& info : other_segments()) {
    if (whole_.contains(info.id)) continue;
    if (!is_same(info)) {
      CO_DO(co_await open_copy(ctx, info, volume_.segment_bytes));
      CO_DO(co_await copy_range(ctx, info.id, *copy_, 0, volume_.segment_bytes, false));
      CO_DO(co_await close_copy(ctx));
    } else {  // In place: what it holds and an operation names stays the same bytes.
      CO_TRY(target, co_await folder_->segment(ctx, info.id));
      CO_DO(
          co_await copy_range(ctx, info.id, *target.operator->(), 0, volume_.segment_bytes, true));
      touched.insert(info.id);
    }
    whole_.insert(info.id);
  }
  for (const auto& [id, piece] : dirty) {
    if (!whole_.contains(id)) continue;  // Newer than the list above: the next round.
    CO_TRY(target, co_await folder_->segment(ctx, id));
    const std::uint64_t at = piece * Volume::kDirtyPiece;
    const std::uint64_t end = std::min(at + Volume::kDirtyPiece, volume_.segment_bytes);
    CO_DO(co_await copy_range(ctx, id, *target.operator->(), at, end, true));
    touched.insert(id);
  }
  for (const std::uint32_t id : touched) {
    CO_TRY(target, co_await folder_->segment(ctx, id));
    CO_DO(co_await target->sync(ctx));
  }
  co_return Unit{};
}

// `logs` in log order up to `upto`, the end of the last one that counts.
Task<Result<Unit>> Readmission::copy_log(Ctx& ctx, LogPlace upto, std::vector<SegmentInfo> logs) {
  for (const SegmentInfo& info : logs) {
    const bool last = info.id == upto.segment;
    if (!whole_.contains(info.id)) {
      const bool before_its_end = is_same(info) && info.first_batch < shelf_.last_log.first_batch;
      if (!last && before_its_end) {
        whole_.insert(info.id);
        continue;
      }
      std::uint64_t end = upto.offset;
      if (!last) {  // Sealed; cut to its length if a start found it torn.
        CO_TRY(source, co_await volume_.to_read().front()->segment(ctx, info.id));
        CO_TRY(size, co_await source->size(ctx));
        end = size;
      }
      if (!copy_ || copy_info_.id != info.id)
        CO_DO(co_await open_copy(ctx, info, last ? volume_.segment_bytes : end));
      CO_DO(co_await copy_range(ctx, info.id, *copy_, copied_, end, false));
      copied_ = std::max(copied_, end);
      if (!last) {
        CO_DO(co_await close_copy(ctx));
        whole_.insert(info.id);
      }
    }
    if (last) break;
  }
  co_return Unit{};
}

Task<Result<Unit>> Readmission::open_copy(Ctx& ctx, SegmentInfo info, std::uint64_t bytes) {
  copy_.reset();
  OpenOptions options;
  options.write = options.create = true;
  const std::string path = folder_->segment_path(info.id) + ".new";
  CO_TRY(file, co_await folder_->disk().open(ctx, path, options));
  CO_DO(co_await file->truncate(ctx, 0));
  CO_DO(co_await file->allocate(ctx, bytes));
  copy_ = std::move(file);
  copy_info_ = info;
  copied_ = 0;
  co_return Unit{};
}

Task<Result<Unit>> Readmission::close_copy(Ctx& ctx) {
  CO_DO(co_await copy_->sync(ctx));
  copy_.reset();
  folder_->forget(copy_info_.id);
  spares_.erase(copy_info_.id);
  const std::string path = folder_->segment_path(copy_info_.id);
  CO_DO(co_await folder_->disk().rename(ctx, path + ".new", path));
  co_return co_await folder_->disk().sync_dir(ctx, folder_->dir() + "/seg");
}

Task<Result<Unit>> Readmission::copy_range(Ctx& ctx, std::uint32_t id, File& target,
                                           std::uint64_t from, std::uint64_t to, bool compare) {
  Folder& best = *volume_.to_read().front();
  if (!best.live() || best.behind) co_return fail(ErrorCode::kIo, "no folder to copy from");
  CO_TRY(source, co_await best.segment(ctx, id));
  Bytes piece(kPiece);
  Bytes old(compare ? kPiece : 0);
  for (std::uint64_t at = from; at < to; at += kPiece) {
    if (ctx.stopped()) co_return ctx.stop_error();
    const auto want = static_cast<std::size_t>(std::min(kPiece, to - at));
    CO_TRY(got, co_await source->read(ctx, at, MutableBytes(piece).first(want)));
    if (got != want)
      co_return fail(ErrorCode::kIo, cat(best.segment_path(id), ": shorter than ", to, " bytes"));
    if (compare) {
      CO_TRY(had, co_await target.read(ctx, at, MutableBytes(old).first(want)));
      if (had == want &&
          std::equal(old.begin(), old.begin() + static_cast<std::ptrdiff_t>(want), piece.begin()))
        continue;
    }
    const ByteView parts[] = {ByteView(piece).first(want)};
    CO_DO(co_await target.write(ctx, at, parts));
  }
  co_return Unit{};
}

// Nothing is under way between pausing the log, closing the gate and finish(): what is copied there
// is all there is.
Task<Result<Unit>> Readmission::join(Ctx& ctx) {
  Ctx timed(ctx, volume_.platform.clock.now() + kPatience);
  Result<Unit> done = Unit{};
  engine_.pause_ = true;
  engine_.wake_.notify();
  while (!engine_.paused_ && done.ok()) done = co_await engine_.pause_changed_.wait(timed);
  volume_.gate_closed = true;
  while (volume_.calls > 0 && done.ok()) done = co_await volume_.calls_ended.wait(timed);
  if (done.ok()) done = co_await finish(ctx);
  volume_.gate_closed = false;
  volume_.gate_opened.notify();
  engine_.pause_ = false;
  engine_.wake_.notify();
  co_return done;
}

Task<Result<Unit>> Readmission::finish(Ctx& ctx) {
  CO_DO(co_await copy_round(ctx));
  if (copy_) CO_DO(co_await close_copy(ctx));
  for (const std::uint32_t id : whole_)
    if (!volume_.segments.contains(id)) CO_DO(co_await folder_->remove_segment(ctx, id));
  CO_DO(co_await keep_same_spares(ctx));
  const std::uint32_t log = engine_.log_.segment().id;
  if (log != 0) CO_DO(co_await folder_->open_log(ctx, log, Bytes()));
  if (shelf_.blank) CO_DO(co_await recovery_.write_identity(ctx, *folder_));
  Folder& place = *volume_.folders[folder_->index()];
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  if (!engine_.log_.idle(place)) co_return fail(ErrorCode::kIo, "an older call is still under way");
  place.take_over(*folder_);
  engine_.log_.admit(place);
  co_return Unit{};
}

// Also those that somebody has claimed and not used yet.
Task<Result<Unit>> Readmission::keep_same_spares(Ctx& ctx) {
  std::vector<Spare> wanted(volume_.spares.begin(), volume_.spares.end());
  wanted.insert(wanted.end(), volume_.claimed.begin(), volume_.claimed.end());
  for (const Spare& spare : wanted) {
    if (spares_.contains(spare.id)) continue;
    CO_DO(co_await folder_->remove_segment(ctx, spare.id));
    CO_DO(co_await folder_->make_spare(ctx, spare.id, volume_.segment_bytes));
    if (spare.generation > 0) CO_DO(co_await copy_header(ctx, spare.id));
    spares_.insert(spare.id);
  }
  co_return Unit{};
}

// So that no start of this folder alone begins again with generations that were used before.
Task<Result<Unit>> Readmission::copy_header(Ctx& ctx, std::uint32_t id) {
  Bytes header(kSegmentHeadBytes);
  CO_TRY(source, co_await volume_.to_read().front()->segment(ctx, id));
  CO_TRY(got, co_await source->read(ctx, 0, header));
  if (got != header.size()) co_return fail(ErrorCode::kIo, cat("segment ", id, " has no header"));
  auto shared = std::make_shared<const Bytes>(std::move(header));
  co_return co_await folder_->write_synced(ctx, id, 0, std::move(shared));
}

// --- the engine's part

void Engine::place_folder(unsigned index, std::string dir) {
  if (index >= volume_.folders.size() || volume_.folders[index]->live()) return;
  returns_.resize(volume_.folders.size());
  returns_[index].dir = std::move(dir);
  returns_[index].wait = kReturnWait;
  returns_[index].next = Instant();
  returns_[index].away = true;
  look_for_folders_.notify_all();
}

// One after another; each when it left, then again and again, less often if it does not stay.
Task<void> Engine::bring_back(Ctx& ctx) {
  constexpr Duration kLook = 1_s;
  returns_.resize(volume_.folders.size());
  while (!ctx.stopped() && !volume_.read_only) {
    for (unsigned index = 0; index < volume_.folders.size(); ++index) {
      if (volume_.folders[index]->live()) continue;
      Return& one = returns_[index];
      const Instant now = platform_.clock.now();
      if (!one.away) {
        one.away = true;
        if (now - one.joined > kReturnWaitMax) one.wait = kReturnWait;
        one.next = now + one.wait;
      }
      if (now >= one.next && !ctx.stopped() && !volume_.read_only) co_await try_return(ctx, index);
    }
    Ctx timed(ctx, platform_.clock.now() + kLook);
    (void)co_await look_for_folders_.wait(timed);
  }
}

Task<void> Engine::try_return(Ctx& ctx, unsigned index) {
  Folder& folder = *volume_.folders[index];
  if (!log_.idle(folder)) co_return;
  folder.let_go();
  returning_ = index;
  const std::string dir = returns_[index].dir.empty() ? folder.dir() : returns_[index].dir;
  Readmission way(*this, index, dir);
  Result<Unit> done = co_await way.run(ctx);
  returning_.reset();
  Return& one = returns_[index];
  const Instant now = platform_.clock.now();
  const bool absent = !done.ok() && done.error().code == ErrorCode::kNotFound;
  if (!absent) one.wait = std::min(Duration{one.wait.ns * 2}, kReturnWaitMax);
  one.next = now + one.wait;
  if (done.ok()) {
    one.joined = now;
    one.away = false;
    one.said.clear();
    volume_.note(cat("log folder ", dir, " is back in the set"));
    index_after_[index] = Instant();
    index_wanted_.notify_all();
  } else if (!ctx.stopped()) {
    std::string text = error_text(done.error());
    if (!absent && text != one.said)
      volume_.note(cat("log folder ", dir, " cannot come back: ", text));
    one.said = std::move(text);
  }
}

}  // namespace creel::store
