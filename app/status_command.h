#pragma once
#include <string>
#include <vector>

namespace creel::app {

// creel status [--json]: what a running server says of itself. creel heal [--json]: has a core
// repair everything, shows the progress and waits for the end; 3 if blobs stay incomplete.
int run_status(const std::vector<std::string>& words);
int run_heal(const std::vector<std::string>& words);

}  // namespace creel::app
