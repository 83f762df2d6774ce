// The kernels behind crc.h, for crc.cc and the tests only. A kernel takes and gives the raw
// register: no inversion at either end.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "platform/cpu/dispatch.h"

namespace creel::crc_detail {

// A reflected CRC. In an N-bit word the coefficient of x^i is bit N-1-i; x^N is left out of kPoly.
struct Ieee {
  using Word = std::uint32_t;
  static constexpr Word kPoly = 0xEDB88320;
};
struct Castagnoli {
  using Word = std::uint32_t;
  static constexpr Word kPoly = 0x82F63B78;
};
struct Nvme {
  using Word = std::uint64_t;
  static constexpr Word kPoly = 0x9A6C9329AC4BC9B5;
};

template <class Crc>
constexpr typename Crc::Word times_x(typename Crc::Word value) {
  return (value >> 1) ^ ((value & 1) != 0 ? Crc::kPoly : 0);
}

// x^power modulo the polynomial.
template <class Crc>
constexpr typename Crc::Word x_to(unsigned power) {
  using Word = typename Crc::Word;
  Word value = Word{1} << (sizeof(Word) * 8 - 1);
  for (unsigned i = 0; i < power; ++i) value = times_x<Crc>(value);
  return value;
}

template <class Word>
struct Kernel {
  const char* name;
  Word (*update)(Word state, const std::uint8_t* data, std::size_t size);
  bool usable;  // On the processor that was asked about.
};

// Fastest first; the last one is "plain" and always usable.
std::span<const Kernel<std::uint32_t>> crc32_kernels();
std::span<const Kernel<std::uint32_t>> crc32c_kernels();
std::span<const Kernel<std::uint64_t>> crc64_kernels();

// Slicing-by-8: eight tables, one per byte of a 64-bit step. The same for every processor.
template <class Crc>
typename Crc::Word plain(typename Crc::Word state, const std::uint8_t* data, std::size_t size);

#if defined(__x86_64__) || defined(__aarch64__)
#define CREEL_CRC_FOLD 1
// Carry-less multiplication, 128 bytes a turn.
template <class Crc>
typename Crc::Word fold(typename Crc::Word state, const std::uint8_t* data, std::size_t size);
#endif
#if defined(__x86_64__)
// The same on 512-bit registers, 256 bytes a turn.
template <class Crc>
typename Crc::Word fold_wide(typename Crc::Word state, const std::uint8_t* data, std::size_t size);
#endif
#if defined(__aarch64__)
// The CRC instructions, for processors without polynomial multiply (Raspberry Pi 4).
std::uint32_t arm_crc32(std::uint32_t state, const std::uint8_t* data, std::size_t size);
std::uint32_t arm_crc32c(std::uint32_t state, const std::uint8_t* data, std::size_t size);
#endif

}  // namespace creel::crc_detail
