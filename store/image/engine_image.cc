// When images are made, and which one counts.
#include <algorithm>

#include "platform/base/text.h"
#include "store/engine.h"
#include "store/image/image_writer.h"

namespace creel::store {
namespace {

constexpr Duration kImageLook = 5_s;
constexpr Duration kImageRetry = 60_s;  // Then twice as long each time: a full drive is not worn.
constexpr Duration kImageRetryMax = 3'600_s;

}  // namespace

Task<Result<Unit>> Engine::make_image(Ctx& ctx) {
  const Lsn wanted = durable_lsn_;
  while (imaging_) CO_DO(co_await image_done_.wait(ctx));
  if (wanted.value == 0 || image_.lsn >= wanted) co_return Unit{};
  if (volume_.read_only) co_return fail(ErrorCode::kReadOnly, volume_.reason);
  imaging_ = true;
  Result<Unit> made = co_await write_image(ctx);
  imaging_ = false;
  image_done_.notify_all();
  dirty_.notify_all();
  co_return made;
}

Task<Result<Unit>> Engine::write_image(Ctx& ctx) {
  Result<Unit> saved = co_await checkpoint(ctx);
  if (!saved.ok() && saved.error().code != ErrorCode::kNoSpace) co_return saved.error();
  while (checkpointing_) CO_DO(co_await checkpoint_done_.wait(ctx));
  if (base_->applied() <= image_.lsn) co_return Unit{};
  CO_TRY(snapshot, base_->snapshot());
  ImageWriter writer(volume_, bulk_, (volume_.starts << 20) + ++images_begun_, durable_batch_);
  snapshot_held_ = true;
  Result<Unit> done = co_await writer.write(ctx, *snapshot);
  snapshot.reset();
  snapshot_held_ = false;
  dirty_.notify_all();  // Checkpoints go on.
  if (!done.ok() && done.error().code == ErrorCode::kCorrupt) base_suspect_ = true;
  if (done.ok()) done = co_await writer.finish(ctx);
  if (!done.ok()) {
    writer.give_up();
    volume_.changed.notify_all();
    co_return done;
  }
  adopt_image(writer.info());
  co_return Unit{};
}

// Older ones, and what is left of attempts, go: `image` was read back and its end is safe.
void Engine::adopt_image(const ImageInfo& image) {
  image_ = image;
  volume_.image_bytes = 0;
  for (const ImagePart& part : image_.parts) volume_.image_bytes += part.end;
  std::vector<SegmentInfo> others;
  for (const auto& [id, info] : volume_.segments) {
    if (info.stream != StreamKind::kImage) continue;
    const bool mine = std::any_of(image_.parts.begin(), image_.parts.end(), [&](const auto& part) {
      return part.segment == id && part.generation == info.generation;
    });
    if (!mine) others.push_back(info);
  }
  for (const SegmentInfo& info : others) volume_.reuse(info);
  if (!others.empty()) volume_.changed.notify_all();
}

Task<void> Engine::make_images_when_due(Ctx& ctx) {
  Duration retry = kImageRetry;
  while (!ctx.stopped() && !volume_.read_only) {
    Duration wait = kImageLook;
    const std::uint64_t since = durable_lsn_.value - std::min(durable_lsn_, image_.lsn).value;
    if (since >= std::max(options_.image_ops, base_->row_count() / 4)) {
      Result<Unit> made = co_await make_image(ctx);
      wait = made.ok() ? kImageLook : retry;
      retry = made.ok() ? kImageRetry : std::min(Duration{retry.ns * 2}, kImageRetryMax);
      if (!made.ok() && !ctx.stopped())
        volume_.note(cat("no image of the index: ", error_text(made.error())));
    }
    Result<Unit> slept = co_await sleep_for(ctx, wait);
    if (!slept.ok()) co_return;
  }
}

}  // namespace creel::store
