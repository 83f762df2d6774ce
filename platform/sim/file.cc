#include <algorithm>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/disk_door.h"
#include "platform/sim/node.h"
#include "platform/sim/world.h"

namespace creel {

// One call under way; lives in its frame.
struct SimFile::Call {
  explicit Call(std::shared_ptr<Open> open_file) : open(std::move(open_file)) { ++open->calls; }
  Call(const Call&) = delete;
  ~Call() { --open->calls; }
  SimDrive& drive() const { return open->inode->drive(); }
  Duration delay(Duration mean) const { return open->door.draw_delay(mean, open->options.lane); }
  // After the wait: the drive may have been pulled meanwhile.
  std::optional<Error> gone() const {
    if (drive().available && drive().epoch == open->epoch) return std::nullopt;
    return fail(ErrorCode::kIo, cat(open->path, ": drive is gone"));
  }
  std::shared_ptr<Open> open;
};

SimFile::SimFile(SimDiskDoor& door, SimDisk::InodeRef inode, std::string path,
                 OpenOptions options) {
  const std::uint64_t epoch = inode->drive().epoch;
  open_ = std::make_shared<Open>(Open{door, std::move(inode), std::move(path), options, epoch});
}

SimFile::~SimFile() { check(open_->calls == 0 || open_->door.life().dead); }

std::optional<Error> SimFile::begin(Open& open, SimDiskOp op) {
  SimDrive& drive = open.inode->drive();
  if (op != SimDiskOp::kRead && op != SimDiskOp::kSync && !open.options.write)
    return fail(ErrorCode::kDenied, cat(open.path, ": opened for reading"));
  if (drive.epoch != open.epoch) return fail(ErrorCode::kIo, cat(open.path, ": drive was pulled"));
  return open.door.disk().begin(op, drive, open.path);
}

// The bytes of a read, with whatever rot and staleness the drive's luck adds.
std::size_t SimFile::fetch(Open& open, std::uint64_t offset, MutableBytes into) {
  SimInode& inode = *open.inode;
  SimDrive& drive = inode.drive();
  SimRandom& luck = open.door.disk().luck();
  if (!into.empty() && luck.chance(drive.faults.bit_rot))
    inode.flip(offset + luck.below(into.size()), static_cast<unsigned>(luck.below(8)));
  const bool stale = luck.chance(drive.faults.stale_read);
  const std::size_t got = (stale ? inode.durable() : inode.cached()).read(offset, into);
  drive.counters.bytes_read += got;
  return got;
}

Task<Result<std::size_t>> SimFile::read(Ctx&, std::uint64_t offset, MutableBytes into) {
  Call call(open_);
  const std::optional<Error> failure = begin(*call.open, SimDiskOp::kRead);
  // A lane works in order, so its read sees now what it saw then; others look when they end.
  const bool early = call.open->options.lane != 0;
  std::size_t got = !failure && early ? fetch(*call.open, offset, into) : 0;
  SimPause pause(call.open->door.life(), call.delay(call.drive().faults.latency));
  co_await pause;
  if (failure) co_return *failure;
  if (std::optional<Error> lost = call.gone()) co_return *lost;
  if (!early) got = fetch(*call.open, offset, into);
  co_return got;
}

std::size_t SimFile::read_cached(std::uint64_t offset, MutableBytes into) {
  SimDrive& drive = open_->inode->drive();
  SimRandom& luck = open_->door.disk().luck();
  if (!drive.available || drive.epoch != open_->epoch || into.empty()) return 0;
  const std::uint64_t mood = luck.below(4);  // All of it, some, or nothing is in memory.
  if (mood == 0) return 0;
  if (mood == 1) into = into.first(static_cast<std::size_t>(luck.below(into.size())));
  return open_->inode->cached().read(offset, into);
}

Task<Result<Unit>> SimFile::write(Ctx&, std::uint64_t offset, std::span<const ByteView> parts) {
  Call call(open_);
  SimInode& inode = *call.open->inode;
  SimDrive& drive = call.drive();
  SimRandom& luck = call.open->door.disk().luck();
  std::uint64_t total = 0;
  for (ByteView part : parts) total += part.size();
  std::optional<Error> failure = begin(*call.open, SimDiskOp::kWrite);
  const bool may_land =
      !failure || (call.open->options.write && drive.available && drive.epoch == call.open->epoch);
  std::uint64_t landing = failure ? luck.below(total + 1) : total;
  if (may_land && total > 0) {
    std::optional<Error> full =
        call.open->door.disk().reserve(inode, offset + total, call.open->path);
    if (full) landing = 0;
    if (full && !failure) failure = std::move(full);
  }
  std::uint64_t ticket = 0;
  if (may_land && landing > 0) {
    const bool astray = luck.chance(drive.faults.misdirected_write);
    ticket = inode.write(astray ? offset + SimContent::kPageBytes : offset, parts, landing);
    drive.counters.bytes_written += landing;
  }
  SimPause pause(call.open->door.life(), call.delay(drive.faults.latency));
  co_await pause;
  inode.finish(ticket);
  if (failure) co_return *failure;
  if (std::optional<Error> lost = call.gone()) co_return *lost;
  co_return Unit{};
}

Task<Result<Unit>> SimFile::sync(Ctx&) {
  Call call(open_);
  SimInode& inode = *call.open->inode;
  SimDrive& drive = call.drive();
  SimRandom& luck = call.open->door.disk().luck();
  const std::optional<Error> failure = begin(*call.open, SimDiskOp::kSync);
  const std::uint64_t mark = inode.sync_mark();
  SimPause pause(call.open->door.life(), call.delay(drive.faults.sync_latency));
  co_await pause;
  if (std::optional<Error> lost = call.gone()) co_return *lost;
  if (failure) {
    inode.sync_failed(mark, luck, {drive.faults.lost_write, drive.faults.torn_write});
    co_return *failure;
  }
  if (!luck.chance(drive.faults.lying_sync)) inode.sync_ok(mark);
  co_return Unit{};
}

Task<Result<Unit>> SimFile::resize(SimDiskOp op, std::uint64_t bytes) {
  Call call(open_);
  SimInode& inode = *call.open->inode;
  std::optional<Error> failure = begin(*call.open, op);
  if (!failure) failure = call.open->door.disk().reserve(inode, bytes, call.open->path);
  std::uint64_t ticket = 0;
  const bool grows_only = op == SimDiskOp::kAllocate;
  if (!failure && !(grows_only && bytes <= inode.cached().size())) ticket = inode.resize(bytes);
  SimPause pause(call.open->door.life(), call.delay(call.drive().faults.latency));
  co_await pause;
  inode.finish(ticket);
  if (failure) co_return *failure;
  if (std::optional<Error> lost = call.gone()) co_return *lost;
  co_return Unit{};
}

Task<Result<Unit>> SimFile::allocate(Ctx&, std::uint64_t bytes) {
  return resize(SimDiskOp::kAllocate, bytes);
}

Task<Result<Unit>> SimFile::truncate(Ctx&, std::uint64_t bytes) {
  return resize(SimDiskOp::kTruncate, bytes);
}

Task<Result<std::uint64_t>> SimFile::size(Ctx&) {
  Call call(open_);
  SimPause pause(call.open->door.life(), call.delay(call.drive().faults.latency));
  co_await pause;
  if (std::optional<Error> lost = call.gone()) co_return *lost;
  co_return call.open->inode->cached().size();
}

}  // namespace creel
