#include "core/repair/blob_repair.h"

#include <algorithm>
#include <bit>

#include "core/placement/place.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::core {

Task<Result<bool>> BlobRepair::shard_good(Ctx& ctx, const ErasureManifest& manifest, unsigned slot,
                                          bool verify) {
  const auto store = drives_.store_at(manifest.seat[slot]);
  check(store != nullptr);
  Result<std::optional<ShardRecord>> found = store->find(manifest.blob, slot);
  if (!found.ok() || !found.value()) co_return false;
  const Geometry geometry = manifest.geometry();
  if (found.value()->bytes != geometry.shard_bytes()) co_return false;
  constexpr std::uint64_t kStripes = 16;
  for (std::uint64_t first = 0; verify && first < geometry.stripes(); first += kStripes) {
    const std::uint64_t last = std::min(first + kStripes, geometry.stripes()) - 1;
    const std::uint64_t begin = geometry.shard_offset(first);
    Bytes raw(static_cast<std::size_t>(geometry.shard_offset(last) - begin +
                                       geometry.cell_bytes(last) + kCellCrcBytes));
    const Instant begun = platform_.clock.now();
    Result<Unit> read = co_await store->read(ctx, manifest.blob, slot, begin, raw);
    if (ctx.stopped()) co_return ctx.stop_error();
    if (!read.ok()) co_return false;
    for (std::uint64_t stripe = first; stripe <= last; ++stripe) {
      const ByteView cell = ByteView(raw).subspan(
          static_cast<std::size_t>(geometry.shard_offset(stripe) - begin),
          static_cast<std::size_t>(geometry.cell_bytes(stripe)) + kCellCrcBytes);
      if (!cell_holds(cell, manifest.blob, slot, static_cast<std::uint32_t>(stripe)))
        co_return false;
    }
    CO_DO(co_await give_way(ctx, begun, false));
  }
  co_return true;
}

Task<Result<BlobRepair::Plan>> BlobRepair::examine(Ctx& ctx, const ErasureManifest& manifest,
                                                   RepairOptions options) {
  Plan plan;
  plan.seat = manifest.seat;
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    if (!drives_.store_at(manifest.seat[slot])) {
      plan.unknown |= 1u << slot;
      continue;
    }
    CO_TRY(good, co_await shard_good(ctx, manifest, slot, options.verify));
    (good ? plan.present : plan.rebuild) |= 1u << slot;
  }
  relocate(manifest, plan, options);
  co_return plan;
}

// Doubled-up slots, and those of drives that are down if asked, go to seats the blob does not use.
void BlobRepair::relocate(const ErasureManifest& manifest, Plan& plan,
                          RepairOptions options) const {
  std::uint32_t used = 0, first_on_seat = 0;
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    if ((used >> manifest.seat[slot] & 1) == 0) first_on_seat |= 1u << slot;
    used |= 1u << manifest.seat[slot];
  }
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    const bool doubled = (first_on_seat >> slot & 1) == 0;
    const bool away = options.move_away && (plan.unknown >> slot & 1);
    if (!doubled && !away) continue;
    const int seat = spare_seat(drives_, used, manifest.geometry().shard_bytes());
    if (seat < 0) continue;
    used |= 1u << seat;
    plan.seat[slot] = static_cast<std::uint8_t>(seat);
    plan.unknown &= ~(1u << slot);
    plan.present &= ~(1u << slot);
    plan.rebuild |= 1u << slot;
  }
}

Task<Result<Unit>> BlobRepair::give_way(Ctx& ctx, Instant begun, bool urgent) {
  if (ctx.stopped()) co_return ctx.stop_error();
  const Duration took = platform_.clock.now() - begun;
  if (blobs_.busy() > 0 && !urgent) CO_DO(co_await sleep_for(ctx, took * 4));
  co_return Unit{};
}

// The slots that were sealed.
Task<Result<std::uint32_t>> BlobRepair::rebuild(Ctx& ctx, const ErasureManifest& manifest,
                                                const Plan& plan) {
  std::array<std::shared_ptr<SlotWrite>, kSlotsMax> writes;
  const auto progress = std::make_shared<Event>();
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    if ((plan.rebuild >> slot & 1) == 0) continue;
    auto write = std::make_shared<SlotWrite>();
    write->blob = manifest.blob;
    write->layout = manifest.layout;
    write->slot = slot;
    write->replace = true;
    write->bytes_hint = manifest.geometry().shard_bytes();
    write->store = drives_.store_at(plan.seat[slot]);
    write->progress = progress;
    if (!write->store) continue;
    blobs_.jobs_->spawn(write_slot(blobs_.jobs_->ctx(), write));
    writes[slot] = std::move(write);
  }
  const auto give_up = [&] {
    for (const auto& write : writes)
      if (write) write->abandon();
  };
  const auto any = [&](auto holds) {
    return std::any_of(writes.begin(), writes.end(), [&](const auto& write) {
      return write && write->state == SlotWrite::State::kOpen && holds(*write);
    });
  };
  const Geometry geometry = manifest.geometry();
  const bool urgent = std::popcount(plan.present) <= manifest.layout.data;
  std::uint64_t whole = 0;
  for (std::uint64_t number = 0; number < geometry.stripes(); ++number) {
    const Instant begun = platform_.clock.now();
    auto stripe = std::make_shared<Stripe>(manifest.layout);
    const std::uint64_t bytes = geometry.plain_bytes(number);
    const MutableBytes plain = stripe->plain().first(static_cast<std::size_t>(bytes));
    Result<Unit> read =
        co_await blobs_.read_blob(ctx, manifest, number * manifest.layout.stripe_bytes(), plain);
    if (!read.ok()) {
      give_up();
      co_return read.error();
    }
    std::uint64_t crc = 0;
    auto work = [&] { crc = stripe->encode(blobs_.coder_, manifest.blob, number, bytes); };
    co_await offload_call(ctx, platform_.offload, work);
    whole = crc64_nvme_combine(whole, crc, bytes);
    for (const auto& write : writes)
      if (write && write->state == SlotWrite::State::kOpen) write->feed(stripe);
    const auto full = [&](const SlotWrite& write) {
      return write.queue.size() >= blobs_.options_.window;
    };
    while (any(full) && !ctx.stopped()) (void)co_await progress->wait(ctx);
    Result<Unit> yielded = co_await give_way(ctx, begun, urgent);
    if (!yielded.ok()) {
      give_up();
      co_return yielded.error();
    }
  }
  if (whole != manifest.crc64) {  // Cells held, the whole does not: never write that again.
    give_up();
    co_return fail(ErrorCode::kCorrupt,
                   cat("blob ", manifest.blob.text(), " does not match its own checksum"));
  }
  for (const auto& write : writes)
    if (write) write->end();
  while (any([](const SlotWrite&) { return true; }) && !ctx.stopped())
    (void)co_await progress->wait(ctx);
  std::uint32_t sealed = 0;
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot)
    if (writes[slot] && writes[slot]->state == SlotWrite::State::kSealed) sealed |= 1u << slot;
  co_return sealed;
}

Task<Result<RepairOutcome>> BlobRepair::run(Ctx& ctx, ErasureManifest manifest,
                                            RepairOptions options) {
  CO_TRY(plan, co_await examine(ctx, manifest, options));
  RepairOutcome outcome;
  outcome.manifest = manifest;
  std::uint32_t sealed = 0;
  if (plan.rebuild != 0) {
    CO_TRY(done, co_await rebuild(ctx, manifest, plan));
    sealed = done;
  }
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    const std::uint32_t bit = 1u << slot;
    if (sealed & bit) {
      outcome.manifest.seat[slot] = plan.seat[slot];
      outcome.manifest.present |= bit;
      ++outcome.rebuilt;
      outcome.bytes += manifest.geometry().shard_bytes();
    } else if (plan.present & bit) {
      outcome.manifest.present |= bit;
    } else if (plan.seat[slot] == manifest.seat[slot]) {
      if (plan.rebuild & bit) outcome.manifest.present &= ~bit;
      ++outcome.missing;
    } else {
      ++outcome.missing;  // Was to move and could not: it stays what it was.
    }
  }
  co_return outcome;
}

}  // namespace creel::core
