#include "tests/crash/shim.h"

#include <fcntl.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "platform/base/check.h"
#include "tests/crash/shim_calls.h"

namespace creel::crash {
namespace {

std::atomic<Shim*> current{nullptr};

std::string_view last_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

std::mutex shim_mutex;

Shim* current_shim() { return current.load(std::memory_order_acquire); }

std::string_view call_name(Call call) {
  switch (call) {
    case Call::kOpen: return "open";
    case Call::kWrite: return "write";
    case Call::kTruncate: return "truncate";
    case Call::kAllocate: return "allocate";
    case Call::kSync: return "sync";
    case Call::kRename: return "rename";
    case Call::kUnlink: return "unlink";
    case Call::kLink: return "link";
    case Call::kMkdir: return "mkdir";
    case Call::kMmap: return "mmap";
    case Call::kCount: break;
  }
  return "none";
}

Shim::Shim(std::string root, Watcher* watcher, Names names)
    : root_(std::move(root)), watcher_(watcher), names_(std::move(names)) {
  names_[""] = kRootInode;
  for (const auto& [path, inode] : names_)
    if (inode >= next_inode_) next_inode_ = inode + 1;
  check(current_shim() == nullptr);
  current.store(this, std::memory_order_release);
}

Shim::~Shim() { current.store(nullptr, std::memory_order_release); }

bool Shim::below(const char* path, std::string& relative) const {
  const std::size_t length = root_.size();
  if (std::strncmp(path, root_.c_str(), length) != 0) return false;
  if (path[length] != '\0' && path[length] != '/') return false;
  relative = path[length] == '/' ? path + length + 1 : "";
  while (!relative.empty() && relative.back() == '/') relative.pop_back();
  for (std::size_t up = relative.find("/../"); up != std::string::npos;
       up = relative.find("/../")) {
    const std::size_t before = relative.rfind('/', up - 1);
    const std::size_t begin = before == std::string::npos || up == 0 ? 0 : before + 1;
    relative.erase(begin, up + 4 - begin);
  }
  return true;
}

const Shim::Descriptor* Shim::find(int fd) const {
  const auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : &found->second;
}

bool Shim::fails(Call call, const std::string& path) {
  if (fault_.call != call || hit_ || ++seen_ != fault_.nth) return false;
  hit_ = true;
  fault_path_ = path;
  if (fault_.error != 0) errno = fault_.error;
  return true;
}

Inode Shim::dir_of(const std::string& path) const {
  const std::size_t slash = path.rfind('/');
  const auto found = names_.find(slash == std::string::npos ? "" : path.substr(0, slash));
  check(found != names_.end());  // Else a folder was made behind our back.
  return found->second;
}

void Shim::opened(int fd, const std::string& path, int flags) {
  const auto found = names_.find(path);
  Inode inode = found == names_.end() ? 0 : found->second;
  if (inode == 0) {
    check((flags & O_CREAT) != 0);
    inode = names_[path] = next_inode_++;
    did(Call::kOpen);
    if (watcher_ != nullptr) watcher_->on_create(dir_of(path), last_name(path), inode, false);
  } else if ((flags & O_CREAT) != 0) {
    did(Call::kOpen);
  }
  Descriptor& descriptor = descriptors_[fd];
  descriptor.inode = inode;
  descriptor.durable = (flags & O_DSYNC) != 0;
  descriptor.path = path;
  if ((flags & O_TRUNC) != 0 && watcher_ != nullptr) watcher_->on_resize(inode, 0);
}

void Shim::wrote(const Descriptor& to, std::uint64_t offset, ByteView bytes) {
  if (watcher_ != nullptr && !bytes.empty())
    watcher_->on_write(to.inode, offset, bytes, to.durable);
}

void Shim::resized(const Descriptor& file, std::uint64_t bytes) {
  if (watcher_ != nullptr) watcher_->on_resize(file.inode, bytes);
}

void Shim::allocated(const Descriptor& file, std::uint64_t bytes) {
  if (watcher_ != nullptr) watcher_->on_allocate(file.inode, bytes);
}

void Shim::synced(const Descriptor& file, bool ok) {
  if (!ok) {
    failed_.insert(file.inode);
    if (watcher_ != nullptr) watcher_->on_sync_failed(file.inode);
    return;
  }
  if (failed_.contains(file.inode)) ++retried_;
  if (watcher_ != nullptr) watcher_->on_sync(file.inode);
}

void Shim::made_dir(const std::string& path) {
  const Inode inode = names_[path] = next_inode_++;
  if (watcher_ != nullptr) watcher_->on_create(dir_of(path), last_name(path), inode, true);
}

void Shim::renamed(const std::string& from, const std::string& to) {
  const Inode inode = names_[from];
  const Inode from_dir = dir_of(from);
  const Inode to_dir = dir_of(to);
  Names moved;  // A folder takes what is in it along.
  for (const auto& [path, held] : names_)
    if (path == from || path.starts_with(from + "/")) moved[to + path.substr(from.size())] = held;
  std::erase_if(names_, [&](const auto& item) {
    return item.first == from || item.first.starts_with(from + "/");
  });
  for (auto& [path, held] : moved) names_[path] = held;
  if (watcher_ != nullptr)
    watcher_->on_rename(from_dir, last_name(from), to_dir, last_name(to), inode);
}

void Shim::linked(const std::string& from, const std::string& to) {
  const Inode inode = names_[to] = names_[from];
  if (watcher_ != nullptr) watcher_->on_create(dir_of(to), last_name(to), inode, false);
}

void Shim::removed(const std::string& path) {
  const Inode dir = dir_of(path);
  names_.erase(path);
  if (watcher_ != nullptr) watcher_->on_remove(dir, last_name(path));
}

}  // namespace creel::crash
