// Goal: a harness that finds nothing must be one that could. Method: faults planted one by one, in
// the drive (a flush that does nothing) and in a copy of the product's sources (plants/plants.py,
// switched on one at a time). Each must be caught; a run ends with its first catch.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

#include "planted/list.h"
#include "platform/base/text.h"
#include "tests/crash/campaign.h"
#include "tests/crash/failing_calls.h"
#include "tests/crash/flips.h"

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

// The first catch by power cuts, or nothing.
std::optional<Failure> hunt(const Fault& fault, const std::string& soon) {
  CampaignOptions options;
  options.processes = std::max(1u, std::thread::hardware_concurrency());
  options.failures_max = 1;
  options.states_max = 20'000;
  const bool drawn = soon == "rnd:" || soon == "rec:";
  options.kill_stride = drawn ? 24 : 1;
  options.twice_stride = 12;
  if (soon == "rec:") options.stride = 24;  // Long ones, and reclaiming comes late.
  options.hung_after_s = 10;
  options.ignores_sync = fault.sync;
  options.ignores_dsync = fault.dsync;
  // Short ones that meet it soon, then whatever there is.
  options.workloads = {"seq:",   "seq:s",   "seq:l",  "seq:k",  "seq:sk",
                       "seq:rs", "seq:skr", "seq:f",  "seq:fm", "seq:lx",
                       "seq:sx", "seq:lk",  "seq:rl", "seq:xl", "seq:sks"};
  if (drawn) options.workloads.clear();
  else if (!soon.empty()) options.workloads.insert(options.workloads.begin(), soon);
  for (std::string& name : drawn_workloads(400, 7, soon == "rec:" ? "rec" : "rnd"))
    options.workloads.push_back(std::move(name));
  const CampaignResult result = run_campaign(options);
  if (result.failures.empty()) return std::nullopt;
  return result.failures.front();
}

// What a search in a process of its own found: it may die of the fault, which is a catch as well.
template <class Search>
std::optional<Failure> hunt_apart(const char* what, Search search) {
  int ends[2];
  if (pipe(ends) != 0) return std::nullopt;
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const std::string found = search();
    if (write(ends[1], found.data(), found.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  std::string found;
  char piece[512];
  for (ssize_t got = 0; (got = read(ends[0], piece, sizeof piece)) > 0;)
    found.append(piece, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) found = cat("died of signal ", WTERMSIG(status));
  if (found.empty()) return std::nullopt;
  return Failure{what, found};
}

std::string any_failing_call() {
  for (const FailingCall& kind : all_failing_calls()) {
    const bool meant = kind.call == Call::kWrite || kind.call == Call::kSync;
    if (!meant) continue;
    const FailingCallsResult result = run_failing_calls(kind, 0, 1);
    if (!result.wrong.empty()) return result.wrong;
  }
  return {};
}

std::optional<Failure> hunt(const Plant& plant) {
  constexpr std::uint64_t kFlips = 6'000;
  switch (plant.by) {
    case Plant::Caught::kPowerCut: return hunt(Fault{plant.name, {}, {}}, plant.workload);
    case Plant::Caught::kFailingCall: return hunt_apart("a failing call", any_failing_call);
    case Plant::Caught::kFlippedByte:
      return hunt_apart("a flipped byte",
                        [&] { return flip_bytes(plant.workload, 1, kFlips).value_or(""); });
  }
  return std::nullopt;
}

void expect_caught(const char* name, const std::optional<Failure>& caught) {
  std::printf("   %-56s %s\n", name,
              caught ? (caught->state + ": " + caught->what).substr(0, 150).c_str() : "MISSED");
  EXPECT_TRUE(caught.has_value()) << name;
}

TEST(CrashTeeth, EveryFlushThatDoesNothingIsCaught) {
  for (const Fault& fault : drive_faults()) expect_caught(fault.name, hunt(fault, ""));
}

TEST(CrashTeeth, EveryFaultPlantedInTheProductIsCaught) {
  for (const Plant& plant : kPlants) {
    planted = plant.number;
    const std::optional<Failure> caught = hunt(plant);
    planted = 0;
    expect_caught(plant.name, caught);
    std::fflush(stdout);
  }
  EXPECT_GE(std::size(kPlants), 40u);
}

TEST(CrashTeeth, NothingIsCaughtWhereNothingIsPlanted) {
  EXPECT_EQ(hunt_apart("a failing call", any_failing_call).value_or(Failure()).what, "");
  for (const char* workload : {"seq:smsos", "seq:smsosk", "seq:ll"})
    EXPECT_EQ(flip_bytes(workload, 1, 2'000).value_or(""), "");
}

}  // namespace
}  // namespace creel::crash
