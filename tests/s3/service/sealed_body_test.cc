#include "s3/service/sealed_body.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "s3/service/key_ring.h"
#include "tests/support/memory_s3.h"

namespace creel::s3 {
namespace {

using creel::test::seeds;
using creel::test::TestRandom;

// [offset, …) of stored bytes, in pieces of any length; counts what was taken.
class StoredReader final : public BodyReader {
 public:
  StoredReader(ByteView bytes, TestRandom& random, std::uint64_t& taken)
      : bytes_(bytes), random_(random), taken_(taken) {}
  Task<Result<std::size_t>> read(Ctx&, MutableBytes into) override {
    const std::size_t most = std::min(into.size(), bytes_.size());
    const std::size_t take = most == 0 ? 0 : 1 + random_.below(most);
    std::copy_n(bytes_.data(), take, into.data());
    bytes_ = bytes_.subspan(take);
    taken_ += take;
    co_return take;
  }

 private:
  ByteView bytes_;
  TestRandom& random_;
  std::uint64_t& taken_;
};

struct Sealed {
  SecretKey key;
  std::vector<PieceRun> pieces;
  Bytes plain, stored;
};

std::uint64_t some_size(TestRandom& random) {
  // Around the ends of frames, for that is where it goes wrong.
  const std::uint64_t near[] = {0,      1,      65'503, 65'504,  65'505,
                                65'520, 65'521, 65'536, 131'024, 131'025};
  return random.below(2) == 0 ? near[random.below(std::size(near))] : random.below(200'000);
}

Sealed make_sealed(TestRandom& random) {
  Sealed made;
  made.key = SecretKey(random.bytes(kSealKeyBytes));
  std::uint16_t number = static_cast<std::uint16_t>(random.below(3));
  for (std::uint64_t runs = 1 + random.below(3); runs > 0; --runs) {
    PieceRun run{number, static_cast<std::uint16_t>(1 + random.below(3)), some_size(random)};
    for (std::uint16_t i = 0; i < run.count; ++i) {
      Salt salt;
      const Bytes luck = random.bytes(salt.size());
      std::copy(luck.begin(), luck.end(), salt.begin());
      PieceSealer sealer(made.key, static_cast<std::uint16_t>(run.first + i), salt);
      const Bytes plain = random.bytes(static_cast<std::size_t>(run.size));
      const std::size_t before = made.stored.size();
      for (ByteView left = plain; !left.empty();) {
        const std::size_t take = 1 + random.below(left.size());
        sealer.add(left.first(take), made.stored);
        left = left.subspan(take);
      }
      sealer.finish(made.stored);
      EXPECT_EQ(made.stored.size() - before, sealed_bytes(run.size));
      append(made.plain, ByteView(plain));
    }
    number = static_cast<std::uint16_t>(number + run.count + random.below(2));
    made.pieces.push_back(run);
  }
  return made;
}

Result<Bytes> read_range(const Sealed& sealed, std::uint64_t offset, std::uint64_t length,
                         TestRandom& random, std::uint64_t& taken) {
  SealedRange range = sealed_range(sealed.pieces, offset, length);
  const auto stored = [&](std::uint64_t at, std::uint64_t bytes) {
    return std::make_unique<StoredReader>(
        ByteView(sealed.stored)
            .subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(bytes)),
        random, taken);
  };
  auto frames = stored(range.stored_offset, range.stored_length);
  std::unique_ptr<BodyReader> salt;
  if (range.first_frame > 0) salt = stored(range.salt_offset, kSaltBytes);
  SealedReader reader(sealed.key, std::move(range), std::move(frames), std::move(salt));
  creel::test::TestLoop loop;
  Ctx ctx(loop, loop);
  Bytes out;
  for (Bytes room(1 + random.below(300'000));;) {
    auto got = std::move(*loop.run(reader.read(ctx, room)));
    if (!got.ok()) return got.error();
    if (got.value() == 0) return out;
    append(out, ByteView(room).first(got.value()));
  }
}

TEST(SealedBody, AnyRangeOpensToItsBytesAndTouchesItsFramesOnly) {
  for (const creel::test::Seed seed : seeds(60)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Sealed sealed = make_sealed(random);
    for (int i = 0; i < 6; ++i) {
      const std::uint64_t offset = i == 0 ? 0 : random.below(sealed.plain.size() + 1);
      const std::uint64_t left = sealed.plain.size() - offset;
      const std::uint64_t length =
          i == 0 ? left : random.below(std::min<std::uint64_t>(left, i % 2 == 0 ? left : 100) + 1);
      std::uint64_t taken = 0;
      const Result<Bytes> got = read_range(sealed, offset, length, random, taken);
      ASSERT_TRUE(got.ok()) << got.error().detail;
      ASSERT_TRUE(equal(got.value(), ByteView(sealed.plain)
                                         .subspan(static_cast<std::size_t>(offset),
                                                  static_cast<std::size_t>(length))));
      const std::uint64_t pieces = sealed.plain.empty() ? 0 : 10;
      EXPECT_LE(taken, length + 2 * kFrameBytes + pieces * (kSaltBytes + kFrameTagBytes) +
                           frame_count(length) * kFrameTagBytes);
    }
  }
}

TEST(SealedBody, ChangedCutOrMovedBytesDoNotOpen) {
  for (const creel::test::Seed seed : seeds(40)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Sealed sealed = make_sealed(random);
    if (sealed.plain.empty()) continue;
    std::uint64_t taken = 0;
    const auto opens = [&](const Sealed& tried) {
      return read_range(tried, 0, tried.plain.size(), random, taken).ok();
    };
    Sealed changed = sealed;
    changed.stored[random.below(changed.stored.size())] ^= 1;
    EXPECT_FALSE(opens(changed));
    Sealed other = sealed;
    other.key.room()[random.below(kSealKeyBytes)] ^= 1;
    EXPECT_FALSE(opens(other));
    Sealed renumbered = sealed;
    for (PieceRun& run : renumbered.pieces) ++run.first;
    EXPECT_FALSE(opens(renumbered));
  }
}

// The first frame of a longer body must not pass for a whole one.
TEST(SealedBody, ABodyCutBetweenFramesDoesNotOpen) {
  TestRandom random(creel::test::Seed{7});
  Sealed sealed;
  sealed.key = SecretKey(random.bytes(kSealKeyBytes));
  PieceSealer sealer(sealed.key, 0, Salt{});
  sealed.plain = random.bytes(100'000);
  sealer.add(sealed.plain, sealed.stored);
  sealer.finish(sealed.stored);
  sealed.pieces = {{0, 1, frame_begin(1)}};
  std::uint64_t taken = 0;
  EXPECT_FALSE(read_range(sealed, 0, frame_begin(1), random, taken).ok());
}

TEST(SealedBody, EqualBodiesAreStoredAsUnequalBytes) {
  const SecretKey key(Bytes(kSealKeyBytes, 1));
  Bytes stored[2];
  for (std::uint8_t i = 0; i < 2; ++i) {
    PieceSealer sealer(key, 1, Salt{i});
    sealer.add(Bytes(100, 'x'), stored[i]);
    sealer.finish(stored[i]);
  }
  EXPECT_FALSE(
      equal(ByteView(stored[0]).subspan(kSaltBytes), ByteView(stored[1]).subspan(kSaltBytes)));
}

class KeyRingTest : public testing::Test {
 protected:
  test::MemoryDoors doors;
  const SecretKey data_key{Bytes(kSealKeyBytes, 9)};
};

TEST_F(KeyRingTest, EveryKindOpensWithItsKeyOnly) {
  KeyRing ring, other;
  ring.add_master_key(Bytes(32, 1));
  ring.add_kms_key("a", Bytes(32, 2));
  ring.add_kms_key("b", Bytes(32, 3));
  other.add_master_key(Bytes(32, 4));
  other.add_kms_key("a", Bytes(32, 5));
  CustomerKey mine{SecretKey(Bytes(32, 6)), ""}, theirs{SecretKey(Bytes(32, 7)), ""};
  EXPECT_EQ(ring.default_kms_key(), "a");
  for (const EncryptionKind kind :
       {EncryptionKind::kCustomer, EncryptionKind::kServer, EncryptionKind::kKms}) {
    Encryption made;
    made.kind = kind;
    if (kind == EncryptionKind::kKms) made.key_id = "a";
    ASSERT_TRUE(ring.wrap(made, data_key, &mine, doors.random).ok());
    const Result<Encryption> read = Encryption::decode(made.encode());
    ASSERT_TRUE(read.ok());
    const Result<SecretKey> opened = ring.unwrap(read.value(), &mine);
    ASSERT_TRUE(opened.ok());
    EXPECT_TRUE(equal(opened.value().view(), data_key.view()));
    const bool of_customer = kind == EncryptionKind::kCustomer;
    EXPECT_EQ(other.unwrap(read.value(), &theirs).ok(), false);
    EXPECT_EQ(ring.unwrap(read.value(), nullptr).ok(), !of_customer);
    Encryption moved = read.value();
    if (kind == EncryptionKind::kKms) moved.key_id = "b";
    else moved.wrapped.back() ^= 1;
    EXPECT_FALSE(ring.unwrap(moved, &mine).ok());
    EXPECT_EQ(made.encode().find(std::string(8, '\x09')), std::string::npos);
  }
}

TEST_F(KeyRingTest, OldMasterKeysStillOpenAndTheNewOneSeals) {
  KeyRing before, after;
  before.add_master_key(Bytes(32, 1));
  after.add_master_key(Bytes(40, 2));
  after.add_master_key(Bytes(32, 1));
  Encryption old_one, new_one;
  old_one.kind = new_one.kind = EncryptionKind::kServer;
  ASSERT_TRUE(before.wrap(old_one, data_key, nullptr, doors.random).ok());
  ASSERT_TRUE(after.wrap(new_one, data_key, nullptr, doors.random).ok());
  EXPECT_NE(old_one.key_id, new_one.key_id);
  EXPECT_TRUE(after.unwrap(old_one, nullptr).ok());
  EXPECT_TRUE(after.unwrap(new_one, nullptr).ok());
  const Result<SecretKey> missing = before.unwrap(new_one, nullptr);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().detail.find(new_one.key_id), std::string::npos);
}

TEST(Encryption, PiecesThatDoNotAddUpAreRefused) {
  Encryption made;
  made.kind = EncryptionKind::kCustomer;
  made.wrapped = "x";
  EXPECT_EQ(stored_bytes(made.encode(), 100).value(), sealed_bytes(100));
  made.pieces = {{1, 2, 40}, {3, 1, 20}};
  EXPECT_EQ(stored_bytes(made.encode(), 100).value(), 2 * sealed_bytes(40) + sealed_bytes(20));
  EXPECT_FALSE(stored_bytes(made.encode(), 99).ok());
  EXPECT_FALSE(stored_bytes(made.encode(), 101).ok());
  made.pieces = {{1, 65'535, UINT64_MAX / 2}};
  EXPECT_FALSE(stored_bytes(made.encode(), 100).ok());
  EXPECT_EQ(stored_bytes("", 100).value(), 100u);
  for (const std::string_view bad : {"x", "\x01\0\x01\0\x09", "\x02\0\x01\0a"})
    EXPECT_FALSE(Encryption::decode(bad).ok());
}

}  // namespace
}  // namespace creel::s3
