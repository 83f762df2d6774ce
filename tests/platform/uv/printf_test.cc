// The static program has a printf engine of its own (toolchains/small_printf.c), other builds
// glibc's: both must write what printf(3) says.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <string>

namespace creel {
namespace {

[[gnu::format(printf, 1, 2)]] std::string text(const char* format, ...) {
  char out[700];
  va_list arguments;
  va_start(arguments, format);
  const int count = std::vsnprintf(out, sizeof out, format, arguments);
  va_end(arguments);
  const std::string result(out);
  EXPECT_EQ(static_cast<std::size_t>(count), result.size()) << format;
  return result;
}

TEST(Printf, WritesIntegers) {
  EXPECT_EQ(text("%d %i %u %o", -5, 7, 9u, 8u), "-5 7 9 10");
  EXPECT_EQ(text("%5d|%-5d|%05d|%+d|% d|%*d", 42, 42, 42, 42, 42, -4, 42),
            "   42|42   |00042|+42| 42|42  ");
  EXPECT_EQ(text("%08x %#x %X %#x", 255u, 255u, 255u, 0u), "000000ff 0xff FF 0");
  EXPECT_EQ(text("%hhu %hd %ld %zu", 200, -300, -1L, std::size_t{9}), "200 -300 -1 9");
  EXPECT_EQ(text("%llu %lld", static_cast<unsigned long long>(UINT64_MAX),
                 static_cast<long long>(INT64_MIN)),
            "18446744073709551615 -9223372036854775808");
  EXPECT_EQ(text("%.3d|%8.3d|%-8.3d|", 5, 5, 5), "005|     005|005     |");
}

TEST(Printf, WritesText) {
  EXPECT_EQ(text("%s|%10s|%-10s|%.3s|%.*s", "abc", "abc", "abc", "abcdef", 2, "xyz"),
            "abc|       abc|abc       |abc|xy");
  EXPECT_EQ(text("%c%5c%-3c|%%", 'a', 'b', 'c'), "a    bc  |%");
  const std::string big(600, 'x');
  EXPECT_EQ(text("%s!", big.c_str()), big + "!");
}

TEST(Printf, WritesNumbersWithPoints) {
  EXPECT_EQ(text("%.1f %.2f %f %5.1f %-8.2f|", 1.26, 3.14159, 2.5, 9.96, 1.5),
            "1.3 3.14 2.500000  10.0 1.50    |");
  EXPECT_EQ(text("%.0f %.1f %.3f %.1f", 2.7, -0.06, 123456789.123, 1e14),
            "3 -0.1 123456789.123 100000000000000.0");
  EXPECT_EQ(text("%g %g %g %g %g %g", 0.0, 1.5, 100000.0, 1e6, 1e-4, 1e-5),
            "0 1.5 100000 1e+06 0.0001 1e-05");
  EXPECT_EQ(text("%.3g %g %g %g", 3.14159, 1234567.0, -2.5e-7, 9.9999995),
            "3.14 1.23457e+06 -2.5e-07 10");
  EXPECT_EQ(text("%g %g %f", std::nan(""), -HUGE_VAL, HUGE_VAL), "nan -inf inf");
}

TEST(Printf, CutsWhatDoesNotFit) {
  char out[8];
  EXPECT_EQ(std::snprintf(out, sizeof out, "%s", std::string(20, 'y').c_str()), 20);
  EXPECT_STREQ(out, "yyyyyyy");
}

}  // namespace
}  // namespace creel
