#include "core/erasure/stripe.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/base/check.h"
#include "platform/cpu/crc.h"

namespace creel::core {

Stripe::Stripe(const Layout& layout)
    : layout_(layout),
      // Aligned by hand: glibc's aligned allocations are split so that what is freed is not found
      // again, and the heap of a long upload grew by a hundredth of its bytes.
      storage_(
          std::make_unique_for_overwrite<std::uint8_t[]>(layout.slots() * kCellBytes + kCellAlign)),
      memory_(storage_.get() +
              (kCellAlign - reinterpret_cast<std::uintptr_t>(storage_.get()) % kCellAlign)) {}

std::array<std::uint8_t*, kSlotsMax> Stripe::cells() {
  std::array<std::uint8_t*, kSlotsMax> all{};
  for (unsigned slot = 0; slot < layout_.slots(); ++slot) all[slot] = cell(slot);
  return all;
}

std::uint64_t Stripe::encode(Coder& coder, const BlobId& blob, std::uint64_t number,
                             std::uint64_t plain_bytes) {
  check(plain_bytes > 0 && plain_bytes <= layout_.stripe_bytes());
  cell_bytes_ = Geometry(layout_, plain_bytes).cell_for(plain_bytes);
  const unsigned k = layout_.data;
  // A short stripe's cells are shorter than where they lie: move them up, the last one first.
  std::memset(memory_ + plain_bytes, 0,
              static_cast<std::size_t>(layout_.stripe_bytes() - plain_bytes));
  if (cell_bytes_ < kCellBytes)
    for (unsigned slot = k; slot-- > 1;)
      std::memmove(cell(slot), memory_ + slot * cell_bytes_, static_cast<std::size_t>(cell_bytes_));
  std::uint64_t whole = 0;
  const auto index = static_cast<std::uint32_t>(number);
  for (unsigned slot = 0; slot < k; ++slot) {
    const std::uint64_t begin = std::min(plain_bytes, slot * cell_bytes_);
    const std::uint64_t real = std::min(plain_bytes - begin, cell_bytes_);
    const ByteView bytes = std::as_const(*this).cell(slot);
    const std::uint64_t plain = crc64_nvme(bytes.first(static_cast<std::size_t>(real)));
    whole = crc64_nvme_combine(whole, plain, real);
    const std::uint64_t padded = crc64_nvme(bytes.subspan(static_cast<std::size_t>(real)), plain);
    crc_[slot] = seed_cell_crc(padded, cell_bytes_, blob, slot, index);
  }
  const auto all = cells();
  coder.encode(layout_, std::span(all.data(), layout_.slots()), cell_bytes_);
  for (unsigned slot = k; slot < layout_.slots(); ++slot)
    crc_[slot] =
        seed_cell_crc(crc64_nvme(std::as_const(*this).cell(slot)), cell_bytes_, blob, slot, index);
  return whole;
}

}  // namespace creel::core
