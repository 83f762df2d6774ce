#pragma once
#include <source_location>

namespace creel {

// Prints the place to stderr and aborts. An abort is a power cut to the store: recovery handles it.
[[noreturn]] void check_failed(std::source_location where);

// States what must hold if our own code is right. On in production; never for outside input.
inline void check(bool holds, std::source_location where = std::source_location::current()) {
  if (!holds) [[unlikely]]
    check_failed(where);
}

}  // namespace creel
