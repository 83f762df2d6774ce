#include "tests/crash/plants/plant.h"

namespace creel::crash {

int planted = 0;

}  // namespace creel::crash
