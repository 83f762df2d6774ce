#pragma once

namespace creel {

// Prints the place to stderr and aborts. An abort is a power cut to the store: recovery handles it.
[[noreturn]] void check_failed(const char* file, unsigned line);

// States what must hold if our own code is right. On in production; never for outside input.
// File and line only: std::source_location would add every function's name to the program, 90 KB.
inline void check(bool holds, const char* file = __builtin_FILE(),
                  unsigned line = __builtin_LINE()) {
  if (!holds) [[unlikely]]
    check_failed(file, line);
}

}  // namespace creel
