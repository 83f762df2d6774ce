#include "platform/uv/uv_disk.h"

#include <cerrno>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/file_calls.h"

namespace creel {

namespace {

using file_calls::OpenFile;

class UvFile final : public File {
 public:
  UvFile(OpenFile file, JobThreads& threads) : file_(std::move(file)), threads_(threads) {}
  ~UvFile() override { check(busy_ == 0); }

  Task<Result<std::size_t>> read(Ctx& ctx, std::uint64_t offset, MutableBytes into) override {
    if (ctx.stopped()) co_return ctx.stop_error();
    const Busy busy(*this);
    auto call = [&] { return file_calls::read(file_, offset, into); };
    co_return co_await result_on(threads_, call);
  }

  std::size_t read_cached(std::uint64_t offset, MutableBytes into) override {
    if (no_cached_reads_ || into.empty()) return 0;
    const std::int64_t count = file_calls::read_cached(file_, offset, into);
    if (count >= 0) return static_cast<std::size_t>(count);
    // Anything but "not cached" and "interrupted" means that this file will never answer.
    no_cached_reads_ = count != -EAGAIN && count != -EINTR;
    return 0;
  }

  Task<Result<Unit>> write(Ctx&, std::uint64_t offset, std::span<const ByteView> parts) override {
    const Busy busy(*this);
    auto call = [&] { return file_calls::write(file_, offset, parts); };
    co_return co_await result_on(threads_, call);
  }

  Task<Result<Unit>> sync(Ctx&) override {
    const Busy busy(*this);
    auto call = [&] { return file_calls::sync(file_); };
    co_return co_await result_on(threads_, call);
  }

  Task<Result<Unit>> write_sync(Ctx&, std::uint64_t offset,
                                std::span<const ByteView> parts) override {
    const Busy busy(*this);
    auto call = [&]() -> Result<Unit> {
      TRY_DO(file_calls::write(file_, offset, parts));
      return file_calls::sync(file_);
    };
    co_return co_await result_on(threads_, call);
  }

  Task<Result<Unit>> allocate(Ctx&, std::uint64_t bytes) override {
    const Busy busy(*this);
    auto call = [&] { return file_calls::allocate(file_, bytes); };
    co_return co_await result_on(threads_, call);
  }

  Task<Result<Unit>> truncate(Ctx&, std::uint64_t bytes) override {
    const Busy busy(*this);
    auto call = [&] { return file_calls::truncate(file_, bytes); };
    co_return co_await result_on(threads_, call);
  }

  Task<Result<std::uint64_t>> size(Ctx&) override {
    const Busy busy(*this);
    auto call = [&] { return file_calls::size(file_); };
    co_return co_await result_on(threads_, call);
  }

 private:
  // Counts calls under way: a file may not die below them.
  struct Busy {
    explicit Busy(UvFile& owner) : file(owner) { ++file.busy_; }
    Busy(const Busy&) = delete;
    ~Busy() { --file.busy_; }
    UvFile& file;
  };
  OpenFile file_;
  JobThreads& threads_;
  unsigned busy_ = 0;
  bool no_cached_reads_ = false;
};

struct UvFileLock final : FileLock {
  explicit UvFileLock(OpenFile locked) : file(std::move(locked)) {}
  OpenFile file;
};

}  // namespace

UvDisk::UvDisk(Completions& completions, unsigned io_threads)
    : completions_(completions), io_threads_(completions, io_threads, "creel-io") {}

JobThreads& UvDisk::threads_of(unsigned lane) {
  if (lane == 0) return io_threads_;
  std::unique_ptr<JobThreads>& threads = lanes_[lane];
  if (!threads) {
    check(lanes_.size() <= kLanesMax);
    threads = std::make_unique<JobThreads>(completions_, 1, cat("creel-lane-", lane % 1000));
  }
  return *threads;
}

Task<Result<std::unique_ptr<File>>> UvDisk::open(Ctx&, std::string path, OpenOptions options) {
  auto call = [&] { return file_calls::open_file(path, options); };
  CO_TRY(file, co_await result_on(io_threads_, call));
  std::unique_ptr<File> opened =
      std::make_unique<UvFile>(std::move(file), threads_of(options.lane));
  co_return std::move(opened);
}

Task<Result<Unit>> UvDisk::rename(Ctx&, std::string from, std::string to) {
  auto call = [&] { return file_calls::rename(from, to); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<Unit>> UvDisk::remove(Ctx&, std::string path) {
  auto call = [&] { return file_calls::remove(path); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<Unit>> UvDisk::make_dir(Ctx&, std::string path) {
  auto call = [&] { return file_calls::make_dir(path); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<Unit>> UvDisk::sync_dir(Ctx&, std::string path) {
  auto call = [&] { return file_calls::sync_dir(path); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<std::vector<std::string>>> UvDisk::list(Ctx&, std::string path) {
  auto call = [&] { return file_calls::list(path); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<DiskSpace>> UvDisk::space(Ctx&, std::string path) {
  auto call = [&] { return file_calls::space(path); };
  co_return co_await result_on(io_threads_, call);
}

Task<Result<std::unique_ptr<FileLock>>> UvDisk::lock(Ctx&, std::string path) {
  auto call = [&] { return file_calls::lock(path); };
  CO_TRY(file, co_await result_on(io_threads_, call));
  std::unique_ptr<FileLock> held = std::make_unique<UvFileLock>(std::move(file));
  co_return std::move(held);
}

}  // namespace creel
