#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace creel::filters {

// Memory for the text made while one batch is evaluated. Blocks are kept from batch to batch, so a
// steady stream allocates nothing. take() answers null past `bytes_max`: the record fails, not the
// process.
class Arena {
 public:
  explicit Arena(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  char* take(std::size_t bytes) {
    bytes = (bytes + 7) & ~std::size_t{7};
    if (bytes <= room_) {
      char* at = next_;
      next_ += bytes;
      room_ -= bytes;
      return at;
    }
    return slow(bytes);
  }

  // Null data if there is no room.
  std::string_view copy(std::string_view text) {
    char* at = take(text.size() + 1);
    if (at == nullptr) return {};
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }

  void reset() {
    used_ = 0;
    block_ = 0;
    room_ = 0;
    if (blocks_.empty()) return;
    next_ = blocks_[0].memory.get();
    room_ = blocks_[0].bytes;
    used_ = room_;
    // A batch of huge values must not keep its memory for the rest of the object.
    while (blocks_.size() > 1 && held_ > kKeep) {
      held_ -= blocks_.back().bytes;
      blocks_.pop_back();
    }
  }

 private:
  static constexpr std::size_t kBlock = 64 * 1024;
  static constexpr std::size_t kKeep = 1024 * 1024;

  struct Block {
    std::unique_ptr<char[]> memory;
    std::size_t bytes;
  };

  char* slow(std::size_t bytes) {
    while (block_ + 1 < blocks_.size()) {
      const Block& block = blocks_[++block_];
      used_ += block.bytes;
      if (block.bytes < bytes) continue;
      next_ = block.memory.get() + bytes;
      room_ = block.bytes - bytes;
      return block.memory.get();
    }
    const std::size_t size = bytes > kBlock ? bytes : kBlock;
    if (size > bytes_max_ || used_ > bytes_max_ - size) return nullptr;
    blocks_.push_back({std::make_unique<char[]>(size), size});
    block_ = blocks_.size() - 1;
    used_ += size;
    held_ += size;
    next_ = blocks_.back().memory.get() + bytes;
    room_ = size - bytes;
    return blocks_.back().memory.get();
  }

  std::size_t bytes_max_;
  std::size_t used_ = 0;   // Of the blocks up to the current one.
  std::size_t held_ = 0;   // Of all blocks.
  std::size_t block_ = 0;
  std::size_t room_ = 0;
  char* next_ = nullptr;
  std::vector<Block> blocks_{};
};

}  // namespace creel::filters
