#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

// One open file. Several calls may be under way at once; the caller keeps buffers alive until each
// resumes, and calls resume even after ctx stops (a system call cannot be taken back). Destroying a
// File closes it and needs that no call is under way. Loop thread only.
class File {
 public:
  virtual ~File() = default;
  // Bytes read at `offset`, short only at the end of the file. Errors: kIo, kCorrupt (sim),
  // kTimeout.
  virtual Task<Result<std::size_t>> read(Ctx& ctx, std::uint64_t offset, MutableBytes into) = 0;
  // What the page cache gives at once, without waiting: 0 if nothing. Never blocks the loop.
  virtual std::size_t read_cached(std::uint64_t offset, MutableBytes into) = 0;
  // Writes all of `parts`, one after another, at `offset`; a short count is continued, zero is kIo.
  // Not durable until sync(). Errors: kIo, kNoSpace (some bytes may have been written).
  virtual Task<Result<Unit>> write(Ctx& ctx, std::uint64_t offset,
                                   std::span<const ByteView> parts) = 0;
  // fdatasync: data and size written before this call are on stable storage when ok. After an error
  // the state of unsynced data is unknown and a later ok means nothing: never retry.
  virtual Task<Result<Unit>> sync(Ctx& ctx) = 0;
  // write(), then sync() if that was ok, as one job: half the thread hops. The group commit's way.
  virtual Task<Result<Unit>> write_sync(Ctx& ctx, std::uint64_t offset,
                                        std::span<const ByteView> parts);
  // Reserves space for [0, bytes) so that later writes there cannot meet kNoSpace; grows the size.
  virtual Task<Result<Unit>> allocate(Ctx& ctx, std::uint64_t bytes) = 0;
  virtual Task<Result<Unit>> truncate(Ctx& ctx, std::uint64_t bytes) = 0;
  virtual Task<Result<std::uint64_t>> size(Ctx& ctx) = 0;
};

// Held until destroyed or the process ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct OpenOptions {
  bool write = false;
  bool create = false;  // Makes the file if absent; its name is durable only after sync_dir().
  bool exclusive = false;  // With create: kExists if present.
  // Calls of one lane run in order on a thread of their own (the log); lane 0 shares the I/O
  // threads.
  unsigned lane = 0;
};

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;  // For us, without the root reserve.
};

// A file system as the store sees it. Paths are '/'-separated; never S3 keys. Errors everywhere:
// kNotFound, kExists, kDenied, kReadOnly, kNoSpace, kIo.
class Disk {
 public:
  virtual Task<Result<std::unique_ptr<File>>> open(Ctx& ctx, std::string path,
                                                   OpenOptions options) = 0;
  // Atomic replacement; durable after sync_dir() of the directory.
  virtual Task<Result<Unit>> rename(Ctx& ctx, std::string from, std::string to) = 0;
  virtual Task<Result<Unit>> remove(Ctx& ctx, std::string path) = 0;
  virtual Task<Result<Unit>> make_dir(Ctx& ctx, std::string path) = 0;  // ok if it exists.
  virtual Task<Result<Unit>> sync_dir(Ctx& ctx, std::string path) = 0;  // Names made or removed.
  virtual Task<Result<std::vector<std::string>>> list(Ctx& ctx, std::string path) = 0;  // Sorted.
  virtual Task<Result<DiskSpace>> space(Ctx& ctx, std::string path) = 0;
  // flock(LOCK_EX|LOCK_NB) on `path`, holding our pid as text. kExists names the holder's pid.
  virtual Task<Result<std::unique_ptr<FileLock>>> lock(Ctx& ctx, std::string path) = 0;

 protected:
  ~Disk() = default;
};

// Whole small files. read_file: kTooLarge past `bytes_max`. write_file_durable: tmp, fdatasync,
// rename, fsync of the directory: after ok the new content survives power loss, else the old
// stands.
Task<Result<Bytes>> read_file(Ctx& ctx, Disk& disk, std::string path, std::size_t bytes_max);
Task<Result<Unit>> write_file_durable(Ctx& ctx, Disk& disk, std::string path, Bytes content);
std::string parent_dir(std::string_view path);  // "." if there is none.

}  // namespace creel
