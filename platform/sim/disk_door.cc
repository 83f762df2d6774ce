#include "platform/sim/disk_door.h"

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/sim/node.h"
#include "platform/sim/world.h"

namespace creel {

Duration SimDiskDoor::draw_delay(Duration mean, unsigned lane) {
  const Duration own = disk_.luck().around(mean);
  if (lane == 0) return own;
  Instant& free_at = lanes_[lane];
  const Instant now = life_.world.now();
  free_at = (free_at < now ? now : free_at) + own;
  return free_at - now;
}

Task<Result<std::unique_ptr<File>>> SimDiskDoor::open(Ctx&, std::string path, OpenOptions options) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kOpen, drive, name);
  if (!failure) failure = disk_.check_parent(name);
  SimDisk::InodeRef inode = disk_.find(name);
  if (!failure && !inode && !options.create)
    failure = fail(ErrorCode::kNotFound, cat(path, ": no such file"));
  if (!failure && inode && options.create && options.exclusive)
    failure = fail(ErrorCode::kExists, cat(path, ": exists"));
  if (!failure && inode && inode->is_dir())
    failure = fail(ErrorCode::kInvalid, cat(path, ": is a folder"));
  if (!failure && !inode) inode = disk_.create(name, false);
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  std::unique_ptr<File> file = std::make_unique<SimFile>(*this, std::move(inode), name, options);
  co_return std::move(file);
}

Task<Result<Unit>> SimDiskDoor::rename(Ctx&, std::string from, std::string to) {
  const std::string source = SimDisk::normal(from);
  const std::string target = SimDisk::normal(to);
  SimDrive& drive = disk_.drive_of(target);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kRename, drive, source);
  if (!failure) failure = disk_.check_parent(target);
  SimDisk::InodeRef inode = disk_.find(source);
  SimDisk::InodeRef there = disk_.find(target);
  if (!failure && !inode) failure = fail(ErrorCode::kNotFound, cat(from, ": no such file"));
  if (!failure && inode->is_dir())
    failure = fail(ErrorCode::kUnsupported, cat(from, ": is a folder"));
  if (!failure && there && there->is_dir())
    failure = fail(ErrorCode::kExists, cat(to, ": is a folder"));
  if (!failure && &inode->drive() != &drive)
    failure = fail(ErrorCode::kUnsupported, cat(from, " -> ", to, ": another drive"));
  if (!failure && source != target) disk_.rename(source, target);
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  co_return Unit{};
}

Task<Result<Unit>> SimDiskDoor::remove(Ctx&, std::string path) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kRemove, drive, name);
  if (!failure && !disk_.find(name))
    failure = fail(ErrorCode::kNotFound, cat(path, ": no such file"));
  if (!failure && !disk_.names_in(name).empty())
    failure = fail(ErrorCode::kExists, cat(path, ": folder is not empty"));
  if (!failure) disk_.remove(name);
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  co_return Unit{};
}

Task<Result<Unit>> SimDiskDoor::make_dir(Ctx&, std::string path) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kMakeDir, drive, name);
  SimDisk::InodeRef there = disk_.find(name);
  if (!failure && there && !there->is_dir())
    failure = fail(ErrorCode::kExists, cat(path, ": is a file"));
  if (!failure && !there && !name.empty()) {
    failure = disk_.check_parent(name);
    if (!failure) disk_.create(name, true);
  }
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  co_return Unit{};
}

Task<Result<Unit>> SimDiskDoor::sync_dir(Ctx&, std::string path) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kSyncDir, drive, name);
  SimDisk::InodeRef folder = disk_.find(name);
  if (!failure && !name.empty() && (!folder || !folder->is_dir()))
    failure = fail(ErrorCode::kNotFound, cat(path, ": no such folder"));
  const std::uint64_t epoch = drive.epoch;
  SimPause pause(life_, draw_delay(drive.faults.sync_latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  if (!drive.available || drive.epoch != epoch)
    co_return fail(ErrorCode::kIo, cat(path, ": drive is gone"));
  if (!disk_.luck().chance(drive.faults.lying_sync)) disk_.sync_names(name);
  co_return Unit{};
}

Task<Result<std::vector<std::string>>> SimDiskDoor::list(Ctx&, std::string path) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kList, drive, name);
  SimDisk::InodeRef folder = disk_.find(name);
  if (!failure && !name.empty() && (!folder || !folder->is_dir()))
    failure = fail(ErrorCode::kNotFound, cat(path, ": no such folder"));
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  co_return disk_.names_in(name);
}

Task<Result<DiskSpace>> SimDiskDoor::space(Ctx&, std::string path) {
  SimDrive& drive = disk_.drive_of(SimDisk::normal(path));
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (!drive.available) co_return fail(ErrorCode::kIo, cat(path, ": drive is gone"));
  DiskSpace space;
  space.total_bytes = drive.faults.capacity;
  if (drive.used_bytes < space.total_bytes) space.free_bytes = space.total_bytes - drive.used_bytes;
  co_return space;
}

namespace {
class SimFileLock final : public FileLock {
 public:
  SimFileLock(SimDisk::InodeRef inode, std::uint64_t life)
      : inode_(std::move(inode)), life_(life) {}
  ~SimFileLock() override {
    if (inode_->lock_life == life_) inode_->lock_life = 0;
  }

 private:
  SimDisk::InodeRef inode_;
  std::uint64_t life_;
};
}  // namespace

Task<Result<std::unique_ptr<FileLock>>> SimDiskDoor::lock(Ctx&, std::string path) {
  const std::string name = SimDisk::normal(path);
  SimDrive& drive = disk_.drive_of(name);
  std::optional<Error> failure = disk_.begin(SimDiskOp::kLock, drive, name);
  if (!failure) failure = disk_.check_parent(name);
  SimDisk::InodeRef inode = disk_.find(name);
  if (!failure && inode && inode->is_dir())
    failure = fail(ErrorCode::kInvalid, cat(path, ": is a folder"));
  if (!failure && inode && inode->lock_life != 0)
    failure = fail(ErrorCode::kExists, cat(path, ": held by process ", inode->lock_life));
  if (!failure) {
    if (!inode) inode = disk_.create(name, false);
    inode->lock_life = life_.number;
    const std::string pid = cat(life_.number, '\n');
    const ByteView parts[] = {as_bytes(pid)};
    inode->finish(inode->resize(0));
    inode->finish(inode->write(0, parts, pid.size()));
  }
  SimPause pause(life_, draw_delay(drive.faults.latency, 0));
  co_await pause;
  if (failure) co_return *failure;
  std::unique_ptr<FileLock> held = std::make_unique<SimFileLock>(std::move(inode), life_.number);
  co_return std::move(held);
}

}  // namespace creel
