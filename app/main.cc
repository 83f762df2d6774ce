#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"

namespace __gnu_cxx {
// What std::terminate() calls. libstdc++'s own names the exception's type, and brings a demangler
// of 100 KB for it; nothing here throws.
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  return creel::app::run_command(words);
}
