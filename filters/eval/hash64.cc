#include "filters/eval/hash64.h"

#include "platform/base/endian.h"

namespace creel::filters {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87;
constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9;
constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5;

std::uint64_t rotate(std::uint64_t x, int by) { return x << by | x >> (64 - by); }

std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
  return rotate(lane + input * kPrime2, 31) * kPrime1;
}

}  // namespace

std::uint64_t xxh64(std::string_view text) {
  const ByteView bytes = as_bytes(text);
  std::size_t at = 0;
  std::uint64_t hash = kPrime5;
  if (bytes.size() >= 32) {
    std::uint64_t lane[4] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
    for (; bytes.size() - at >= 32; at += 32)
      for (std::size_t i = 0; i < 4; ++i)
        lane[i] = round(lane[i], load_le<std::uint64_t>(bytes, at + 8 * i));
    hash = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
    for (const std::uint64_t l : lane) hash = (hash ^ round(0, l)) * kPrime1 + kPrime4;
  }
  hash += bytes.size();
  for (; bytes.size() - at >= 8; at += 8)
    hash = rotate(hash ^ round(0, load_le<std::uint64_t>(bytes, at)), 27) * kPrime1 + kPrime4;
  for (; bytes.size() - at >= 4; at += 4)
    hash = rotate(hash ^ load_le<std::uint32_t>(bytes, at) * kPrime1, 23) * kPrime2 + kPrime3;
  for (; at < bytes.size(); ++at) hash = rotate(hash ^ bytes[at] * kPrime5, 11) * kPrime1;
  hash = (hash ^ hash >> 33) * kPrime2;
  hash = (hash ^ hash >> 29) * kPrime3;
  return hash ^ hash >> 32;
}

}  // namespace creel::filters
