// What the store was doing when the power went: operations one letter each, recorded with all they
// changed on the drive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/crash/op_log.h"
#include "tests/crash/small_box.h"

namespace creel::crash {

// Letters of a workload; each is one operation, but for those in capitals:
//   s small PUT   m PUT of several blocks   o overwrite   d DELETE   c copy   l large PUT (BULK)
//   u multipart upload   f PUT of bytes that look like the log   a body that nobody names
//   b three PUTs at once   B PUTs and a large one at once   K the same and a checkpoint meanwhile
//   k checkpoint   r stop and start in order   x kill -9 in the middle of two PUTs, and start
//   y the same, and kill -9 again in the middle of that start (drawn workloads; also the first one)
//   i an image of the index   q a quota set   (drawn workloads)
//   L PUT of three segments   M PUTs that fill most of one   g time passes: checkpoints, reclaiming
//   G the same, and PUTs over what is there meanwhile   (drawn ones that reclaim)
inline constexpr std::string_view kLetters = "smodcluabBkKrxf";

struct WorkloadName {
  // "seq:LETTERS", or "rnd:NUMBER": 40 letters drawn from that seed, with threads' mixing;
  // "rec:NUMBER": 80 on a drive so small that segments are used anew.
  std::string text;
  bool drawn() const { return text.starts_with("rnd:") || reclaims(); }
  bool reclaims() const { return text.starts_with("rec:"); }
  std::uint64_t seed() const;
  std::string letters() const;
};

struct Mark {
  enum class Kind : std::uint8_t { kAcked, kOpened, kCheckpointed, kIndexThrownAway };
  Kind kind = Kind::kAcked;
  std::uint32_t at = 0;  // Ops made by then.
  std::uint64_t lsn = 0;
};

// A workload as it went.
struct Recording {
  OpLog log;
  Timeline timeline;
  std::vector<Mark> marks;
  std::vector<std::uint32_t> begins;  // Where each letter begins; one more for the end.
  std::vector<std::string> errors;  // What failed; nothing may without an injected fault.
  bool small = false;  // On a small drive.

  std::uint64_t acked(std::uint32_t at) const { return highest(Mark::Kind::kAcked, at); }
  std::uint64_t checkpointed(std::uint32_t at, std::uint64_t before = 0) const;
  // Since a start that was whole nobody threw the index away, so it must hold. `before`: it had to
  // when this began.
  bool index_holds(std::uint32_t at, bool before = false) const;
  std::uint64_t highest(Mark::Kind kind, std::uint32_t at) const;
  // The newest operation that could have been written by then.
  std::uint64_t decided(std::uint32_t at) const;
};

// Runs a workload in an empty folder below `root`.
class WorkloadRun {
 public:
  WorkloadRun(std::string root, const WorkloadName& name, Recording& into);
  // False: an operation failed (into.errors says which); then nothing follows unless `stubborn`.
  bool run(Shim& shim, bool stubborn = false);
  SmallBox* box() { return box_.get(); }

 private:
  bool open();
  void kill_while_opening();
  std::unique_ptr<SmallBox> make_box();
  bool letter(char letter, std::uint64_t number);
  bool several(bool with_large, bool with_checkpoint, std::uint64_t seed);
  bool multipart(std::uint64_t seed);
  bool abandoned_body(std::uint64_t seed);
  bool kill_in_the_middle(std::uint64_t seed, bool twice);
  bool put(std::string key, std::string body);
  std::string forged_body(std::uint64_t seed);
  bool restart();
  bool let_time_pass(bool with_puts = false);
  void mark(Mark::Kind kind, std::uint64_t lsn);
  bool judge(bool ok, std::string what);
  static Task<void> checkpoint_task(Ctx& ctx, WorkloadRun& self, int& running);
  static Task<void> put_task(Ctx& ctx, WorkloadRun& self, std::string key, std::string body,
                             int& running);

  std::string dir_;
  WorkloadName name_;
  Recording& into_;
  test::TestRandom random_;
  std::unique_ptr<SmallBox> box_;
  std::uint64_t boxes_ = 0;
  Shim* shim_ = nullptr;
};

}  // namespace creel::crash
