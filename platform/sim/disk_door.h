#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/disk.h"
#include "platform/sim/disk.h"

namespace creel {

struct SimLife;

// One process's way to the drives of its machine. A call takes effect when it begins and resumes
// after a drawn latency; calls of one lane other than 0 end in order.
class SimDiskDoor final : public Disk {
 public:
  SimDiskDoor(SimLife& life, SimDisk& disk) : life_(life), disk_(disk) {}

  Task<Result<std::unique_ptr<File>>> open(Ctx& ctx, std::string path,
                                           OpenOptions options) override;
  Task<Result<Unit>> rename(Ctx& ctx, std::string from, std::string to) override;
  Task<Result<Unit>> remove(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> make_dir(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> sync_dir(Ctx& ctx, std::string path) override;
  Task<Result<std::vector<std::string>>> list(Ctx& ctx, std::string path) override;
  Task<Result<DiskSpace>> space(Ctx& ctx, std::string path) override;
  Task<Result<std::unique_ptr<FileLock>>> lock(Ctx& ctx, std::string path) override;

  SimLife& life() { return life_; }
  SimDisk& disk() { return disk_; }
  // How long a call that begins now takes, in its lane; a Duration for SimPause.
  Duration draw_delay(Duration mean, unsigned lane);

 private:
  SimLife& life_;
  SimDisk& disk_;
  std::map<unsigned, Instant> lanes_;  // When each lane is free again.
};

class SimFile final : public File {
 public:
  SimFile(SimDiskDoor& door, SimDisk::InodeRef inode, std::string path, OpenOptions options);
  ~SimFile() override;

  Task<Result<std::size_t>> read(Ctx& ctx, std::uint64_t offset, MutableBytes into) override;
  std::size_t read_cached(std::uint64_t offset, MutableBytes into) override;
  Task<Result<Unit>> write(Ctx& ctx, std::uint64_t offset,
                           std::span<const ByteView> parts) override;
  Task<Result<Unit>> sync(Ctx& ctx) override;
  Task<Result<Unit>> allocate(Ctx& ctx, std::uint64_t bytes) override;
  Task<Result<Unit>> truncate(Ctx& ctx, std::uint64_t bytes) override;
  Task<Result<std::uint64_t>> size(Ctx& ctx) override;

 private:
  // Shared with the calls under way, whose frames an abandoned node may destroy after the file.
  struct Open {
    SimDiskDoor& door;
    SimDisk::InodeRef inode;
    std::string path;
    OpenOptions options;
    std::uint64_t epoch;
    int calls = 0;
  };
  struct Call;
  static std::optional<Error> begin(Open& open, SimDiskOp op);
  static std::size_t fetch(Open& open, std::uint64_t offset, MutableBytes into);
  Task<Result<Unit>> resize(SimDiskOp op, std::uint64_t bytes);

  std::shared_ptr<Open> open_;
};

}  // namespace creel
