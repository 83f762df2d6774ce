#include "core/erasure/erasure_writer.h"

#include <algorithm>
#include <bit>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::core {

ErasureWriter::ErasureWriter(ErasureBlobs& blobs, s3::BlobHint hint)
    : blobs_(blobs), busy_(blobs.busy_), hint_(hint), id_(blobs.next_id()) {}

ErasureWriter::~ErasureWriter() {
  if (!sealed_) give_up();
}

// Those still being written take themselves away; what is sealed already is left to the next start,
// which removes shards that no row names.
void ErasureWriter::give_up() {
  for (const auto& slot : slots_)
    if (slot) slot->abandon();
}

Result<Unit> ErasureWriter::begin(const Layout& layout) {
  check(!begun_ && blobs_.jobs_ != nullptr);
  layout_ = layout;
  const std::uint64_t hint = Geometry(layout, hint_.size.value_or(0)).shard_bytes();
  TRY(placement, place(blobs_.drives_, layout, id_.counter, hint));
  placement_ = placement;
  begun_ = true;
  for (unsigned slot = 0; slot < layout.slots(); ++slot)
    if (placement_.writable >> slot & 1) slots_[slot] = open_slot(slot, placement_.seat[slot]);
  return Unit{};
}

std::shared_ptr<SlotWrite> ErasureWriter::open_slot(unsigned slot, unsigned seat) {
  auto write = std::make_shared<SlotWrite>();
  write->blob = id_;
  write->layout = layout_;
  write->slot = slot;
  write->bytes_hint = Geometry(layout_, hint_.size.value_or(0)).shard_bytes();
  write->store = blobs_.drives_.store_at(seat);
  write->progress = progress_;
  blobs_.jobs_->spawn(write_slot(blobs_.jobs_->ctx(), write));
  return write;
}

Task<Result<Unit>> ErasureWriter::write(Ctx& ctx, ByteView piece) {
  const unsigned drives = blobs_.drives_.config().seat_count();
  if (!begun_ && size_ + piece.size() <= kSmallBlobBytes &&
      hint_.size.value_or(0) <= kSmallBlobBytes) {
    append(small_, piece);
    size_ += piece.size();
    co_return Unit{};
  }
  if (!begun_) {
    CO_DO(begin(default_layout(drives)));
    const Bytes before = std::move(small_);
    small_ = Bytes();
    size_ -= before.size();
    CO_DO(co_await write(ctx, before));
  }
  while (!piece.empty()) {
    if (!stripe_) stripe_ = std::make_shared<Stripe>(layout_);
    const MutableBytes room = stripe_->plain().subspan(filled_);
    const std::size_t take = std::min(room.size(), piece.size());
    std::copy_n(piece.begin(), take, room.begin());
    filled_ += take;
    size_ += take;
    piece = piece.subspan(take);
    if (filled_ == stripe_->plain().size()) CO_DO(co_await push_stripe(ctx));
  }
  co_return Unit{};
}

Task<Result<Unit>> ErasureWriter::push_stripe(Ctx& ctx) {
  CO_DO(co_await wait_for_room(ctx));
  std::uint64_t crc = 0;
  Stripe& stripe = *stripe_;
  auto work = [&] { crc = stripe.encode(blobs_.coder_, id_, stripes_, filled_); };
  co_await offload_call(ctx, blobs_.platform_.offload, work);
  crc64_ = crc64_nvme_combine(crc64_, crc, filled_);
  ++stripes_;
  filled_ = 0;
  const std::shared_ptr<const Stripe> ready = std::move(stripe_);
  for (const auto& slot : slots_)
    if (slot && slot->state == SlotWrite::State::kOpen && !slot->abandoned) slot->feed(ready);
  if (stripes_ <= kKeptMax) kept_.push_back(ready);
  else kept_.clear();
  co_return Unit{};
}

std::uint32_t ErasureWriter::slots_in(SlotWrite::State state) const {
  std::uint32_t bits = 0;
  for (unsigned slot = 0; slot < layout_.slots(); ++slot)
    if (slots_[slot] && slots_[slot]->state == state && !slots_[slot]->abandoned)
      bits |= 1u << slot;
  return bits;
}

std::uint32_t ErasureWriter::lagging() const {
  std::uint32_t bits = 0;
  for (unsigned slot = 0; slot < layout_.slots(); ++slot)
    if (slots_[slot] && slots_[slot]->state == SlotWrite::State::kOpen &&
        slots_[slot]->queue.size() >= blobs_.options_.window)
      bits |= 1u << slot;
  return bits;
}

bool ErasureWriter::can_succeed() const {
  const std::uint32_t alive =
      slots_in(SlotWrite::State::kOpen) | slots_in(SlotWrite::State::kSealed);
  return is_safe(layout_, placement_.seat, alive);
}

// Waits for the slowest drive, but not for ever: with enough others it is left out.
Task<Result<Unit>> ErasureWriter::wait_for_room(Ctx& ctx) {
  Instant until = Instant::never();
  for (;;) {
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!can_succeed() && kept_.size() < stripes_) co_return failure();
    const std::uint32_t behind = lagging();
    if (behind == 0) co_return Unit{};
    const bool enough =
        is_safe(layout_, placement_.seat, slots_in(SlotWrite::State::kOpen) & ~behind);
    if (!enough) until = Instant::never();
    else if (until == Instant::never())
      until = blobs_.platform_.clock.now() + blobs_.options_.lag_max;
    if (blobs_.platform_.clock.now() >= until) {
      for (unsigned slot = 0; slot < layout_.slots(); ++slot) {
        if ((behind >> slot & 1) == 0) continue;
        slots_[slot]->error = fail(ErrorCode::kTimeout, "too slow");
        slots_[slot]->store->was_late();
        slots_[slot]->abandon();
        blobs_.drives_.suspect(placement_.seat[slot]);
      }
      continue;
    }
    Ctx timed(ctx, until);
    (void)co_await progress_->wait(timed);
  }
}

Error ErasureWriter::failure() const {
  std::string text =
      cat("only ", std::popcount(slots_in(SlotWrite::State::kSealed)), " of ", layout_.slots(),
          " shards were written, ", layout_.write_quorum(), " are needed");
  bool full = false, other = false;
  for (unsigned slot = 0; slot < layout_.slots(); ++slot) {
    if (slots_[slot] && !slots_[slot]->error) continue;
    const std::optional<Error> error = slots_[slot] ? slots_[slot]->error : std::nullopt;
    text += cat("; slot ", slot, " on ", blobs_.drives_.seat_text(placement_.seat[slot]), ": ",
                error ? error_text(*error) : std::string("down"));
    if (error && error->code == ErrorCode::kNoSpace) full = true;
    else other = true;
  }
  return fail(full && !other ? ErrorCode::kNoSpace : ErrorCode::kUnavailable, text);
}

// Slots whose drive failed go to a drive that has none yet, while all stripes are still at hand.
void ErasureWriter::hand_off() {
  if (kept_.size() != stripes_) return;
  std::uint32_t used = 0;
  for (unsigned slot = 0; slot < layout_.slots(); ++slot) used |= 1u << placement_.seat[slot];
  for (unsigned slot = 0; slot < layout_.slots(); ++slot) {
    const bool failed = slots_[slot] && slots_[slot]->state == SlotWrite::State::kFailed;
    if (!failed || slots_[slot]->abandoned) continue;
    const int seat = spare_seat(blobs_.drives_, used, Geometry(layout_, size_).shard_bytes());
    if (seat < 0) return;
    used |= 1u << seat;
    placement_.seat[slot] = static_cast<std::uint8_t>(seat);
    slots_[slot] = open_slot(slot, static_cast<unsigned>(seat));
    for (const auto& stripe : kept_) slots_[slot]->feed(stripe);
    slots_[slot]->end();
  }
}

Task<Result<Unit>> ErasureWriter::wait_sealed(Ctx& ctx) {
  Clock& clock = blobs_.platform_.clock;
  Instant until = Instant::never();
  for (;;) {
    hand_off();
    if (slots_in(SlotWrite::State::kOpen) == 0) break;
    if (is_safe(layout_, placement_.seat, slots_in(SlotWrite::State::kSealed))) {
      if (until == Instant::never()) until = clock.now() + blobs_.options_.seal_grace;
      if (clock.now() >= until) break;
    } else if (!can_succeed()) {
      break;
    }
    Ctx timed(ctx, until);
    (void)co_await progress_->wait(timed);
    if (ctx.stopped()) co_return ctx.stop_error();
  }
  if (is_safe(layout_, placement_.seat, slots_in(SlotWrite::State::kSealed))) co_return Unit{};
  co_return failure();
}

Task<Result<s3::SealedBlob>> ErasureWriter::seal(Ctx& ctx) {
  if (!begun_) {
    CO_DO(begin(small_layout(blobs_.drives_.config().seat_count())));
    crc64_ = 0;
    filled_ = small_.size();
    if (filled_ > 0) {
      stripe_ = std::make_shared<Stripe>(layout_);
      std::copy(small_.begin(), small_.end(), stripe_->plain().begin());
    }
  }
  if (filled_ > 0) CO_DO(co_await push_stripe(ctx));
  for (const auto& slot : slots_)
    if (slot) slot->end();
  Result<Unit> done = co_await wait_sealed(ctx);
  ErasureManifest manifest;
  manifest.blob = id_;
  manifest.layout = layout_;
  manifest.size = size_;
  manifest.crc64 = crc64_;
  manifest.seat = placement_.seat;
  manifest.present = slots_in(SlotWrite::State::kSealed);
  if (!done.ok()) {
    ++blobs_.counters_.refused_writes;
    give_up();
    blobs_.remove_later(manifest, manifest.present);
    co_return done.error();
  }
  sealed_ = true;  // Late shards may still land: repair finds them there.
  ++blobs_.counters_.writes;
  if (manifest.degraded()) ++blobs_.counters_.degraded_writes;
  s3::SealedBlob blob;
  blob.manifest = manifest.encode();
  blob.size = size_;
  blob.crc64 = crc64_;
  co_return std::move(blob);
}

}  // namespace creel::core
