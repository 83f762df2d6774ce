// What must hold of a drive after a power cut, seen by opening it as a start does.
#pragma once

#include <optional>
#include <string>

#include "tests/crash/drive_dir.h"
#include "tests/crash/workload.h"

namespace creel::crash {

struct Expectation {
  const Timeline* timeline = nullptr;
  std::uint64_t acked = 0;         // Must be there.
  std::uint64_t decided = 0;       // May be there.
  std::uint64_t checkpointed = 0;  // The index must be at least so far.
  bool opened = false;             // The store had started once, so its index must hold.
  bool flush_failed = false;       // Of a header, say: it may be missing, what it is of may not.
  bool small = false;              // The drive is a small one.
};
Expectation expectation_at(const Recording& recording, std::uint32_t at);
// While a recovery was under way that began with `before`.
Expectation expectation_again(const Recording& recovery, std::uint32_t at,
                              const Expectation& before);

// Opens the image with the real recovery and looks at everything: the state is that after some
// operation L, acked ≤ L ≤ decided, whole and no other; every body has its checksum; nothing is
// damaged or read-only; a new PUT works; if `empty_it`, everything can be deleted and no segment is
// kept for what is gone. nullopt: all good, else what is wrong. With `recovery`,
// what opening it changed is recorded there, for crashing that again; behind what its log holds.
std::optional<std::string> check_image(DriveDir& dir, const Image& image, const BlockPool& pool,
                                       const Expectation& expect, bool large_put, bool empty_it,
                                       Recording* recovery = nullptr);

}  // namespace creel::crash
