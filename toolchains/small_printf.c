/* The engine behind printf and its relatives for the whole static program: glibc's own brings floating-point numbers of
 * any size, wide characters and character set conversion with it, 150 KB.
 *
 * glibc's printf, snprintf, asprintf, … all end in the two functions below. As printf(3) for the flags "-0#+ ", width,
 * precision (both may be *), hh h l ll z j t and d i u x X o c s p m %; %f with at most 6 digits for numbers below 10^15;
 * %g and %e for people: %g never more than 15 digits, the last of which may be off by one. Anything else ends the process:
 * such a call was dead when this was written, give it what it needs. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __vfprintf_internal(FILE* stream, const char* format, va_list arguments, unsigned mode);
int __vfwprintf_internal(FILE* stream, const void* format, va_list arguments, unsigned mode);

/* Collects text, so that a short line is one write even where the stream has no buffer. */
struct sink {
  FILE* stream;
  size_t used;
  int count; /* Bytes in all; -1 after an error. */
  char text[400];
};

static void flush(struct sink* to) {
  if (to->used > 0 && fwrite(to->text, 1, to->used, to->stream) != to->used) to->count = -1;
  to->used = 0;
}

static void put(struct sink* to, const char* text, size_t length) {
  if (to->count >= 0) to->count += (int)length;
  while (length > 0) {
    size_t some = sizeof to->text - to->used;
    if (some > length) some = length;
    memcpy(to->text + to->used, text, some);
    to->used += some, text += some, length -= some;
    if (to->used == sizeof to->text) flush(to);
  }
}

static void pad(struct sink* to, char with, long count) {
  for (; count > 0; --count) put(to, &with, 1);
}

struct spec {
  int left, zero, alternate, plus, space, upper;
  long width, precision; /* precision -1: none. */
};

/* `digits` behind `prefix`, as wide as asked. */
static void put_number(struct sink* to, const struct spec* spec, const char* prefix, const char* digits, size_t length) {
  const size_t before = strlen(prefix);
  const long zeros = spec->precision > (long)length ? spec->precision - (long)length : 0;
  const long rest = spec->width - (long)(before + length) - zeros;
  const int zero = spec->zero && !spec->left && spec->precision < 0;
  if (!spec->left && !zero) pad(to, ' ', rest);
  put(to, prefix, before);
  if (zero) pad(to, '0', rest);
  pad(to, '0', zeros);
  put(to, digits, length);
  if (spec->left) pad(to, ' ', rest);
}

static size_t digits_of(char* end, uintmax_t value, unsigned base, int upper) {
  const char* const all = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  char* at = end;
  for (; value != 0; value /= base) *--at = all[value % base];
  return (size_t)(end - at);
}

static void put_integer(struct sink* to, const struct spec* spec, const char* sign, uintmax_t value, unsigned base) {
  char text[24];
  char* const end = text + sizeof text;
  size_t length = digits_of(end, value, base, spec->upper);
  const char* prefix = sign;
  if (value == 0 && spec->precision != 0) text[sizeof text - 1] = '0', length = 1;
  if (spec->alternate && value != 0 && base == 16) prefix = spec->upper ? "0X" : "0x";
  put_number(to, spec, prefix, end - length, length);
}

static const char* sign_of(const struct spec* spec, int negative) {
  return negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
}

static int put_not_a_number(struct sink* to, struct spec spec, double value) {
  const int infinite = value - value != 0 && value == value;
  if (value == value && !infinite) return 0;
  spec.zero = 0, spec.precision = -1;
  put_number(to, &spec, infinite ? sign_of(&spec, value < 0) : "", infinite ? "inf" : "nan", 3);
  return 1;
}

/* Correct to the last digit for sums of the size that fits 53 bits; ties go away from zero. */
static void put_fixed(struct sink* to, struct spec spec, double value) {
  static const double scales[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
  char text[40];
  char* const end = text + sizeof text;
  const long places = spec.precision < 0 ? 6 : spec.precision;
  const int negative = value < 0;
  size_t length;
  uintmax_t whole, part;
  if (put_not_a_number(to, spec, value)) return;
  if (negative) value = -value;
  if (places > 6 || value >= 1e15) abort();
  whole = (uintmax_t)value;
  part = (uintmax_t)((value - (double)whole) * scales[places] + 0.5);
  if (part >= (uintmax_t)scales[places]) part = 0, ++whole;
  length = 0;
  if (places > 0) {
    for (long i = 0; i < places; ++i, part /= 10) end[-1 - (long)length++] = (char)('0' + part % 10);
    end[-1 - (long)length++] = '.';
  }
  if (whole == 0) end[-1 - (long)length++] = '0';
  else length += digits_of(end - length, whole, 10, 0);
  spec.precision = -1;
  put_number(to, &spec, sign_of(&spec, negative), end - length, length);
}

/* %g, and %e as %g with an exponent in any case. */
static void put_general(struct sink* to, struct spec spec, double value, int always_exponent) {
  char text[40];
  char digits[24];
  size_t length = 0, used;
  int exponent = 0;
  long places = spec.precision < 0 ? 6 : spec.precision == 0 ? 1 : spec.precision;
  const int negative = value < 0;
  uintmax_t mantissa;
  if (put_not_a_number(to, spec, value)) return;
  if (negative) value = -value;
  if (places > 15) places = 15;
  for (; value >= 10; ++exponent) value /= 10;
  for (; value != 0 && value < 1; --exponent) value *= 10;
  for (long i = 1; i < places; ++i) value *= 10;
  mantissa = (uintmax_t)(value + 0.5);
  used = digits_of(digits + sizeof digits, mantissa, 10, 0);
  if (used > (size_t)places) mantissa /= 10, ++exponent, used = digits_of(digits + sizeof digits, mantissa, 10, 0);
  for (const char* at = digits + sizeof digits; used > 1 && at[-1] == '0'; --used) mantissa /= 10, digits_of(digits + sizeof digits, mantissa, 10, 0);
  if (mantissa == 0) digits[sizeof digits - 1] = '0', used = 1;
  const char* const first = digits + sizeof digits - used;
  if (!always_exponent && exponent >= -4 && exponent < places) {
    for (int i = exponent; i < 0; ++i) {
      text[length++] = '0';
      if (i == exponent) text[length++] = '.';
    }
    for (size_t i = 0; i < used || (long)i <= exponent; ++i) {
      if (exponent >= 0 && (long)i == exponent + 1) text[length++] = '.';
      text[length++] = i < used ? first[i] : '0';
    }
  } else {
    char power[8];
    size_t many = digits_of(power + sizeof power, (uintmax_t)(exponent < 0 ? -exponent : exponent), 10, 0);
    text[length++] = first[0];
    if (used > 1) text[length++] = '.';
    for (size_t i = 1; i < used; ++i) text[length++] = first[i];
    text[length++] = 'e';
    text[length++] = exponent < 0 ? '-' : '+';
    for (size_t i = many; i < 2; ++i) text[length++] = '0';
    memcpy(text + length, power + sizeof power - many, many);
    length += many;
  }
  spec.precision = -1;
  put_number(to, &spec, sign_of(&spec, negative), text, length);
}

static void put_text(struct sink* to, const struct spec* spec, const char* text) {
  const size_t length = spec->precision >= 0 ? strnlen(text ? text : "(null)", (size_t)spec->precision)
                                             : strlen(text ? text : "(null)");
  if (!spec->left) pad(to, ' ', spec->width - (long)length);
  put(to, text ? text : "(null)", length);
  if (spec->left) pad(to, ' ', spec->width - (long)length);
}

static long count_of(const char** at) {
  long value = 0;
  for (; **at >= '0' && **at <= '9'; ++*at) {
    if (value > 100000) abort();
    value = value * 10 + (**at - '0');
  }
  return value;
}

/* Of the length modifier: bytes of the integer; `at` behind it. */
static size_t size_of(const char** at) {
  size_t size = sizeof(int);
  switch (**at) {
    case 'h': ++*at; size = sizeof(short); if (**at == 'h') ++*at, size = sizeof(char); break;
    case 'l': ++*at; size = sizeof(long); if (**at == 'l') ++*at, size = sizeof(long long); break;
    case 'z': ++*at; size = sizeof(size_t); break;
    case 't': ++*at; size = sizeof(ptrdiff_t); break;
    case 'j': ++*at; size = sizeof(intmax_t); break;
    default: break;
  }
  return size;
}

int __vfprintf_internal(FILE* stream, const char* format, va_list arguments, unsigned mode) {
  const int error = errno; /* Of %m. */
  struct sink to;
  (void)mode; /* Fortified calls differ in %n only, which is not here. */
  to.stream = stream, to.used = 0, to.count = 0;
  while (*format != '\0') {
    struct spec spec = {0, 0, 0, 0, 0, 0, 0, -1};
    size_t size;
    const char* percent = strchr(format, '%');
    if (percent == NULL) percent = format + strlen(format);
    put(&to, format, (size_t)(percent - format));
    if (*percent == '\0') break;
    format = percent + 1;
    for (;; ++format) {
      if (*format == '-') spec.left = 1;
      else if (*format == '0') spec.zero = 1;
      else if (*format == '#') spec.alternate = 1;
      else if (*format == '+') spec.plus = 1;
      else if (*format == ' ') spec.space = 1;
      else break;
    }
    if (*format == '*') {
      ++format;
      spec.width = va_arg(arguments, int);
      if (spec.width < 0) spec.left = 1, spec.width = -spec.width;
    } else {
      spec.width = count_of(&format);
    }
    if (*format == '.') {
      ++format;
      if (*format == '*') ++format, spec.precision = va_arg(arguments, int);
      else spec.precision = count_of(&format);
    }
    size = size_of(&format);
    switch (*format) {
      case 'd':
      case 'i': {
        intmax_t value = size > sizeof(long) ? va_arg(arguments, long long)
                         : size > sizeof(int) ? va_arg(arguments, long) : va_arg(arguments, int);
        if (size == sizeof(short)) value = (short)value;
        if (size == sizeof(char)) value = (signed char)value;
        put_integer(&to, &spec, sign_of(&spec, value < 0), value < 0 ? 0 - (uintmax_t)value : (uintmax_t)value, 10);
        break;
      }
      case 'X':
        spec.upper = 1;
        /* fall through */
      case 'x':
      case 'u':
      case 'o': {
        uintmax_t value = size > sizeof(long) ? va_arg(arguments, unsigned long long)
                          : size > sizeof(int) ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned);
        if (size == sizeof(short)) value = (unsigned short)value;
        if (size == sizeof(char)) value = (unsigned char)value;
        put_integer(&to, &spec, "", value, *format == 'u' ? 10 : *format == 'o' ? 8 : 16);
        break;
      }
      case 'p': {
        spec.alternate = 1;
        put_integer(&to, &spec, "", (uintptr_t)va_arg(arguments, void*), 16);
        break;
      }
      case 'c': {
        const char one[2] = {(char)va_arg(arguments, int), '\0'};
        if (!spec.left) pad(&to, ' ', spec.width - 1);
        put(&to, one, 1);
        if (spec.left) pad(&to, ' ', spec.width - 1);
        break;
      }
      case 's': put_text(&to, &spec, va_arg(arguments, const char*)); break;
      case 'm': put_text(&to, &spec, strerror(error)); break;
      case 'g':
      case 'e': put_general(&to, spec, va_arg(arguments, double), *format == 'e'); break;
      case 'f': put_fixed(&to, spec, va_arg(arguments, double)); break;
      case '%': put(&to, "%", 1); break;
      default: abort();
    }
    ++format;
  }
  flush(&to);
  return to.count;
}

int __vfwprintf_internal(FILE* stream, const void* format, va_list arguments, unsigned mode) {
  (void)stream, (void)format, (void)arguments, (void)mode;
  abort();
}
