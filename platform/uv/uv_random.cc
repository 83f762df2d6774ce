#include "platform/uv/uv_random.h"

#include <sys/random.h>

#include <cerrno>

#include "platform/base/check.h"

namespace creel {

void UvRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    check(got > 0);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

int uv_random_callback(void*, unsigned char* out, std::size_t length) {
  UvRandom().fill({out, length});
  return 0;
}

}  // namespace creel
