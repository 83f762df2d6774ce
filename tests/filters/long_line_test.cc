#include <gtest/gtest.h>

#include "platform/base/units.h"
#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

// Goal: a line of 100 MB is a record that fails, not a buffer: the rows around it go their way.
TEST(LongLine, AHundredMegabytesAreSkippedStreaming) {
  const auto set = must_parse(rule_text("sql = 'SELECT a FROM S3Object WHERE b > 1'"));
  ASSERT_NE(set, nullptr);
  FilterOptions options;
  options.judge_errors = false;  // One of three rows: more than a rule allows.
  const ObjectInfo object = object_named("a.csv");  // Borrowed by the filter.
  const auto filter = RecordFilter::make(*set->rules()[0], object, options);
  ASSERT_TRUE(filter->push(as_bytes("a,b\nfirst,2\nlong,")).ok());
  const std::string piece(64 * KiB, '7');
  Bytes letters;
  for (std::size_t sent = 0; sent < 100'000'000; sent += piece.size()) {
    ASSERT_TRUE(filter->push(as_bytes(piece)).ok()) << filter->held_detail();
    append(letters, filter->take_dead_letters());
    ASSERT_LE(letters.size(), 256 * KiB);  // What is kept of the line is cut.
  }
  ASSERT_TRUE(filter->push(as_bytes("\nlast,3\n")).ok());
  ASSERT_TRUE(filter->finish().ok());
  append(letters, filter->take_dead_letters());
  EXPECT_EQ(to_string(filter->take_output()), "a\nfirst\nlast\n");
  EXPECT_EQ(filter->counters().rows, 3u);
  EXPECT_EQ(filter->counters().kept, 2u);
  EXPECT_EQ(filter->counters().dead, 1u);
  EXPECT_NE(to_string(letters).find("\"row\":2"), std::string::npos)
      << to_string(letters).substr(0, 300);
}

}  // namespace
}  // namespace creel::filters::test
