// The kernels behind Sha256, for hash_detail and the tests only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace creel::hash_detail {

extern const std::uint32_t kSha256Roots[64];

// Each folds `blocks` blocks of 64 bytes into the eight words of `state`. Any alignment.
void sha256_plain(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
#if defined(__x86_64__)
void sha256_x86(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
#elif defined(__aarch64__)
void sha256_armv8(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
#endif

struct Sha256Kernel {
  const char* name;
  void (*compress)(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
  bool usable;  // On this processor.
};

// Fastest first; the last one is "plain" and always usable.
std::span<const Sha256Kernel> sha256_kernels();

}  // namespace creel::hash_detail
