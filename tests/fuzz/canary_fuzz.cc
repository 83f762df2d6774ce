// A planted bug: `./dev fuzz` must find it within a minute, or the fuzzers find nothing at all. The
// seeded corpus of the default test run never comes near it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 6 && data[0] == 'c' && data[1] == 'R' && data[2] == 'e' && data[3] == 'E' &&
      data[4] == 'l' && data[5] == '!') {
    std::abort();
  }
  return 0;
}
