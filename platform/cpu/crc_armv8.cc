#include "platform/cpu/crc_kernels.h"

#if defined(__aarch64__)
#include <arm_acle.h>

#include <cstring>

#define CREEL_TARGET_CRC __attribute__((target("+crc")))

namespace creel::crc_detail {

CREEL_TARGET_CRC std::uint32_t arm_crc32(std::uint32_t state, const std::uint8_t* data,
                                         std::size_t size) {
  for (; size >= 8; size -= 8, data += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    state = __crc32d(state, word);
  }
  for (; size > 0; --size, ++data) state = __crc32b(state, *data);
  return state;
}

CREEL_TARGET_CRC std::uint32_t arm_crc32c(std::uint32_t state, const std::uint8_t* data,
                                          std::size_t size) {
  for (; size >= 8; size -= 8, data += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    state = __crc32cd(state, word);
  }
  for (; size > 0; --size, ++data) state = __crc32cb(state, *data);
  return state;
}

}  // namespace creel::crc_detail
#endif
