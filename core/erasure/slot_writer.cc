#include "core/erasure/slot_writer.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"

namespace creel::core {
namespace {

// The shard's bytes: in memory while few, else a body of the drive's store.
struct ShardBody {
  Bytes small;
  std::unique_ptr<store::BodyWriter> large;
  std::uint64_t bytes = 0;
};

Task<Result<Unit>> add_cell(Ctx& ctx, SlotWrite& write, ShardBody& body, const Stripe& stripe) {
  const ByteView cell = stripe.cell(write.slot);
  Bytes crc;
  append_le<std::uint64_t>(crc, stripe.crc(write.slot));
  body.bytes += cell.size() + crc.size();
  if (!body.large && body.bytes <= kInlineShardBytes) {
    append(body.small, cell);
    append(body.small, crc);
    co_return Unit{};
  }
  if (!body.large) {
    CO_TRY(large, co_await write.store->store().start_body(ctx, write.bytes_hint));
    body.large = std::move(large);
    CO_DO(co_await body.large->write(ctx, body.small));
    body.small = Bytes();
  }
  CO_DO(co_await body.large->write(ctx, cell));
  co_return co_await body.large->write(ctx, crc);
}

Task<Result<Unit>> write_all(Ctx& ctx, SlotWrite& write) {
  ShardBody body;
  for (;;) {
    while (write.queue.empty() && !write.ended && !write.abandoned)
      CO_DO(co_await write.fed.wait(ctx));
    if (write.abandoned) co_return fail(ErrorCode::kStopped, "given up");
    if (write.queue.empty()) break;
    const std::shared_ptr<const Stripe> stripe = write.queue.front();
    CO_DO(co_await add_cell(ctx, write, body, *stripe));
    if (!write.queue.empty()) write.queue.pop_front();
    write.progress->notify_all();
  }
  PutShard op;
  op.blob = write.blob;
  op.slot = static_cast<std::uint8_t>(write.slot);
  op.layout = write.layout;
  op.seat_version = write.store->seat_version();
  op.replace = write.replace;
  op.bytes = body.bytes;
  if (body.large) {
    CO_TRY(extents, co_await body.large->seal(ctx));
    op.extents = std::move(extents);
  }
  if (write.abandoned) co_return fail(ErrorCode::kStopped, "given up");
  co_return co_await write.store->put(ctx, std::move(op), std::move(body.small));
}

}  // namespace

Task<void> write_slot(Ctx& ctx, std::shared_ptr<SlotWrite> write) {
  Result<Unit> done = co_await write_all(ctx, *write);
  write->queue.clear();
  if (done.ok() && write->abandoned) {  // Too late to stop it: take it away again.
    (void)co_await write->store->remove(ctx, write->blob, write->slot);
    done = fail(ErrorCode::kStopped, "given up");
  }
  if (done.ok()) {
    write->state = SlotWrite::State::kSealed;
  } else {
    write->state = SlotWrite::State::kFailed;
    if (!write->error) write->error = done.error();
  }
  write->progress->notify_all();
}

}  // namespace creel::core
