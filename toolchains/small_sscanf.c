/* sscanf for the whole static program. Its living callers are libuv, which reads the kernel's version, and glibc itself
 * (TZ, /proc/mounts); glibc's own would be 80 KB, for floating-point numbers and wide characters.
 *
 * As sscanf(3) for blanks, %*s, %u, %hu, %d, %n and plain characters; anything else ends the process: such a call was
 * dead when this was written, give it what it needs. */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char* skip_blanks(const char* at) {
  while (isspace((unsigned char)*at)) ++at;
  return at;
}

/* A decimal number; NULL if there is none. */
static const char* number(const char* at, int is_signed, long* value) {
  char* end;
  at = skip_blanks(at);
  if (!isdigit((unsigned char)*at) && !(is_signed && *at == '-' && isdigit((unsigned char)at[1]))) return NULL;
  *value = strtol(at, &end, 10);
  return end;
}

int __isoc99_sscanf(const char* text, const char* format, ...) {
  const char* const begin = text;
  va_list arguments;
  int stored = 0;
  va_start(arguments, format);
  for (; *format != '\0' && text != NULL; ++format) {
    long value = 0;
    if (isspace((unsigned char)*format)) {
      text = skip_blanks(text);
    } else if (*format != '%') {
      text = *text == *format ? text + 1 : NULL;
    } else if (strncmp(format, "%*s", 3) == 0) {
      format += 2;
      text = skip_blanks(text);
      if (*text == '\0') break;
      while (*text != '\0' && !isspace((unsigned char)*text)) ++text;
    } else if (format[1] == 'n') {
      ++format;
      *va_arg(arguments, int*) = (int)(text - begin);
    } else if (format[1] == 'u' || format[1] == 'd' || strncmp(format, "%hu", 3) == 0) {
      const int is_short = format[1] == 'h';
      format += is_short ? 2 : 1;
      text = number(text, *format == 'd', &value);
      if (text == NULL) break;
      if (is_short) *va_arg(arguments, unsigned short*) = (unsigned short)value;
      else if (*format == 'd') *va_arg(arguments, int*) = (int)value;
      else *va_arg(arguments, unsigned*) = (unsigned)value;
      ++stored;
    } else {
      abort();
    }
  }
  va_end(arguments);
  return stored;
}
