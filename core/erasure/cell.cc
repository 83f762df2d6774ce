#include "core/erasure/cell.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::core {

std::array<std::uint8_t, 16> BlobId::bytes() const {
  std::array<std::uint8_t, 16> out;
  store_be<std::uint16_t>(out, 0, node);
  store_be<std::uint16_t>(out, 2, kind);
  store_be<std::uint32_t>(out, 4, boot);
  store_be<std::uint64_t>(out, 8, counter);
  return out;
}

BlobId BlobId::parse(ByteView bytes) {
  return {load_be<std::uint16_t>(bytes, 0), load_be<std::uint16_t>(bytes, 2),
          load_be<std::uint32_t>(bytes, 4), load_be<std::uint64_t>(bytes, 8)};
}

std::string BlobId::text() const { return cat(node, '.', kind, '.', boot, '.', counter); }

std::uint64_t seed_cell_crc(std::uint64_t crc, std::uint64_t bytes, const BlobId& blob,
                            unsigned slot, std::uint32_t cell) {
  std::array<std::uint8_t, 24> identity{};
  const std::array<std::uint8_t, 16> id = blob.bytes();
  std::copy(id.begin(), id.end(), identity.begin());
  identity[16] = static_cast<std::uint8_t>(slot);
  store_le<std::uint32_t>(identity, 20, cell);
  return crc ^ crc64_nvme_shift(crc64_nvme(identity), bytes);
}

bool cell_holds(ByteView cell_and_crc, const BlobId& blob, unsigned slot, std::uint32_t cell) {
  const std::size_t bytes = cell_and_crc.size() - 8;
  const std::uint64_t plain = crc64_nvme(cell_and_crc.first(bytes));
  return seed_cell_crc(plain, bytes, blob, slot, cell) ==
         load_le<std::uint64_t>(cell_and_crc, bytes);
}

}  // namespace creel::core
