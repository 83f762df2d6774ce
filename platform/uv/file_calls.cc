#include "platform/uv/file_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"
#include "platform/uv/parts_cursor.h"

namespace creel::file_calls {

namespace {

// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

Result<Unit> done(int status, const std::string& what) {
  if (status < 0) return errno_error(errno, what);
  return Unit{};
}

off_t file_offset(std::uint64_t offset) {
  check(offset <= static_cast<std::uint64_t>(std::numeric_limits<off_t>::max()));
  return static_cast<off_t>(offset);
}

}  // namespace

OpenFile::~OpenFile() {
  if (fd >= 0) ::close(fd);
}

Result<OpenFile> open_file(const std::string& path, OpenOptions options) {
  int flags = O_CLOEXEC | (options.write ? O_RDWR : O_RDONLY);
  if (options.create) flags |= O_CREAT;
  if (options.create && options.exclusive) flags |= O_EXCL;
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags, 0600); });
  if (fd < 0) return errno_error(errno, path);
  return OpenFile(fd, path);
}

Result<std::size_t> read(const OpenFile& file, std::uint64_t offset, MutableBytes into) {
  std::size_t got = 0;
  while (got < into.size()) {
    const MutableBytes rest = into.subspan(got);
    const ssize_t count = uninterrupted(
        [&] { return pread(file.fd, rest.data(), rest.size(), file_offset(offset + got)); });
    if (count < 0) return errno_error(errno, cat(file.path, ": read at ", offset + got));
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

std::int64_t read_cached([[maybe_unused]] const OpenFile& file,
                         [[maybe_unused]] std::uint64_t offset,
                         [[maybe_unused]] MutableBytes into) {
#ifdef RWF_NOWAIT
  iovec vector{into.data(), into.size()};
  const ssize_t count = preadv2(file.fd, &vector, 1, file_offset(offset), RWF_NOWAIT);
  return count >= 0 ? static_cast<std::int64_t>(count) : -std::int64_t{errno};
#else
  return -std::int64_t{ENOSYS};
#endif
}

Result<Unit> write(const OpenFile& file, std::uint64_t offset, std::span<const ByteView> parts) {
  iovec vectors[PartsCursor::kVectors];
  PartsCursor cursor(parts);
  while (!cursor.done()) {
    const int count = static_cast<int>(cursor.fill(vectors));
    const ssize_t written =
        uninterrupted([&] { return pwritev(file.fd, vectors, count, file_offset(offset)); });
    if (written < 0) return errno_error(errno, cat(file.path, ": write at ", offset));
    if (written == 0)
      return fail(ErrorCode::kIo, cat(file.path, ": write at ", offset, " took no bytes"));
    cursor.advance(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return Unit{};
}

Result<Unit> sync(const OpenFile& file) {
  // An interrupted flush may be repeated; a failed one never (it was reported and forgotten).
  const int status = uninterrupted([&] { return fdatasync(file.fd); });
  if (status < 0) return fail(ErrorCode::kIo, cat(file.path, ": sync: ", errno_text(errno)));
  return Unit{};
}

Result<Unit> allocate(const OpenFile& file, std::uint64_t bytes) {
  if (bytes == 0) return Unit{};
  const off_t length = file_offset(bytes);
#ifdef __linux__
  const int status = uninterrupted([&] { return fallocate(file.fd, 0, 0, length); });
  if (status == 0) return Unit{};
  if (errno != EOPNOTSUPP && errno != ENOSYS)
    return errno_error(errno, cat(file.path, ": allocate ", bytes, " bytes"));
#endif
  int failed = EINTR;
  while (failed == EINTR) failed = posix_fallocate(file.fd, 0, length);
  if (failed != 0) return errno_error(failed, cat(file.path, ": allocate ", bytes, " bytes"));
  return Unit{};
}

Result<Unit> truncate(const OpenFile& file, std::uint64_t bytes) {
  const int status = uninterrupted([&] { return ftruncate(file.fd, file_offset(bytes)); });
  return done(status, cat(file.path, ": truncate to ", bytes));
}

Result<std::uint64_t> size(const OpenFile& file) {
  struct stat info{};
  if (fstat(file.fd, &info) < 0) return errno_error(errno, file.path);
  return static_cast<std::uint64_t>(info.st_size);
}

}  // namespace creel::file_calls
