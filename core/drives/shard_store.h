#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "core/drives/shard_model.h"
#include "store/store.h"

namespace creel::core {

// The shards of one open drive: a store on D/shards. Shared by its run task and whoever uses it at
// the moment; when the last lets go, its files close. Loop thread only.
class ShardStore {
 public:
  ShardStore(std::string dir, unsigned seat, std::uint32_t seat_version)
      : dir_(std::move(dir)), seat_(seat), seat_version_(seat_version) {}

  // Errors: as store::Store::open.
  Task<Result<Unit>> open(Ctx& ctx, Platform& platform, store::Options options);
  // Serves until ctx stops or stop() is called; in the latter case also closes the store.
  Task<void> run(Ctx& ctx);
  void stop();

  const std::string& dir() const { return dir_; }
  unsigned seat() const { return seat_; }
  std::uint32_t seat_version() const { return seat_version_; }
  store::Store& store() { return *store_; }
  const store::Store& store() const { return *store_; }

  Result<std::optional<ShardRecord>> find(const BlobId& blob, unsigned slot) const {
    return load_shard(*store_, blob, slot);
  }
  // Bytes [offset, offset + into.size()) of a shard, as the drive holds them: the caller checks
  // the cells. Errors: kNotFound (no such shard, or shorter), those of Store::read.
  Task<Result<Unit>> read(Ctx& ctx, BlobId blob, unsigned slot, std::uint64_t offset,
                          MutableBytes into);
  // Durable when ok. Errors: kExists (another shard under this name), those of Store::submit.
  Task<Result<Unit>> put(Ctx& ctx, PutShard op, Bytes payload);
  Task<Result<Unit>> remove(Ctx& ctx, BlobId blob, unsigned slot);  // ok if there is none.

  // How it answers: late answers count against it until it is in time again.
  void was_late() { ++strikes_; }
  void was_in_time() { strikes_ = 0; }
  bool slow() const { return strikes_ >= kStrikesMax; }

 private:
  static constexpr unsigned kStrikesMax = 3;
  std::string dir_;
  unsigned seat_;
  std::uint32_t seat_version_;
  Ctx* running_ = nullptr;
  unsigned strikes_ = 0;
  ShardModel model_;
  std::unique_ptr<store::Store> store_;
};

inline constexpr std::size_t kInlineShardBytes = 256 * KiB;  // Up to here one flush does it all.

}  // namespace creel::core
