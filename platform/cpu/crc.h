#pragma once
#include <cstdint>

#include "platform/base/bytes.h"

namespace creel {

// The three CRCs of S3, in zlib's convention: start with 0, pass the result of the last piece to go
// on with the next one. Any thread; any alignment; kernels are chosen by cpu_features().
std::uint32_t crc32(ByteView bytes, std::uint32_t crc = 0);  // IEEE 802.3: gzip, eventstream.
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);  // Castagnoli: RFC 3720.
std::uint64_t crc64_nvme(ByteView bytes, std::uint64_t crc = 0);  // NVM Express, S3's default.

// The CRC of A followed by B, from both CRCs and the length of B in bytes. About 0.1 µs for each
// set bit of the length.
std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b);
std::uint32_t crc32c_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b);
std::uint64_t crc64_nvme_combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b);

// value · x^(8·length) modulo the polynomial, bits reflected as in the CRC. It moves a CRC, or a
// seed that was XORed into one, past `length` bytes: combine(a, b, n) = shift(a, n) ^ b.
std::uint64_t crc64_nvme_shift(std::uint64_t value, std::uint64_t length);

}  // namespace creel
