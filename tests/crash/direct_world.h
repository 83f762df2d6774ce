// The product's own file calls on one thread and one virtual clock, so that a run is the same run
// each time: platform/uv's files without its threads.
#pragma once

#include "platform/platform.h"
#include "tests/support/memory_s3.h"
#include "tests/support/seeds.h"
#include "tests/support/test_loop.h"

namespace creel::crash {

class DirectDisk final : public Disk {
 public:
  // With `luck` each call first lets others run, a drawn number of times: what threads would mix.
  explicit DirectDisk(test::TestRandom* luck) : luck_(luck) {}
  Task<Result<std::unique_ptr<File>>> open(Ctx& ctx, std::string path,
                                           OpenOptions options) override;
  Task<Result<Unit>> rename(Ctx& ctx, std::string from, std::string to) override;
  Task<Result<Unit>> remove(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> make_dir(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> sync_dir(Ctx& ctx, std::string path) override;
  Task<Result<std::vector<std::string>>> list(Ctx& ctx, std::string path) override;
  Task<Result<DiskSpace>> space(Ctx& ctx, std::string path) override;
  Task<Result<std::unique_ptr<FileLock>>> lock(Ctx& ctx, std::string path) override;
  Task<void> pause(Ctx& ctx);

 private:
  test::TestRandom* luck_;
};

struct DirectWorld {
  DirectWorld(std::uint64_t seed, bool mixes);
  test::TestLoop loop;
  test::TestRandom luck;
  DirectDisk disk;
  s3::test::MemoryDoors::NoNetwork network;
  s3::test::MemoryDoors::SeededRandom random;
  s3::test::MemoryDoors::InlineOffload offload;
  Platform platform{loop, loop, network, disk, random, offload};
};

}  // namespace creel::crash
