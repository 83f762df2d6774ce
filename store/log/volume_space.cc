#include <algorithm>

#include "platform/base/text.h"
#include "store/log/volume.h"

namespace creel::store {

Task<Result<Unit>> Volume::measure(Ctx& ctx) {
  std::optional<DiskSpace> least;
  for (const auto& folder : folders) {
    if (!folder->live()) continue;
    Result<DiskSpace> found = co_await folder->disk().space(ctx, folder->dir());
    if (!found.ok()) {
      if (folders.size() == 1) co_return found.error();
      continue;  // Its next write decides about it.
    }
    if (!least || found.value().free_bytes < least->free_bytes) least = found.value();
  }
  if (least) space = *least;
  co_return Unit{};
}

// The next image is written while the last one still counts.
std::size_t Volume::image_reserve() const {
  if (image_bytes == 0 || segment_bytes == 0) return 0;
  return static_cast<std::size_t>(image_bytes / 4 * 5 / segment_bytes) + 1;
}

std::size_t Volume::clean_reserve() const {
  return plan_space(size_bytes, segment_bytes).clean_segments + image_reserve();
}

std::size_t Volume::reserve_segments() const {
  return plan_space(size_bytes, segment_bytes).log_segments + clean_reserve();
}

std::uint64_t Volume::index_bytes() const {
  return std::max(plan_space(size_bytes, segment_bytes).index_bytes, index_room.allocated_bytes);
}

std::uint64_t Volume::segments_left() const {
  const std::uint64_t taken = (segments.size() + spares.size()) * segment_bytes + index_bytes();
  return taken < size_bytes ? (size_bytes - taken) / segment_bytes : 0;
}

std::uint64_t Volume::free_bytes() const {
  const std::uint64_t for_index = index_bytes() - index_room.allocated_bytes;
  const std::uint64_t there = space.free_bytes > for_index ? space.free_bytes - for_index : 0;
  const std::uint64_t new_ones = std::min(segments_left(), there / segment_bytes);
  const std::uint64_t room = (new_ones + spares.size()) * segment_bytes + bulk_unused_bytes;
  const std::uint64_t reserve = reserve_segments() * segment_bytes;
  return room > reserve ? room - reserve : 0;
}

bool Volume::index_full() const {
  const std::uint64_t capacity = index_capacity();
  if (capacity == 0) return false;
  const std::uint64_t used = index_room.used_bytes;
  index_tight = used >= capacity / 100 * (index_tight ? 83 : 85) ||
                used + 2 * checkpoint_bytes(used) > capacity;
  return index_tight;
}

// Each row may touch a leaf of its own, which is copied; but no more leaves than there are.
std::uint64_t Volume::checkpoint_bytes(std::uint64_t used) const {
  constexpr std::uint64_t kBytesPerRow = 8 * KiB;
  return std::min(used, options.checkpoint_rows * kBytesPerRow);
}

// What is kept for it of a large store, gigabytes, is allocated as it is needed.
std::uint64_t Volume::index_wanted(std::uint64_t used) const {
  constexpr std::uint64_t kStep = 64 * MiB;
  const std::uint64_t ahead = used + 2 * checkpoint_bytes(used);
  const std::uint64_t step = ahead < kStep ? 256 * KiB : kStep;
  return std::max(std::min(plan_space(size_bytes, segment_bytes).index_bytes, kStep),
                  round_up(ahead + ahead / 4, step));
}

std::uint64_t Volume::index_capacity() const {
  if (index_room.ahead) return index_room.capacity();
  const std::uint64_t room = index_room.used_bytes + space.free_bytes;
  return index_room.map_bytes == 0 ? room : std::min(room, index_room.map_bytes);
}

std::string Volume::full_text() const {
  const std::uint64_t floor = space_floor(size_bytes, segment_bytes, tight);
  return cat(
      "drive ", first_live().dir(), " is full: ", free_bytes() / MiB, " MiB free of ",
      size_bytes / MiB, " MiB, ", floor / MiB, " MiB of them kept for deletes and the index",
      *promised < MiB ? "" : cat(", ", *promised / MiB, " MiB promised to uploads under way"),
      ". Delete objects, free space on the file system or raise store.bytes");
}

std::string Volume::index_text() const {
  return cat("the index of ", first_live().dir(), " is full: ", index_room.used_bytes / MiB,
             " MiB used of ", index_capacity() / MiB,
             " MiB. Delete objects, free space on the file system or raise store.bytes");
}

Result<Unit> Volume::judge_room(std::uint64_t bytes, bool is_named) const {
  if (read_only) return fail(ErrorCode::kReadOnly, reason);
  if (index_full()) {
    ++refused_index;
    return fail(ErrorCode::kNoSpace, index_text());
  }
  const std::uint64_t all = free_bytes();
  const std::uint64_t free = all > *promised ? all - *promised : 0;
  tight = all < space_floor(size_bytes, segment_bytes, tight);
  std::uint64_t floor = space_floor(size_bytes, segment_bytes, tight);
  // The bytes are there already: to refuse their name now would only waste them.
  if (is_named) floor = space_floor(size_bytes, segment_bytes, false) / 2;
  if (free >= floor && free - floor >= bytes) return Unit{};
  ++refused_full;
  return fail(ErrorCode::kNoSpace, full_text());
}

Result<Unit> Volume::admit(std::uint64_t bytes) const { return judge_room(bytes, false); }

Result<SpaceToken> Volume::take(std::uint64_t bytes) const {
  TRY_DO(judge_room(bytes, false));
  return SpaceToken(promised, bytes);
}

Result<SpaceToken> Volume::take_for_named(std::uint64_t bytes) const {
  TRY_DO(judge_room(bytes, true));
  return SpaceToken(promised, bytes);
}

SpaceLevel Volume::level() const {
  const std::uint64_t free = free_bytes();
  tight = free < space_floor(size_bytes, segment_bytes, tight);
  if (tight || index_full()) return SpaceLevel::kFull;
  if (free < size_bytes / 100 * 10) return SpaceLevel::kScarce;
  return free < size_bytes / 100 * 15 ? SpaceLevel::kLow : SpaceLevel::kPlenty;
}

SpaceStatus Volume::space_status() const {
  SpaceStatus status;
  status.size = size_bytes;
  status.level = level();
  status.free = free_bytes();
  status.promised = *promised;
  status.reserve = reserve_segments() * segment_bytes;
  if (spares.size() < reserve_segments())
    status.reserve_missing = (reserve_segments() - spares.size()) * segment_bytes;
  status.index = index_room;
  status.refused_full = refused_full;
  status.refused_index = refused_index;
  if (tight) status.refill_at = space_floor(size_bytes, segment_bytes, true);
  if (index_tight) status.warning = index_text();
  else if (tight) status.warning = full_text();
  else if (status.level == SpaceLevel::kScarce)
    status.warning = cat("drive ", first_live().dir(), " is nearly full: ", status.free / MiB,
                         " MiB free of ", size_bytes / MiB, " MiB");
  return status;
}

}  // namespace creel::store
