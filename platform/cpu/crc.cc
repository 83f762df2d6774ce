#include "platform/cpu/crc.h"

#include <type_traits>

#include "platform/base/check.h"
#include "platform/cpu/crc_kernels.h"

namespace creel {
namespace crc_detail {
namespace {

constexpr std::size_t kKernelsMax = 3;

template <class Word>
struct KernelList {
  std::array<Kernel<Word>, kKernelsMax> all{};
  std::size_t count = 0;
  void add(const char* name, decltype(Kernel<Word>::update) update, bool usable) {
    check(count < kKernelsMax);
    all[count++] = {name, update, usable};
  }
};

template <class Crc>
KernelList<typename Crc::Word> list_kernels([[maybe_unused]] const CpuFeatures& cpu) {
  KernelList<typename Crc::Word> list;
#if defined(__x86_64__)
  list.add("vpclmul", fold_wide<Crc>, cpu.x86_vpclmul);
  list.add("pclmul", fold<Crc>, cpu.x86_pclmul);
#elif defined(__aarch64__)
  list.add("pmull", fold<Crc>, cpu.arm_pmull);
  if constexpr (std::is_same_v<Crc, Ieee>) list.add("armv8", arm_crc32, cpu.arm_crc);
  if constexpr (std::is_same_v<Crc, Castagnoli>) list.add("armv8", arm_crc32c, cpu.arm_crc);
#endif
  list.add("plain", plain<Crc>, true);
  return list;
}

// For tests: with what the hardware has, whatever CREEL_CPU says.
template <class Crc>
std::span<const Kernel<typename Crc::Word>> kernels() {
  static const auto list = list_kernels<Crc>(detect_cpu_features());
  return {list.all.data(), list.count};
}

template <class Crc>
auto choose() {
  const auto list = list_kernels<Crc>(cpu_features());
  std::size_t first = 0;
  while (!list.all[first].usable) ++first;  // "plain", the last one, always is.
  return list.all[first].update;
}

// The register starts and ends inverted, so that leading and trailing zeros count.
template <class Crc>
typename Crc::Word run(typename Crc::Word crc, ByteView bytes) {
  static const auto update = choose<Crc>();
  return ~update(~crc, bytes.data(), bytes.size());
}

template <class Crc>
constexpr typename Crc::Word multiply(typename Crc::Word a, typename Crc::Word b) {
  using Word = typename Crc::Word;
  Word product = 0;
  for (unsigned bit = sizeof(Word) * 8; bit-- > 0;) {
    product ^= b & (Word{0} - (a >> bit & 1));
    b = times_x<Crc>(b);
  }
  return product;
}

// x^(8·2^k) for every bit k of a length.
template <class Crc>
constexpr auto make_powers() {
  std::array<typename Crc::Word, 64> powers{};
  powers[0] = x_to<Crc>(8);
  for (std::size_t k = 1; k < powers.size(); ++k)
    powers[k] = multiply<Crc>(powers[k - 1], powers[k - 1]);
  return powers;
}
template <class Crc>
constexpr auto kPowers = make_powers<Crc>();

template <class Crc>
typename Crc::Word shift(typename Crc::Word value, std::uint64_t length) {
  for (std::size_t k = 0; length != 0; ++k, length >>= 1)
    if ((length & 1) != 0) value = multiply<Crc>(value, kPowers<Crc>[k]);
  return value;
}

}  // namespace

std::span<const Kernel<std::uint32_t>> crc32_kernels() { return kernels<Ieee>(); }
std::span<const Kernel<std::uint32_t>> crc32c_kernels() { return kernels<Castagnoli>(); }
std::span<const Kernel<std::uint64_t>> crc64_kernels() { return kernels<Nvme>(); }

}  // namespace crc_detail

using crc_detail::Castagnoli;
using crc_detail::Ieee;
using crc_detail::Nvme;

std::uint32_t crc32(ByteView bytes, std::uint32_t crc) { return crc_detail::run<Ieee>(crc, bytes); }
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc) {
  return crc_detail::run<Castagnoli>(crc, bytes);
}
std::uint64_t crc64_nvme(ByteView bytes, std::uint64_t crc) {
  return crc_detail::run<Nvme>(crc, bytes);
}

std::uint32_t crc32_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b) {
  return crc_detail::shift<Ieee>(crc_a, length_b) ^ crc_b;
}
std::uint32_t crc32c_combine(std::uint32_t crc_a, std::uint32_t crc_b, std::uint64_t length_b) {
  return crc_detail::shift<Castagnoli>(crc_a, length_b) ^ crc_b;
}
std::uint64_t crc64_nvme_combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b) {
  return crc64_nvme_shift(crc_a, length_b) ^ crc_b;
}
std::uint64_t crc64_nvme_shift(std::uint64_t value, std::uint64_t length) {
  return crc_detail::shift<Nvme>(value, length);
}

}  // namespace creel
