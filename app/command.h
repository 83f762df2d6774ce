#pragma once
#include <string>
#include <vector>

#include "app/config.h"

namespace creel::app {

// The command line without the program's name. Exit codes: 0 done; 1 failed; 2 the command was not
// understood; 3 checked and found wanting. docs/operations.md lists the verbs.
int run_command(const std::vector<std::string>& words);

// The settings of file, environment and flags together. Errors: kInvalid, kNotFound (the file).
Result<Config> gather_config(const std::string& file, const std::vector<Flag>& flags);

}  // namespace creel::app
