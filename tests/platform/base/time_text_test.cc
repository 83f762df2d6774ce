#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

constexpr WallTime at(std::int64_t seconds) { return WallTime::from_ms(seconds * 1000); }

TEST(Dates, AreWrittenInTheThreeForms) {
  const WallTime time = WallTime::from_ms(1767323045006);
  EXPECT_EQ(iso8601_ms(time), "2026-01-02T03:04:05.006Z");
  EXPECT_EQ(iso8601_basic(time), "20260102T030405Z");
  EXPECT_EQ(http_date(time), "Fri, 02 Jan 2026 03:04:05 GMT");
}

TEST(Dates, BeforeTheEpochAreFloored) {
  EXPECT_EQ(iso8601_ms(WallTime{-1}), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(http_date(WallTime{-1}), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(iso8601_ms(WallTime{INT64_MIN}), "1677-09-21T00:12:43.145Z");
  EXPECT_EQ(iso8601_ms(WallTime{INT64_MAX}), "2262-04-11T23:47:16.854Z");
}

// The example of RFC 9110 §5.6.7: one moment, three spellings.
TEST(Dates, OfHttpAreReadInAllThreeForms) {
  for (const char* text : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994"})
    EXPECT_EQ(parse_http_date(text), at(784111777)) << text;
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994"), at(784111777 + 10 * 86400));
  EXPECT_EQ(parse_http_date("Friday, 02-Jan-26 03:04:05 GMT"), at(1767323045));
}

TEST(Dates, OfHttpAreRefusedWhenBroken) {
  for (const char* text : {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
                           "Sun, 6 Nov 1994 08:49:37 GMT", "Son, 06 Nov 1994 08:49:37 GMT",
                           "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 31 Nov 1994 08:49:37 GMT",
                           "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
                           "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ",
                           "Sun, 06 Nov 9999 08:49:37 GMT", "Sun Nov 06 08:49:37 1994 "})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

TEST(Dates, OfIso8601TakeFractionsAndOffsets) {
  EXPECT_EQ(parse_iso8601("2026-01-02T03:04:05Z"), at(1767323045));
  EXPECT_EQ(parse_iso8601("2026-01-02T05:04:05+02:00"), at(1767323045));
  EXPECT_EQ(parse_iso8601("2026-01-01T21:34:05-05:30"), at(1767323045));
  EXPECT_EQ(parse_iso8601("2026-01-02T03:04:05.5Z"), WallTime::from_ms(1767323045500));
  EXPECT_EQ(parse_iso8601("2026-01-02T03:04:05.123456789123+00:00"),
            (WallTime{1767323045123456789}));
  EXPECT_EQ(parse_iso8601("2024-02-29T00:00:00Z"), at(1709164800));
}

TEST(Dates, OfIso8601AreRefusedWhenBroken) {
  for (const char* text :
       {"", "2026-01-02", "2026-01-02T03:04Z", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05+0200", "2026-01-02T03:04:05+24:00",
        "2026-13-02T03:04:05Z", "2026-00-02T03:04:05Z", "2026-01-00T03:04:05Z",
        "2025-02-29T03:04:05Z", "2100-02-29T03:04:05Z", "2026-01-02T03:04:05ZZ",
        "+026-01-02T03:04:05Z", "0000-01-02T03:04:05Z", "2262-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_iso8601(text)) << text;
  for (const char* text : {"", "20260102T030405", "20260102T030405.0Z", "20261302T030405Z",
                           "2026-01-02T03:04:05Z", "20260102T250405Z", "20260102t030405Z"})
    EXPECT_FALSE(parse_iso8601_basic(text)) << text;
}

TEST(Dates, ComeBackUnchanged) {
  for (Seed seed : seeds(2000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    // 1678-01-01 to 2261-12-31: the whole years of a WallTime.
    const WallTime ms =
        WallTime::from_ms(random.between<std::int64_t>(-9214560000000, 9214646399999));
    const WallTime second = at(ms.seconds() - (ms.ns % 1'000'000'000 < 0 ? 1 : 0));
    EXPECT_EQ(parse_iso8601(iso8601_ms(ms)), ms);
    EXPECT_EQ(parse_iso8601_basic(iso8601_basic(ms)), second);
    EXPECT_EQ(parse_http_date(http_date(ms)), second);
  }
}

}  // namespace
}  // namespace creel
