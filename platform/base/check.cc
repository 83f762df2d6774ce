#include "platform/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace creel {

void check_failed(const char* file, unsigned line) {
  std::fprintf(stderr, "<2>creel: check failed at %s:%u\n", file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace creel
