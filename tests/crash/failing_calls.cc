#include "tests/crash/failing_calls.h"

#include <unistd.h>

#include <cerrno>

#include "platform/base/text.h"
#include "tests/crash/crash_states.h"
#include "tests/crash/oracle.h"

namespace creel::crash {
namespace {

// 40 letters, each kind of operation in it; a clean restart, so that stopping is hit as well.
constexpr const char* kWorkload = "seq:smkolcdubsamkBosdurskomcsbdokusmalrskodm";

constexpr FailingCall kKinds[] = {
    {Call::kWrite, EIO, "EIO"},          {Call::kWrite, ENOSPC, "ENOSPC"},
    {Call::kWrite, EDQUOT, "EDQUOT"},    {Call::kWrite, 0, "short"},
    {Call::kSync, EIO, "EIO"},           {Call::kSync, ENOSPC, "ENOSPC"},
    {Call::kSync, EDQUOT, "EDQUOT"},     {Call::kAllocate, EIO, "EIO"},
    {Call::kAllocate, ENOSPC, "ENOSPC"}, {Call::kAllocate, EDQUOT, "EDQUOT"},
    {Call::kOpen, EIO, "EIO"},           {Call::kOpen, ENOSPC, "ENOSPC"},
    {Call::kOpen, EDQUOT, "EDQUOT"},     {Call::kMmap, ENOMEM, "ENOMEM"},
    {Call::kMmap, EIO, "EIO"},           {Call::kRename, EIO, "EIO"},
    {Call::kRename, ENOSPC, "ENOSPC"},   {Call::kTruncate, EIO, "EIO"},
    {Call::kUnlink, EIO, "EIO"},         {Call::kMkdir, EIO, "EIO"},
    {Call::kMkdir, ENOSPC, "ENOSPC"},
};

// What is wrong after the n-th call of a kind failed; nullopt: nothing. `hit`: there was one.
std::optional<std::string> run_one(const FailingCall& kind, std::uint64_t n, DriveDir& scratch,
                                   DriveDir& dir, bool& hit) {
  scratch.clear();
  Recording recording;
  std::optional<std::string> wrong;
  std::string path;
  {
    Shim shim(scratch.root(), &recording.log);
    shim.inject({kind.call, n, kind.error});
    WorkloadRun run(scratch.root(), {kWorkload}, recording);
    run.run(shim, true);
    hit = shim.fault_hit();
    if (!hit) return std::nullopt;
    path = shim.fault_path();
    // A full drive stops no index: the next transaction writes pages of its own, and those of the
    // one whose flush failed are reached from nowhere.
    const bool next_one = kind.error == ENOSPC && path.ends_with("data.mdb");
    if (shim.retried_syncs() > 0 && !next_one)
      wrong = "a flush was tried again after it had failed";
    if (run.box() != nullptr && run.box()->store) {
      const store::Status status = run.box()->store->status();
      const std::string file = path.substr(path.rfind('/') + 1);
      const bool names =
          status.reason.find(file) != std::string::npos ||
          (file.ends_with(".mdb") && status.reason.find("index") != std::string::npos);
      if (status.read_only && !names)
        wrong = cat("the reason does not name ", file, ": ", status.reason);
      if (status.read_only && status.reason.find("restart") == std::string::npos)
        wrong = cat("the reason does not say what helps: ", status.reason);
    }
  }
  const std::string where = cat(call_name(kind.call), " ", n, " of ", path, " with ", kind.name);
  if (wrong) return where + ": " + *wrong;
  CrashStates states(recording.log, 1);
  Expectation expect = expectation_at(recording, recording.log.size());
  expect.decided = recording.timeline.last();
  expect.opened = false;  // An index that failed half way may be made anew.
  expect.flush_failed = kind.call == Call::kSync;
  states.at(recording.log.size(), [&](std::uint32_t variant, const Image& image) {
    wrong = check_image(dir, image, recording.log.pool(), expect, n % 4 == 0, n % 8 == 1);
    if (wrong) wrong = cat(where, ", then a power cut (", variant, "): ", *wrong);
    return !wrong && variant == 0;  // Nothing of what was not flushed; then all of it.
  });
  return wrong;
}

}  // namespace

std::span<const FailingCall> all_failing_calls() { return kKinds; }

FailingCallsResult run_failing_calls(const FailingCall& kind, std::uint64_t part,
                                     std::uint64_t parts) {
  FailingCallsResult result;
  DriveDir scratch(make_scratch_dir());
  DriveDir dir(make_scratch_dir());
  bool hit = true;
  for (std::uint64_t n = 1 + part; hit && result.wrong.empty(); n += parts) {
    alarm(60);
    const auto wrong = run_one(kind, n, scratch, dir, hit);
    result.injected += hit ? 1 : 0;
    if (wrong) result.wrong = *wrong;
  }
  return result;
}

}  // namespace creel::crash
