#include "filters/eval/number.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "platform/base/check.h"

namespace creel::filters {
namespace {

// Unsigned 128 bits in two limbs: just what 38-digit decimals need.
struct Wide {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

int compare_wide(const Wide& a, const Wide& b) {
  if (a.high != b.high) return a.high < b.high ? -1 : 1;
  if (a.low != b.low) return a.low < b.low ? -1 : 1;
  return 0;
}

bool is_zero(const Wide& a) { return (a.high | a.low) == 0; }

bool add_wide(const Wide& a, const Wide& b, Wide& out) {
  Wide sum;
  sum.low = a.low + b.low;
  const std::uint64_t carry = sum.low < a.low ? 1 : 0;
  if (__builtin_add_overflow(a.high, b.high, &sum.high)) return false;
  if (__builtin_add_overflow(sum.high, carry, &sum.high)) return false;
  out = sum;
  return true;
}

Wide subtract_wide(const Wide& a, const Wide& b) {
  return {a.high - b.high - (a.low < b.low ? 1 : 0), a.low - b.low};
}

// Schoolbook on 32-bit limbs; false past 128 bits.
bool multiply_wide(const Wide& a, const Wide& b, Wide& out) {
  const std::uint32_t x[4] = {
      static_cast<std::uint32_t>(a.low), static_cast<std::uint32_t>(a.low >> 32),
      static_cast<std::uint32_t>(a.high), static_cast<std::uint32_t>(a.high >> 32)};
  const std::uint32_t y[4] = {
      static_cast<std::uint32_t>(b.low), static_cast<std::uint32_t>(b.low >> 32),
      static_cast<std::uint32_t>(b.high), static_cast<std::uint32_t>(b.high >> 32)};
  std::uint32_t product[8] = {};
  for (int i = 0; i < 4; ++i) {
    std::uint64_t carry = 0;
    for (int j = 0; j < 4; ++j) {
      const std::uint64_t t = static_cast<std::uint64_t>(x[i]) * y[j] + product[i + j] + carry;
      product[i + j] = static_cast<std::uint32_t>(t);
      carry = t >> 32;
    }
    product[i + 4] = static_cast<std::uint32_t>(carry);
  }
  if ((product[4] | product[5] | product[6] | product[7]) != 0) return false;
  out.low = static_cast<std::uint64_t>(product[1]) << 32 | product[0];
  out.high = static_cast<std::uint64_t>(product[3]) << 32 | product[2];
  return true;
}

std::uint32_t divide_small(Wide& a, std::uint32_t by) {
  std::uint64_t rest = 0;
  std::uint32_t limb[4] = {
      static_cast<std::uint32_t>(a.high >> 32), static_cast<std::uint32_t>(a.high),
      static_cast<std::uint32_t>(a.low >> 32), static_cast<std::uint32_t>(a.low)};
  for (std::uint32_t& part : limb) {
    const std::uint64_t t = rest << 32 | part;
    part = static_cast<std::uint32_t>(t / by);
    rest = t % by;
  }
  a.high = static_cast<std::uint64_t>(limb[0]) << 32 | limb[1];
  a.low = static_cast<std::uint64_t>(limb[2]) << 32 | limb[3];
  return static_cast<std::uint32_t>(rest);
}

// Shift and subtract; `by` is not zero.
Wide divide_wide(const Wide& a, const Wide& by, Wide& rest) {
  Wide quotient;
  rest = {};
  for (int bit = 127; bit >= 0; --bit) {
    const std::uint64_t next = bit >= 64 ? a.high >> (bit - 64) & 1 : a.low >> bit & 1;
    const bool spill = (rest.high >> 63) != 0;
    rest.high = rest.high << 1 | rest.low >> 63;
    rest.low = rest.low << 1 | next;
    if (spill || compare_wide(rest, by) >= 0) {
      rest = subtract_wide(rest, by);
      (bit >= 64 ? quotient.high : quotient.low) |= std::uint64_t{1} << (bit & 63);
    }
  }
  return quotient;
}

// 10^power, power <= 38.
Wide power_of_ten(unsigned power) {
  check(power <= 38);
  Wide value{0, 1};
  for (unsigned i = 0; i < power; ++i) check(multiply_wide(value, {0, 10}, value));
  return value;
}

bool fits_decimal(const Wide& a) {
  static const Wide limit = power_of_ten(38);
  return compare_wide(a, limit) < 0;
}

Wide magnitude(const Decimal& d) { return {d.high, d.low}; }

Decimal make_decimal(Wide value, unsigned scale, bool negative) {
  Decimal d;
  d.high = value.high;
  d.low = value.low;
  d.scale = static_cast<std::uint8_t>(scale);
  d.negative = negative && !is_zero(value);
  return d;
}

// Brings the magnitude to a larger scale; false if it grows past 128 bits.
bool rescale(const Decimal& d, unsigned scale, Wide& out) {
  check(scale >= d.scale);
  if (scale - d.scale > 38) return false;
  return multiply_wide(magnitude(d), power_of_ten(scale - d.scale), out);
}

Decimal strip_zeros(Decimal d) {
  while (d.scale > 0) {
    Wide shorter = magnitude(d);
    if (divide_small(shorter, 10) != 0) break;
    d.high = shorter.high;
    d.low = shorter.low;
    --d.scale;
  }
  return d;
}

Decimal decimal_from_int(std::int64_t n) {
  const bool negative = n < 0;
  const std::uint64_t size =
      negative ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n);
  return make_decimal({0, size}, 0, negative);
}

Decimal as_decimal(const Number& a) {
  return a.kind == Number::Kind::kInt ? decimal_from_int(a.integer) : a.decimal;
}

std::size_t print_decimal(Decimal d, char* out) {
  d = strip_zeros(d);
  char digits[40];
  std::size_t count = 0;
  Wide rest = magnitude(d);
  do digits[count++] = static_cast<char>('0' + divide_small(rest, 10));
  while (!is_zero(rest));
  while (count <= d.scale) digits[count++] = '0';
  std::size_t size = 0;
  if (d.negative) out[size++] = '-';
  while (count > 0) {
    if (count == d.scale) out[size++] = '.';
    out[size++] = digits[--count];
  }
  return size;
}

std::size_t print_float(double x, char* out) {
  if (x == 0) {
    out[0] = '0';
    return 1;
  }
  char text[40];
  for (int digits = 15; digits <= 17; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, x);
    if (std::strtod(text, nullptr) == x) break;
  }
  const std::size_t size = std::strlen(text);
  std::memcpy(out, text, size);
  return size;
}

int compare_int_float(std::int64_t n, double x) {
  if (x >= 9223372036854775808.0) return -1;
  if (x < -9223372036854775808.0) return 1;
  const std::int64_t whole = static_cast<std::int64_t>(x);  // Truncates toward zero.
  if (n != whole) return n < whole ? -1 : 1;
  const double rest = x - static_cast<double>(whole);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

int compare_decimals(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  const unsigned scale = a.scale > b.scale ? a.scale : b.scale;
  Wide x;
  Wide y;
  const bool x_fits = rescale(a, scale, x);
  const bool y_fits = rescale(b, scale, y);
  if (!x_fits) return sign;  // Only one side is ever scaled, so only one can spill.
  if (!y_fits) return -sign;
  return sign * compare_wide(x, y);
}

Fault finite(double x, Number& out) {
  if (!std::isfinite(x)) return Fault::kOverflow;
  out = from_float(x);
  return Fault::kNone;
}

bool any_float(const Number& a, const Number& b) {
  return a.kind == Number::Kind::kFloat || b.kind == Number::Kind::kFloat;
}
bool both_int(const Number& a, const Number& b) {
  return a.kind == Number::Kind::kInt && b.kind == Number::Kind::kInt;
}

Fault add_decimals(const Decimal& a, const Decimal& b, Number& out) {
  const unsigned scale = a.scale > b.scale ? a.scale : b.scale;
  Wide x;
  Wide y;
  if (!rescale(a, scale, x) || !rescale(b, scale, y)) return Fault::kOverflow;
  Wide sum;
  bool negative = a.negative;
  if (a.negative == b.negative) {
    if (!add_wide(x, y, sum)) return Fault::kOverflow;
  } else if (compare_wide(x, y) >= 0) {
    sum = subtract_wide(x, y);
  } else {
    sum = subtract_wide(y, x);
    negative = b.negative;
  }
  if (!fits_decimal(sum)) return Fault::kOverflow;
  out = from_decimal(make_decimal(sum, scale, negative));
  return Fault::kNone;
}

}  // namespace

Number from_int(std::int64_t n) {
  Number out;
  out.integer = n;
  return out;
}
Number from_float(double x) {
  Number out;
  out.kind = Number::Kind::kFloat;
  out.real = x;
  return out;
}
Number from_decimal(const Decimal& d) {
  Number out;
  out.kind = Number::Kind::kDecimal;
  out.decimal = d;
  return out;
}

bool parse_number(std::string_view text, Number& out) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  std::string_view body = text;
  bool negative = false;
  if (!body.empty() && (body.front() == '-' || body.front() == '+')) {
    negative = body.front() == '-';
    body.remove_prefix(1);
  }
  Wide value;
  bool exact = true;
  bool point = false;
  std::size_t digits = 0;
  std::size_t scale = 0;
  std::size_t at = 0;
  for (; at < body.size(); ++at) {
    const char c = body[at];
    if (c == '.') {
      if (point) return false;
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    ++digits;
    if (point) ++scale;
    Wide next;
    exact = exact && multiply_wide(value, {0, 10}, next) &&
            add_wide(next, {0, static_cast<std::uint64_t>(c - '0')}, next) && fits_decimal(next);
    if (exact) value = next;
  }
  if (digits == 0) return false;
  const bool exponent = at < body.size();
  if (exponent) {
    if (body[at] != 'e' && body[at] != 'E') return false;
    ++at;
    if (at < body.size() && (body[at] == '+' || body[at] == '-')) ++at;
    if (at == body.size()) return false;
    for (; at < body.size(); ++at)
      if (body[at] < '0' || body[at] > '9') return false;
  }
  if (exponent || !exact || scale > 38) {
    char buffer[512];
    if (text.size() >= sizeof buffer) return false;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = 0;
    const double x = std::strtod(buffer, nullptr);
    if (!std::isfinite(x)) return false;
    out = from_float(x);
    return true;
  }
  const std::uint64_t int_limit = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (!point && value.high == 0 && value.low <= int_limit) {
    out = from_int(static_cast<std::int64_t>(negative ? 0 - value.low : value.low));
    return true;
  }
  out = from_decimal(make_decimal(value, static_cast<unsigned>(scale), negative));
  return true;
}

int compare(const Number& a, const Number& b) {
  using Kind = Number::Kind;
  if (both_int(a, b)) return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  if (a.kind == Kind::kInt && b.kind == Kind::kFloat) return compare_int_float(a.integer, b.real);
  if (a.kind == Kind::kFloat && b.kind == Kind::kInt) return -compare_int_float(b.integer, a.real);
  if (any_float(a, b)) {
    const double x = to_double(a);
    const double y = to_double(b);
    return x < y ? -1 : x > y ? 1 : 0;
  }
  return compare_decimals(as_decimal(a), as_decimal(b));
}

Fault add(const Number& a, const Number& b, Number& out) {
  if (any_float(a, b)) return finite(to_double(a) + to_double(b), out);
  if (both_int(a, b)) {
    std::int64_t sum;
    if (__builtin_add_overflow(a.integer, b.integer, &sum)) return Fault::kOverflow;
    out = from_int(sum);
    return Fault::kNone;
  }
  return add_decimals(as_decimal(a), as_decimal(b), out);
}

Fault subtract(const Number& a, const Number& b, Number& out) {
  if (any_float(a, b)) return finite(to_double(a) - to_double(b), out);
  if (both_int(a, b)) {
    std::int64_t difference;
    if (__builtin_sub_overflow(a.integer, b.integer, &difference)) return Fault::kOverflow;
    out = from_int(difference);
    return Fault::kNone;
  }
  Decimal minus = as_decimal(b);
  minus.negative = !minus.negative && (minus.high | minus.low) != 0;
  return add_decimals(as_decimal(a), minus, out);
}

Fault multiply(const Number& a, const Number& b, Number& out) {
  if (any_float(a, b)) return finite(to_double(a) * to_double(b), out);
  if (both_int(a, b)) {
    std::int64_t product;
    if (__builtin_mul_overflow(a.integer, b.integer, &product)) return Fault::kOverflow;
    out = from_int(product);
    return Fault::kNone;
  }
  const Decimal x = strip_zeros(as_decimal(a));
  const Decimal y = strip_zeros(as_decimal(b));
  Wide product;
  if (x.scale + y.scale > 38 || !multiply_wide(magnitude(x), magnitude(y), product) ||
      !fits_decimal(product))
    return Fault::kOverflow;
  out = from_decimal(make_decimal(product, x.scale + y.scale, x.negative != y.negative));
  return Fault::kNone;
}

Fault divide(const Number& a, const Number& b, Number& out) {
  if (any_float(a, b)) {
    const double by = to_double(b);
    if (by == 0) return Fault::kDivision;
    return finite(to_double(a) / by, out);
  }
  if (both_int(a, b)) {
    if (b.integer == 0) return Fault::kDivision;
    if (a.integer == INT64_MIN && b.integer == -1) return Fault::kOverflow;
    out = from_int(a.integer / b.integer);
    return Fault::kNone;
  }
  const Decimal x = strip_zeros(as_decimal(a));
  const Decimal y = strip_zeros(as_decimal(b));
  if (is_zero(magnitude(y))) return Fault::kDivision;
  unsigned scale = (x.scale > y.scale ? x.scale : y.scale) + 6u;
  if (scale > 38) scale = 38;
  Wide numerator;
  // Fewer digits rather than a failure when the dividend is already long.
  while (scale + y.scale < x.scale || scale + y.scale - x.scale > 38 ||
         !multiply_wide(magnitude(x), power_of_ten(scale + y.scale - x.scale), numerator)) {
    if (scale == 0) return Fault::kOverflow;
    --scale;
  }
  Wide rest;
  Wide quotient = divide_wide(numerator, magnitude(y), rest);
  const Wide complement = subtract_wide(magnitude(y), rest);
  if (compare_wide(rest, complement) >= 0 && !add_wide(quotient, {0, 1}, quotient))
    return Fault::kOverflow;
  if (!fits_decimal(quotient)) return Fault::kOverflow;
  out = from_decimal(make_decimal(quotient, scale, x.negative != y.negative));
  return Fault::kNone;
}

Fault remainder(const Number& a, const Number& b, Number& out) {
  if (any_float(a, b)) {
    const double by = to_double(b);
    if (by == 0) return Fault::kDivision;
    return finite(std::fmod(to_double(a), by), out);
  }
  if (both_int(a, b)) {
    if (b.integer == 0) return Fault::kDivision;
    out = from_int(b.integer == -1 ? 0 : a.integer % b.integer);
    return Fault::kNone;
  }
  const Decimal x = as_decimal(a);
  const Decimal y = as_decimal(b);
  if (is_zero(magnitude(y))) return Fault::kDivision;
  const unsigned scale = x.scale > y.scale ? x.scale : y.scale;
  Wide p;
  Wide q;
  if (!rescale(x, scale, p) || !rescale(y, scale, q)) return Fault::kOverflow;
  Wide rest;
  divide_wide(p, q, rest);
  out = from_decimal(make_decimal(rest, scale, x.negative));
  return Fault::kNone;
}

Fault negate(const Number& a, Number& out) { return subtract(from_int(0), a, out); }

Fault round(const Number& a, int digits, Rounding rounding, Number& out) {
  if (a.kind == Number::Kind::kFloat) {
    const double unit = std::pow(10.0, digits < 0 ? -digits : digits);
    const double scaled = digits < 0 ? a.real / unit : a.real * unit;
    const double whole = rounding == Rounding::kDown ? std::floor(scaled)
                         : rounding == Rounding::kUp ? std::ceil(scaled)
                                                     : std::round(scaled);
    return finite(digits < 0 ? whole * unit : whole / unit, out);
  }
  const Decimal d = as_decimal(a);
  if (digits >= d.scale) {
    out = a;
    return Fault::kNone;
  }
  const unsigned drop = static_cast<unsigned>(d.scale - digits);
  Wide value{};
  Wide rest = magnitude(d);
  Wide unit{0, 1};
  if (drop <= 38) {
    unit = power_of_ten(drop);
    value = divide_wide(magnitude(d), unit, rest);
  }
  const bool away = rounding == Rounding::kNearest
                        ? drop <= 38 && compare_wide(rest, subtract_wide(unit, rest)) >= 0
                        : !is_zero(rest) && (rounding == Rounding::kUp) != d.negative;
  if (away && !add_wide(value, {0, 1}, value)) return Fault::kOverflow;
  unsigned scale = 0;
  if (digits >= 0) {
    scale = static_cast<unsigned>(digits);
  } else if (-digits > 38 ||
             !multiply_wide(value, power_of_ten(static_cast<unsigned>(-digits)), value)) {
    return Fault::kOverflow;
  }
  if (!fits_decimal(value)) return Fault::kOverflow;
  const Decimal rounded = make_decimal(value, scale, d.negative);
  if (scale == 0 && value.high == 0 && value.low <= static_cast<std::uint64_t>(INT64_MAX)) {
    const auto whole = static_cast<std::int64_t>(value.low);
    out = from_int(rounded.negative ? -whole : whole);
  } else {
    out = from_decimal(rounded);
  }
  return Fault::kNone;
}

double to_double(const Number& a) {
  if (a.kind == Number::Kind::kFloat) return a.real;
  if (a.kind == Number::Kind::kInt) return static_cast<double>(a.integer);
  char text[kNumberText + 1];
  text[print_decimal(a.decimal, text)] = 0;
  return std::strtod(text, nullptr);
}

bool to_int(const Number& a, std::int64_t& out) {
  if (a.kind == Number::Kind::kInt) {
    out = a.integer;
    return true;
  }
  if (a.kind == Number::Kind::kFloat) {
    if (!(a.real > -9223372036854775809.0 && a.real < 9223372036854775808.0)) return false;
    out = static_cast<std::int64_t>(a.real);
    return true;
  }
  Wide rest;
  const Wide whole = divide_wide(magnitude(a.decimal), power_of_ten(a.decimal.scale), rest);
  if (whole.high != 0 || whole.low > static_cast<std::uint64_t>(INT64_MAX)) return false;
  out = static_cast<std::int64_t>(whole.low);
  if (a.decimal.negative) out = -out;
  return true;
}

bool to_decimal(const Number& a, Decimal& out) {
  if (a.kind != Number::Kind::kFloat) {
    out = as_decimal(a);
    return true;
  }
  char text[64];
  Number parsed;
  std::snprintf(text, sizeof text, "%.*f", 10, a.real);
  if (std::fabs(a.real) > 1e27 || !parse_number(text, parsed)) return false;
  out = strip_zeros(as_decimal(parsed));
  return true;
}

std::size_t print_number(const Number& a, char* out) {
  if (a.kind == Number::Kind::kFloat) return print_float(a.real, out);
  return print_decimal(as_decimal(a), out);
}

NumberBound::NumberBound(const Number& constant) : constant_(constant) {
  for (unsigned scale = 0; scale < floor_.size(); ++scale) {
    Number unit = from_decimal(make_decimal(power_of_ten(scale), 0, false));
    Number scaled;
    Number floor;
    Number exact = constant;
    // A float constant is compared by its exact binary value where a decimal holds it; otherwise
    // the slow path below never trusts `equal_`, because floor is saturated.
    const Fault fault = multiply(exact, unit, scaled);
    const Fault floored = fault == Fault::kNone ? round(scaled, 0, Rounding::kDown, floor) : fault;
    std::int64_t whole = 0;
    if (floored == Fault::kNone && to_int(floor, whole)) {
      floor_[scale] = whole;
      equal_[scale] = static_cast<std::int8_t>(filters::compare(from_int(whole), scaled));
    } else {  // Out of range: beyond every plain number, which has at most 18 digits.
      const bool negative = filters::compare(constant, from_int(0)) < 0;
      floor_[scale] = negative ? INT64_MIN : INT64_MAX;
      equal_[scale] = negative ? 1 : -1;
    }
  }
}

}  // namespace creel::filters
