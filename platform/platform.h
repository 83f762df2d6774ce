#pragma once
#include "platform/async/executor.h"
#include "platform/clock.h"
#include "platform/disk.h"
#include "platform/network.h"
#include "platform/offload.h"
#include "platform/random.h"

namespace creel {

// The five doors and the loop behind them: all that a room sees of the world. Only app/ and tests/
// know whether it is uv/ or sim/.
struct Platform {
  Executor& executor;
  Clock& clock;
  Network& network;
  Disk& disk;
  Random& random;
  Offload& offload;
};

}  // namespace creel
