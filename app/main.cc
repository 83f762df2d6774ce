#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  return creel::app::run_command(words);
}
