// Goal: the hashes give the published digests, whatever the pieces; all SHA-256 kernels agree.
#include "platform/cpu/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "platform/base/text.h"
#include "platform/cpu/sha256_kernels.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

template <class Hash>
std::string digest_of(std::string_view text) {
  return hex_encode(Hash::of(as_bytes(text)));
}

// RFC 1321 A.5.
TEST(Md5, MatchesTheRfc) {
  EXPECT_EQ(digest_of<Md5>(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(digest_of<Md5>("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(digest_of<Md5>("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(digest_of<Md5>("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(digest_of<Md5>("abcdefghijklmnopqrstuvwxyz"), "c3fcd3d76192e4007dfb496cca67e13b");
  EXPECT_EQ(digest_of<Md5>("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(digest_of<Md5>("1234567890123456789012345678901234567890123456789012345678901234567890"
                           "1234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

constexpr char kTwoBlocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

// FIPS 180-2, appendices A and B.
TEST(Sha1, MatchesTheStandard) {
  EXPECT_EQ(digest_of<Sha1>(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(digest_of<Sha1>("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(digest_of<Sha1>(kTwoBlocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(digest_of<Sha1>(std::string(1'000'000, 'a')),
            "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(digest_of<Sha256>(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of<Sha256>("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of<Sha256>(kTwoBlocks),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest_of<Sha256>(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, KernelsAgreeOnRandomStatesAndBlocks) {
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::size_t offset = random.below(64);
    const std::size_t blocks = random.below(9);
    const Bytes data = random.bytes(offset + blocks * 64);
    std::array<std::uint32_t, 8> start{};
    for (auto& word : start) word = static_cast<std::uint32_t>(random.next());
    auto expected = start;
    hash_detail::sha256_plain(expected.data(), data.data() + offset, blocks);
    for (const auto& kernel : hash_detail::sha256_kernels()) {
      if (!kernel.usable) continue;
      auto state = start;
      kernel.compress(state.data(), data.data() + offset, blocks);
      EXPECT_EQ(state, expected) << kernel.name;
    }
  }
}

template <class Hash>
class AnyHash : public testing::Test {};
using Hashes = testing::Types<Md5, Sha1, Sha256>;
TYPED_TEST_SUITE(AnyHash, Hashes, );

TYPED_TEST(AnyHash, DoesNotSeeWhereThePiecesEnd) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes bytes = random.bytes(random.skewed_below(1'000));
    TypeParam hash;
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t piece = std::min<std::size_t>(random.skewed_below(200), bytes.size() - at);
      hash.update(ByteView(bytes).subspan(at, piece));
      at += piece;
    }
    EXPECT_EQ(hash.finish(), TypeParam::of(bytes));
  }
}

TYPED_TEST(AnyHash, IsAsNewAfterFinishAndACopyGoesOnAlone) {
  TypeParam hash;
  hash.update(as_bytes("something of more than a block, so that the state has moved away from it"));
  TypeParam copy = hash;
  hash.finish();
  hash.update(as_bytes("abc"));
  EXPECT_EQ(hash.finish(), TypeParam::of(as_bytes("abc")));
  copy.update(as_bytes("!"));
  EXPECT_EQ(copy.finish(),
            TypeParam::of(as_bytes(
                "something of more than a block, so that the state has moved away from it!")));
}

TYPED_TEST(AnyHash, PaddingIsRightAtEveryLengthAroundABlock) {
  // Each length another digest; a padding that overlaps the text or forgets the length would
  // repeat.
  std::vector<typename TypeParam::Digest> digests;
  const Bytes zeros(200, 0);
  for (std::size_t length = 0; length <= zeros.size(); ++length)
    digests.push_back(TypeParam::of(ByteView(zeros).first(length)));
  std::sort(digests.begin(), digests.end());
  EXPECT_EQ(std::adjacent_find(digests.begin(), digests.end()), digests.end());
}

std::string hmac_of(ByteView key, ByteView bytes) { return hex_encode(hmac_sha256(key, bytes)); }

// RFC 4231 §4.2–4.8, without the truncated case.
TEST(HmacSha256, MatchesTheRfc) {
  EXPECT_EQ(hmac_of(Bytes(20, 0x0B), as_bytes("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac_of(as_bytes("Jefe"), as_bytes("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac_of(Bytes(20, 0xAA), Bytes(50, 0xDD)),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(
      hmac_of(Bytes(131, 0xAA), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(HmacSha256, KeepsItsKeyBetweenTexts) {
  HmacSha256 hmac(as_bytes("Jefe"));
  const auto expected = hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"));
  for (int i = 0; i < 2; ++i) {
    hmac.update(as_bytes("what do ya "));
    EXPECT_EQ(hmac.of(as_bytes("what do ya want for nothing?")), expected);
    hmac.update(as_bytes("want for nothing?"));
    EXPECT_EQ(hmac.finish(), expected);
  }
}

TEST(HmacSha256, AKeyOfOneBlockIsNotHashed) {
  // RFC 2104: longer than a block means hashed, and shorter means padded with zeros.
  const Bytes block(64, 0x61);
  const Bytes longer(65, 0x61);
  Bytes padded(10, 0x61);
  const auto short_mac = hmac_of(padded, as_bytes("x"));
  padded.resize(64);
  EXPECT_EQ(hmac_of(padded, as_bytes("x")), short_mac);
  EXPECT_NE(hmac_of(block, as_bytes("x")), hmac_of(Sha256::of(block), as_bytes("x")));
  EXPECT_EQ(hmac_of(longer, as_bytes("x")), hmac_of(Sha256::of(longer), as_bytes("x")));
}

// RFC 2202 §3.
TEST(HmacSha1, MatchesTheRfc) {
  EXPECT_EQ(hex_encode(hmac_sha1(Bytes(20, 0x0B), as_bytes("Hi There"))),
            "b617318655057264e28bc0b6fb378c8ef146be00");
  EXPECT_EQ(hex_encode(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(
      hex_encode(hmac_sha1(Bytes(80, 0xAA),
                           as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

}  // namespace
}  // namespace creel
