#pragma once
#include <string>
#include <vector>

namespace creel::app {

// `creel check`: reads back everything a drive, or all drives of a core, hold. Offline it takes the
// folders' locks, recovers like a start and serves nobody; with --endpoint a running server does
// it. Exit codes: 0 nothing is damaged; 1 damage was found (named); 2 the check could not run to
// its end.
int run_check(const std::vector<std::string>& words);

}  // namespace creel::app
