#include "platform/base/bytes.h"

namespace creel {

bool equal_constant_time(ByteView a, ByteView b) {
  if (a.size() != b.size()) return false;
  // Volatile, so that no compiler may turn the loop into one that leaves at the first difference.
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace creel
