#include "filters/eval/timestamp.h"

#include <algorithm>
#include <cstdio>

namespace creel::filters {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::int64_t kDayMicros = 86'400 * kMicros;
constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};

bool is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  const std::int64_t q = a / b;
  return a % b < 0 ? q - 1 : q;
}

// Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
void civil_from_days(std::int64_t days, Calendar& out) {
  days += 719468;
  const std::int64_t era = floor_div(days, 146097);
  const std::int64_t doe = days - era * 146097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  out.day = static_cast<int>(doy - (153 * mp + 2) / 5 + 1);
  out.month = static_cast<int>(mp < 10 ? mp + 3 : mp - 9);
  out.year = static_cast<int>(yoe + era * 400 + (out.month <= 2 ? 1 : 0));
}

// Reads exactly `count` digits.
bool digits(std::string_view text, std::size_t& at, std::size_t count, int& out) {
  if (text.size() - at < count) return false;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return false;
    value = value * 10 + (c - '0');
  }
  at += count;
  out = value;
  return true;
}

bool take(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

bool in_range(const Calendar& c) {
  return c.year >= 1 && c.year <= 9999 && c.month >= 1 && c.month <= 12 && c.day >= 1 &&
         c.day <= days_in_month(c.year, c.month) && c.hour <= 23 && c.minute <= 59 &&
         c.second <= 59;
}

// Micros since the epoch of these fields read as UTC.
std::int64_t micros_of(const Calendar& c) {
  const std::int64_t seconds =
      days_from_civil(c.year, c.month, c.day) * 86'400 + c.hour * 3600 + c.minute * 60 + c.second;
  return seconds * kMicros + c.micros;
}

bool parse_offset(std::string_view text, std::size_t& at, int& minutes) {
  minutes = 0;
  if (at == text.size()) return true;
  if (take(text, at, 'Z') || take(text, at, 'z')) return true;
  const bool negative = text[at] == '-';
  if (!negative && text[at] != '+') return false;
  ++at;
  int hours = 0;
  int rest = 0;
  if (!digits(text, at, 2, hours)) return false;
  take(text, at, ':');
  if (!digits(text, at, 2, rest) || hours > 23 || rest > 59) return false;
  minutes = (hours * 60 + rest) * (negative ? -1 : 1);
  return true;
}

Value make(const Calendar& c, int offset, Precision precision) {
  Value v;
  v.type = Type::kTimestamp;
  v.precision = precision;
  v.offset_minutes = static_cast<std::int16_t>(offset);
  v.integer = micros_of(c) - offset * 60 * kMicros;
  return v;
}

std::size_t print_offset(int minutes, char* out, bool colon) {
  const int size = minutes < 0 ? -minutes : minutes;
  return static_cast<std::size_t>(std::snprintf(out, 8, colon ? "%c%02d:%02d" : "%c%02d%02d",
                                                minutes < 0 ? '-' : '+', size / 60 % 100,
                                                size % 60));
}

bool add_offset(std::string& out, int minutes, std::size_t count, bool zulu) {
  if (count > 5) return false;
  if (zulu && minutes == 0) {
    out += 'Z';
    return true;
  }
  char text[8];
  std::size_t size = print_offset(minutes, text, count == 3 || count == 5);
  if (count == 1 && minutes % 60 == 0) size = 3;
  out.append(text, size);
  return true;
}

bool add_number(std::string& out, int value, std::size_t count, std::size_t count_max) {
  if (count > count_max) return false;
  char text[16];
  std::snprintf(text, sizeof text, "%0*d", static_cast<int>(count), value);
  out += text;
  return true;
}

bool add_month(std::string& out, int month, std::size_t count) {
  const std::string_view name = kMonths[month - 1];
  if (count <= 2) return add_number(out, month, count, 2);
  if (count > 5) return false;
  out += count == 3 ? name.substr(0, 3) : count == 4 ? name : name.substr(0, 1);
  return true;
}

bool add_fraction(std::string& out, int micros, std::size_t count) {
  if (count > 9) return false;
  char text[16];
  std::snprintf(text, sizeof text, "%06d000", micros);
  out.append(text, count);
  return true;
}

// One run of the same pattern letter.
bool add_field(std::string& out, char letter, std::size_t count, const Calendar& c, int offset) {
  const int twelve = c.hour % 12 == 0 ? 12 : c.hour % 12;
  switch (letter) {
    case 'y':
      if (count == 2) return add_number(out, c.year % 100, 2, 2);
      return count == 1 || count == 4 ? add_number(out, c.year, count, 4) : false;
    case 'M': return add_month(out, c.month, count);
    case 'd': return add_number(out, c.day, count, 2);
    case 'a': out += c.hour < 12 ? "AM" : "PM"; return count == 1;
    case 'h': return add_number(out, twelve, count, 2);
    case 'H': return add_number(out, c.hour, count, 2);
    case 'm': return add_number(out, c.minute, count, 2);
    case 's': return add_number(out, c.second, count, 2);
    case 'S': return add_fraction(out, c.micros, count);
    case 'n': out += std::to_string(c.micros * 1000LL); return count == 1;
    case 'X': return add_offset(out, offset, count, true);
    case 'x': return add_offset(out, offset, count, false);
    default: return false;
  }
}

}  // namespace

std::int64_t days_from_civil(int year, int month, int day) {
  const std::int64_t y = year - (month <= 2 ? 1 : 0);
  const std::int64_t era = floor_div(y, 400);
  const std::int64_t yoe = y - era * 400;
  const std::int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

bool parse_timestamp(std::string_view text, Value& out) {
  Calendar c;
  std::size_t at = 0;
  if (!digits(text, at, 4, c.year)) return false;
  if (text.substr(at) == "T") return in_range(c) && (out = make(c, 0, Precision::kYear), true);
  if (!take(text, at, '-') || !digits(text, at, 2, c.month)) return false;
  if (text.substr(at) == "T") return in_range(c) && (out = make(c, 0, Precision::kMonth), true);
  if (!take(text, at, '-') || !digits(text, at, 2, c.day)) return false;
  if (at == text.size() || text.substr(at) == "T")
    return in_range(c) && (out = make(c, 0, Precision::kDay), true);
  if (!take(text, at, 'T') && !take(text, at, ' ') && !take(text, at, 't')) return false;
  if (!digits(text, at, 2, c.hour) || !take(text, at, ':') || !digits(text, at, 2, c.minute))
    return false;
  Precision precision = Precision::kMinute;
  if (take(text, at, ':')) {
    if (!digits(text, at, 2, c.second)) return false;
    precision = Precision::kSecond;
    if (take(text, at, '.')) {
      precision = Precision::kFraction;
      const std::size_t first = at;
      int unit = 100'000;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10)
        c.micros += (text[at] - '0') * unit;
      if (at == first) return false;
    }
  }
  int offset = 0;
  if (!parse_offset(text, at, offset) || at != text.size() || !in_range(c)) return false;
  out = make(c, offset, precision);
  return true;
}

Calendar calendar_of(const Value& timestamp) {
  const std::int64_t local = timestamp.integer + timestamp.offset_minutes * 60 * kMicros;
  const std::int64_t days = floor_div(local, kDayMicros);
  std::int64_t rest = local - days * kDayMicros;
  Calendar c;
  civil_from_days(days, c);
  c.micros = static_cast<int>(rest % kMicros);
  rest /= kMicros;
  c.hour = static_cast<int>(rest / 3600);
  c.minute = static_cast<int>(rest / 60 % 60);
  c.second = static_cast<int>(rest % 60);
  return c;
}

std::size_t print_timestamp(const Value& t, char* out) {
  const Calendar c = calendar_of(t);
  // Fields are bounded by in_range() and date_add(); the modulo tells the compiler so.
  char* at = out + std::snprintf(out, 8, "%04d", c.year % 10000);
  if (t.precision == Precision::kYear) return *at++ = 'T', static_cast<std::size_t>(at - out);
  at += std::snprintf(at, 8, "-%02d", c.month % 100);
  if (t.precision == Precision::kMonth) return *at++ = 'T', static_cast<std::size_t>(at - out);
  at += std::snprintf(at, 8, "-%02d", c.day % 100);
  if (t.precision == Precision::kDay) return static_cast<std::size_t>(at - out);
  at += std::snprintf(at, 8, "T%02d:%02d", c.hour % 100, c.minute % 100);
  if (t.precision >= Precision::kSecond) at += std::snprintf(at, 8, ":%02d", c.second % 100);
  if (t.precision == Precision::kFraction && c.micros != 0) {
    at += std::snprintf(at, 9, ".%06d", c.micros % 1'000'000);
    while (at[-1] == '0') --at;
  }
  if (t.offset_minutes == 0) return *at++ = 'Z', static_cast<std::size_t>(at - out);
  at += print_offset(t.offset_minutes, at, true);
  return static_cast<std::size_t>(at - out);
}

bool date_add(DatePart part, std::int64_t count, const Value& timestamp, Value& out) {
  constexpr std::int64_t kYears = 10'000;
  out = timestamp;
  if (part == DatePart::kYear || part == DatePart::kMonth) {
    if (count > kYears * 12 || count < -kYears * 12) return false;
    Calendar c = calendar_of(timestamp);
    const std::int64_t months =
        c.year * 12LL + (c.month - 1) + (part == DatePart::kYear ? count * 12 : count);
    c.year = static_cast<int>(floor_div(months, 12));
    c.month = static_cast<int>(months - floor_div(months, 12) * 12) + 1;
    if (c.year < 1 || c.year > 9999) return false;
    c.day = std::min(c.day, days_in_month(c.year, c.month));
    out = make(c, timestamp.offset_minutes, timestamp.precision);
    out.precision = std::max(timestamp.precision,
                             part == DatePart::kYear ? Precision::kYear : Precision::kMonth);
    return true;
  }
  std::int64_t unit = kMicros;
  Precision least = Precision::kSecond;
  if (part == DatePart::kDay) unit = kDayMicros, least = Precision::kDay;
  if (part == DatePart::kHour) unit = 3600 * kMicros, least = Precision::kMinute;
  if (part == DatePart::kMinute) unit = 60 * kMicros, least = Precision::kMinute;
  std::int64_t step;
  if (__builtin_mul_overflow(count, unit, &step)) return false;
  if (__builtin_add_overflow(timestamp.integer, step, &out.integer)) return false;
  const std::int64_t low = days_from_civil(1, 1, 2) * kDayMicros;
  const std::int64_t high = days_from_civil(9999, 12, 31) * kDayMicros;
  out.precision = std::max(timestamp.precision, least);
  return out.integer >= low && out.integer < high;
}

std::int64_t date_diff(DatePart part, const Value& from, const Value& to) {
  const std::int64_t span = to.integer - from.integer;
  switch (part) {
    case DatePart::kDay: return span / kDayMicros;
    case DatePart::kHour: return span / (3600 * kMicros);
    case DatePart::kMinute: return span / (60 * kMicros);
    case DatePart::kSecond: return span / kMicros;
    default: break;
  }
  Value a = from;
  Value b = to;
  a.offset_minutes = b.offset_minutes = 0;
  const Calendar x = calendar_of(a);
  const Calendar y = calendar_of(b);
  std::int64_t months = (y.year - x.year) * 12LL + (y.month - x.month);
  const auto within = [](const Calendar& c) {
    return ((c.day * 24LL + c.hour) * 3600 + c.minute * 60 + c.second) * kMicros + c.micros;
  };
  if (months > 0 && within(y) < within(x)) --months;
  if (months < 0 && within(y) > within(x)) ++months;
  return part == DatePart::kYear ? months / 12 : months;
}

std::int64_t extract(DatePart part, const Value& timestamp) {
  const Calendar c = calendar_of(timestamp);
  switch (part) {
    case DatePart::kYear: return c.year;
    case DatePart::kMonth: return c.month;
    case DatePart::kDay: return c.day;
    case DatePart::kHour: return c.hour;
    case DatePart::kMinute: return c.minute;
    case DatePart::kSecond: return c.second;
    case DatePart::kTimezoneHour: return timestamp.offset_minutes / 60;
    case DatePart::kTimezoneMinute: return timestamp.offset_minutes % 60;
  }
  return 0;
}

bool format_timestamp(const Value& timestamp, std::string_view pattern, std::string& out) {
  const Calendar c = calendar_of(timestamp);
  for (std::size_t at = 0; at < pattern.size();) {
    const char letter = pattern[at];
    if (out.size() > 1024) return false;
    if (letter == '\'') {  // Literal text in quotes.
      const std::size_t close = pattern.find('\'', at + 1);
      if (close == std::string_view::npos) return false;
      out += close == at + 1 ? std::string_view("'") : pattern.substr(at + 1, close - at - 1);
      at = close + 1;
      continue;
    }
    const bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
    if (!is_letter || letter == 'T') {
      out += letter;
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < pattern.size() && pattern[end] == letter) ++end;
    if (!add_field(out, letter, end - at, c, timestamp.offset_minutes)) return false;
    at = end;
  }
  return true;
}

}  // namespace creel::filters
