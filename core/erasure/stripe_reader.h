#pragma once
#include <array>
#include <memory>
#include <optional>

#include "core/erasure/erasure_blobs.h"

namespace creel::core {

// A run of neighbouring stripes being read. Shared with the jobs that read the drives, which may
// end after the reader has gone on with other shards.
struct ReadRun {
  struct Slot {
    enum class State : std::uint8_t { kIdle, kReading, kRead, kFailed };
    State state = State::kIdle;
    Bytes raw;                // Cells with their CRCs.
    std::uint32_t good = 0;   // A bit a stripe of the run.
    Instant begun;
    bool late = false;
    std::shared_ptr<ShardStore> store;
    std::optional<Error> error;
  };
  ErasureManifest manifest;
  std::uint64_t first = 0;
  unsigned stripes = 0;
  std::array<Slot, kSlotsMax> slots;
  Event progress;

  std::uint64_t cell_offset(unsigned stripe) const {  // In Slot::raw.
    return manifest.geometry().shard_offset(stripe);
  }
  std::uint64_t raw_bytes() const;
  std::uint32_t good_in(unsigned stripe) const;       // A bit a slot.
  std::uint32_t in_state(Slot::State state) const;
};

// Reads a run so that the wanted data cells of every stripe are there: those cells if they are good
// and in time, else any k of the stripe. Lives in the frame of one read.
class StripeReader {
 public:
  // At most this much plain data at a time.
  static constexpr std::uint64_t kRunBytes = 2 * MiB;

  StripeReader(ErasureBlobs& blobs, const ErasureManifest& manifest, std::uint64_t first,
               unsigned stripes);
  // `wanted`: a bit a data slot. Errors: kUnavailable or kCorrupt, naming slots and drives.
  Task<Result<Unit>> fetch(Ctx& ctx, std::uint32_t wanted);
  // After fetch(): plain bytes [begin, end) of one stripe; both in its wanted cells.
  void copy(unsigned stripe, std::uint64_t begin, MutableBytes into) const;

 private:
  void start(unsigned slot);
  bool enough(std::uint32_t wanted) const;
  bool start_more(std::uint32_t wanted);
  bool start_any();
  void help_late();
  Error failure() const;
  Task<void> rebuild(Ctx& ctx, std::uint32_t wanted);
  void note_damage();

  ErasureBlobs& blobs_;
  std::shared_ptr<ReadRun> run_;
  std::array<Bytes, kSlotsMax> rebuilt_;  // Cells that no drive gave; same offsets as Slot::raw.
};

}  // namespace creel::core
