#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/disk.h"

// The blocking system calls behind UvDisk: interrupted ones are repeated, short ones continued,
// errno becomes an Error that names `path`. Any thread.
namespace creel::file_calls {

// An open file descriptor and the path for its error texts. Closes itself.
struct OpenFile {
  int fd = -1;
  std::string path;
  OpenFile() = default;
  OpenFile(int number, std::string name) : fd(number), path(std::move(name)) {}
  OpenFile(OpenFile&& from) noexcept : fd(from.fd), path(std::move(from.path)) { from.fd = -1; }
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile();
};

// Files are 0600, directories 0700 before the umask: what we store is nobody else's business.
Result<OpenFile> open_file(const std::string& path, OpenOptions options);
Result<std::size_t> read(const OpenFile& file, std::uint64_t offset, MutableBytes into);
// Bytes already in the page cache; a negative errno if the file system cannot tell.
std::int64_t read_cached(const OpenFile& file, std::uint64_t offset, MutableBytes into);
Result<Unit> write(const OpenFile& file, std::uint64_t offset, std::span<const ByteView> parts);
Result<Unit> sync(const OpenFile& file);
Result<Unit> allocate(const OpenFile& file, std::uint64_t bytes);
Result<Unit> truncate(const OpenFile& file, std::uint64_t bytes);
Result<std::uint64_t> size(const OpenFile& file);

Result<Unit> rename(const std::string& from, const std::string& to);
Result<Unit> remove(const std::string& path);
Result<Unit> make_dir(const std::string& path);
Result<Unit> sync_dir(const std::string& path);
Result<std::vector<std::string>> list(const std::string& path);
Result<DiskSpace> space(const std::string& path);
// The file that holds the lock, our pid written in it; it is let go when closed.
Result<OpenFile> lock(const std::string& path);

}  // namespace creel::file_calls
