#include "platform/base/bytes.h"

#include <gtest/gtest.h>

#include "tests/support/seeds.h"

namespace creel {
namespace {

TEST(EqualConstantTime, AgreesWithPlainComparisonOnEverySingleBitFlip) {
  Bytes a(48);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = static_cast<std::uint8_t>(i * 7);
  Bytes b = a;
  EXPECT_TRUE(equal_constant_time(a, b));
  for (std::size_t bit = 0; bit < a.size() * 8; ++bit) {
    b[bit / 8] = static_cast<std::uint8_t>(b[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(equal_constant_time(a, b)) << "bit " << bit;
    b = a;
  }
}

TEST(EqualConstantTime, LengthsDecideToo) {
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_FALSE(equal_constant_time(as_bytes("a"), {}));
  EXPECT_FALSE(equal_constant_time(as_bytes("secret"), as_bytes("secret0")));
}

}  // namespace
}  // namespace creel
