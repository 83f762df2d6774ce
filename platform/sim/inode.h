#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>

#include "platform/base/bytes.h"
#include "platform/sim/random.h"

namespace creel {

struct SimDrive;

// Sparse bytes; copies share pages until one of them writes.
class SimContent {
 public:
  static constexpr std::size_t kPageBytes = 4096;

  std::uint64_t size() const { return size_; }
  std::size_t read(std::uint64_t offset, MutableBytes into) const;  // Short at the end.
  void write(std::uint64_t offset, ByteView bytes);                 // Grows as needed.
  void resize(std::uint64_t bytes);                                 // New bytes are zero.
  void flip(std::uint64_t offset, unsigned bit);                    // Nothing past the end.
  // Takes over the pages that cover [offset, offset + bytes) of an equal content.
  void share(const SimContent& from, std::uint64_t offset, std::uint64_t bytes);

 private:
  using Page = std::array<std::uint8_t, kPageBytes>;
  std::uint64_t size_ = 0;
  std::map<std::uint64_t, std::shared_ptr<const Page>> pages_;
};

enum class SimLoss {
  kDrawn,  // Each un-synced write is kept, lost or torn.
  kAll,    // None is kept.
};

// How an un-synced write may end; see SimDiskFaults.
struct SimLossOdds {
  double lost = 0.4;
  double torn = 0.3;
};

// One file or directory. `cached` is what processes see; `durable` is what a power cut leaves, at
// least; `pending` are the changes between the two, in order.
class SimInode {
 public:
  SimInode(SimDrive& drive, std::uint64_t id, bool is_dir)
      : drive_(drive), id_(id), is_dir_(is_dir) {}
  ~SimInode();
  SimInode(const SimInode&) = delete;
  SimInode& operator=(const SimInode&) = delete;

  bool is_dir() const { return is_dir_; }
  std::uint64_t id() const { return id_; }
  SimDrive& drive() { return drive_; }
  const SimContent& cached() const { return cached_; }
  const SimContent& durable() const { return durable_; }
  bool dirty() const { return !pending_.empty(); }

  // Makes the change visible at once and gives its ticket for finish(): only then does a sync that
  // begins later cover it.
  std::uint64_t write(std::uint64_t offset, std::span<const ByteView> parts,
                      std::uint64_t bytes_max);
  std::uint64_t resize(std::uint64_t bytes);
  void finish(std::uint64_t ticket);
  void finish_all();

  // What a sync that begins now covers; hand it to one of the next two when it ends.
  std::uint64_t sync_mark() const { return stamp_; }
  void sync_ok(std::uint64_t mark);
  // A failed fsync: the covered changes count as clean from now on, though a drawn part of them
  // never reached the drive (ATC'20, "Can applications recover from fsync failures?").
  void sync_failed(std::uint64_t mark, SimRandom& luck, SimLossOdds odds);

  void lose_unsynced(SimLoss loss, SimRandom& luck, SimLossOdds odds);
  void flip(std::uint64_t offset, unsigned bit);  // On the drive and in the cache.
  void set_content(SimContent content);  // Durable; drops what was pending.

  std::uint64_t lock_life = 0;  // Process that holds the lock, 0 if none.

 private:
  struct Change {
    std::uint64_t ticket = 0;
    std::uint64_t done = 0;  // The stamp of its end; 0 while under way.
    bool is_resize = false;
    std::uint64_t offset = 0;  // Of a resize: the new size.
    Bytes data;
  };
  void apply(const Change& change);
  void apply_torn(const Change& change, SimRandom& luck);
  void apply_drawn(const Change& change, SimRandom& luck, SimLossOdds odds);
  void charge(std::uint64_t size_before);

  SimDrive& drive_;
  std::uint64_t id_;
  bool is_dir_;
  bool diverged_ = false;  // cached and durable differ beyond what is pending.
  std::uint64_t tickets_ = 0;
  std::uint64_t stamp_ = 0;
  SimContent cached_;
  SimContent durable_;
  std::deque<Change> pending_;
};

}  // namespace creel
