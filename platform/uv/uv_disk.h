#pragma once
#include <map>
#include <memory>

#include "platform/disk.h"
#include "platform/uv/job_threads.h"

namespace creel {

// The host's file systems. Blocking calls run on a few I/O threads of our own, never on libuv's
// pool, so that one slow flush cannot hold up another store's reads; a lane has a thread to itself.
class UvDisk final : public Disk {
 public:
  UvDisk(Completions& completions, unsigned io_threads);

  Task<Result<std::unique_ptr<File>>> open(Ctx& ctx, std::string path,
                                           OpenOptions options) override;
  Task<Result<Unit>> rename(Ctx& ctx, std::string from, std::string to) override;
  Task<Result<Unit>> remove(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> make_dir(Ctx& ctx, std::string path) override;
  Task<Result<Unit>> sync_dir(Ctx& ctx, std::string path) override;
  Task<Result<std::vector<std::string>>> list(Ctx& ctx, std::string path) override;
  Task<Result<DiskSpace>> space(Ctx& ctx, std::string path) override;
  Task<Result<std::unique_ptr<FileLock>>> lock(Ctx& ctx, std::string path) override;

 private:
  static constexpr std::size_t kLanesMax = 256;
  JobThreads& threads_of(unsigned lane);

  Completions& completions_;
  JobThreads io_threads_;
  std::map<unsigned, std::unique_ptr<JobThreads>> lanes_;  // Live as long as the disk.
};

}  // namespace creel
