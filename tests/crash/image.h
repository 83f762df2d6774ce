// What a drive holds after a crash: folders, names and the bytes of files, in blocks of 4 KiB that
// many images share.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "platform/base/units.h"
#include "tests/crash/shim.h"

namespace creel::crash {

inline constexpr std::uint64_t kImageBlock = 4 * KiB;
using BlockId = std::uint32_t;  // 0: zeros.

std::uint64_t hash_bytes(ByteView bytes);  // Not a CRC: those are inside the bytes.
std::uint64_t mix_hash(std::uint64_t a, std::uint64_t b);

// Every different block once. Ids are good for the pool's life.
class BlockPool {
 public:
  BlockPool();
  BlockId intern(ByteView block);  // kImageBlock bytes.
  const Bytes& bytes(BlockId id) const { return blocks_[id]; }
  std::uint64_t hash(BlockId id) const { return hashes_[id]; }
  std::size_t size() const { return blocks_.size(); }

 private:
  std::deque<Bytes> blocks_;
  std::vector<std::uint64_t> hashes_;
  std::unordered_map<std::uint64_t, BlockId> by_hash_;
};

struct Content {
  std::uint64_t size = 0;
  std::vector<BlockId> blocks;  // As many as the size needs; zeros behind the size.
  void resize(BlockPool& pool, std::uint64_t bytes);
  void write(BlockPool& pool, std::uint64_t offset, ByteView bytes);
  bool is_zero(const BlockPool& pool, std::uint64_t offset, std::uint64_t bytes) const;
};

struct Image {
  std::map<Inode, Content> files;  // Also those that have no name.
  std::set<Inode> dirs{kRootInode};
  std::map<std::pair<Inode, std::string>, Inode> entries;  // (folder, name)

  // Paths that can be reached from the root, folders before what is in them. Calls
  // visit(path, inode, content), content null for a folder.
  template <class Visit>
  void walk(Visit visit) const {
    walk_dir(kRootInode, "", visit);
  }
  std::uint64_t hash(const BlockPool& pool) const;
  Names names() const;
  std::string list() const;  // For people: one line a file.

 private:
  template <class Visit>
  void walk_dir(Inode dir, const std::string& prefix, Visit& visit) const {
    for (auto it = entries.lower_bound({dir, std::string()});
         it != entries.end() && it->first.first == dir; ++it) {
      const std::string path = prefix + it->first.second;
      const auto file = files.find(it->second);
      if (file != files.end()) {
        visit(path, it->second, &file->second);
      } else if (dirs.contains(it->second)) {
        visit(path, it->second, static_cast<const Content*>(nullptr));
        walk_dir(it->second, path + "/", visit);
      }
    }
  }
};

// What such a file holds says nothing: process ids, and LMDB's table of readers, which lives in
// shared memory and is made anew by whoever opens it alone.
bool holds_nothing(std::string_view name);

}  // namespace creel::crash
