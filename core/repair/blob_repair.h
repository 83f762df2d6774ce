#pragma once
#include <cstdint>

#include "core/erasure/erasure_blobs.h"
#include "core/erasure/slot_writer.h"

namespace creel::core {

struct RepairOptions {
  bool verify = false;  // Read and check every cell of every shard, not only that it is there.
  bool move_away = false;  // Slots of drives that are down go to drives that have none of the blob.
};

struct RepairOutcome {
  ErasureManifest manifest;  // As it is now; same as before if nothing changed.
  unsigned rebuilt = 0;  // Shards written.
  std::uint64_t bytes = 0;  // Of them.
  unsigned missing = 0;  // Slots that could not be repaired now.
};

// Makes one blob whole: finds slots that are missing, bad or doubled up, reads k others, encodes,
// and writes those slots anew. Metadata is the caller's matter. Gives way to requests: 20 % of the
// time while there are some, unless one more loss would lose the blob.
class BlobRepair {
 public:
  BlobRepair(Platform& platform, Drives& drives, ErasureBlobs& blobs)
      : platform_(platform), drives_(drives), blobs_(blobs) {}
  // Errors: those of reading (too few shards: the blob stays as it is), kStopped.
  Task<Result<RepairOutcome>> run(Ctx& ctx, ErasureManifest manifest, RepairOptions options);

 private:
  struct Plan {
    std::uint32_t present = 0;  // Slots that are where the manifest says, and good.
    std::uint32_t rebuild = 0;
    std::uint32_t unknown = 0;  // Their drive is down.
    std::array<std::uint8_t, kSlotsMax> seat{};
  };
  Task<Result<Plan>> examine(Ctx& ctx, const ErasureManifest& manifest, RepairOptions options);
  Task<Result<bool>> shard_good(Ctx& ctx, const ErasureManifest& manifest, unsigned slot,
                                bool verify);
  void relocate(const ErasureManifest& manifest, Plan& plan, RepairOptions options) const;
  Task<Result<std::uint32_t>> rebuild(Ctx& ctx, const ErasureManifest& manifest, const Plan& plan);
  Task<Result<Unit>> give_way(Ctx& ctx, Instant begun, bool urgent);

  Platform& platform_;
  Drives& drives_;
  ErasureBlobs& blobs_;
};

}  // namespace creel::core
