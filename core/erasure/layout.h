#pragma once
#include <cstdint>
#include <vector>

#include "platform/base/units.h"

namespace creel::core {

inline constexpr std::uint64_t kCellBytes = 64 * KiB;
inline constexpr std::uint64_t kCellAlign = 64;  // Cells are whole multiples: what ISA-L wants.
inline constexpr std::size_t kCellCrcBytes = 8;  // Behind each cell of a shard.
inline constexpr unsigned kSlotsMax = 16;  // n of any layout; drives of one machine.
inline constexpr std::uint64_t kSmallBlobBytes = 64 * KiB;  // Up to here: whole copies.

// k data and m parity cells a stripe; k = 1 means n copies.
struct Layout {
  std::uint8_t data = 1;
  std::uint8_t parity = 0;
  unsigned slots() const { return unsigned{data} + parity; }
  // Shards that must be on stable storage before an operation may name the blob.
  unsigned write_quorum() const { return data + (unsigned{parity} + 1) / 2; }
  std::uint64_t stripe_bytes() const { return data * kCellBytes; }
  bool operator==(const Layout&) const = default;
};

// What new blobs get on a machine with so many drives (core.md §2).
Layout default_layout(unsigned drives);
Layout small_layout(unsigned drives);  // Copies: three, or as many as there are drives.
std::vector<Layout> shipped_layouts();  // Every one of the two above.

// Where the bytes of a blob of `size` bytes lie (core.md §3; docs/formats/shard.md).
class Geometry {
 public:
  Geometry(Layout layout, std::uint64_t size) : layout_(layout), size_(size) {}
  const Layout& layout() const { return layout_; }
  std::uint64_t size() const { return size_; }
  std::uint64_t stripes() const {
    return (size_ + layout_.stripe_bytes() - 1) / layout_.stripe_bytes();
  }
  // Plain bytes of this stripe: all but the last are full.
  std::uint64_t plain_bytes(std::uint64_t stripe) const;
  // Bytes of each of its cells: 64 KiB, or the last stripe's rest / k rounded up to kCellAlign.
  std::uint64_t cell_bytes(std::uint64_t stripe) const { return cell_for(plain_bytes(stripe)); }
  std::uint64_t cell_for(std::uint64_t plain) const;
  // Of a cell in its shard, where every cell is followed by its CRC.
  std::uint64_t shard_offset(std::uint64_t stripe) const {
    return stripe * (kCellBytes + kCellCrcBytes);
  }
  std::uint64_t shard_bytes() const;

 private:
  Layout layout_;
  std::uint64_t size_;
};

}  // namespace creel::core
