// The date forms of S3 and HTTP, declared in text.h. All are UTC, proleptic Gregorian, and limited
// to the years a WallTime can hold; an offset is applied and forgotten.
#include <array>
#include <cstdio>

#include "platform/base/text.h"

namespace creel {
namespace {

constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
// A WallTime reaches from September 1677 to April 2262; only its whole years are taken.
constexpr int kYearFirst = 1678;
constexpr int kYearLast = 2261;

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

struct Civil {
  int year = 0;
  int month = 0;  // 1–12.
  int day = 0;    // 1–31.
  int hour = 0;
  int minute = 0;
  int second = 0;  // Up to 60 when read: RFC 9110 §5.6.7 allows a leap second.
  std::int64_t ns = 0;
};

constexpr bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr int days_of_month(int year, int month) {
  constexpr int kLengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kLengths[month - 1];
}

// Days from 1970-01-01 to the first of January of `year`, for years after 0.
constexpr std::int64_t days_before_year(int year) {
  const std::int64_t past = year - 1;
  return past * 365 + past / 4 - past / 100 + past / 400 - 719'162;
}

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

Civil to_civil(WallTime time) {
  Civil out;
  const std::int64_t seconds = floor_div(time.ns, kNsPerSecond);
  out.ns = time.ns % kNsPerSecond;  // seconds * kNsPerSecond can overflow at the very beginning.
  if (out.ns < 0) out.ns += kNsPerSecond;
  const std::int64_t days = floor_div(seconds, kSecondsPerDay);
  const auto rest = static_cast<int>(seconds - days * kSecondsPerDay);
  out.hour = rest / 3600;
  out.minute = rest / 60 % 60;
  out.second = rest % 60;
  out.year = 1970 + static_cast<int>(floor_div(days, 366));  // A guess, off by one at most.
  while (days_before_year(out.year + 1) <= days) ++out.year;
  while (days_before_year(out.year) > days) --out.year;
  auto day = static_cast<int>(days - days_before_year(out.year));
  for (out.month = 1; day >= days_of_month(out.year, out.month); ++out.month)
    day -= days_of_month(out.year, out.month);
  out.day = day + 1;
  return out;
}

// nullopt if a field is out of its range.
std::optional<WallTime> from_civil(const Civil& c, std::int64_t offset_seconds) {
  if (c.year < kYearFirst || c.year > kYearLast || c.month < 1 || c.month > 12 || c.day < 1 ||
      c.day > days_of_month(c.year, c.month) || c.hour > 23 || c.minute > 59 || c.second > 60)
    return std::nullopt;
  std::int64_t days = days_before_year(c.year) + c.day - 1;
  for (int month = 1; month < c.month; ++month) days += days_of_month(c.year, month);
  const std::int64_t seconds =
      days * kSecondsPerDay + c.hour * 3600 + c.minute * 60 + c.second - offset_seconds;
  return WallTime{seconds * kNsPerSecond + c.ns};
}

// Takes a text from its front. After the first mismatch everything fails, and `done` says false.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) return stop();
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return stop();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  void literal(std::string_view text) {
    if (!take(text)) stop();
  }
  bool take(std::string_view text) {
    if (failed_ || !rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  // Position in `names`; 0 after a failure.
  template <std::size_t N>
  int one_of(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i)
      if (take(names[i])) return static_cast<int>(i);
    return stop();
  }
  // Digits of a fraction as nanoseconds; what is finer is dropped.
  std::int64_t fraction() {
    std::int64_t ns = 0;
    std::int64_t unit = kNsPerSecond / 10;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      ns += (rest_[count] - '0') * unit;
      unit /= 10;
    }
    if (count == 0) return stop();
    rest_.remove_prefix(count);
    return ns;
  }
  int stop() {
    failed_ = true;
    rest_ = {};
    return 0;
  }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

void read_clock(Reader& in, Civil& c) {
  c.hour = in.digits(2);
  in.literal(":");
  c.minute = in.digits(2);
  in.literal(":");
  c.second = in.digits(2);
}

// "Z", "+02:00" or "-02:00", in seconds east of UTC.
std::int64_t read_offset(Reader& in) {
  if (in.take("Z")) return 0;
  const bool west = in.take("-");
  if (!west) in.literal("+");
  const int hours = in.digits(2);
  in.literal(":");
  const int minutes = in.digits(2);
  if (hours > 23 || minutes > 59) return in.stop();
  return (west ? -1 : 1) * (hours * 3600 + minutes * 60);
}

std::optional<WallTime> parse_rfc1123(std::string_view text) {
  Reader in(text);
  Civil c;
  in.one_of(kDays);
  in.literal(", ");
  c.day = in.digits(2);
  in.literal(" ");
  c.month = in.one_of(kMonths) + 1;
  in.literal(" ");
  c.year = in.digits(4);
  in.literal(" ");
  read_clock(in, c);
  in.literal(" GMT");
  return in.done() ? from_civil(c, 0) : std::nullopt;
}

std::optional<WallTime> parse_rfc850(std::string_view text) {
  Reader in(text);
  Civil c;
  in.one_of(kLongDays);
  in.literal(", ");
  c.day = in.digits(2);
  in.literal("-");
  c.month = in.one_of(kMonths) + 1;
  in.literal("-");
  const int year = in.digits(2);
  // RFC 9110 asks for "not more than 50 years ahead"; a fixed pivot needs no clock.
  c.year = year + (year < 70 ? 2000 : 1900);
  in.literal(" ");
  read_clock(in, c);
  in.literal(" GMT");
  return in.done() ? from_civil(c, 0) : std::nullopt;
}

std::optional<WallTime> parse_asctime(std::string_view text) {
  Reader in(text);
  Civil c;
  in.one_of(kDays);
  in.literal(" ");
  c.month = in.one_of(kMonths) + 1;
  in.literal(" ");
  c.day = in.take(" ") ? in.digits(1) : in.digits(2);
  in.literal(" ");
  read_clock(in, c);
  in.literal(" ");
  c.year = in.digits(4);
  return in.done() ? from_civil(c, 0) : std::nullopt;
}

}  // namespace

std::string iso8601_ms(WallTime time) {
  const Civil c = to_civil(time);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day,
                c.hour, c.minute, c.second, static_cast<int>(c.ns / 1'000'000));
  return text;
}

std::string iso8601_basic(WallTime time) {
  const Civil c = to_civil(time);
  char text[64];
  std::snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", c.year, c.month, c.day, c.hour,
                c.minute, c.second);
  return text;
}

std::string http_date(WallTime time) {
  const Civil c = to_civil(time);
  const std::int64_t days = floor_div(time.ns, kNsPerSecond * kSecondsPerDay);
  const auto weekday = static_cast<std::size_t>(((days + 4) % 7 + 7) % 7);  // 1970-01-01: Thursday.
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[weekday].data(),
                c.day, kMonths[static_cast<std::size_t>(c.month - 1)].data(), c.year, c.hour,
                c.minute, c.second);
  return text;
}

std::optional<WallTime> parse_iso8601_basic(std::string_view text) {
  Reader in(text);
  Civil c;
  c.year = in.digits(4);
  c.month = in.digits(2);
  c.day = in.digits(2);
  in.literal("T");
  c.hour = in.digits(2);
  c.minute = in.digits(2);
  c.second = in.digits(2);
  in.literal("Z");
  return in.done() ? from_civil(c, 0) : std::nullopt;
}

std::optional<WallTime> parse_iso8601(std::string_view text) {
  Reader in(text);
  Civil c;
  c.year = in.digits(4);
  in.literal("-");
  c.month = in.digits(2);
  in.literal("-");
  c.day = in.digits(2);
  in.literal("T");
  read_clock(in, c);
  if (in.take(".")) c.ns = in.fraction();
  const std::int64_t offset = read_offset(in);
  return in.done() ? from_civil(c, offset) : std::nullopt;
}

std::optional<WallTime> parse_http_date(std::string_view text) {
  if (auto time = parse_rfc1123(text)) return time;
  if (auto time = parse_rfc850(text)) return time;
  return parse_asctime(text);
}

}  // namespace creel
