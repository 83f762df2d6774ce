#pragma once
#include <array>
#include <memory>
#include <vector>

#include "core/erasure/erasure_blobs.h"
#include "core/erasure/slot_writer.h"
#include "core/placement/place.h"

namespace creel::core {

// Takes one blob: fills stripes, encodes them on the pool, feeds n drives side by side.
class ErasureWriter final : public s3::BlobWriter {
 public:
  ErasureWriter(ErasureBlobs& blobs, s3::BlobHint hint);
  ~ErasureWriter() override;  // Unsealed shards are told to go.

  Task<Result<Unit>> write(Ctx& ctx, ByteView piece) override;
  Task<Result<s3::SealedBlob>> seal(Ctx& ctx) override;
  // Chooses drives for `layout`. write() and seal() call it when the size tells which.
  Result<Unit> begin(const Layout& layout);

 private:
  Task<Result<Unit>> push_stripe(Ctx& ctx);
  Task<Result<Unit>> wait_for_room(Ctx& ctx);
  Task<Result<Unit>> wait_sealed(Ctx& ctx);
  std::shared_ptr<SlotWrite> open_slot(unsigned slot, unsigned seat);
  void hand_off();
  std::uint32_t slots_in(SlotWrite::State state) const;
  std::uint32_t lagging() const;
  bool can_succeed() const;
  Error failure() const;
  void give_up();

  ErasureBlobs& blobs_;
  Busy busy_;
  s3::BlobHint hint_;
  BlobId id_;
  bool begun_ = false;
  bool sealed_ = false;
  Layout layout_;
  Placement placement_;
  std::array<std::shared_ptr<SlotWrite>, kSlotsMax> slots_;
  std::shared_ptr<Event> progress_ = std::make_shared<Event>();
  Bytes small_;                       // Until the layout is known.
  std::shared_ptr<Stripe> stripe_;    // Being filled.
  std::size_t filled_ = 0;
  std::uint64_t stripes_ = 0;
  std::uint64_t size_ = 0;
  std::uint64_t crc64_ = 0;
  // All stripes so far while there are few: a slot whose drive fails can go to another one.
  std::vector<std::shared_ptr<const Stripe>> kept_;
  static constexpr std::size_t kKeptMax = 4;
};

}  // namespace creel::core
