#include "store/log/folder.h"

#include "platform/base/text.h"

namespace creel::store {

Folder::Folder(Disk& disk, std::string dir, unsigned index, unsigned lane)
    : disk_(disk), dir_(std::move(dir)), index_(index), lane_(lane) {}

Folder::~Folder() = default;

void Folder::leave(std::string why) {
  if (!live()) return;
  why_down_ = why.empty() ? "failed" : std::move(why);
  if (on_leave) on_leave();
}

void Folder::let_go() {
  std::erase_if(stale_, [](const auto& entry) { return entry->users == 0; });
  std::erase_if(open_, [](const auto& item) { return item.second->users == 0; });
  log_.reset();
  lock.reset();
}

void Folder::take_over(Folder& other) {
  let_go();
  for (auto& [id, entry] : open_) stale_.push_back(std::move(entry));
  open_ = std::move(other.open_);
  other.open_.clear();
  ++returns_;
  log_ = std::move(other.log_);
  lock = std::move(other.lock);
  identity = other.identity;
  state = std::move(other.state);
  flushes += other.flushes;
  if (dir_ != other.dir_) dir_ = other.dir_;
  behind = false;
  why_down_.clear();
}

std::string Folder::segment_path(std::uint32_t segment) const {
  std::string number = cat(segment);
  if (number.size() < 8) number.insert(0, 8 - number.size(), '0');
  return cat(dir_, "/seg/", number, ".seg");
}

Task<Result<FileRef>> Folder::segment(Ctx& ctx, std::uint32_t segment) {
  auto found = open_.find(segment);
  if (found == open_.end()) {
    OpenOptions options;
    options.write = true;
    const unsigned returns = returns_;
    CO_TRY(file, co_await disk_.open(ctx, segment_path(segment), options));
    if (returns != returns_)
      co_return fail(ErrorCode::kIo, cat(dir_, " went and came back meanwhile"));
    close_unused();
    // Somebody may have opened it meanwhile: then theirs stays and ours closes.
    found = open_.try_emplace(segment).first;
    if (!found->second) {
      found->second = std::make_unique<FileRef::Entry>();
      found->second->file = std::move(file);
    }
  }
  found->second->last_use = ++uses_;
  co_return FileRef(found->second.get());
}

void Folder::close_unused() {
  while (open_.size() >= kOpenFilesMax) {
    auto oldest = open_.end();
    for (auto it = open_.begin(); it != open_.end(); ++it)
      if (it->second->users == 0 &&
          (oldest == open_.end() || it->second->last_use < oldest->second->last_use))
        oldest = it;
    if (oldest == open_.end()) return;  // All in use: bounded by the calls under way.
    open_.erase(oldest);
  }
}

void Folder::forget(std::uint32_t segment) {
  const auto found = open_.find(segment);
  if (found == open_.end()) return;
  check(found->second->users == 0);
  open_.erase(found);
}

Task<Result<Unit>> Folder::make_spare(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes) {
  const std::string path = segment_path(segment);
  OpenOptions options;
  options.write = options.create = true;
  Result<Unit> made = Unit{};
  {
    CO_TRY(file, co_await disk_.open(ctx, path, options));
    made = co_await file->allocate(ctx, bytes);
    if (made.ok()) made = co_await file->sync(ctx);
  }
  if (made.ok()) made = co_await disk_.sync_dir(ctx, dir_ + "/seg");
  if (!made.ok() && made.error().code == ErrorCode::kNoSpace) {
    Result<Unit> removed = co_await disk_.remove(ctx, path);
    if (!removed.ok()) co_return removed.error();
  }
  co_return made;
}

Task<Result<Unit>> Folder::open_log(Ctx& ctx, std::uint32_t segment, Bytes header) {
  OpenOptions options;
  options.write = true;
  options.lane = lane_;
  CO_TRY(file, co_await disk_.open(ctx, segment_path(segment), options));
  if (!header.empty()) {
    const ByteView parts[] = {header};
    CO_DO(co_await file->write(ctx, 0, parts));
    ++flushes;
    CO_DO(co_await file->sync(ctx));
  }
  log_ = std::move(file);
  co_return Unit{};
}

Task<Result<Unit>> Folder::append(Ctx& ctx, std::uint64_t offset,
                                  std::shared_ptr<const Bytes> bytes) {
  check(log_ != nullptr);
  const ByteView parts[] = {*bytes};
  CO_DO(co_await log_->write(ctx, offset, parts));
  ++flushes;
  co_return co_await log_->sync(ctx);
}

Task<Result<Unit>> Folder::write_synced(Ctx& ctx, std::uint32_t segment, std::uint64_t offset,
                                        std::shared_ptr<const Bytes> bytes) {
  CO_TRY(file, co_await this->segment(ctx, segment));
  const ByteView parts[] = {*bytes};
  CO_DO(co_await file->write(ctx, offset, parts));
  co_return co_await file->sync(ctx);
}

Task<Result<Unit>> Folder::remove_segment(Ctx& ctx, std::uint32_t segment) {
  const auto found = open_.find(segment);
  if (found != open_.end()) {
    if (found->second->users > 0) co_return Unit{};
    open_.erase(found);
  }
  Result<Unit> removed = co_await disk_.remove(ctx, segment_path(segment));
  if (!removed.ok() && removed.error().code == ErrorCode::kNotFound) co_return Unit{};
  if (!removed.ok()) co_return removed.error();
  co_return co_await disk_.sync_dir(ctx, dir_ + "/seg");
}

Task<Result<Unit>> Folder::restore_size(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes) {
  CO_TRY(file, co_await this->segment(ctx, segment));
  CO_TRY(size, co_await file->size(ctx));
  if (size >= bytes) co_return Unit{};
  CO_DO(co_await file->allocate(ctx, bytes));
  co_return co_await file->sync(ctx);
}

Task<Result<Unit>> Folder::truncate(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes) {
  CO_TRY(file, co_await this->segment(ctx, segment));
  CO_DO(co_await file->truncate(ctx, bytes));
  co_return co_await file->sync(ctx);
}

Task<Result<Unit>> Folder::write_state(Ctx& ctx, DriveState next) {
  OpenOptions options;
  options.write = options.create = true;
  CO_TRY(file, co_await disk_.open(ctx, dir_ + "/state", options));
  next.sequence = state.sequence + 1;
  const Bytes slot = encode_state_slot(next);
  const Bytes zero(8);
  const ByteView parts[] = {slot};
  const ByteView word[] = {zero};
  CO_DO(co_await file->write(ctx, next.sequence % 2 * kBlock, parts));
  CO_DO(co_await file->sync(ctx));
  if (!next.index_suspect) {  // Only once the slot that carries the flag on is safe.
    CO_DO(co_await file->write(ctx, kSuspectOffset, word));
    CO_DO(co_await file->sync(ctx));
  }
  state = std::move(next);
  co_return Unit{};
}

}  // namespace creel::store
