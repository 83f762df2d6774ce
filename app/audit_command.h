#pragma once
#include <string>
#include <vector>

namespace creel::app {

// creel audit verify FILE… (oldest first). The exit code: 1 if a line does not hold.
int run_audit(const std::vector<std::string>& words);
// creel explain REQUEST_ID: what a running server did with a recent request.
int run_explain(const std::vector<std::string>& words);

}  // namespace creel::app
