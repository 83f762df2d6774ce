// Between the shim and its wrappers.
#pragma once

#include <mutex>

#include "tests/crash/shim.h"

namespace creel::crash {

extern std::mutex shim_mutex;  // Held over each call that a shim sees: threads have one order.
Shim* current_shim();

}  // namespace creel::crash
