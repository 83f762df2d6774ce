#pragma once
#include <string>
#include <vector>

#include "edge/filter_metrics.h"
#include "edge/rule_documents.h"
#include "platform/platform.h"

namespace creel::app {

struct DryRunInput {
  edge::Rules rules;
  std::string path;            // Of the file that plays the object.
  filters::ObjectInfo object;  // Its size is filled in.
  std::string target;
};

struct DiffLine {
  std::uint64_t line = 0;  // From 1.
  std::string text;        // Its beginning.
};

// What the rules would do to one object; nothing is sent or written.
struct DryRun {
  filters::ObjectInfo object;
  std::string rule, identity;  // Empty: the default decided.
  filters::Action action = filters::Action::kReplicate;
  edge::FilterVerdict verdict = edge::FilterVerdict::kHeld;
  std::string reason, detail;
  filters::Counters counters;
  std::uint64_t bytes_out = 0;  // That would leave; of the raw object, its size.
  std::string content_type;
  bool zstd = false;
  // The first records found in one of both only, within the first 1 MiB of each.
  std::vector<DiffLine> only_in, only_out;
  std::vector<std::string> dead_letters;  // The first ones, JSON.
  std::string output;                     // Its beginning, inflated.
};

// Errors: those of the disk.
Task<Result<DryRun>> dry_run(Ctx& ctx, Platform& platform, DryRunInput input);

std::string dry_run_text(const DryRun& run);
std::string dry_run_json(const DryRun& run);

}  // namespace creel::app
