// Goal: every kernel computes the published CRCs, and the same as plain division bit by bit.
// Method: published vectors; random lengths, alignments and splits against a slow model.
#include "platform/cpu/crc.h"

#include <gtest/gtest.h>

#include <string>

#include "platform/cpu/crc_kernels.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using crc_detail::Kernel;
using test::Seed;
using test::seeds;
using test::TestRandom;

template <class Word>
Word slow_crc(Word poly, ByteView bytes, Word crc = 0) {
  Word state = static_cast<Word>(~crc);
  for (const std::uint8_t byte : bytes)
    for (int bit = 0; bit < 8; ++bit) {
      const bool out = ((state ^ (byte >> bit)) & 1) != 0;
      state = static_cast<Word>((state >> 1) ^ (out ? poly : 0));
    }
  return static_cast<Word>(~state);
}

// One of the three, with all that is tested of it.
template <class Word>
struct Subject {
  const char* name;
  Word poly;
  Word check;  // CRC of "123456789".
  Word (*crc)(ByteView, Word);
  Word (*combine)(Word, Word, std::uint64_t);
  std::span<const Kernel<Word>> kernels;
};

Subject<std::uint32_t> ieee() {
  return {"crc32", 0xEDB88320, 0xCBF43926, crc32, crc32_combine, crc_detail::crc32_kernels()};
}
Subject<std::uint32_t> castagnoli() {
  return {"crc32c", 0x82F63B78, 0xE3069283, crc32c, crc32c_combine, crc_detail::crc32c_kernels()};
}
Subject<std::uint64_t> nvme() {
  return {"crc64",    0x9A6C9329AC4BC9B5, 0xAE8B14860A799888,
          crc64_nvme, crc64_nvme_combine, crc_detail::crc64_kernels()};
}

template <class Test>
void for_each_subject(Test test) {
  test(ieee());
  test(castagnoli());
  test(nvme());
}

template <class Word>
Word run(const Kernel<Word>& kernel, ByteView bytes, Word crc = 0) {
  return static_cast<Word>(~kernel.update(static_cast<Word>(~crc), bytes.data(), bytes.size()));
}

TEST(Crc, OfTheCheckString) {
  for_each_subject([](const auto& subject) {
    EXPECT_EQ(subject.crc(as_bytes("123456789"), 0), subject.check) << subject.name;
    for (const auto& kernel : subject.kernels) {
      if (!kernel.usable) continue;
      EXPECT_EQ(run(kernel, as_bytes("123456789")), subject.check) << kernel.name;
    }
  });
}

TEST(Crc, OfNothingChangesNothing) {
  for_each_subject([](const auto& subject) {
    EXPECT_EQ(subject.crc({}, 0), 0u);
    EXPECT_EQ(subject.crc({}, 0x1234567), 0x1234567u);
  });
}

// RFC 3720 B.4.
TEST(Crc, Crc32cOfTheIscsiVectors) {
  Bytes bytes(32, 0);
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAu);
  bytes.assign(32, 0xFF);
  EXPECT_EQ(crc32c(bytes), 0x62A8AB43u);
  for (std::size_t i = 0; i < 32; ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc32c(bytes), 0x46DD794Eu);
}

// NVM Express NVM Command Set Specification 1.0d, figure 120.
TEST(Crc, Crc64OfTheNvmeVectors) {
  Bytes bytes(4096, 0);
  EXPECT_EQ(crc64_nvme(bytes), 0x6482D367EB22B64Eu);
  bytes.assign(4096, 0xFF);
  EXPECT_EQ(crc64_nvme(bytes), 0xC0DDBA7302ECA3ACu);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(crc64_nvme(bytes), 0x3E729F5F6750449Cu);
}

TEST(Crc, EveryLengthUpToSixHundredAgreesWithTheModel) {
  const Bytes bytes = TestRandom(Seed{7}).bytes(600);
  for_each_subject([&](const auto& subject) {
    for (std::size_t length = 0; length <= bytes.size(); ++length) {
      const ByteView view(bytes.data(), length);
      const auto expected = slow_crc(subject.poly, view);
      for (const auto& kernel : subject.kernels) {
        if (!kernel.usable) continue;
        ASSERT_EQ(run(kernel, view), expected)
            << subject.name << ' ' << kernel.name << ' ' << length;
      }
    }
  });
}

TEST(Crc, KernelsAgreeOnAnyLengthAlignmentAndStart) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::size_t offset = random.below(64);
    const Bytes bytes = random.bytes(offset + random.skewed_below(20'000));
    const ByteView view = ByteView(bytes).subspan(offset);
    for_each_subject([&](const auto& subject) {
      const auto start = static_cast<decltype(subject.check)>(random.next());
      const auto expected = slow_crc(subject.poly, view, start);
      EXPECT_EQ(subject.crc(view, start), expected) << subject.name;
      for (const auto& kernel : subject.kernels) {
        if (!kernel.usable) continue;
        EXPECT_EQ(run(kernel, view, start), expected) << subject.name << ' ' << kernel.name;
      }
    });
  }
}

TEST(Crc, PiecesAndCombinationGiveTheCrcOfTheWhole) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Bytes bytes = random.bytes(random.skewed_below(5'000));
    const std::size_t cut = random.below(bytes.size() + 1);
    const ByteView a = ByteView(bytes).first(cut);
    const ByteView b = ByteView(bytes).subspan(cut);
    for_each_subject([&](const auto& subject) {
      const auto whole = subject.crc(bytes, 0);
      const auto crc_a = subject.crc(a, 0);
      EXPECT_EQ(subject.crc(b, crc_a), whole) << subject.name;
      EXPECT_EQ(subject.combine(crc_a, subject.crc(b, 0), b.size()), whole) << subject.name;
    });
  }
}

TEST(Crc, CombinationTakesLengthsBeyondFourGigabytes) {
  // Doubling: the CRC of 2^n zeros, 40 times from one byte; against one combination of the length.
  for_each_subject([](const auto& subject) {
    const auto start = subject.crc(as_bytes("x"), 0);
    const Bytes zero(1, 0);
    auto zeros = subject.crc(zero, 0);
    std::uint64_t length = 1;
    for (int i = 0; i < 40; ++i, length *= 2) zeros = subject.combine(zeros, zeros, length);
    const auto once = subject.combine(start, zeros, length);
    const auto twice = subject.combine(once, zeros, length);
    const auto both = subject.combine(zeros, zeros, length);
    EXPECT_EQ(subject.combine(start, both, length * 2), twice) << subject.name;
  });
}

// core cells: stored = crc(cell) ^ shift(seed, length). The seed comes out again, and a cell that
// was read from another place does not pass.
TEST(Crc64Shift, SeedsACellWithItsIdentity) {
  const Bytes cell = TestRandom(Seed{3}).bytes(65'536);
  const std::uint64_t seed = crc64_nvme(as_bytes("blob 7, slot 2, cell 11"));
  const std::uint64_t stored = crc64_nvme(cell) ^ crc64_nvme_shift(seed, cell.size());
  EXPECT_EQ(stored, crc64_nvme_combine(seed, crc64_nvme(cell), cell.size()));
  EXPECT_EQ(stored, crc64_nvme(cell, seed));
  const std::uint64_t other = crc64_nvme(as_bytes("blob 7, slot 3, cell 11"));
  EXPECT_NE(stored, crc64_nvme(cell, other));
}

TEST(Crc64Shift, IsLinearAndAdds) {
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::uint64_t a = random.next(), b = random.next();
    const std::uint64_t m = random.next() >> 1, n = random.next() >> 1;
    EXPECT_EQ(crc64_nvme_shift(a, n) ^ crc64_nvme_shift(b, n), crc64_nvme_shift(a ^ b, n));
    EXPECT_EQ(crc64_nvme_shift(crc64_nvme_shift(a, n), m), crc64_nvme_shift(a, m + n));
  }
  EXPECT_EQ(crc64_nvme_shift(0xABCDEF, 0), 0xABCDEFu);
}

TEST(Crc, PlainIsAlwaysTheLastKernelAndUsable) {
  for_each_subject([](const auto& subject) {
    ASSERT_FALSE(subject.kernels.empty());
    EXPECT_STREQ(subject.kernels.back().name, "plain");
    EXPECT_TRUE(subject.kernels.back().usable);
  });
}

}  // namespace
}  // namespace creel
