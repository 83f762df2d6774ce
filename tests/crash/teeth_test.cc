// Goal: a harness that finds nothing must be one that could. Method: faults planted one by one, in
// the drive: a flush that does nothing. Each must be caught; a run ends with its first catch.
#include <gtest/gtest.h>

#include <cstdio>
#include <thread>

#include "tests/crash/campaign.h"

namespace creel::crash {
namespace {

using Ignores = std::function<bool(const OpLog&, Inode)>;

// 1 LOG, 2 BULK, … of a segment file by its header; 0: none was written.
int stream_of(const OpLog& log, Inode inode) {
  for (const LoggedOp& op : log.ops())
    if (op.kind == LoggedOp::Kind::kWrite && op.inode == inode && op.offset == 0 &&
        op.bytes.size() >= 4096 && as_text(ByteView(op.bytes).first(8)) == "CREELSEG")
      return op.bytes[10];
  return 0;
}

bool has_content(const OpLog& log, Inode inode) {
  for (const LoggedOp& op : log.ops())
    if (op.kind == LoggedOp::Kind::kWrite && op.inode == inode && op.offset > 0) return true;
  return false;
}

Ignores path_is(std::string path) {
  return [path](const OpLog& log, Inode inode) { return log.path_of(inode) == path; };
}

struct Fault {
  const char* name;
  Ignores sync;
  Ignores dsync;
};

std::vector<Fault> drive_faults() {
  return {
      {"flush of LOG",
       [](const OpLog& log, Inode i) { return stream_of(log, i) == 1 && has_content(log, i); }},
      {"every third flush of LOG",
       [](const OpLog& log, Inode i) {
         return stream_of(log, i) == 1 && has_content(log, i) && log.size() % 3 == 0;
       }},
      {"flush of BULK",
       [](const OpLog& log, Inode i) { return stream_of(log, i) == 2 && has_content(log, i); }},
      {"flush of a new segment's header",
       [](const OpLog& log, Inode i) { return stream_of(log, i) != 0 && !has_content(log, i); }},
      {"flush of seg/", path_is("d/seg")},
      {"flush of idx/", path_is("d/idx")},
      {"flush of DIR", path_is("d")},
      {"flush of the folder above DIR", path_is(".")},
      {"flush of state", path_is("d/state")},
      {"flush of creel.drive",
       [](const OpLog& log, Inode i) { return log.path_of(i).starts_with("d/creel.drive"); }},
      {"LMDB's flush of its pages (NOSYNC)", path_is("d/idx/data.mdb")},
      {"LMDB's flush of its meta page (NOMETASYNC)", {}, path_is("d/idx/data.mdb")},
  };
}  // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): memory that std::function frees

// The first catch, or nothing.
std::optional<Failure> hunt(const Fault& fault) {
  CampaignOptions options;
  options.processes = std::max(1u, std::thread::hardware_concurrency());
  options.failures_max = 1;
  options.states_max = 20'000;
  options.ignores_sync = fault.sync;
  options.ignores_dsync = fault.dsync;
  // Short ones that meet it soon, then whatever there is.
  options.workloads = {"seq:",   "seq:s",   "seq:l",  "seq:k",  "seq:sk",
                       "seq:rs", "seq:skr", "seq:f",  "seq:fm", "seq:lx",
                       "seq:sx", "seq:lk",  "seq:rl", "seq:xl", "seq:sks"};
  for (std::string& name : drawn_workloads(400, 7)) options.workloads.push_back(std::move(name));
  const CampaignResult result = run_campaign(options);
  if (result.failures.empty()) return std::nullopt;
  return result.failures.front();
}

void expect_caught(const std::vector<Fault>& faults) {
  for (const Fault& fault : faults) {
    const std::optional<Failure> caught = hunt(fault);
    std::printf("   %-44s %s\n", fault.name,
                caught ? (caught->state + ": " + caught->what).substr(0, 150).c_str() : "MISSED");
    EXPECT_TRUE(caught.has_value()) << fault.name;
  }
}

TEST(CrashTeeth, EveryFlushThatDoesNothingIsCaught) { expect_caught(drive_faults()); }

}  // namespace
}  // namespace creel::crash
