#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "core/drives/drives.h"
#include "core/erasure/coder.h"
#include "core/erasure/latency.h"
#include "core/erasure/manifest.h"
#include "platform/async/scope.h"
#include "s3/model/manifest.h"
#include "s3/service/blobs.h"

namespace creel::core {

struct BlobsOptions {
  std::size_t window = 4;              // Stripes a drive may lie behind.
  Duration seal_grace = 300_ms;        // For the others, once enough drives have sealed.
  Duration lag_max = 2_s;  // A drive behind by a whole window for so long is left out.
  Duration hedge_min = 20_ms;  // Reads slower than this and the 95th percentile get help.
  std::size_t repairs_max = 256;  // Blobs waiting for a read repair; more are left to heal.
};

struct BlobsCounters {
  std::uint64_t writes = 0, degraded_writes = 0, refused_writes = 0;
  std::uint64_t reads = 0, rebuilt_stripes = 0, hedges = 0, bad_cells = 0, missing_shards = 0;
};

// Blobs as Reed-Solomon shards on the machine's drives. Loop thread only; run() of the owner gives
// it a scope for jobs that may outlive a request (a drive that hangs).
class ErasureBlobs final : public s3::Blobs {
 public:
  // `boot`: rises at each start. `log_blobs` reads the small bodies that lie in the operation log.
  ErasureBlobs(Platform& platform, Drives& drives, s3::Blobs& log_blobs, std::uint32_t boot,
               BlobsOptions options = {});
  void serve_in(Scope* jobs) { jobs_ = jobs; }

  Result<Unit> admit(std::uint64_t bytes) const override;
  Task<Result<std::unique_ptr<s3::BlobWriter>>> start(Ctx& ctx, s3::BlobHint hint) override;
  Task<Result<Unit>> read(Ctx& ctx, std::string manifest, std::uint64_t offset,
                          MutableBytes into) override;
  std::unique_ptr<store::ReadHold> hold(std::string_view manifest) const override {
    return s3::is_log_manifest(manifest) ? log_blobs_.hold(manifest) : nullptr;
  }
  Task<void> abandon(Ctx& ctx, s3::SealedBlob blob) override;

  Task<Result<Unit>> read_blob(Ctx& ctx, ErasureManifest manifest, std::uint64_t offset,
                               MutableBytes into);
  Task<Result<Unit>> remove_shards(Ctx& ctx, ErasureManifest manifest, std::uint32_t slots);

  void remove_later(const ErasureManifest& manifest, std::uint32_t slots);

  // Blobs in which a read met a bad or missing shard on a drive that is up.
  std::optional<ErasureManifest> take_repair();
  Event& repairs_waiting() { return repairs_waiting_; }
  std::uint32_t boot() const { return boot_; }
  const BlobsCounters& counters() const { return counters_; }
  unsigned busy() const { return busy_; }  // Requests under way.

 private:
  friend class ErasureWriter;
  friend class StripeReader;
  friend class BlobRepair;
  BlobId next_id() { return {0, 0, boot_, ++counter_}; }
  Task<void> remove_quietly(Ctx& ctx, ErasureManifest manifest, std::uint32_t slots);
  void want_repair(const ErasureManifest& manifest);

  Platform& platform_;
  Drives& drives_;
  s3::Blobs& log_blobs_;
  std::uint32_t boot_;
  BlobsOptions options_;
  Coder coder_;
  Scope* jobs_ = nullptr;
  std::uint64_t counter_ = 0;
  unsigned busy_ = 0;
  BlobsCounters counters_;
  Latency latency_;
  std::deque<ErasureManifest> repairs_;
  Event repairs_waiting_;
};

// Counts a request under way, for those who make room for it.
class Busy {
 public:
  explicit Busy(unsigned& count) : count_(count) { ++count_; }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() { --count_; }

 private:
  unsigned& count_;
};

}  // namespace creel::core
