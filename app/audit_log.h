#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "platform/async/event.h"
#include "platform/base/units.h"
#include "platform/disk.h"

namespace creel::app {

// One thing somebody did or was refused. Never a secret.
struct AuditEntry {
  WallTime time;
  std::string request_id, who, access_key, from, method, action, resource;
  bool allowed = false;
  std::string why, statement;  // What decided.
  int status = 0;
  std::string code;
};

// Append-only JSON lines, each with its number, the hash of the one before and its own: a line that
// was changed, added or taken away is found by verify_audit(). Written behind the requests, synced
// in batches. Bounded: a queue that is full drops and counts, and the next line says how many; a
// file that is full becomes FILE.1, whose chain the next one goes on with. Loop thread only.
class AuditLog {
 public:
  static constexpr std::size_t kQueueMax = 4'096;
  // Goes on with the chain of the file that is there; a last line that was cut is cut off. `alarm`
  // hears of failed writes, once until one succeeds. Errors: those of the disk, kCorrupt.
  static Task<Result<std::unique_ptr<AuditLog>>> open(Ctx& ctx, Disk& disk, std::string path,
                                                      std::uint64_t bytes_max,
                                                      std::function<void(std::string_view)> alarm);
  void add(const AuditEntry& entry);
  // Writes until ctx stops and the queue is empty.
  Task<void> run(Ctx& ctx);
  std::uint64_t written() const { return written_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  AuditLog(Disk& disk, std::string path, std::uint64_t bytes_max)
      : disk_(disk), path_(std::move(path)), bytes_max_(bytes_max) {}
  Task<Result<Unit>> open_file(Ctx& ctx);
  Task<Result<Unit>> write_queue(Ctx& ctx);

  Disk& disk_;
  std::string path_;
  std::uint64_t bytes_max_;
  std::function<void(std::string_view)> alarm_;
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;
  std::uint64_t number_ = 0;
  std::string hash_;  // Of the last line.
  std::deque<std::string> queue_;  // Lines without number and hashes.
  Event filled_;
  std::uint64_t written_ = 0, dropped_ = 0, told_dropped_ = 0;
  bool failing_ = false;
};

// How far a chain holds. `text`: whole lines, oldest first, of one file or several in order.
struct AuditVerdict {
  std::uint64_t lines = 0;  // That hold.
  std::string problem;  // "line 7: …"; empty: all hold.
};
AuditVerdict verify_audit(std::string_view text);

}  // namespace creel::app
