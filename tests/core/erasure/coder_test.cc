// Goal (PO11): any k of the n cells of a stripe rebuild the rest, bit-exact, with every kernel.
// Method: every loss pattern of every shipped layout, sizes at the edges and drawn ones.
#include "core/erasure/coder.h"

#include <gtest/gtest.h>

#include <bit>

#include "core/erasure/manifest.h"
#include "core/erasure/stripe.h"
#include "platform/base/endian.h"
#include "platform/cpu/crc.h"
#include "tests/support/seeds.h"

namespace creel::core {
namespace {

using Random = test::TestRandom;
using test::Seed;
using test::seeds;

std::vector<std::uint64_t> sizes(const Layout& layout, Random& random) {
  const std::uint64_t stripe = layout.stripe_bytes();
  return {1,
          63,
          64,
          65,
          kCellBytes - 1,
          kCellBytes,
          std::min(kCellBytes + 1, stripe),
          stripe - 1,
          stripe,
          random.between<std::uint64_t>(1, stripe)};
}

// Fills a stripe with drawn bytes; returns them.
Bytes fill(Stripe& stripe, std::uint64_t bytes, Random& random) {
  const Bytes plain = random.bytes(static_cast<std::size_t>(bytes));
  std::copy(plain.begin(), plain.end(), stripe.plain().begin());
  return plain;
}

void expect_all_patterns(Coder& coder, const Layout& layout, std::uint64_t bytes, Random& random) {
  Stripe stripe(layout);
  const Bytes plain = fill(stripe, bytes, random);
  const BlobId blob{0, 0, 1, 7};
  EXPECT_EQ(stripe.encode(coder, blob, 0, bytes), crc64_nvme(plain));
  const auto cell_bytes = static_cast<std::size_t>(stripe.cell_bytes());
  std::vector<Bytes> truth;
  for (unsigned slot = 0; slot < layout.slots(); ++slot)
    truth.push_back(to_bytes(std::as_const(stripe).cell(slot)));
  const std::uint32_t all = (1u << layout.slots()) - 1;
  for (std::uint32_t lost = 1; lost <= all; ++lost) {
    if (std::popcount(lost) > layout.parity) continue;
    for (unsigned slot = 0; slot < layout.slots(); ++slot)
      if (lost >> slot & 1) std::fill_n(stripe.cell(slot), cell_bytes, std::uint8_t{0xee});
    const auto cells = stripe.cells();
    coder.rebuild(layout, std::span(cells.data(), layout.slots()), cell_bytes, all & ~lost, lost);
    for (unsigned slot = 0; slot < layout.slots(); ++slot)
      ASSERT_TRUE(equal(std::as_const(stripe).cell(slot), truth[slot]))
          << unsigned{layout.data} << "+" << unsigned{layout.parity} << ", " << bytes
          << " bytes, lost " << lost << ", slot " << slot;
  }
}

TEST(Coder, EveryLossPatternOfEveryShippedLayoutRebuilds) {
  Random random(Seed{11});
  for (const Layout& layout : shipped_layouts()) {
    Coder coder;
    // 8+4 has 793 patterns: whole cells of it once, small ones often.
    for (std::uint64_t bytes : sizes(layout, random))
      if (layout.slots() < 10 || bytes <= 65 || bytes == layout.stripe_bytes())
        expect_all_patterns(coder, layout, bytes, random);
  }
}

TEST(Coder, PlainKernelRebuildsToo) {
  Random random(Seed{12});
  for (const Layout& layout : shipped_layouts()) {
    Coder coder(Coder::Kernel::kPlain);
    for (std::uint64_t bytes : {std::uint64_t{1}, layout.data * std::uint64_t{200}})
      expect_all_patterns(coder, layout, bytes, random);
  }
}

TEST(Coder, KernelsAgreeOnParity) {
  Random random(Seed{13});
  for (const Layout& layout : shipped_layouts()) {
    for (std::uint64_t bytes : sizes(layout, random)) {
      Coder best, plain(Coder::Kernel::kPlain);
      Stripe a(layout), b(layout);
      const Bytes content = fill(a, bytes, random);
      std::copy(content.begin(), content.end(), b.plain().begin());
      a.encode(best, {}, 3, bytes);
      b.encode(plain, {}, 3, bytes);
      for (unsigned slot = 0; slot < layout.slots(); ++slot) {
        ASSERT_TRUE(equal(std::as_const(a).cell(slot), std::as_const(b).cell(slot)));
        ASSERT_EQ(a.crc(slot), b.crc(slot));
      }
    }
  }
}

TEST(Coder, SelfCheckHolds) {
  for (Coder::Kernel kernel : {Coder::Kernel::kBest, Coder::Kernel::kPlain}) {
    Coder coder(kernel);
    const Result<Unit> held = coder.self_check();
    EXPECT_TRUE(held.ok()) << held.error().detail;
  }
}

TEST(Cell, AnotherPlaceFailsLikeAnotherBit) {
  Random random(Seed{14});
  const BlobId blob{1, 2, 3, 4};
  Bytes cell = random.bytes(640);
  append_le<std::uint64_t>(cell, seed_cell_crc(crc64_nvme(cell), 640, blob, 5, 6));
  EXPECT_TRUE(cell_holds(cell, blob, 5, 6));
  EXPECT_FALSE(cell_holds(cell, blob, 4, 6));                // Swapped between slots.
  EXPECT_FALSE(cell_holds(cell, blob, 5, 7));                // Misdirected within the shard.
  EXPECT_FALSE(cell_holds(cell, BlobId{1, 2, 3, 5}, 5, 6));  // Another blob's, or a stale one.
  EXPECT_FALSE(cell_holds(cell, BlobId{1, 2, 4, 4}, 5, 6));
  for (int i = 0; i < 200; ++i) {
    Bytes bad = cell;
    bad[random.below(bad.size())] ^= static_cast<std::uint8_t>(1u << random.below(8));
    EXPECT_FALSE(cell_holds(bad, blob, 5, 6));
  }
}

TEST(Geometry, CellsCoverTheBlobAndNothingElse) {
  Random random(Seed{15});
  for (const Layout& layout : shipped_layouts()) {
    for (int i = 0; i < 50; ++i) {
      const std::uint64_t size = random.skewed_below(20 * layout.stripe_bytes());
      const Geometry geometry(layout, size);
      std::uint64_t plain = 0, shard = 0;
      for (std::uint64_t stripe = 0; stripe < geometry.stripes(); ++stripe) {
        EXPECT_EQ(geometry.shard_offset(stripe), shard);
        EXPECT_GE(geometry.cell_bytes(stripe) * layout.data, geometry.plain_bytes(stripe));
        EXPECT_EQ(geometry.cell_bytes(stripe) % kCellAlign, 0u);
        plain += geometry.plain_bytes(stripe);
        shard += geometry.cell_bytes(stripe) + kCellCrcBytes;
      }
      EXPECT_EQ(plain, size);
      EXPECT_EQ(geometry.shard_bytes(), shard);
    }
  }
}

TEST(Layout, DefaultsAreThoseOfTheTable) {
  const Layout expected[] = {{1, 0}, {1, 1}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {4, 2}, {5, 3},
                             {5, 3}, {5, 3}, {5, 3}, {8, 4}, {8, 4}, {8, 4}, {8, 4}, {8, 4}};
  const unsigned quorum[] = {1, 2, 2, 3, 4, 5, 5, 7, 7, 7, 7, 10, 10, 10, 10, 10};
  for (unsigned drives = 1; drives <= 16; ++drives) {
    EXPECT_EQ(default_layout(drives), expected[drives - 1]) << drives;
    EXPECT_EQ(default_layout(drives).write_quorum(), quorum[drives - 1]) << drives;
  }
}

TEST(Manifest, RoundTripsAndRefusesAnythingElse) {
  Random random(Seed{16});
  ErasureManifest manifest;
  manifest.blob = {0, 0, 9, 1234567};
  manifest.layout = {4, 2};
  manifest.size = 5'000'000'000;
  manifest.crc64 = 0x0123456789abcdef;
  manifest.present = 0b111111;
  manifest.seat = {5, 0, 1, 2, 3, 4};
  const std::string encoded = manifest.encode();
  EXPECT_EQ(encoded.size(), 54u);
  Result<ErasureManifest> parsed = ErasureManifest::parse(encoded);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed.value().encode(), encoded);
  EXPECT_FALSE(parsed.value().degraded());
  manifest.present = 0b011111;
  EXPECT_TRUE(manifest.degraded());
  EXPECT_EQ(manifest.encode()[1], 1);
  manifest.present = 0b111111;
  manifest.seat[1] = 5;  // Two shards on one drive.
  EXPECT_TRUE(manifest.degraded());
  for (std::size_t cut = 0; cut < encoded.size(); ++cut)
    EXPECT_FALSE(ErasureManifest::parse(encoded.substr(0, cut)).ok());
  for (int i = 0; i < 2'000; ++i) {
    std::string any = encoded;
    any[random.below(any.size())] = static_cast<char>(random.below(256));
    (void)ErasureManifest::parse(any);  // Must not crash.
  }
}

}  // namespace
}  // namespace creel::core
