// An image as real files in a folder in memory, changed into the next image by what differs.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/crash/image.h"

namespace creel::crash {

// Watches what is written below, so that it knows what to restore. The folder is this object's.
class DriveDir final : public Watcher {
 public:
  explicit DriveDir(std::string root);
  ~DriveDir() override;
  const std::string& root() const { return root_; }
  void become(const Image& image, const BlockPool& pool);
  void clear();

  void on_create(Inode dir, std::string_view name, Inode inode, bool is_dir) override;
  void on_write(Inode inode, std::uint64_t offset, ByteView bytes, bool durable) override;
  void on_resize(Inode inode, std::uint64_t bytes) override;
  void on_allocate(Inode inode, std::uint64_t bytes) override;
  void on_sync(Inode) override {}
  void on_rename(Inode from_dir, std::string_view from, Inode to_dir, std::string_view to,
                 Inode inode) override;
  void on_remove(Inode dir, std::string_view name) override;

 private:
  static constexpr std::uint64_t kUnknown = 1;  // No hash: restore it.
  struct Known {
    bool is_dir = false;
    std::uint64_t size = 0;
    std::vector<std::uint64_t> blocks;  // Hashes, 0: zeros.
  };
  void remove(const std::string& path);
  void restore(const std::string& path, const Content& content, const BlockPool& pool);
  std::string path_in(Inode dir, std::string_view name) const;
  Known* find(Inode inode);

  std::string root_;
  std::map<std::string, Known> known_;
  std::map<Inode, std::string> paths_;  // Of the last image, and what was made since.
};

// A new folder in memory if the machine has such a place, else below TMPDIR; removed by DriveDir.
std::string make_scratch_dir();

}  // namespace creel::crash
