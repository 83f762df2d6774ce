#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/eval/value.h"

namespace creel::filters {

// Calendar fields of a timestamp in its own offset. Years 1..9999.
struct Calendar {
  int year = 1970;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int micros = 0;
};

enum class DatePart : std::uint8_t {
  kYear,
  kMonth,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kTimezoneHour,
  kTimezoneMinute
};

// Days since 1970-01-01 in the proleptic Gregorian calendar.
std::int64_t days_from_civil(int year, int month, int day);

// "2007T", "2007-02T", "2007-02-23", "2007-02-23T12:14Z", "2007-02-23T12:14:33.079-08:00"; a space
// may stand for the T, digits past microseconds are cut, no offset means UTC. False if malformed.
bool parse_timestamp(std::string_view text, Value& out);

Calendar calendar_of(const Value& timestamp);

// As much as its precision says, in the Ion and RFC 3339 form. Writes at most kTimestampText bytes.
inline constexpr std::size_t kTimestampText = 40;
std::size_t print_timestamp(const Value& timestamp, char* out);

// Adds whole parts; a day is cut to the length of its month. False past year 1 or 9999.
bool date_add(DatePart part, std::int64_t count, const Value& timestamp, Value& out);
// Whole parts between the two, truncated toward zero; a day is 24 hours.
std::int64_t date_diff(DatePart part, const Value& from, const Value& to);
std::int64_t extract(DatePart part, const Value& timestamp);

// TO_STRING with the pattern letters of the S3 Select reference (y yy yyyy M MM MMM MMMM MMMMM d dd
// a h hh H HH m mm s ss S… n X x and their repetitions). False if the pattern has another letter or
// the text gets long.
bool format_timestamp(const Value& timestamp, std::string_view pattern, std::string& out);

}  // namespace creel::filters
