#include "platform/cpu/hash.h"

#include <algorithm>
#include <cstring>

#include "platform/base/endian.h"

namespace creel {

template <class Core>
void BlockHash<Core>::update(ByteView bytes) {
  if (bytes.empty()) return;
  const std::size_t held = length_ % kBlockBytes;
  length_ += bytes.size();
  if (held > 0) {
    const std::size_t taken = std::min(kBlockBytes - held, bytes.size());
    std::memcpy(block_.data() + held, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    if (held + taken < kBlockBytes) return;
    Core::compress(state_.data(), block_.data(), 1);
  }
  const std::size_t blocks = bytes.size() / kBlockBytes;
  if (blocks > 0) Core::compress(state_.data(), bytes.data(), blocks);
  const ByteView rest = bytes.subspan(blocks * kBlockBytes);
  if (!rest.empty()) std::memcpy(block_.data(), rest.data(), rest.size());
}

template <class Core>
typename BlockHash<Core>::Digest BlockHash<Core>::finish() {
  constexpr std::size_t kLengthAt = kBlockBytes - 8;
  std::size_t held = length_ % kBlockBytes;
  block_[held++] = 0x80;
  if (held > kLengthAt) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end(), std::uint8_t{0});
    Core::compress(state_.data(), block_.data(), 1);
    held = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(held), block_.end(), std::uint8_t{0});
  const std::uint64_t bits = length_ * 8;
  if constexpr (Core::kBigEndian) store_be<std::uint64_t>(block_, kLengthAt, bits);
  else store_le<std::uint64_t>(block_, kLengthAt, bits);
  Core::compress(state_.data(), block_.data(), 1);
  Digest digest;
  for (std::size_t i = 0; i < Core::kWords; ++i) {
    if constexpr (Core::kBigEndian) store_be<std::uint32_t>(digest, i * 4, state_[i]);
    else store_le<std::uint32_t>(digest, i * 4, state_[i]);
  }
  *this = BlockHash();
  return digest;
}

template class BlockHash<hash_detail::Md5Core>;
template class BlockHash<hash_detail::Sha1Core>;
template class BlockHash<hash_detail::Sha256Core>;

namespace {

// The state after the key's block: `pad` is 0x36 inside and 0x5C outside.
template <class Hash>
Hash keyed(ByteView key, std::uint8_t pad) {
  std::array<std::uint8_t, Hash::kBlockBytes> block{};
  if (key.size() > block.size()) {
    const typename Hash::Digest digest = Hash::of(key);
    std::copy(digest.begin(), digest.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  for (std::uint8_t& byte : block) byte = static_cast<std::uint8_t>(byte ^ pad);
  Hash hash;
  hash.update(block);
  return hash;
}

constexpr std::uint8_t kInnerPad = 0x36;
constexpr std::uint8_t kOuterPad = 0x5C;

}  // namespace

HmacSha256::HmacSha256(ByteView key)
    : inner_start_(keyed<Sha256>(key, kInnerPad)),
      outer_start_(keyed<Sha256>(key, kOuterPad)),
      inner_(inner_start_) {}

HmacSha256::Digest HmacSha256::outer(const Digest& inner) const {
  Sha256 hash = outer_start_;
  hash.update(inner);
  return hash.finish();
}

HmacSha256::Digest HmacSha256::finish() {
  const Digest inner = inner_.finish();
  inner_ = inner_start_;
  return outer(inner);
}

HmacSha256::Digest HmacSha256::of(ByteView bytes) const {
  Sha256 hash = inner_start_;
  hash.update(bytes);
  return outer(hash.finish());
}

Sha256::Digest hmac_sha256(ByteView key, ByteView bytes) { return HmacSha256(key).of(bytes); }

Sha1::Digest hmac_sha1(ByteView key, ByteView bytes) {
  Sha1 inner = keyed<Sha1>(key, kInnerPad);
  inner.update(bytes);
  Sha1 outer = keyed<Sha1>(key, kOuterPad);
  outer.update(inner.finish());
  return outer.finish();
}

}  // namespace creel
