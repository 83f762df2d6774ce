#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "platform/base/text.h"
#include "platform/uv/errno_table.h"
#include "platform/uv/file_calls.h"

namespace creel::file_calls {

namespace {

constexpr std::size_t kNamesMax = 1'000'000;  // Of one directory; ~64 MiB of names.

// The pid text of whoever holds the lock; "an unknown process" if the text is not a number.
std::string holder_text(int fd) {
  char raw[24];
  const ssize_t count = pread(fd, raw, sizeof raw, 0);
  if (count <= 0) return "an unknown process";
  std::string_view text(raw, static_cast<std::size_t>(count));
  text = text.substr(0, text.find('\n'));
  if (!parse_u64(text)) return "an unknown process";
  return cat("process ", text);
}

int lock_now(int fd) {
  for (;;) {
    const int status = flock(fd, LOCK_EX | LOCK_NB);
    if (status == 0 || errno != EINTR) return status;
  }
}

}  // namespace

Result<Unit> rename(const std::string& from, const std::string& to) {
  if (renameat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str()) < 0)
    return errno_error(errno, cat("rename ", from, " to ", to));
  return Unit{};
}

Result<Unit> remove(const std::string& path) {
  // std::remove: unlink for a file, rmdir for a directory.
  if (std::remove(path.c_str()) < 0) return errno_error(errno, cat("remove ", path));
  return Unit{};
}

Result<Unit> make_dir(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return Unit{};
  const int failed = errno;
  struct stat info{};
  const bool is_there = failed == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  if (is_there) return Unit{};
  return errno_error(failed, cat("make directory ", path));
}

Result<Unit> sync_dir(const std::string& path) {
  const OpenFile dir(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
  if (dir.fd < 0) return errno_error(errno, path);
  for (;;) {
    if (fsync(dir.fd) == 0) return Unit{};
    if (errno != EINTR) return fail(ErrorCode::kIo, cat(path, ": sync: ", errno_text(errno)));
  }
}

Result<std::vector<std::string>> list(const std::string& path) {
  DIR* dir = opendir(path.c_str());
  if (dir == nullptr) return errno_error(errno, path);
  std::vector<std::string> names;
  errno = 0;
  while (names.size() <= kNamesMax) {
    const dirent* entry = readdir(dir);
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int failed = errno;
  closedir(dir);
  if (failed != 0) return errno_error(failed, cat("list ", path));
  if (names.size() > kNamesMax)
    return fail(ErrorCode::kTooLarge, cat(path, ": more than ", kNamesMax, " names"));
  std::sort(names.begin(), names.end());
  return names;
}

Result<DiskSpace> space(const std::string& path) {
  struct statvfs info{};
  if (statvfs(path.c_str(), &info) < 0) return errno_error(errno, path);
  DiskSpace space;
  space.total_bytes = static_cast<std::uint64_t>(info.f_blocks) * info.f_frsize;
  space.free_bytes = static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
  return space;
}

Result<OpenFile> lock(const std::string& path) {
  OpenFile file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), path);
  if (file.fd < 0) return errno_error(errno, path);
  if (lock_now(file.fd) < 0) {
    if (errno != EWOULDBLOCK) return errno_error(errno, cat("lock ", path));
    return fail(ErrorCode::kExists, cat(path, ": locked by ", holder_text(file.fd)));
  }
  const std::string pid = cat(static_cast<std::int64_t>(getpid()), '\n');
  const ByteView parts[] = {as_bytes(pid)};
  TRY_DO(truncate(file, 0));
  TRY_DO(write(file, 0, parts));
  return Result<OpenFile>(std::move(file));
}

}  // namespace creel::file_calls
