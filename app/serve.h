#pragma once
#include "app/config.h"

namespace creel::app {

// Runs a server until SIGTERM or SIGINT: drains, at most 3 s, closes cleanly, 0. Any failure to
// start is said on stderr in one line and is 1.
int serve(const Config& config);

}  // namespace creel::app
