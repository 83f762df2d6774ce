#include "tests/crash/image.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel::crash {

std::uint64_t mix_hash(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15u + b;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t hash_bytes(ByteView bytes) {
  constexpr std::uint64_t kP1 = 0x9e3779b185ebca87u;
  constexpr std::uint64_t kP2 = 0xc2b2ae3d27d4eb4fu;
  std::uint64_t lanes[4] = {kP1, kP2, kP1 ^ kP2, kP1 + kP2};
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32)
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + at + lane * 8, 8);
      lanes[lane] = std::rotl(lanes[lane] + word * kP2, 31) * kP1;
    }
  std::uint64_t hash = bytes.size();
  for (const std::uint64_t lane : lanes) hash = mix_hash(hash, lane);
  for (; at < bytes.size(); ++at) hash = mix_hash(hash, bytes[at]);
  return hash;
}

BlockPool::BlockPool() {
  const Bytes zeros(kImageBlock);
  check(intern(zeros) == 0);
}

BlockId BlockPool::intern(ByteView block) {
  check(block.size() == kImageBlock);
  const std::uint64_t hash = hash_bytes(block);
  const auto [found, fresh] = by_hash_.try_emplace(hash, static_cast<BlockId>(blocks_.size()));
  if (fresh) {
    blocks_.push_back(to_bytes(block));
    hashes_.push_back(hash);
  }
  return found->second;
}

void Content::resize(BlockPool& pool, std::uint64_t bytes) {
  if (bytes < size && bytes % kImageBlock != 0) {  // Zeros behind the end.
    const std::size_t last = static_cast<std::size_t>(bytes / kImageBlock);
    Bytes block = pool.bytes(blocks[last]);
    std::fill(block.begin() + static_cast<std::ptrdiff_t>(bytes % kImageBlock), block.end(), 0);
    blocks[last] = pool.intern(block);
  }
  size = bytes;
  blocks.resize(static_cast<std::size_t>((bytes + kImageBlock - 1) / kImageBlock), 0);
}

void Content::write(BlockPool& pool, std::uint64_t offset, ByteView bytes) {
  if (offset + bytes.size() > size) resize(pool, offset + bytes.size());
  while (!bytes.empty()) {
    const std::size_t index = static_cast<std::size_t>(offset / kImageBlock);
    const std::size_t inside = static_cast<std::size_t>(offset % kImageBlock);
    const std::size_t take =
        std::min<std::size_t>(bytes.size(), static_cast<std::size_t>(kImageBlock) - inside);
    if (take == kImageBlock) {
      blocks[index] = pool.intern(bytes.first(take));
    } else {
      Bytes block = pool.bytes(blocks[index]);
      std::copy_n(bytes.begin(), take, block.begin() + static_cast<std::ptrdiff_t>(inside));
      blocks[index] = pool.intern(block);
    }
    offset += take;
    bytes = bytes.subspan(take);
  }
}

bool Content::is_zero(const BlockPool& pool, std::uint64_t offset, std::uint64_t bytes) const {
  for (std::uint64_t at = offset; at < offset + bytes; ++at) {
    const auto index = static_cast<std::size_t>(at / kImageBlock);
    if (index >= blocks.size()) return true;
    if (blocks[index] == 0) {
      at = (index + 1) * kImageBlock - 1;
      continue;
    }
    if (pool.bytes(blocks[index])[static_cast<std::size_t>(at % kImageBlock)] != 0) return false;
  }
  return true;
}

std::uint64_t Image::hash(const BlockPool& pool) const {
  std::uint64_t hash = 0;
  walk([&](const std::string& path, Inode, const Content* content) {
    hash = mix_hash(hash, hash_bytes(as_bytes(path)));
    if (content == nullptr) return;
    hash = mix_hash(hash, content->size);
    for (const BlockId id : content->blocks) hash = mix_hash(hash, pool.hash(id));
  });
  return hash;
}

Names Image::names() const {
  Names names;
  walk([&](const std::string& path, Inode inode, const Content*) { names[path] = inode; });
  return names;
}

std::string Image::list() const {
  std::string text;
  walk([&](const std::string& path, Inode, const Content* content) {
    text += cat("  ", path);
    if (content != nullptr) {
      const auto used = std::count_if(content->blocks.begin(), content->blocks.end(),
                                      [](BlockId id) { return id != 0; });
      text += cat(": ", content->size, " bytes, ", static_cast<std::uint64_t>(used),
                  " blocks that are not zero");
    }
    text += '\n';
  });
  return text;
}

bool holds_nothing(std::string_view name) { return name == "lock" || name == "lock.mdb"; }

}  // namespace creel::crash
