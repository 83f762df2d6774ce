#include "platform/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace creel {

void check_failed(std::source_location where) {
  std::fprintf(stderr, "<2>creel: check failed at %s:%u in %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), where.function_name());
  std::fflush(stderr);
  std::abort();
}

}  // namespace creel
