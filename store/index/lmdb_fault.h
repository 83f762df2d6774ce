#pragma once
#include <cstdint>
#include <string>

namespace creel::store {

// A page of a mapped file that cannot be read (a drive's error, a file cut short under us) arrives
// as SIGBUS or SIGSEGV. While a guard lives, such a fault inside its map sets the suspect word of
// the drive's state file by one pwrite, names file and offset on stderr and lets the process die:
// the next start rebuilds the index (docs/formats/state.md). Faults elsewhere go to whoever handled
// them before. At most kGuardsMax maps; further ones are not watched.
//
// With kLose the process lives: an empty leaf page takes the place of what cannot be read, and
// lost() is true from then on. Whatever was read since the last time it was false is worth nothing;
// the map must be given up.
class MapGuard {
 public:
  static constexpr std::size_t kGuardsMax = 64;
  enum class OnFault { kDie, kLose };
  // Watches the map of the file open as `fd`, named `path` in messages. `state_path`: the state
  // file beside it; may be missing, then nothing is marked.
  MapGuard(int fd, std::string path, const std::string& state_path, OnFault on_fault);
  MapGuard(const MapGuard&) = delete;
  MapGuard& operator=(const MapGuard&) = delete;
  ~MapGuard();
  bool watching() const { return slot_ >= 0; }
  bool lost() const;  // Any thread.

 private:
  std::string path_;
  int state_fd_ = -1;
  int slot_ = -1;
};

}  // namespace creel::store
