#include "s3/wire/range.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/s3/wire/sigv4_support.h"

namespace creel::s3 {
namespace {

using creel::s3::test::extra_of;

// "first-last", "whole" or the code of the refusal.
std::string answer(std::string_view header, std::uint64_t size) {
  const S3Result<std::optional<ByteRange>> range = resolve_range(parse_range(header), size, header);
  if (!range.ok()) return std::string(name_of(range.error().code));
  if (!range.value()) return "whole";
  return cat(range.value()->first, "-", range.value()->last);
}

TEST(Range, WhatIsNotOneGoodByteRangeIsTheWholeObject) {
  for (const char* header : {"bytes=10-5", "bytes=abc", "foo=0-1", "bytes=0-0,1-2", "bytes= -1",
                             "bytes=", "bytes=-", "bytes=--1", "bytes=1", "bytes=0x0-1",
                             "bytes 0-1", "0-1", "", "bytes=1-2-3", "bytes=+1-2", "bytes=1- 2"})
    EXPECT_EQ(answer(header, 100), "whole") << header;
  EXPECT_EQ(parse_range({}).kind, RangeRequest::Kind::kWhole);
}

TEST(Range, GoodOnes) {
  EXPECT_EQ(answer("bytes=0-9", 100), "0-9");
  EXPECT_EQ(answer("bytes=00-01", 100), "0-1");
  EXPECT_EQ(answer("Bytes=5-", 100), "5-99");
  EXPECT_EQ(answer("bytes=90-1000", 100), "90-99");
  EXPECT_EQ(answer("bytes=0-99999999999999999999999", 100), "0-99");
  EXPECT_EQ(answer("bytes=-1", 100), "99-99");
  EXPECT_EQ(answer("bytes=-100", 100), "0-99");
  EXPECT_EQ(answer("bytes=-99999999999999999999999", 100), "0-99");
  EXPECT_EQ(answer("bytes=0-0", 1), "0-0");
  EXPECT_EQ((ByteRange{0, 9}.length()), 10u);
  EXPECT_EQ(content_range({0, 9}, 100), "bytes 0-9/100");
}

TEST(Range, Unsatisfiable) {
  for (const char* header : {"bytes=-0", "bytes=100-", "bytes=100-200",
                             "bytes=99999999999999999999999-99999999999999999999999"})
    EXPECT_EQ(answer(header, 100), "InvalidRange") << header;
  for (const char* header : {"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0"})
    EXPECT_EQ(answer(header, 0), "InvalidRange") << header;
  const auto refused = resolve_range(parse_range("bytes=100-"), 100, "bytes=100-");
  EXPECT_EQ(refused.error().status(), 416);
  EXPECT_EQ(extra_of(refused.error(), "RangeRequested"), "bytes=100-");
  EXPECT_EQ(extra_of(refused.error(), "ActualObjectSize"), "100");
  EXPECT_EQ(refused.error().headers[0], NameValue("content-range", "bytes */100"));
}

TEST(Range, OfACopyIsStrict) {
  EXPECT_EQ(parse_copy_range("bytes=0-9").value(), (ByteRange{0, 9}));
  for (const char* bad : {"bytes=0-", "bytes=-9", "bytes=9-0", "0-9", "Bytes=0-9",
                          "bytes=0-9,10-11", "bytes=a-b", ""})
    EXPECT_EQ(parse_copy_range(bad).error().code, S3Code::kInvalidArgument) << bad;
  EXPECT_TRUE(check_copy_range({0, 9}, 10, "").ok());
  EXPECT_EQ(check_copy_range({0, 10}, 10, "bytes=0-10").error().code, S3Code::kInvalidRange);
}

TEST(Range, PartNumbers) {
  EXPECT_EQ(parse_part_number("1").value(), 1u);
  EXPECT_EQ(parse_part_number("10000").value(), 10'000u);
  for (const char* bad : {"0", "10001", "-1", "", "x", "99999999999999999999"})
    EXPECT_EQ(parse_part_number(bad).error().message,
              "Part number must be an integer between 1 and 10000, inclusive.");
  EXPECT_EQ(part_number_beyond(3, 2).status(), 416);
}

}  // namespace
}  // namespace creel::s3
