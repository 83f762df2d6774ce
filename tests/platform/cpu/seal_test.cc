#include "platform/cpu/seal.h"

#include <gtest/gtest.h>

#include <new>

#include "tests/support/seeds.h"

namespace creel {
namespace {

using creel::test::seeds;
using creel::test::TestRandom;

TEST(Seal, OpensWithItsKeyAndContextAndNothingElse) {
  for (const creel::test::Seed seed : seeds(50)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes key = random.bytes(kSealKeyBytes), nonce = random.bytes(kSealNonceBytes);
    const Bytes context = random.bytes(random.below(30)), plain = random.bytes(random.below(200));
    const Bytes sealed = seal(key, nonce, context, plain);
    const Result<Bytes> opened = open_sealed(key, context, sealed);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened.value(), plain);
    Bytes changed = sealed;
    changed[random.below(changed.size())] ^= 1;
    EXPECT_FALSE(open_sealed(key, context, changed).ok());
    Bytes other_key = key;
    other_key[random.below(other_key.size())] ^= 1;
    EXPECT_FALSE(open_sealed(other_key, context, sealed).ok());
    Bytes other_context = context;
    other_context.push_back(0);
    EXPECT_FALSE(open_sealed(key, other_context, sealed).ok());
    EXPECT_FALSE(open_sealed(key, context, ByteView(sealed).first(random.below(28))).ok());
  }
}

Bytes hex(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    out.push_back(static_cast<std::uint8_t>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return out;
}

// Case 15 of "The Galois/Counter Mode of Operation (GCM)": AES-256 without associated data.
TEST(Seal, IsAesGcmAsPublished) {
  const Bytes sealed =
      seal(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"),
           hex("cafebabefacedbaddecaf888"), {},
           hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
               "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"));
  EXPECT_EQ(sealed, hex("cafebabefacedbaddecaf888"
                        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                        "b094dac5d93471bdec1a502270e3cc6c"));
}

// Case 16 of the same paper: with associated data, and in place.
TEST(Seal, ManyValuesUnderOneKeyAreAesGcmAsPublished) {
  Sealer sealer(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  const Bytes nonce = hex("cafebabefacedbaddecaf888");
  const Bytes context = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const Bytes plain =
      hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  Bytes bytes = plain, tag(kSealTagBytes);
  sealer.seal(nonce, context, bytes, tag);
  EXPECT_EQ(bytes, hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                       "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"));
  EXPECT_EQ(tag, hex("76fc6ece0f4e1768cddf8853bb2d551b"));
  Bytes copy = bytes;
  EXPECT_FALSE(sealer.open(nonce, {}, copy, tag));
  EXPECT_TRUE(sealer.open(nonce, context, bytes, tag));
  EXPECT_EQ(bytes, plain);
}

TEST(Seal, KeysAreWipedWhenTheyGo) {
  alignas(SecretKey) std::uint8_t place[sizeof(SecretKey)];
  SecretKey* key = new (place) SecretKey(Bytes(kSealKeyBytes, 0x5a));
  key->~SecretKey();
  // Read through volatile: what lies there after the destructor is the point.
  for (const volatile std::uint8_t& byte : place) EXPECT_EQ(byte, 0);
}

}  // namespace
}  // namespace creel
