#pragma once
#include <array>
#include <cstdint>
#include <memory>

#include "core/erasure/cell.h"
#include "core/erasure/coder.h"
#include "core/erasure/layout.h"
#include "platform/base/bytes.h"

namespace creel::core {

// The n cells of one stripe in one piece of aligned memory, each with its seeded CRC. Filled by one
// owner, then shared read-only by the n drives' writers.
class Stripe {
 public:
  explicit Stripe(const Layout& layout);
  Stripe(const Stripe&) = delete;
  Stripe& operator=(const Stripe&) = delete;

  const Layout& layout() const { return layout_; }
  // The k data cells, one behind the other: where the plain bytes of a full stripe are put.
  MutableBytes plain() { return {memory_, static_cast<std::size_t>(layout_.stripe_bytes())}; }
  std::uint64_t cell_bytes() const { return cell_bytes_; }
  void set_cell_bytes(std::uint64_t bytes) { cell_bytes_ = bytes; }
  std::uint8_t* cell(unsigned slot) { return memory_ + slot * kCellBytes; }
  ByteView cell(unsigned slot) const {
    return {memory_ + slot * kCellBytes, static_cast<std::size_t>(cell_bytes_)};
  }
  std::uint64_t crc(unsigned slot) const { return crc_[slot]; }
  std::array<std::uint8_t*, kSlotsMax> cells();

  // CPU work, for Offload: lays `plain_bytes` of plain() out as cells, pads, computes parity and
  // CRCs as stripe `number` of the blob. Returns the CRC-64/NVME of the plain bytes: one pass
  // serves both, for the seed is linear.
  std::uint64_t encode(Coder& coder, const BlobId& blob, std::uint64_t number,
                       std::uint64_t plain_bytes);

 private:
  Layout layout_;
  std::uint64_t cell_bytes_ = kCellBytes;
  std::unique_ptr<std::uint8_t[]> storage_;
  std::uint8_t* memory_;  // In it, aligned.
  std::array<std::uint64_t, kSlotsMax> crc_{};
};

}  // namespace creel::core
