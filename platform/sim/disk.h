#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/units.h"
#include "platform/sim/inode.h"
#include "platform/sim/random.h"

namespace creel {

class SimWorld;

enum class SimDiskOp : unsigned char {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kTruncate,
  kRename,
  kRemove,
  kMakeDir,
  kSyncDir,
  kList,
  kLock,
};
inline constexpr std::size_t kSimDiskOps = 12;

// What may go wrong with one drive. Rates are 0..1 a call; all zero but the losses at a power cut.
struct SimDiskFaults {
  double read_error = 0;   // kIo.
  double write_error = 0;  // kIo, a part of the bytes written.
  double sync_error = 0;   // kIo; what it covered counts as clean, a drawn part of it is lost.
  double lying_sync = 0;   // Says ok and makes nothing durable.
  double bit_rot = 0;      // A read finds one bit flipped for good.
  double stale_read = 0;   // A read gives what the drive holds, without un-synced writes.
  double misdirected_write = 0;  // Lands a block too far, says ok.
  double lost_write = 0.4;       // At a power cut, each un-synced write.
  double torn_write = 0.3;       // At a power cut, each un-synced write not lost.
  double lost_name = 0.5;        // At a power cut, each name change without sync_dir.
  std::uint64_t capacity = 64 * GiB;           // As space() tells it.
  std::optional<std::uint64_t> no_space_at;    // kNoSpace from here on, whatever space() says.
  Duration latency = 100_us;                   // Mean of a call.
  Duration sync_latency = 1_ms;                // Mean of sync and sync_dir.
};

struct SimDiskCounters {
  std::uint64_t calls[kSimDiskOps] = {};
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t errors = 0;  // Injected or drawn.
  std::uint64_t of(SimDiskOp op) const { return calls[static_cast<std::size_t>(op)]; }
};

// The bytes a size takes up.
inline std::uint64_t sim_blocks(std::uint64_t size) { return (size + 4095) / 4096 * 4096; }

struct SimDrive {
  std::string prefix;
  SimDiskFaults faults;
  SimDiskCounters counters;
  std::uint64_t used_bytes = 0;
  std::uint64_t epoch = 0;  // Files opened in an earlier one fail: the drive was pulled since.
  bool available = true;
};

// The files below one folder, as a drive on the shelf holds them.
struct SimDiskImage {
  struct Entry {
    bool is_dir = false;
    SimContent content;
  };
  std::map<std::string, Entry> entries;  // By path relative to the folder.
};

// All drives of one machine: they outlive its processes. A name is a path without a leading '/'
// ("d0/seg/1"); absolute and relative paths are the same here. Processes use it through
// SimDiskDoor.
class SimDisk {
 public:
  using InodeRef = std::shared_ptr<SimInode>;  // Shared like a link count: names and open files.

  SimDisk(SimWorld& world, const std::string& node);

  // --- for tests: faults ---
  // A drive mounted at `prefix`, made with its folder if new. "" is the machine's own drive. A path
  // belongs to the drive with the longest prefix.
  SimDrive& drive(std::string_view prefix = "");
  SimDiskFaults& faults(std::string_view prefix = "") { return drive(prefix).faults; }
  const SimDiskCounters& counters(std::string_view prefix = "") { return drive(prefix).counters; }
  // The n-th call of this kind from now (1 = the next) on a path at or below `prefix` fails once
  // with `code`. The prefix is any path, not only a drive's. Files count by the name they were
  // opened by.
  void fail_nth(SimDiskOp op, std::uint64_t n, ErrorCode code, std::string_view prefix = "");
  void clear_faults();  // Every drive as good as new: rates zero, nothing planned, available.
  // Flips one bit of a file for good, on the drive and in the cache. False if there is no such
  // byte.
  bool flip(std::string_view path, std::uint64_t offset, unsigned bit = 0);
  // Pulled out: what was not synced is lost, calls and files open till now give kIo.
  void make_unavailable(std::string_view prefix);
  void make_available(std::string_view prefix);  // Back again; files must be opened anew.
  void wipe(std::string_view prefix);  // An empty folder, durably.
  SimDiskImage snapshot(std::string_view prefix);  // What processes see now.
  void restore(std::string_view prefix, const SimDiskImage& image);  // In place of what is there.

  // --- for tests: looking, without a process, cost or fault ---
  std::optional<Bytes> peek(std::string_view path);  // What processes see.
  std::optional<Bytes> peek_durable(std::string_view path);  // What a power cut leaves at least.
  bool put(std::string_view path, ByteView content);  // Durable; makes folders. False on a folder.
  std::vector<std::string> paths(std::string_view prefix = "");  // All files and folders below.
  bool dirty() const;  // Anything not synced, contents or names.

  // --- for SimNode and SimDiskDoor ---
  void lose_unsynced(SimLoss loss);
  void settle();  // The process ended, the machine did not: calls under way are done.
  void release_locks(std::uint64_t life);
  // Counts the call; an Error if the drive is out, or a fault was planned or drawn for it.
  std::optional<Error> begin(SimDiskOp op, SimDrive& drive, const std::string& path);
  SimRandom& luck() { return luck_; }
  static std::string normal(std::string_view path);
  static std::string parent(const std::string& path);  // Of a normal path; "" is the top.
  SimDrive& drive_of(std::string_view normal_path);
  InodeRef find(const std::string& path);
  InodeRef create(const std::string& path, bool is_dir);
  std::optional<Error> check_parent(const std::string& path);
  void rename(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  void sync_names(const std::string& dir);
  std::vector<std::string> names_in(const std::string& dir);
  // kNoSpace if growing the file from `before` to `after` bytes does not fit.
  std::optional<Error> reserve(SimInode& inode, std::uint64_t after, const std::string& path);

 private:
  struct NameChange {  // Atomic: a rename has two sets.
    std::vector<std::pair<std::string, InodeRef>> sets;  // Null: the name goes.
  };
  struct Planned {
    SimDiskOp op;
    std::uint64_t left;
    ErrorCode code;
    std::string prefix;
  };
  using Names = std::map<std::string, InodeRef>;
  void set_names(NameChange change);
  static void apply(Names& names, const NameChange& change);
  void lose_names(SimLoss loss, const SimDrive* only);
  void lose_below(SimLoss loss, SimDrive* only);
  void drop_orphans(const SimDrive* only);
  double rate_of(SimDiskOp op, const SimDiskFaults& faults) const;

  SimWorld& world_;
  SimRandom luck_;
  std::uint64_t inodes_ = 0;
  std::map<std::string, std::unique_ptr<SimDrive>, std::less<>> drives_;  // Outlive the inodes.
  std::vector<Planned> planned_;
  Names cached_;
  Names durable_;
  std::vector<NameChange> pending_;
};

}  // namespace creel
