// Runs a script on the model and on the real store in lockstep, and makes a failing one small.
#pragma once
#include <string>

#include "tests/model/real_s3.h"
#include "tests/model/steps.h"

namespace creel::test {

struct RunOptions {
  std::string lmdb_dir;  // Empty: rows in memory.
  Tamper tamper = nullptr;
  double lying_sync = 0;
};

struct RunStats {
  std::uint64_t requests = 0;  // Of the script, not those of audits and probes.
  std::uint64_t refused = 0;
  std::uint64_t power_cuts = 0;
  std::uint64_t kills = 0;
  std::uint64_t cuts_in_recovery = 0;
  std::uint64_t restarts = 0;
  std::uint64_t rebuilds = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t images = 0;
  std::uint64_t unanswered_old = 0;  // Of writes cut by a crash: what became of them.
  std::uint64_t unanswered_new = 0;
  std::uint64_t audits = 0;
  std::uint64_t events = 0;  // Of the simulator.
  void add(const RunStats& other);
  std::string text() const;
};

// Empty, or where the two worlds part: the step and both answers.
std::string run_script(const Script& script, const RunOptions& options, RunStats& stats);

// Delta debugging (Zeller's ddmin): the smallest list of steps found within `runs_max` runs that
// fails as well. `failure` is what it says.
Script shrink(const Script& script, const RunOptions& options, std::string& failure,
              std::size_t runs_max = 1'500);

// "3,7-9": which steps of the whole list are left.
std::string kept_steps(const Script& script);
// Leaves only those; false if the text is no such list.
bool keep_only(Script& script, const std::string& kept);

}  // namespace creel::test
