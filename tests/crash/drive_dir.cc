#include "tests/crash/drive_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel::crash {

std::string make_scratch_dir() {
  struct stat info{};
  const char* tmp = std::getenv("TMPDIR");
  std::string base = tmp != nullptr ? tmp : "/tmp";
  if (stat("/dev/shm", &info) == 0 && access("/dev/shm", W_OK) == 0) base = "/dev/shm";
  std::string name = base + "/creel-crash-XXXXXX";
  check(mkdtemp(name.data()) != nullptr);
  return name;
}

DriveDir::DriveDir(std::string root) : root_(std::move(root)) {}

DriveDir::~DriveDir() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

void DriveDir::clear() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(root_, ignored))
    std::filesystem::remove_all(entry.path(), ignored);
  known_.clear();
  paths_.clear();
}

void DriveDir::remove(const std::string& path) {
  const std::string full = root_ + "/" + path;
  check(::remove(full.c_str()) == 0 || errno == ENOENT);
  known_.erase(path);
}

void DriveDir::become(const Image& image, const BlockPool& pool) {
  std::map<std::string, const Content*> wanted;
  paths_.clear();
  image.walk([&](const std::string& path, Inode inode, const Content* content) {
    wanted[path] = content;
    paths_[inode] = path;
  });
  std::vector<std::string> gone;
  for (const auto& [path, known] : known_) {
    const auto found = wanted.find(path);
    if (found == wanted.end() || (found->second == nullptr) != known.is_dir) gone.push_back(path);
  }
  for (auto path = gone.rbegin(); path != gone.rend(); ++path) remove(*path);  // Deepest first.
  for (const auto& [path, content] : wanted) {
    if (content != nullptr) {
      restore(path, *content, pool);
    } else if (!known_.contains(path)) {
      check(::mkdir((root_ + "/" + path).c_str(), 0700) == 0);
      known_[path].is_dir = true;
    }
  }
}

void DriveDir::restore(const std::string& path, const Content& content, const BlockPool& pool) {
  const auto [found, fresh] = known_.try_emplace(path);
  Known& known = found->second;
  const bool nothing = holds_nothing(path.substr(path.rfind('/') + 1));
  const auto differs = [&](std::size_t i) {
    const std::uint64_t want = content.blocks[i] == 0 ? 0 : pool.hash(content.blocks[i]);
    return i >= known.blocks.size() ? want != 0 : known.blocks[i] != want;
  };
  std::size_t first = 0;
  while (first < content.blocks.size() && !differs(first)) ++first;
  if (!fresh && (nothing || (first == content.blocks.size() && known.size == content.size))) return;
  const int fd =
      ::open((root_ + "/" + path).c_str(), O_RDWR | O_CLOEXEC | (fresh ? O_CREAT : 0), 0600);
  check(fd >= 0);
  // Cut first: what is grown afterwards is zeros.
  if (known.size > content.size) check(::ftruncate(fd, static_cast<off_t>(content.size)) == 0);
  known.blocks.resize(content.blocks.size(), 0);
  for (std::size_t i = first; i < content.blocks.size(); ++i) {
    if (!differs(i)) continue;
    Bytes run;
    const std::size_t begin = i;
    for (; i < content.blocks.size() && (i == begin || differs(i)); ++i) {
      append(run, ByteView(pool.bytes(content.blocks[i])));
      known.blocks[i] = content.blocks[i] == 0 ? 0 : pool.hash(content.blocks[i]);
    }
    const auto at = static_cast<off_t>(begin * kImageBlock);
    check(::pwrite(fd, run.data(), run.size(), at) == static_cast<ssize_t>(run.size()));
  }
  check(::ftruncate(fd, static_cast<off_t>(content.size)) == 0);
  known.size = content.size;
  ::close(fd);
}

std::string DriveDir::path_in(Inode dir, std::string_view name) const {
  if (dir == kRootInode) return std::string(name);
  const auto found = paths_.find(dir);
  check(found != paths_.end());
  return cat(found->second, "/", name);
}

DriveDir::Known* DriveDir::find(Inode inode) {
  const auto path = paths_.find(inode);
  if (path == paths_.end()) return nullptr;  // Removed, still open.
  const auto known = known_.find(path->second);
  return known == known_.end() ? nullptr : &known->second;
}

void DriveDir::on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) {
  const std::string path = path_in(dir, name);
  paths_[inode] = path;
  known_[path] = Known{is_dir, 0, {}};
}

void DriveDir::on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool) {
  Known* known = find(inode);
  if (known == nullptr) return;
  const std::uint64_t end = offset + bytes.size();
  const auto blocks = static_cast<std::size_t>((end + kImageBlock - 1) / kImageBlock);
  if (known->blocks.size() < blocks) known->blocks.resize(blocks, 0);
  known->size = std::max(known->size, end);
  for (std::size_t i = static_cast<std::size_t>(offset / kImageBlock); i < blocks; ++i)
    known->blocks[i] = kUnknown;
}

void DriveDir::on_resize(Inode inode, std::uint64_t bytes) {
  Known* known = find(inode);
  if (known == nullptr) return;
  const auto blocks = static_cast<std::size_t>((bytes + kImageBlock - 1) / kImageBlock);
  if (bytes < known->size && bytes % kImageBlock != 0 && blocks <= known->blocks.size())
    known->blocks[blocks - 1] = kUnknown;
  known->blocks.resize(blocks, 0);
  known->size = bytes;
}

void DriveDir::on_allocate(Inode inode, std::uint64_t bytes) {
  Known* known = find(inode);
  if (known != nullptr && known->size < bytes) on_resize(inode, bytes);
}

void DriveDir::on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                         Inode inode) {
  const std::string old = path_in(from_dir, from);
  const std::string path = path_in(to_dir, to);
  std::map<std::string, Known> moved;
  for (auto& [name, known] : known_)
    if (name == old || name.starts_with(old + "/"))
      moved[path + name.substr(old.size())] = std::move(known);
  std::erase_if(known_, [&](const auto& item) {
    return item.first == old || item.first.starts_with(old + "/");
  });
  for (auto& [name, known] : moved) known_[name] = std::move(known);
  for (auto& [number, name] : paths_)
    if (name.starts_with(old + "/")) name = path + name.substr(old.size());
  paths_[inode] = path;
}

void DriveDir::on_remove(Inode dir, std::string_view name) {
  const std::string path = path_in(dir, name);
  known_.erase(path);
  std::erase_if(paths_, [&](const auto& item) { return item.second == path; });
}

}  // namespace creel::crash
