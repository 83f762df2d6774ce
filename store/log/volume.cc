#include "store/log/volume.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::store {

Task<void> Volume::settle(Folder& folder, Task<Result<Unit>> call, std::optional<Error>& error) {
  Result<Unit> done = co_await call;
  if (done.ok()) co_return;
  error = done.error();
  if (done.error().code != ErrorCode::kNoSpace) folder.leave(error_text(done.error()));
}

Result<Unit> Volume::judge(const std::vector<std::optional<Error>>& errors) {
  if (live_count() < majority()) {
    std::string text = cat("only ", live_count(), " of ", folders.size(), " log folders are left");
    for (const auto& folder : folders)
      if (!folder->live()) text += cat("; ", folder->dir(), ": ", folder->why_down());
    return fail(ErrorCode::kIo, text);
  }
  for (const auto& error : errors)
    if (error && error->code == ErrorCode::kNoSpace) return *error;
  return Unit{};
}

std::size_t Volume::live_count() const {
  return static_cast<std::size_t>(
      std::count_if(folders.begin(), folders.end(), [](const auto& f) { return f->live(); }));
}

Folder& Volume::first_live() const {
  for (const auto& folder : folders)
    if (folder->live()) return *folder;
  return *folders.front();  // Its calls report what happened to it.
}

const SegmentInfo* Volume::find(std::uint32_t id, std::uint32_t generation) const {
  const auto found = segments.find(id);
  if (found == segments.end() || found->second.generation != generation) return nullptr;
  return &found->second;
}

std::vector<Folder*> Volume::to_read() const {
  std::vector<Folder*> order;
  for (const bool behind : {false, true})
    for (const auto& folder : folders)
      if (folder->live() && folder->behind == behind) order.push_back(folder.get());
  return order;
}

std::vector<const SegmentInfo*> Volume::log_segments() const {
  std::vector<const SegmentInfo*> logs;
  for (const auto& [id, info] : segments)
    if (info.stream == StreamKind::kLog) logs.push_back(&info);
  std::sort(logs.begin(), logs.end(), [](const SegmentInfo* a, const SegmentInfo* b) {
    return std::pair(a->first_batch, a->term) < std::pair(b->first_batch, b->term);
  });
  return logs;
}

Task<Result<Unit>> Volume::make_spare(Ctx& ctx) {
  if (segments_left() == 0 && segments.size() + spares.size() >= 3)
    co_return fail(ErrorCode::kNoSpace, cat("all ", size_bytes / MiB,
                                            " MiB of the store's size "
                                            "are taken by segments"));
  const std::uint32_t id = next_segment++;
  const auto make = [&](Folder& folder) { return folder.make_spare(ctx, id, segment_bytes); };
  Result<Unit> made = co_await on_all(ctx, make);
  if (!made.ok() && made.error().code == ErrorCode::kNoSpace && folders.size() > 1) {
    const auto undo = [&](Folder& folder) {
      return folder.disk().remove(ctx, folder.segment_path(id));
    };
    for (const auto& folder : folders) {
      if (!folder->live()) continue;
      Result<Unit> removed = co_await undo(*folder);
      if (!removed.ok() && removed.error().code != ErrorCode::kNotFound)
        folder->leave(error_text(removed.error()));
    }
  }
  if (made.ok()) spares.push_back({id, 0});
  co_return made;
}

Task<Result<SegmentInfo>> Volume::claim(Ctx& ctx, StreamKind stream, std::size_t reserve) {
  while (spares.size() <= reserve) CO_DO(co_await make_spare(ctx));
  const Spare spare = spares.front();
  spares.pop_front();
  claimed.push_back(spare);
  changed.notify_all();
  SegmentInfo info;
  info.id = spare.id;
  info.generation = spare.generation + 1;
  info.stream = stream;
  info.term = term;
  co_return info;
}

Task<Result<SegmentInfo>> Volume::begin_segment(Ctx& ctx, StreamKind stream, std::size_t reserve,
                                                Lsn first_lsn, std::uint64_t first_batch) {
  Result<SegmentInfo> claimed = co_await claim(ctx, stream, reserve);
  if (!claimed.ok()) {
    if (claimed.error().code != ErrorCode::kNoSpace) stop_writing(claimed.error());
    co_return claimed;
  }
  SegmentInfo& info = claimed.value();
  info.first_lsn = first_lsn;
  info.first_batch = first_batch;
  const auto header = std::make_shared<const Bytes>(header_of(info));
  const auto write = [&](Folder& folder) { return folder.write_synced(ctx, info.id, 0, header); };
  Result<Unit> written = co_await on_all(ctx, write);
  if (!written.ok()) {
    give_back(info);
    if (written.error().code != ErrorCode::kNoSpace) stop_writing(written.error());
    co_return written.error();
  }
  add(info);
  co_return claimed;
}

Bytes Volume::header_of(const SegmentInfo& info) const {
  SegmentHeader header;
  header.stream = info.stream;
  header.segment = info.id;
  header.store = uuid;
  header.generation = info.generation;
  header.epoch = epoch;
  header.term = info.term;
  while ((std::uint64_t{1} << header.size_log2) < segment_bytes) ++header.size_log2;
  header.first_lsn = info.first_lsn;
  header.first_batch = info.first_batch;
  return encode_segment_header(header);
}

void Volume::add(const SegmentInfo& info) {
  std::erase_if(claimed, [&](const Spare& spare) { return spare.id == info.id; });
  segments[info.id] = info;
  ++segments_version;
}

void Volume::give_back(const SegmentInfo& info) {
  std::erase_if(claimed, [&](const Spare& spare) { return spare.id == info.id; });
  spares.push_back({info.id, info.generation});
}

void Volume::release(const SegmentInfo& info) {
  const std::uint32_t id = info.id;
  doomed.push_back(id);
  segments.erase(id);
  ++segments_version;
}

void Volume::reuse(const SegmentInfo& info) {
  spares.push_back({info.id, info.generation});
  segments.erase(info.id);  // Which may hold `info`.
  ++segments_version;
}

Task<bool> Volume::recycle(Ctx& ctx, SegmentInfo info) {
  segments.erase(info.id);
  ++segments_version;
  const auto restore = [&](Folder& folder) {
    return folder.restore_size(ctx, info.id, segment_bytes);
  };
  Result<Unit> restored = co_await on_all(ctx, restore);
  if (restored.ok()) spares.push_back({info.id, info.generation});
  else doomed.push_back(info.id);
  changed.notify_all();
  co_return restored.ok();
}

Task<Result<Unit>> Volume::remove_doomed(Ctx& ctx) {
  while (!doomed.empty()) {
    const std::uint32_t id = doomed.back();
    doomed.pop_back();
    const auto remove = [&](Folder& folder) { return folder.remove_segment(ctx, id); };
    CO_DO(co_await on_all(ctx, remove));
  }
  co_return Unit{};
}

bool Volume::report(std::string text) {
  if (std::find(damage.begin(), damage.end(), text) != damage.end()) return false;
  note(text);
  if (damage.size() < kDamageTextsMax) damage.push_back(std::move(text));
  return true;
}

void Volume::mark_damaged(std::string name, std::string why) {
  const auto found = marked.find(name);
  if (found != marked.end()) {
    found->second = std::move(why);
    return;
  }
  if (marked.size() >= kMarkedMax) return;
  note(cat("damaged object ", name, ": ", why));
  marked.emplace(std::move(name), std::move(why));
}

void Volume::clear_damage(std::string_view name) {
  const auto found = marked.find(name);
  if (found == marked.end()) return;
  note(cat("no longer damaged: ", name));
  marked.erase(found);
}

void Volume::note(std::string_view text) const {
  if (options.log) options.log(text);
}

void Volume::stop_writing(const Error& why) {
  if (read_only) return;
  read_only = true;
  reason = cat("the store stopped writing: ", error_text(why), "; restart to recover");
  note(reason);
  changed.notify_all();
}

}  // namespace creel::store
