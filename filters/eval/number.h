#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/eval/value.h"

namespace creel::filters {

// A number of any of the three kinds, by value: what arithmetic works on.
struct Number {
  enum class Kind : std::uint8_t { kInt, kDecimal, kFloat };
  Kind kind = Kind::kInt;
  std::int64_t integer = 0;
  double real = 0;
  Decimal decimal{};
};

// Reads [spaces][sign]digits[.digits][e[sign]digits][spaces]. Without a point or exponent: int, or
// decimal past 64 bits; with a point: decimal; with an exponent, or over 38 digits: float.
// False if it is no number, or a float that is not finite.
bool parse_number(std::string_view text, Number& out);

// The fast half of the above: an optional sign, up to 18 digits and one point. Gives the digits as
// an integer and how many stood after the point; false sends the caller to parse_number.
inline bool parse_plain(const char* at, std::uint32_t length, std::int64_t& digits,
                        unsigned& scale) {
  if (length == 0 || length > 20) return false;
  const char* const end = at + length;
  const bool negative = *at == '-';
  at += negative;
  std::uint64_t value = 0;
  const char* const first = at;
  while (at != end) {
    const unsigned digit = static_cast<unsigned char>(*at) - '0';
    if (digit > 9) break;
    value = value * 10 + digit;
    ++at;
  }
  std::size_t count = static_cast<std::size_t>(at - first);
  scale = 0;
  if (at != end) {
    if (*at != '.') return false;
    const char* const point = ++at;
    while (at != end) {
      const unsigned digit = static_cast<unsigned char>(*at) - '0';
      if (digit > 9) return false;
      value = value * 10 + digit;
      ++at;
    }
    scale = static_cast<unsigned>(at - point);
    count += scale;
  }
  if (count == 0 || count > 18) return false;
  digits = negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
  return true;
}

// -1, 0 or 1; exact between all kinds but decimal against float, where the decimal is rounded.
int compare(const Number& a, const Number& b);

// kNone, or kOverflow, or kDivision. Int with int stays int (division truncates); a float on either
// side gives float; else decimal: exact, division to six digits more than the longer operand.
Fault add(const Number& a, const Number& b, Number& out);
Fault subtract(const Number& a, const Number& b, Number& out);
Fault multiply(const Number& a, const Number& b, Number& out);
Fault divide(const Number& a, const Number& b, Number& out);
Fault remainder(const Number& a, const Number& b, Number& out);
Fault negate(const Number& a, Number& out);
// Rounds to `digits` after the point (may be negative), half away from zero.
enum class Rounding : std::uint8_t { kNearest, kDown, kUp };
Fault round(const Number& a, int digits, Rounding rounding, Number& out);

double to_double(const Number& a);
// Truncates toward zero; false if it does not fit.
bool to_int(const Number& a, std::int64_t& out);
bool to_decimal(const Number& a, Decimal& out);

Number from_int(std::int64_t n);
Number from_float(double x);
Number from_decimal(const Decimal& d);

// Ints in decimal, decimals without trailing zeros, floats as the shortest text that reads back
// equal. At most kNumberText bytes.
inline constexpr std::size_t kNumberText = 48;
std::size_t print_number(const Number& a, char* out);

// A constant prepared for comparison with many plain numbers: its value times 10^scale for each
// scale, rounded down, and whether that was exact.
class NumberBound {
 public:
  explicit NumberBound(const Number& constant);
  const Number& constant() const { return constant_; }
  // How `digits`/10^scale compares with the constant; scale <= 18.
  int compare(std::int64_t digits, unsigned scale) const {
    const std::int64_t floor = floor_[scale];
    if (digits != floor) return digits < floor ? -1 : 1;
    return equal_[scale];
  }

 private:
  Number constant_;
  std::array<std::int64_t, 19> floor_{};
  std::array<std::int8_t, 19> equal_{};  // Result when digits == floor: 0 if exact, else -1 (or 1).
};

}  // namespace creel::filters
