// Faults planted in a copy of some sources (plants.py), of which one at a time is switched on.
// Included by force into the copies; the product's own files know nothing of it.
#pragma once

namespace creel::crash {

extern int planted;  // Number of the fault that is on; 0: none.

struct Plant {
  enum class Caught { kPowerCut, kFailingCall, kFlippedByte };
  int number;
  const char* name;
  Caught by;
  const char* workload;  // That meets it soon; empty: any.
  const char* file;
};

}  // namespace creel::crash
