#pragma once
#include <string>
#include <vector>

namespace creel::app {

// creel quota [--json] · creel quota set BUCKET BYTES|none [--objects N|none]. The exit code.
int run_quota(const std::vector<std::string>& words);

}  // namespace creel::app
