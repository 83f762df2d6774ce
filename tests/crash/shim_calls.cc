// The wrappers. Both spellings of each call: our objects are built with _FILE_OFFSET_BITS=64 and
// ask for open64, pwrite64 and so on, LMDB's ask for the plain names; on the 64-bit hosts that
// build this they are the same calls.
#include "tests/crash/shim_calls.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <optional>

static_assert(sizeof(off_t) == 8, "the crash harness runs on 64-bit hosts");

// NOLINTBEGIN(bugprone-reserved-identifier): the linker chooses these names.
#define REAL(result, name, ...)                 \
  extern "C" result __real_##name(__VA_ARGS__); \
  extern "C" result __wrap_##name(__VA_ARGS__); \
  extern "C" result __wrap_##name(__VA_ARGS__)

namespace {

using creel::crash::Call;
using creel::crash::current_shim;
using creel::crash::Shim;
using creel::crash::shim_mutex;

// The shim, with its lock held, if the call concerns a watched path or descriptor.
class Watched {
 public:
  explicit Watched(const char* path, const char* other = nullptr) {
    take();
    if (shim == nullptr) return;
    const bool concerned = shim->below(path, name);
    if (!concerned || (other != nullptr && !shim->below(other, second))) let_go();
  }
  explicit Watched(int fd) {
    take();
    if (shim == nullptr) return;
    file = shim->find(fd);
    if (file == nullptr) let_go();
  }
  explicit operator bool() const { return shim != nullptr; }
  // Counts the call. True: it must fail.
  bool enter(Call call) {
    shim->did(call);
    return shim->fails(call, file != nullptr ? file->path : name);
  }

  Shim* shim = nullptr;
  const Shim::Descriptor* file = nullptr;
  std::string name;
  std::string second;

 private:
  void take() {
    shim = current_shim();
    if (shim != nullptr) lock_.emplace(shim_mutex);
  }
  void let_go() {
    shim = nullptr;
    lock_.reset();
  }
  std::optional<std::lock_guard<std::mutex>> lock_;
};

template <class Real>
int open_call(const char* path, int flags, mode_t mode, Real real) {
  Watched watched(path);
  if (!watched) return real(path, flags, mode);
  if (watched.shim->fails(Call::kOpen, watched.name)) return -1;
  const int fd = real(path, flags, mode);
  if (fd >= 0) watched.shim->opened(fd, watched.name, flags);
  return fd;
}

mode_t mode_of(int flags, va_list& arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

// Vectors at `offset`, or at the file's position if that is -1.
template <class Real>
ssize_t write_call(int fd, const iovec* vectors, int count, off_t offset, Real real) {
  Watched watched(fd);
  if (!watched) return real(vectors, count);
  if (offset < 0) offset = lseek(fd, 0, SEEK_CUR);
  creel::Bytes all;
  for (int i = 0; i < count; ++i) {
    const auto* from = static_cast<const std::uint8_t*>(vectors[i].iov_base);
    all.insert(all.end(), from, from + vectors[i].iov_len);
  }
  iovec half{};
  if (watched.enter(Call::kWrite)) {
    if (watched.shim->error() != 0) return -1;
    half = {all.data(), all.size() / 2};
    vectors = &half;
    count = 1;
  }
  const ssize_t written = real(vectors, count);
  if (written > 0)
    watched.shim->wrote(*watched.file, static_cast<std::uint64_t>(offset),
                        creel::ByteView(all).first(static_cast<std::size_t>(written)));
  return written;
}

template <class Real>
int sync_call(int fd, Real real) {
  Watched watched(fd);
  if (!watched) return real();
  if (watched.enter(Call::kSync)) {
    watched.shim->synced(*watched.file, false);
    errno = watched.shim->error();
    return -1;
  }
  const int status = real();
  watched.shim->synced(*watched.file, status == 0);
  return status;
}

template <class Real>
int truncate_call(int fd, off_t bytes, Real real) {
  Watched watched(fd);
  if (!watched) return real();
  if (watched.enter(Call::kTruncate)) return -1;
  const int status = real();
  if (status == 0) watched.shim->resized(*watched.file, static_cast<std::uint64_t>(bytes));
  return status;
}

// `returns_errno`: posix_fallocate's way to fail.
template <class Real>
int allocate_call(int fd, off_t end, bool returns_errno, Real real) {
  Watched watched(fd);
  if (!watched) return real();
  if (watched.enter(Call::kAllocate)) return returns_errno ? errno : -1;
  const int status = real();
  if (status == 0) watched.shim->allocated(*watched.file, static_cast<std::uint64_t>(end));
  return status;
}

template <class Real>
int rename_call(const char* from, const char* to, Real real) {
  Watched watched(from, to);
  if (!watched) return real();
  if (watched.enter(Call::kRename)) return -1;
  const int status = real();
  if (status == 0) watched.shim->renamed(watched.name, watched.second);
  return status;
}

template <class Real>
int link_call(const char* from, const char* to, Real real) {
  Watched watched(from, to);
  if (!watched) return real();
  if (watched.enter(Call::kLink)) return -1;
  const int status = real();
  if (status == 0) watched.shim->linked(watched.name, watched.second);
  return status;
}

template <class Real>
int remove_call(const char* path, Real real) {
  Watched watched(path);
  if (!watched) return real();
  if (watched.enter(Call::kUnlink)) return -1;
  const int status = real();
  if (status == 0) watched.shim->removed(watched.name);
  return status;
}

template <class Real>
int mkdir_call(const char* path, Real real) {
  Watched watched(path);
  if (!watched) return real();
  if (watched.enter(Call::kMkdir)) return -1;
  const int status = real();
  if (status == 0) watched.shim->made_dir(watched.name);
  return status;
}

template <class Real>
void* mmap_call(int fd, Real real) {
  Watched watched(fd);
  if (!watched) return real();
  return watched.enter(Call::kMmap) ? MAP_FAILED : real();
}

}  // namespace

// --- open
#define WRAP_OPEN(name)                                                                      \
  extern "C" int __real_##name(const char* path, int flags, ...);                            \
  extern "C" int __wrap_##name(const char* path, int flags, ...) {                           \
    va_list arguments;                                                                       \
    va_start(arguments, flags);                                                              \
    const mode_t mode = mode_of(flags, arguments);                                           \
    va_end(arguments);                                                                       \
    return open_call(path, flags, mode,                                                      \
                     [](const char* p, int f, mode_t m) { return __real_##name(p, f, m); }); \
  }
WRAP_OPEN(open)
WRAP_OPEN(open64)
// Only below the current folder or with an absolute path: nobody here opens relative to another.
#define WRAP_OPENAT(name)                                                       \
  extern "C" int __real_##name(int dir, const char* path, int flags, ...);      \
  extern "C" int __wrap_##name(int dir, const char* path, int flags, ...) {     \
    va_list arguments;                                                          \
    va_start(arguments, flags);                                                 \
    const mode_t mode = mode_of(flags, arguments);                              \
    va_end(arguments);                                                          \
    return open_call(path, flags, mode, [dir](const char* p, int f, mode_t m) { \
      return __real_##name(dir, p, f, m);                                       \
    });                                                                         \
  }
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
#define WRAP_OPEN2(name)                                                                \
  REAL(int, name, const char* path, int flags) {                                        \
    return open_call(path, flags, 0,                                                    \
                     [](const char* p, int f, mode_t) { return __real_##name(p, f); }); \
  }
WRAP_OPEN2(__open_2)
WRAP_OPEN2(__open64_2)

// --- write
REAL(ssize_t, write, int fd, const void* bytes, size_t count) {
  const iovec vector{const_cast<void*>(bytes), count};
  return write_call(fd, &vector, 1, -1, [fd](const iovec* v, int) {
    return __real_write(fd, v->iov_base, v->iov_len);
  });
}
REAL(ssize_t, writev, int fd, const iovec* vectors, int count) {
  return write_call(fd, vectors, count, -1,
                    [fd](const iovec* v, int n) { return __real_writev(fd, v, n); });
}
#define WRAP_PWRITE(name)                                                         \
  REAL(ssize_t, name, int fd, const void* bytes, size_t count, off_t offset) {    \
    const iovec vector{const_cast<void*>(bytes), count};                          \
    return write_call(fd, &vector, 1, offset, [fd, offset](const iovec* v, int) { \
      return __real_##name(fd, v->iov_base, v->iov_len, offset);                  \
    });                                                                           \
  }
WRAP_PWRITE(pwrite)
WRAP_PWRITE(pwrite64)
#define WRAP_PWRITEV(name)                                                              \
  REAL(ssize_t, name, int fd, const iovec* vectors, int count, off_t offset) {          \
    return write_call(fd, vectors, count, offset, [fd, offset](const iovec* v, int n) { \
      return __real_##name(fd, v, n, offset);                                           \
    });                                                                                 \
  }
WRAP_PWRITEV(pwritev)
WRAP_PWRITEV(pwritev64)
#define WRAP_PWRITEV2(name)                                                               \
  REAL(ssize_t, name, int fd, const iovec* vectors, int count, off_t offset, int flags) { \
    return write_call(fd, vectors, count, offset, [=](const iovec* v, int n) {            \
      return __real_##name(fd, v, n, offset, flags);                                      \
    });                                                                                   \
  }
WRAP_PWRITEV2(pwritev2)
WRAP_PWRITEV2(pwritev64v2)

// --- size
#define WRAP_FTRUNCATE(name)                                                   \
  REAL(int, name, int fd, off_t bytes) {                                       \
    return truncate_call(fd, bytes, [=] { return __real_##name(fd, bytes); }); \
  }
WRAP_FTRUNCATE(ftruncate)
WRAP_FTRUNCATE(ftruncate64)
#define WRAP_FALLOCATE(name)                                                      \
  REAL(int, name, int fd, int mode, off_t offset, off_t bytes) {                  \
    return allocate_call(fd, offset + bytes, false,                               \
                         [=] { return __real_##name(fd, mode, offset, bytes); }); \
  }
WRAP_FALLOCATE(fallocate)
WRAP_FALLOCATE(fallocate64)
#define WRAP_POSIX_FALLOCATE(name)                                          \
  REAL(int, name, int fd, off_t offset, off_t bytes) {                      \
    return allocate_call(fd, offset + bytes, true,                          \
                         [=] { return __real_##name(fd, offset, bytes); }); \
  }
WRAP_POSIX_FALLOCATE(posix_fallocate)
WRAP_POSIX_FALLOCATE(posix_fallocate64)

// --- flushes
REAL(int, fsync, int fd) {
  return sync_call(fd, [fd] { return __real_fsync(fd); });
}
REAL(int, fdatasync, int fd) {
  return sync_call(fd, [fd] { return __real_fdatasync(fd); });
}
// Starts writing back and promises nothing; and msync flushes what no watched file has: nobody maps
// one for writing but LMDB its lock file. Wrapped so that a use of them does not go unseen.
REAL(int, sync_file_range, int fd, off_t offset, off_t bytes, unsigned flags) {
  Watched watched(fd);
  if (watched && watched.enter(Call::kSync)) return -1;
  return __real_sync_file_range(fd, offset, bytes, flags);
}
REAL(int, msync, void* address, size_t bytes, int flags) {
  return __real_msync(address, bytes, flags);
}

// --- names
REAL(int, rename, const char* from, const char* to) {
  return rename_call(from, to, [=] { return __real_rename(from, to); });
}
REAL(int, renameat, int from_dir, const char* from, int to_dir, const char* to) {
  return rename_call(from, to, [=] { return __real_renameat(from_dir, from, to_dir, to); });
}
REAL(int, renameat2, int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return rename_call(from, to, [=] { return __real_renameat2(from_dir, from, to_dir, to, flags); });
}
REAL(int, link, const char* from, const char* to) {
  return link_call(from, to, [=] { return __real_link(from, to); });
}
REAL(int, linkat, int from_dir, const char* from, int to_dir, const char* to, int flags) {
  return link_call(from, to, [=] { return __real_linkat(from_dir, from, to_dir, to, flags); });
}
REAL(int, unlink, const char* path) {
  return remove_call(path, [=] { return __real_unlink(path); });
}
REAL(int, unlinkat, int dir, const char* path, int flags) {
  return remove_call(path, [=] { return __real_unlinkat(dir, path, flags); });
}
REAL(int, remove, const char* path) {
  return remove_call(path, [=] { return __real_remove(path); });
}
REAL(int, rmdir, const char* path) {
  return remove_call(path, [=] { return __real_rmdir(path); });
}
REAL(int, mkdir, const char* path, mode_t mode) {
  return mkdir_call(path, [=] { return __real_mkdir(path, mode); });
}
REAL(int, mkdirat, int dir, const char* path, mode_t mode) {
  return mkdir_call(path, [=] { return __real_mkdirat(dir, path, mode); });
}

// --- the rest
REAL(int, close, int fd) {
  {
    Watched watched(fd);
    if (watched) watched.shim->closed(fd);
  }
  return __real_close(fd);
}
#define WRAP_MMAP(name)                                                                            \
  REAL(void*, name, void* at, size_t bytes, int protection, int flags, int fd, off_t offset) {     \
    return mmap_call(fd, [=] { return __real_##name(at, bytes, protection, flags, fd, offset); }); \
  }
WRAP_MMAP(mmap)
WRAP_MMAP(mmap64)
// NOLINTEND(bugprone-reserved-identifier)
