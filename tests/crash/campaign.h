// Many crash states of many workloads, checked by several processes, each state once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/crash/oracle.h"

namespace creel::crash {

// Names one state, so that one line brings it back: "WORKLOAD/cAT/vVARIANT", and for a recovery
// that was cut in turn "/rAT/vVARIANT" behind it, "/kAT/vVARIANT" if the first cut was kill -9.
struct StateName {
  std::string workload;
  std::uint32_t at = 0;
  std::uint32_t variant = 0;
  bool twice = false;
  bool killed = false;  // With `twice`.
  std::uint32_t again_at = 0;
  std::uint32_t again_variant = 0;
  std::string text() const;
  static std::optional<StateName> parse(const std::string& text);
};

struct Failure {
  std::string state;
  std::string what;
};

struct CampaignOptions {
  std::vector<std::string> workloads;
  std::uint64_t states_max = UINT64_MAX;
  std::uint64_t seed = 1;
  std::uint32_t stride = 1;        // One image in so many is checked.
  std::uint32_t twice_stride = 48;  // Of those, one recovery in so many is cut in turn.
  std::uint32_t kill_stride =
      24;  // At one op in so many kill -9 comes first, the power goes later.
  unsigned processes = 2;
  unsigned hung_after_s = 60;
  std::size_t failures_max = 4;
  // Planted faults of the drive.
  std::function<bool(const OpLog&, Inode)> ignores_sync;
  std::function<bool(const OpLog&, Inode)> ignores_dsync;
};

struct CampaignResult {
  std::uint64_t states = 0;     // Different images that were checked.
  std::uint64_t checks = 0;     // Some of them against several expectations.
  std::uint64_t twice = 0;      // Of the states, those of a second cut.
  std::uint64_t workloads = 0;
  std::uint64_t ops = 0;        // Recorded.
  double seconds = 0;
  std::vector<Failure> failures;
};

CampaignResult run_campaign(const CampaignOptions& options);

// Records and builds one state again and says what is wrong with it; prints what led to it.
std::optional<std::string> replay_state(const StateName& name, const CampaignOptions& options);

// All workloads of at most `length` letters, the shorter first.
std::vector<std::string> short_workloads(std::size_t length);
// Of the family "rnd" or "rec" (workload.h).
std::vector<std::string> drawn_workloads(std::size_t count, std::uint64_t seed,
                                         const char* family = "rnd");

}  // namespace creel::crash
