#include "platform/base/endian.h"
#include "platform/cpu/crc_kernels.h"

namespace creel::crc_detail {
namespace {

template <class Crc>
using Tables = std::array<std::array<typename Crc::Word, 256>, 8>;

// tables[k][b] is what byte b does to the register when k more bytes follow it.
template <class Crc>
Tables<Crc> make_tables() {
  Tables<Crc> tables{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    typename Crc::Word value = byte;
    for (int bit = 0; bit < 8; ++bit) value = times_x<Crc>(value);
    tables[0][byte] = value;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const typename Crc::Word before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  return tables;
}

// Made when the first byte is counted here: a processor with carry-less multiplication needs none,
// and as constants they would be 32 KiB of the program.
template <class Crc>
const Tables<Crc>& tables_of() {
  static const Tables<Crc> tables = make_tables<Crc>();
  return tables;
}

}  // namespace

template <class Crc>
typename Crc::Word plain(typename Crc::Word state, const std::uint8_t* data, std::size_t size) {
  const Tables<Crc>& tables = tables_of<Crc>();
  for (; size >= 8; size -= 8, data += 8) {
    const std::uint64_t word = load_le<std::uint64_t>({data, 8}, 0) ^ state;
    state = tables[7][word & 0xFF] ^ tables[6][word >> 8 & 0xFF] ^ tables[5][word >> 16 & 0xFF] ^
            tables[4][word >> 24 & 0xFF] ^ tables[3][word >> 32 & 0xFF] ^
            tables[2][word >> 40 & 0xFF] ^ tables[1][word >> 48 & 0xFF] ^ tables[0][word >> 56];
  }
  for (; size > 0; --size, ++data) state = (state >> 8) ^ tables[0][(state ^ *data) & 0xFF];
  return state;
}

template std::uint32_t plain<Ieee>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint32_t plain<Castagnoli>(std::uint32_t, const std::uint8_t*, std::size_t);
template std::uint64_t plain<Nvme>(std::uint64_t, const std::uint8_t*, std::size_t);

}  // namespace creel::crc_detail
