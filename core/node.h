#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/repair/healer.h"
#include "s3/model/model.h"
#include "s3/service/store_log.h"

namespace creel::core {

// A core on one machine: 1 to 16 drive folders.
struct CoreOptions {
  std::vector<std::string> dirs;
  std::uint64_t store_bytes = 0;    // What each drive's shards may use; 0: chosen at format.
  std::uint64_t segment_bytes = 0;  // 0: chosen from the size.
  std::uint64_t segment_bytes_max = 64 * MiB;
  std::size_t inline_bytes_max = 4 * KiB;  // Bodies that ride inside their operation.
  std::size_t checkpoint_rows = 4'096;
  Duration scrub_every = 60_min * 24 * 30;  // As store::Options, for the log and each drive.
  std::uint64_t scrub_bytes_per_second = 4 * MiB;
  bool rebuild_index = false;
  // As store::Options: opens rows in a folder; called for the log and for each drive.
  std::function<Result<std::unique_ptr<store::RowBase>>(const std::string& dir,
                                                        const store::Uuid& store, bool fresh)>
      open_base;
  std::function<void(std::string_view)> log;
  std::function<store::Lsn(const store::Store& log)> log_read_upto;  // As store::Options.
  BlobsOptions blobs;
  HealerOptions healer;
  Duration watch = 2_s;
};

struct CoreStatus {
  Layout layout;                    // Of new blobs.
  std::vector<DriveStatus> drives;
  std::uint32_t mirrors = 0;        // A bit a seat: the operation log's.
  std::vector<std::string> mirrors_down;
  std::uint64_t heal_waiting = 0;   // Blobs to be healed; at most 1,000 are counted.
  std::uint64_t dead_waiting = 0;   // Blobs to be reaped; likewise.
  BlobsCounters blobs;
  HealerCounters healer;
  HealProgress heal;
};

class CoreNode {
 public:
  CoreNode(Platform& platform, CoreOptions options);

  // Errors: those of Drives::open and store::Store::open; kCorrupt (the erasure code's self-check).
  Task<Result<Unit>> open(Ctx& ctx);
  // Serves until ctx stops. Nobody reads or writes blobs before it runs or after it ended.
  Task<void> run(Ctx& ctx);
  Task<Result<Unit>> close(Ctx& ctx);

  s3::Log& log() { return *log_; }
  s3::Blobs& blobs() { return *blobs_; }
  store::Store& log_store() { return *store_; }
  Drives& drives() { return drives_; }
  Healer& healer() { return *healer_; }
  ErasureBlobs& erasure() { return *blobs_; }
  // `creel heal`: takes blank drives in, verifies and rebuilds everything.
  Task<Result<HealProgress>> heal(Ctx& ctx) { return healer_->heal_all(ctx); }
  CoreStatus status() const;

 private:
  static s3::ModelOptions model_options();
  DriveOptions drive_options() const;

  Platform& platform_;
  CoreOptions options_;
  s3::Model model_;
  Drives drives_;
  std::unique_ptr<store::Store> store_;
  std::optional<s3::StoreLog> log_;
  std::optional<s3::StoreBlobs> log_blobs_;
  std::optional<ErasureBlobs> blobs_;
  std::optional<Healer> healer_;
};

}  // namespace creel::core
