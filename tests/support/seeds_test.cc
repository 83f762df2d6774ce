#include "tests/support/seeds.h"

#include <gtest/gtest.h>

#include <set>

namespace creel::test {
namespace {

TEST(Seeds, AreDistinctAndTheSameEachTime) {
  if (std::getenv("CREEL_SEED") != nullptr) GTEST_SKIP();
  const std::vector<Seed> first = seeds(100);
  const std::vector<Seed> again = seeds(100);
  std::set<uint64_t> distinct;
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].value, again[i].value);
    distinct.insert(first[i].value);
  }
  EXPECT_EQ(distinct.size(), first.size());
}

TEST(Seeds, TheHintNamesTheSeed) {
  EXPECT_EQ(Seed{0xabc}.replay_hint(), "replay with CREEL_SEED=0x0000000000000abc");
}

TEST(TestRandom, StaysWithinItsBounds) {
  for (Seed seed : seeds(50)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    for (int i = 0; i < 200; ++i) {
      const int drawn = random.between(-3, 4);
      EXPECT_GE(drawn, -3);
      EXPECT_LE(drawn, 4);
      EXPECT_LT(random.skewed_below(1000), 1000u);
      EXPECT_EQ(random.skewed_below(1), 0u);
    }
    EXPECT_EQ(random.bytes(13).size(), 13u);
  }
}

TEST(TestRandom, SkewedDrawsReachTheEdges) {
  TestRandom random(uint64_t{7});
  std::set<uint64_t> seen;
  for (int i = 0; i < 2000; ++i) seen.insert(random.skewed_below(1 << 20));
  EXPECT_TRUE(seen.contains(0));
  EXPECT_TRUE(seen.contains(1));
  EXPECT_TRUE(seen.contains((1 << 20) - 1));
}

}  // namespace
}  // namespace creel::test
