// The system calls of this program that change files, seen from below: the linker puts __wrap_X in
// the place of X (-Wl,--wrap=X, wrapped_calls.cmake). The product's own calls and LMDB's pass
// through; a watcher is told of those below one folder, and chosen ones can be made to fail.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "platform/base/bytes.h"

namespace creel::crash {

enum class Call : std::uint8_t {
  kOpen,
  kWrite,
  kTruncate,
  kAllocate,
  kSync,
  kRename,
  kUnlink,
  kLink,
  kMkdir,
  kMmap,
  kCount
};
std::string_view call_name(Call call);

using Inode = std::uint32_t;  // 1 is the watched folder itself.
inline constexpr Inode kRootInode = 1;

// Told of each change after it was made, in the order they were made. One call at a time.
class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) = 0;
  // `durable`: on stable storage when the call returned (O_DSYNC).
  virtual void on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool durable) = 0;
  virtual void on_resize(Inode inode, std::uint64_t bytes) = 0;    // Cut or grown to.
  virtual void on_allocate(Inode inode, std::uint64_t bytes) = 0;  // Grown to, never cut.
  virtual void on_sync(Inode inode) = 0;                           // File or folder.
  virtual void on_sync_failed(Inode) {}
  virtual void on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                         Inode inode) = 0;
  virtual void on_remove(Inode dir, std::string_view name) = 0;
};

// Which call is to fail, once. The call does not happen, but for a short write.
struct Fault {
  Call call = Call::kCount;
  std::uint64_t nth = 0;  // From 1.
  int error = 0;          // 0: a write takes only half of its bytes.
};

// Names below the folder, relative and without a slash in front, and their inodes.
using Names = std::map<std::string, Inode, std::less<>>;

// Watches all calls below `root` for as long as it lives; one at a time in a process.
class Shim {
 public:
  // `names`: what is there already. `root` itself is "".
  Shim(std::string root, Watcher* watcher, Names names = {});
  ~Shim();
  Shim(const Shim&) = delete;
  Shim& operator=(const Shim&) = delete;

  void inject(Fault fault) { fault_ = fault; }
  bool fault_hit() const { return hit_; }
  const std::string& fault_path() const { return fault_path_; }
  // Calls below the root that were made; creating opens only.
  std::uint64_t count(Call call) const { return counts_[static_cast<int>(call)]; }
  // Flushes of files of which a flush had failed before.
  std::uint64_t retried_syncs() const { return retried_; }
  // The store starts again: from here on a flush is no second try.
  void new_start() { failed_.clear(); }

  // For the wrappers.
  struct Descriptor {
    Inode inode = 0;
    bool durable = false;  // O_DSYNC
    std::string path;
  };
  bool below(const char* path, std::string& relative) const;
  const Descriptor* find(int fd) const;
  // True if this call is the one to fail; errno is set unless the write is to be short.
  bool fails(Call call, const std::string& path);
  int error() const { return fault_.error; }
  void did(Call call) { ++counts_[static_cast<int>(call)]; }
  void opened(int fd, const std::string& path, int flags);
  void closed(int fd) { descriptors_.erase(fd); }
  void wrote(const Descriptor& to, std::uint64_t offset, ByteView bytes);
  void resized(const Descriptor& file, std::uint64_t bytes);
  void allocated(const Descriptor& file, std::uint64_t bytes);
  void synced(const Descriptor& file, bool ok);
  void made_dir(const std::string& path);
  void renamed(const std::string& from, const std::string& to);
  void linked(const std::string& from, const std::string& to);
  void removed(const std::string& path);

 private:
  Inode dir_of(const std::string& path) const;

  std::string root_;
  Watcher* watcher_;
  Names names_;
  Inode next_inode_ = kRootInode + 1;
  std::map<int, Descriptor> descriptors_;
  Fault fault_;
  std::uint64_t seen_ = 0;
  bool hit_ = false;
  std::string fault_path_;
  std::uint64_t counts_[static_cast<int>(Call::kCount)] = {};
  std::set<Inode> failed_;
  std::uint64_t retried_ = 0;
};

}  // namespace creel::crash
