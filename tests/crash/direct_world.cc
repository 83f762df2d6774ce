#include "tests/crash/direct_world.h"

#include <utility>

#include "platform/uv/file_calls.h"

namespace creel::crash {
namespace {

using file_calls::OpenFile;

class DirectFile final : public File {
 public:
  DirectFile(OpenFile file, DirectDisk& disk) : file_(std::move(file)), disk_(disk) {}

  Task<Result<std::size_t>> read(Ctx& ctx, std::uint64_t offset, MutableBytes into) override {
    if (ctx.stopped()) co_return ctx.stop_error();
    co_return file_calls::read(file_, offset, into);
  }
  std::size_t read_cached(std::uint64_t, MutableBytes) override { return 0; }
  Task<Result<Unit>> write(Ctx& ctx, std::uint64_t offset,
                           std::span<const ByteView> parts) override {
    co_await disk_.pause(ctx);
    co_return file_calls::write(file_, offset, parts);
  }
  Task<Result<Unit>> sync(Ctx& ctx) override {
    co_await disk_.pause(ctx);
    co_return file_calls::sync(file_);
  }
  Task<Result<Unit>> allocate(Ctx& ctx, std::uint64_t bytes) override {
    co_await disk_.pause(ctx);
    co_return file_calls::allocate(file_, bytes);
  }
  Task<Result<Unit>> truncate(Ctx& ctx, std::uint64_t bytes) override {
    co_await disk_.pause(ctx);
    co_return file_calls::truncate(file_, bytes);
  }
  Task<Result<std::uint64_t>> size(Ctx&) override { co_return file_calls::size(file_); }

 private:
  OpenFile file_;
  DirectDisk& disk_;
};

struct DirectLock final : FileLock {
  explicit DirectLock(OpenFile locked) : file(std::move(locked)) {}
  OpenFile file;
};

}  // namespace

Task<void> DirectDisk::pause(Ctx& ctx) {
  if (luck_ == nullptr) co_return;
  for (std::uint64_t turns = luck_->below(4); turns > 0; --turns) co_await YieldNow(ctx);
}

Task<Result<std::unique_ptr<File>>> DirectDisk::open(Ctx& ctx, std::string path,
                                                     OpenOptions options) {
  co_await pause(ctx);
  CO_TRY(file, file_calls::open_file(path, options));
  co_return std::unique_ptr<File>(std::make_unique<DirectFile>(std::move(file), *this));
}

Task<Result<Unit>> DirectDisk::rename(Ctx& ctx, std::string from, std::string to) {
  co_await pause(ctx);
  co_return file_calls::rename(from, to);
}

Task<Result<Unit>> DirectDisk::remove(Ctx& ctx, std::string path) {
  co_await pause(ctx);
  co_return file_calls::remove(path);
}

Task<Result<Unit>> DirectDisk::make_dir(Ctx& ctx, std::string path) {
  co_await pause(ctx);
  co_return file_calls::make_dir(path);
}

Task<Result<Unit>> DirectDisk::sync_dir(Ctx& ctx, std::string path) {
  co_await pause(ctx);
  co_return file_calls::sync_dir(path);
}

Task<Result<std::vector<std::string>>> DirectDisk::list(Ctx&, std::string path) {
  co_return file_calls::list(path);
}

Task<Result<DiskSpace>> DirectDisk::space(Ctx&, std::string path) {
  CO_TRY(space, file_calls::space(path));
  // The same figures each time, whatever else lies in the machine's memory.
  space.free_bytes = space.total_bytes = 64 * MiB;
  co_return space;
}

Task<Result<std::unique_ptr<FileLock>>> DirectDisk::lock(Ctx& ctx, std::string path) {
  co_await pause(ctx);
  CO_TRY(file, file_calls::lock(path));
  co_return std::unique_ptr<FileLock>(std::make_unique<DirectLock>(std::move(file)));
}

DirectWorld::DirectWorld(std::uint64_t seed, bool mixes)
    : luck(test::mix64(seed)), disk(mixes ? &luck : nullptr) {}

}  // namespace creel::crash
