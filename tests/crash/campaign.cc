#include "tests/crash/campaign.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "platform/base/text.h"
#include "tests/crash/crash_states.h"

namespace creel::crash {
namespace {

constexpr std::uint64_t kTable = std::uint64_t{1} << 22;  // At most half full: 2 M states.
constexpr std::size_t kFailures = 16;
constexpr unsigned kProcessesMax = 64;

// Whether everything is deleted behind this image.
bool empties(std::uint64_t hash) { return hash / 8 % 32 == 0; }

// What the processes share.
struct Board {
  std::atomic<std::uint64_t> known[kTable];
  std::atomic<std::uint64_t> states, checks, twice, workloads, ops, next_workload;
  std::atomic<std::uint32_t> failures;
  std::atomic<bool> stop;
  struct Text {
    char state[200];
    char what[1400];
  } failed[kFailures];
  char under_way[kProcessesMax][200];

  // True the first time.
  bool claim(std::uint64_t key) {
    if (key == 0) key = 1;
    for (std::uint64_t at = key % kTable;; at = (at + 1) % kTable) {
      std::uint64_t held = 0;
      if (known[at].compare_exchange_strong(held, key)) return true;
      if (held == key) return false;
    }
  }
  void fail(const std::string& state, const std::string& what) {
    const std::uint32_t place = failures.fetch_add(1);
    if (place >= kFailures) return;
    std::snprintf(failed[place].state, sizeof failed[place].state, "%s", state.c_str());
    std::snprintf(failed[place].what, sizeof failed[place].what, "%s", what.c_str());
  }
};

struct Recorded {
  Recording recording;
  bool good = false;
};

void record(const std::string& name, const CampaignOptions& options, DriveDir& dir,
            Recorded& into) {
  dir.clear();
  into.recording.log.ignores_sync = options.ignores_sync;
  into.recording.log.ignores_dsync = options.ignores_dsync;
  Shim shim(dir.root(), &into.recording.log);
  WorkloadRun run(dir.root(), {name}, into.recording);
  into.good = run.run(shim);
}

class Worker {
 public:
  Worker(const CampaignOptions& options, Board& board, unsigned number)
      : options_(options), board_(board), number_(number) {}

  void run() {
    for (;;) {
      const std::uint64_t next = board_.next_workload.fetch_add(1);
      if (next >= options_.workloads.size() || board_.stop) return;
      workload(options_.workloads[next]);
      ++board_.workloads;
    }
  }

 private:
  void workload(const std::string& name) {
    std::snprintf(board_.under_way[number_], sizeof board_.under_way[0], "%s/recording",
                  name.c_str());
    alarm(options_.hung_after_s);
    Recorded recorded;
    record(name, options_, scratch_, recorded);
    Recording& recording = recorded.recording;
    board_.ops += recording.log.size();
    if (!recorded.good) {
      report(name + "/recording", recording.errors.empty() ? "stuck" : recording.errors.front());
      return;
    }
    CrashStates states(recording.log, options_.seed);
    for (std::uint32_t at = first_cut(name, recording); at <= recording.log.size(); ++at) {
      const Expectation expect = expectation_at(recording, at);
      const bool more = states.at(at, [&](std::uint32_t variant, const Image& image) {
        const StateName state{name, at, variant};
        if (variant == 1 && mix_hash(at, options_.seed + 2) % options_.kill_stride == 0 &&
            !killed(state, image, states, recording.log, expect))
          return false;
        return visit(state, image, recording.log.pool(), expect);
      });
      if (!more) return;
    }
  }

  // What a workload one letter shorter does as well is left to that one.
  std::uint32_t first_cut(const std::string& name, const Recording& recording) const {
    if (recording.begins.size() < 2) return 0;
    if (WorkloadName{name}.drawn()) return recording.begins.front();
    return recording.begins[recording.begins.size() - 2];
  }

  // False: enough.
  bool visit(StateName name, const Image& image, const BlockPool& pool, const Expectation& expect) {
    const std::uint64_t hash = image.hash(pool);
    if (options_.stride > 1 && mix_hash(hash, options_.seed) % options_.stride != 0) return true;
    // The same image may have to hold more once more was acknowledged.
    const std::uint64_t promise = mix_hash(expect.acked, expect.checkpointed * 2 + expect.opened);
    if (!board_.claim(mix_hash(hash, promise))) return true;
    const bool fresh = board_.claim(mix_hash(hash, 0x5eed));
    begin(name);
    const bool cut_again = mix_hash(hash, options_.seed + 1) % options_.twice_stride == 0;
    Recording recovery;
    const std::optional<std::string> wrong =
        check_image(dir_, image, pool, expect, hash % 8 == 0, empties(hash) && !cut_again,
                    cut_again ? &recovery : nullptr);
    ++board_.checks;
    if (fresh) ++board_.states;
    if (wrong) {
      report(name.text(), *wrong);
      dir_.clear();
    } else if (cut_again && !twice(name, recovery, expect)) {
      return false;
    }
    return goes_on();
  }

  bool goes_on() {
    if (board_.states >= options_.states_max) board_.stop = true;
    return !board_.stop;
  }

  // The process dies, the next one sees all that was written; then the power goes.
  bool killed(StateName name, const Image& image, CrashStates& states, OpLog& log,
              const Expectation& expect) {
    Recording recovery;
    recovery.log.begin_after_kill(log, states.flushed(), states.undurable());
    begin(name);
    ++board_.checks;
    name.killed = true;
    const auto wrong = check_image(dir_, image, log.pool(), expect, true, false, &recovery);
    if (!wrong) return twice(name, recovery, expect);
    report(name.text(), *wrong);
    dir_.clear();
    return goes_on();
  }

  // The recovery itself is cut, at some moments.
  bool twice(StateName name, Recording& recovery, const Expectation& before) {
    const std::uint64_t one_in = 12;
    CrashStates states(recovery.log, options_.seed);
    name.twice = true;
    for (std::uint32_t at = 1; at <= recovery.log.size(); ++at) {
      const Expectation expect = expectation_again(recovery, at, before);
      const bool more = states.at(at, [&](std::uint32_t variant, const Image& image) {
        const std::uint64_t hash = image.hash(recovery.log.pool());
        const bool always = name.killed && variant == 0;
        if (!always && mix_hash(hash, options_.seed) % one_in != 0) return true;
        if (!board_.claim(mix_hash(hash, mix_hash(expect.acked, 0x2ce)))) return true;
        name.again_at = at;
        name.again_variant = variant;
        begin(name);
        if (board_.claim(mix_hash(hash, 0x5eed))) {
          ++board_.states;
          ++board_.twice;
        }
        ++board_.checks;
        const auto wrong =
            check_image(dir_, image, recovery.log.pool(), expect, hash % 8 == 0, empties(hash));
        if (wrong) {
          report(name.text(), *wrong);
          dir_.clear();
        }
        return goes_on();
      });
      if (!more) return false;
    }
    return true;
  }

  void begin(const StateName& name) {
    alarm(options_.hung_after_s);
    std::snprintf(board_.under_way[number_], sizeof board_.under_way[0], "%s", name.text().c_str());
  }

  void report(const std::string& state, const std::string& what) {
    board_.fail(state, what);
    if (board_.failures >= options_.failures_max) board_.stop = true;
  }

  const CampaignOptions& options_;
  Board& board_;
  unsigned number_;
  DriveDir scratch_{make_scratch_dir()};
  DriveDir dir_{make_scratch_dir()};
};

}  // namespace

std::string StateName::text() const {
  std::string text = cat(workload, "/c", at, "/v", variant);
  if (twice) text += cat(killed ? "/k" : "/r", again_at, "/v", again_variant);
  return text;
}

std::optional<StateName> StateName::parse(const std::string& text) {
  StateName name;
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  name.workload = text.substr(0, slash);
  char how = 'r';
  const int got = std::sscanf(text.c_str() + slash, "/c%u/v%u/%c%u/v%u", &name.at, &name.variant,
                              &how, &name.again_at, &name.again_variant);
  name.twice = got == 5;
  name.killed = how == 'k';
  return got == 2 || got == 5 ? std::optional(name) : std::nullopt;
}

CampaignResult run_campaign(const CampaignOptions& options) {
  const auto begun = std::chrono::steady_clock::now();
  void* memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(memory != MAP_FAILED);
  Board& board = *static_cast<Board*>(memory);  // Zeros are its beginning.
  std::vector<pid_t> children;
  std::fflush(nullptr);
  for (unsigned i = 0; i < std::min(options.processes, kProcessesMax); ++i) {
    const pid_t child = fork();
    check(child >= 0);
    if (child == 0) {
      {
        Worker(options, board, i).run();
      }
      std::fflush(nullptr);
      _exit(0);
    }
    children.push_back(child);
  }
  for (std::size_t i = 0; i < children.size(); ++i) {
    int status = 0;
    check(waitpid(children[i], &status, 0) == children[i]);
    if (WIFSIGNALED(status)) {
      board.fail(board.under_way[i], cat("the process died of signal ", WTERMSIG(status),
                                         WTERMSIG(status) == SIGALRM ? " (it hung)" : ""));
      board.stop = true;
    }
  }
  CampaignResult result;
  result.states = board.states;
  result.checks = board.checks;
  result.twice = board.twice;
  result.workloads = board.workloads;
  result.ops = board.ops;
  for (std::size_t i = 0; i < std::min<std::size_t>(board.failures, kFailures); ++i)
    result.failures.push_back({board.failed[i].state, board.failed[i].what});
  munmap(memory, sizeof(Board));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return result;
}

std::optional<std::string> replay_state(const StateName& name, const CampaignOptions& options) {
  DriveDir scratch(make_scratch_dir());
  DriveDir dir(make_scratch_dir());
  Recorded recorded;
  record(name.workload, options, scratch, recorded);
  Recording& recording = recorded.recording;
  for (std::uint32_t i = 0; i < name.at && i < recording.log.size(); ++i)
    std::printf("%5u %s\n", i, recording.log.text_of(i).c_str());
  for (const std::string& error : recording.errors) std::printf("recording: %s\n", error.c_str());
  CrashStates states(recording.log, options.seed);
  std::optional<std::string> wrong = "no such state";
  for (std::uint32_t at = 0; at <= std::min(name.at, recording.log.size()); ++at) {
    const Expectation expect = expectation_at(recording, at);
    states.at(at, [&](std::uint32_t variant, const Image& image) {
      if (at != name.at || variant != name.variant) return at == name.at;
      std::printf("cut after %u ops: %s\n%s", at, states.text_of(variant).c_str(),
                  image.list().c_str());
      Recording recovery;
      if (name.killed)
        recovery.log.begin_after_kill(recording.log, states.flushed(), states.undurable());
      const std::uint64_t hash = image.hash(recording.log.pool());
      wrong = check_image(dir, image, recording.log.pool(), expect, name.killed || hash % 8 == 0,
                          !name.twice && empties(hash), name.twice ? &recovery : nullptr);
      if (!name.twice) return false;
      for (std::uint32_t i = 0; i < recovery.log.size(); ++i)
        std::printf("again %5u %s\n", i, recovery.log.text_of(i).c_str());
      CrashStates second(recovery.log, options.seed);
      for (std::uint32_t then = 1; then <= name.again_at; ++then) {
        const Expectation later = expectation_again(recovery, then, expect);
        second.at(then, [&](std::uint32_t v, const Image& cut) {
          if (then != name.again_at || v != name.again_variant) return then == name.again_at;
          std::printf("cut again after %u ops: %s\n%s", then, second.text_of(v).c_str(),
                      cut.list().c_str());
          wrong = check_image(dir, cut, recovery.log.pool(), later,
                              cut.hash(recovery.log.pool()) % 8 == 0,
                              empties(cut.hash(recovery.log.pool())));
          return false;
        });
      }
      return false;
    });
  }
  return wrong;
}

std::vector<std::string> short_workloads(std::size_t length) {
  std::vector<std::string> all{"seq:"};
  std::size_t begin = 0;
  for (std::size_t n = 0; n < length; ++n) {
    const std::size_t end = all.size();
    for (std::size_t i = begin; i < end; ++i)
      for (const char letter : kLetters) all.push_back(all[i] + letter);
    begin = end;
  }
  return all;
}

std::vector<std::string> drawn_workloads(std::size_t count, std::uint64_t seed,
                                         const char* family) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, "%s:0x%llx", family,
                  static_cast<unsigned long long>(test::mix64(seed * 0x10001 + i) >> 16));
    all.push_back(text);
  }
  return all;
}

}  // namespace creel::crash
