#pragma once
#include "platform/random.h"

namespace creel {

// getrandom(2). Thread-safe.
class UvRandom final : public Random {
 public:
  void fill(MutableBytes out) override;
};

// The same for mbedTLS (`f_rng`); never fails: a kernel without randomness aborts us.
int uv_random_callback(void*, unsigned char* out, std::size_t length);

}  // namespace creel
