#pragma once
#include <string>
#include <vector>

namespace creel::app {

// creel user|group|key|policy …: asks the admin API of a running server. The exit code.
int run_identity(const std::vector<std::string>& words);

}  // namespace creel::app
