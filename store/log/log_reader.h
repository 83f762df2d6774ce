#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "store/log/log_scan.h"
#include "store/store.h"

namespace creel::store {

// Reads operations back for replication. Each reader that goes on where it stopped finds its place
// again without seeking. Loop thread only.
class LogReader {
 public:
  explicit LogReader(Volume& volume) : volume_(volume) {}
  // As Store::read_log; `bounds` is the durable end.
  Task<Result<std::vector<LoggedOp>>> read(Ctx& ctx, Lsn after, std::size_t bytes_max,
                                           bool with_payload, LogScan::Bounds bounds);

 private:
  struct Cursor {
    explicit Cursor(LogScan from) : scan(std::move(from)) {}
    LogScan scan;
    Lsn at;                       // Last operation handed out.
  };
  static constexpr std::size_t kCursorsMax = 8;
  Result<std::unique_ptr<Cursor>> take_cursor(Lsn after);

  Volume& volume_;
  std::vector<std::unique_ptr<Cursor>> cursors_;  // Oldest use first; none is in use.
};

}  // namespace creel::store
