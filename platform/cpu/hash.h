#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "platform/base/bytes.h"

namespace creel {

namespace hash_detail {

// What makes one hash of the MD family: its start value, word order and compression of whole
// blocks.
struct Md5Core {
  static constexpr std::size_t kWords = 4;
  static constexpr bool kBigEndian = false;
  static constexpr std::array<std::uint32_t, kWords> kStart = {0x67452301, 0xEFCDAB89, 0x98BADCFE,
                                                               0x10325476};
  static void compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
};
struct Sha1Core {
  static constexpr std::size_t kWords = 5;
  static constexpr bool kBigEndian = true;
  static constexpr std::array<std::uint32_t, kWords> kStart = {0x67452301, 0xEFCDAB89, 0x98BADCFE,
                                                               0x10325476, 0xC3D2E1F0};
  static void compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
};
struct Sha256Core {
  static constexpr std::size_t kWords = 8;
  static constexpr bool kBigEndian = true;
  static constexpr std::array<std::uint32_t, kWords> kStart = {0x6A09E667, 0xBB67AE85, 0x3C6EF372,
                                                               0xA54FF53A, 0x510E527F, 0x9B05688C,
                                                               0x1F83D9AB, 0x5BE0CD19};
  static void compress(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
};

}  // namespace hash_detail

// A streaming hash. A copy is a midstate: it goes on from where the original stood.
template <class Core>
class BlockHash {
 public:
  static constexpr std::size_t kBlockBytes = 64;
  static constexpr std::size_t kDigestBytes = Core::kWords * 4;
  using Digest = std::array<std::uint8_t, kDigestBytes>;

  void update(ByteView bytes);
  // The digest of all updates; afterwards the object is as new.
  Digest finish();
  // The digest of one text.
  static Digest of(ByteView bytes) {
    BlockHash hash;
    hash.update(bytes);
    return hash.finish();
  }

 private:
  std::array<std::uint32_t, Core::kWords> state_ = Core::kStart;
  std::array<std::uint8_t, kBlockBytes> block_{};  // The first length_ % kBlockBytes bytes count.
  std::uint64_t length_ = 0;
};

using Md5 = BlockHash<hash_detail::Md5Core>;  // RFC 1321. For ETags, never for trust.
using Sha1 = BlockHash<hash_detail::Sha1Core>;  // FIPS 180-4. Because S3 offers it.
using Sha256 =
    BlockHash<hash_detail::Sha256Core>;  // FIPS 180-4. By CPU instructions where they exist.

// RFC 2104 with the key hashed once: a text of up to 55 bytes costs two compressions, not four.
class HmacSha256 {
 public:
  using Digest = Sha256::Digest;
  explicit HmacSha256(ByteView key);

  void update(ByteView bytes) { inner_.update(bytes); }
  // The code of all updates; afterwards the object is as new, with the same key.
  Digest finish();
  // The code of one text, whatever was given to update(). Any number of threads.
  Digest of(ByteView bytes) const;

 private:
  Digest outer(const Digest& inner) const;

  Sha256 inner_start_;
  Sha256 outer_start_;
  Sha256 inner_;
};

Sha256::Digest hmac_sha256(ByteView key, ByteView bytes);
Sha1::Digest hmac_sha1(ByteView key, ByteView bytes);  // Only for POST policies of Signature V2.

}  // namespace creel
