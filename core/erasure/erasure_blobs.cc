#include "core/erasure/erasure_blobs.h"

#include <algorithm>
#include <bit>

#include "core/erasure/erasure_writer.h"
#include "core/erasure/stripe_reader.h"
#include "core/placement/place.h"
#include "platform/base/text.h"
#include "s3/model/manifest.h"

namespace creel::core {

ErasureBlobs::ErasureBlobs(Platform& platform, Drives& drives, s3::Blobs& log_blobs,
                           std::uint32_t boot, BlobsOptions options)
    : platform_(platform), drives_(drives), log_blobs_(log_blobs), boot_(boot), options_(options) {}

Result<Unit> ErasureBlobs::admit(std::uint64_t bytes) const {
  const unsigned drives = drives_.config().seat_count();
  const Layout layout = bytes <= kSmallBlobBytes ? small_layout(drives) : default_layout(drives);
  TRY_DO(place(drives_, layout, counter_, Geometry(layout, bytes).shard_bytes()));
  return Unit{};
}

Task<Result<std::unique_ptr<s3::BlobWriter>>> ErasureBlobs::start(Ctx& ctx, s3::BlobHint hint) {
  if (ctx.stopped()) co_return ctx.stop_error();
  CO_DO(admit(hint.size.value_or(0)));
  auto writer = std::make_unique<ErasureWriter>(*this, hint);
  if (hint.size.value_or(0) > kSmallBlobBytes)
    CO_DO(writer->begin(default_layout(drives_.config().seat_count())));
  co_return std::unique_ptr<s3::BlobWriter>(std::move(writer));
}

Task<Result<Unit>> ErasureBlobs::read(Ctx& ctx, std::string manifest, std::uint64_t offset,
                                      MutableBytes into) {
  if (s3::is_log_manifest(manifest))
    co_return co_await log_blobs_.read(ctx, std::move(manifest), offset, into);
  CO_TRY(parsed, ErasureManifest::parse(manifest));
  const Busy busy(busy_);
  co_return co_await read_blob(ctx, parsed, offset, into);
}

Task<Result<Unit>> ErasureBlobs::read_blob(Ctx& ctx, ErasureManifest manifest, std::uint64_t offset,
                                           MutableBytes into) {
  if (offset > manifest.size || into.size() > manifest.size - offset)
    co_return fail(ErrorCode::kCorrupt, cat("blob ", manifest.blob.text(), " has ", manifest.size,
                                            " bytes; asked for ", into.size(), " at ", offset));
  const Geometry geometry = manifest.geometry();
  const std::uint64_t stripe_bytes = manifest.layout.stripe_bytes();
  const std::uint64_t run_max =
      std::clamp<std::uint64_t>(StripeReader::kRunBytes / stripe_bytes, 1, 32);
  while (!into.empty()) {
    const std::uint64_t first = offset / stripe_bytes;
    const std::uint64_t begin = offset % stripe_bytes;
    // Whole stripes together, a part of one alone: it takes only the cells it touches.
    const std::uint64_t whole = begin == 0 ? into.size() / stripe_bytes : 0;
    const auto stripes = static_cast<unsigned>(std::clamp<std::uint64_t>(whole, 1, run_max));
    const std::uint64_t cell_bytes = geometry.cell_bytes(first);
    std::uint64_t take = stripes * stripe_bytes;
    std::uint32_t wanted = (1u << manifest.layout.data) - 1;
    if (whole == 0) {
      take = std::min<std::uint64_t>(into.size(), geometry.plain_bytes(first) - begin);
      const auto low = static_cast<unsigned>(begin / cell_bytes);
      const auto high = static_cast<unsigned>((begin + take - 1) / cell_bytes);
      wanted = (wanted >> (manifest.layout.data - 1 - high)) & ~((1u << low) - 1);
    }
    StripeReader reader(*this, manifest, first, stripes);
    CO_DO(co_await reader.fetch(ctx, wanted));
    for (unsigned i = 0; i < stripes; ++i) {
      const std::uint64_t bytes = stripes == 1 ? take : stripe_bytes;
      reader.copy(i, begin, into.first(static_cast<std::size_t>(bytes)));
      into = into.subspan(static_cast<std::size_t>(bytes));
    }
    offset += take;
  }
  co_return Unit{};
}

Task<void> ErasureBlobs::abandon(Ctx&, s3::SealedBlob blob) {
  Result<ErasureManifest> manifest = ErasureManifest::parse(blob.manifest);
  if (manifest.ok()) remove_later(manifest.value(), ~0u);
  co_return;
}

// Not the request's business any more: it may have been stopped. What cannot be removed now, the
// next start removes, for no row names it.
void ErasureBlobs::remove_later(const ErasureManifest& manifest, std::uint32_t slots) {
  if (jobs_ != nullptr) jobs_->spawn(remove_quietly(jobs_->ctx(), manifest, slots));
}

Task<void> ErasureBlobs::remove_quietly(Ctx& ctx, ErasureManifest manifest, std::uint32_t slots) {
  (void)co_await remove_shards(ctx, manifest, slots);
}

namespace {
Task<void> remove_one(Ctx& ctx, std::shared_ptr<ShardStore> store, BlobId blob, unsigned slot,
                      std::optional<Error>& error) {
  Result<Unit> removed = co_await store->remove(ctx, blob, slot);
  if (!removed.ok()) error = removed.error();
}
}  // namespace

// Ok when none of them is left on a drive that is up, and all drives are.
Task<Result<Unit>> ErasureBlobs::remove_shards(Ctx& ctx, ErasureManifest manifest,
                                               std::uint32_t slots) {
  std::array<std::optional<Error>, kSlotsMax> errors;
  Scope scope(ctx);
  for (unsigned slot = 0; slot < manifest.layout.slots(); ++slot) {
    if ((slots >> slot & 1) == 0) continue;
    auto store = drives_.store_at(manifest.seat[slot]);
    if (store)
      scope.spawn(remove_one(scope.ctx(), std::move(store), manifest.blob, slot, errors[slot]));
    else errors[slot] = fail(ErrorCode::kUnavailable, drives_.seat_text(manifest.seat[slot]));
  }
  co_await scope.join();
  for (const auto& error : errors)
    if (error) co_return *error;
  co_return Unit{};
}

void ErasureBlobs::want_repair(const ErasureManifest& manifest) {
  if (repairs_.size() >= options_.repairs_max) return;
  for (const ErasureManifest& waiting : repairs_)
    if (waiting.blob == manifest.blob) return;
  repairs_.push_back(manifest);
  repairs_waiting_.notify_all();
}

std::optional<ErasureManifest> ErasureBlobs::take_repair() {
  if (repairs_.empty()) return std::nullopt;
  ErasureManifest manifest = repairs_.front();
  repairs_.pop_front();
  return manifest;
}

}  // namespace creel::core
