#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "platform/disk.h"
#include "store/log/drive_identity.h"
#include "store/log/state_slots.h"

namespace creel::store {

class Folder;

// Keeps a segment's file open while somebody uses it.
class FileRef {
 public:
  FileRef() = default;
  FileRef(FileRef&& from) noexcept : entry_(std::exchange(from.entry_, nullptr)) {}
  FileRef& operator=(FileRef&& from) noexcept {
    std::swap(entry_, from.entry_);
    return *this;
  }
  ~FileRef();
  File* operator->() const;
  explicit operator bool() const { return entry_ != nullptr; }

 private:
  friend class Folder;
  struct Entry;
  explicit FileRef(Entry* entry);
  Entry* entry_ = nullptr;
};

// One folder that holds the log, alone or as one of several mirrors: its files and what is known of
// its health. Loop thread only.
class Folder {
 public:
  // Log writes go to `lane` of the disk, everything else to its I/O threads.
  Folder(Disk& disk, std::string dir, unsigned index, unsigned lane);
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();

  Disk& disk() const { return disk_; }
  const std::string& dir() const { return dir_; }
  unsigned index() const { return index_; }
  bool live() const { return why_down_.empty(); }
  const std::string& why_down() const { return why_down_; }
  // Out of the set until it was brought up to date again. The first reason stays.
  void leave(std::string why);
  // Closes what nobody uses and gives up the lock: a drive that left can be taken out.
  void let_go();
  // Live again, as `other` describes it: a Folder of its own under which the same place of the set
  // was brought up to date. Reads under way keep the files they have.
  void take_over(Folder& other);

  std::string segment_path(std::uint32_t segment) const;
  // For reads, chunk writes and repairs; at most kOpenFilesMax stay open when unused.
  Task<Result<FileRef>> segment(Ctx& ctx, std::uint32_t segment);
  void forget(std::uint32_t segment);  // Its file was replaced or removed; nobody uses it now.

  // A new file of full size whose name and size are on stable storage; removed again on kNoSpace.
  Task<Result<Unit>> make_spare(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes);
  // append() writes to this segment from now on. A header, if given, is written and synced first.
  Task<Result<Unit>> open_log(Ctx& ctx, std::uint32_t segment, Bytes header);
  // One write and one sync.
  Task<Result<Unit>> append(Ctx& ctx, std::uint64_t offset, std::shared_ptr<const Bytes> bytes);
  // Writes at `offset` of any segment and syncs it.
  Task<Result<Unit>> write_synced(Ctx& ctx, std::uint32_t segment, std::uint64_t offset,
                                  std::shared_ptr<const Bytes> bytes);
  // ok if it is not there. A file in use stays until the next start.
  Task<Result<Unit>> remove_segment(Ctx& ctx, std::uint32_t segment);
  // A segment that was cut gets its full size back.
  Task<Result<Unit>> restore_size(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes);
  Task<Result<Unit>> truncate(Ctx& ctx, std::uint32_t segment, std::uint64_t bytes);
  // Into the slot whose turn it is; clears the suspect word.
  Task<Result<Unit>> write_state(Ctx& ctx, DriveState state);

  std::unique_ptr<FileLock> lock;
  DriveIdentity identity;
  DriveState state;
  std::uint64_t flushes = 0;  // Of the log: one a batch and one a segment.
  bool behind = false;  // Lacks batches that a majority has: what it misses is no damage.
  std::function<void()> on_leave;  // Called at that moment. Stays with the place of the set.

 private:
  static constexpr std::size_t kOpenFilesMax = 64;
  void close_unused();

  Disk& disk_;
  std::string dir_;
  unsigned index_;
  unsigned lane_;
  std::string why_down_;
  std::map<std::uint32_t, std::unique_ptr<FileRef::Entry>> open_;
  std::vector<std::unique_ptr<FileRef::Entry>> stale_;  // Of before take_over(), while in use.
  unsigned returns_ = 0;
  std::uint64_t uses_ = 0;
  std::unique_ptr<File> log_;
};

struct FileRef::Entry {
  std::unique_ptr<File> file;
  unsigned users = 0;
  std::uint64_t last_use = 0;
};

inline FileRef::FileRef(Entry* entry) : entry_(entry) { ++entry_->users; }
inline FileRef::~FileRef() {
  if (entry_ != nullptr) --entry_->users;
}
inline File* FileRef::operator->() const { return entry_->file.get(); }

}  // namespace creel::store
