#include "core/drives/shard_store.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::core {

Task<Result<Unit>> ShardStore::open(Ctx& ctx, Platform& platform, store::Options options) {
  CO_TRY(store, co_await store::Store::open(ctx, platform, model_, std::move(options)));
  store_ = std::move(store);
  co_return Unit{};
}

Task<void> ShardStore::run(Ctx& ctx) {
  Ctx own(ctx);
  running_ = &own;
  co_await store_->run(own);
  running_ = nullptr;
  // A drive that is gone cannot be closed well; its next start recovers.
  if (!ctx.stopped()) (void)co_await store_->close(ctx);
}

void ShardStore::stop() {
  if (running_ != nullptr) running_->request_stop();
}

Task<Result<Unit>> ShardStore::read(Ctx& ctx, BlobId blob, unsigned slot, std::uint64_t offset,
                                    MutableBytes into) {
  CO_TRY(found, find(blob, slot));
  if (!found || offset + into.size() > found->bytes)
    co_return fail(ErrorCode::kNotFound,
                   cat("no shard ", slot, " of blob ", blob.text(), " on ", dir_));
  const std::unique_ptr<store::ReadHold> hold = store_->hold(found->extents);
  for (const store::Extent& extent : found->extents) {
    if (into.empty()) break;
    if (offset >= extent.length) {
      offset -= extent.length;
      continue;
    }
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), extent.length - offset));
    CO_DO(co_await store_->read(ctx, extent, offset, into.first(take)));
    into = into.subspan(take);
    offset = 0;
  }
  if (!into.empty())
    co_return fail(ErrorCode::kCorrupt, cat("shard ", slot, " of blob ", blob.text(), " on ", dir_,
                                            " ends ", into.size(), " bytes short"));
  co_return Unit{};
}

Task<Result<Unit>> ShardStore::put(Ctx& ctx, PutShard shard, Bytes payload) {
  store::Op op;
  op.meta = to_bytes(std::string_view(encode_shard_op(shard)));
  op.payload = std::move(payload);
  CO_TRY(verdict, co_await store_->submit(ctx, std::move(op)));
  if (verdict.accepted) co_return Unit{};
  co_return verdict.error.value_or(fail(ErrorCode::kInvalid, "shard refused"));
}

Task<Result<Unit>> ShardStore::remove(Ctx& ctx, BlobId blob, unsigned slot) {
  CO_TRY(found, find(blob, slot));
  if (!found) co_return Unit{};
  store::Op op;
  const DeleteShard gone{blob, static_cast<std::uint8_t>(slot)};
  op.meta = to_bytes(std::string_view(encode_shard_op(gone)));
  op.op_class = store::OpClass::kAlways;
  CO_TRY(verdict, co_await store_->submit(ctx, std::move(op)));
  if (verdict.accepted || (verdict.error && verdict.error->code == ErrorCode::kNotFound))
    co_return Unit{};
  co_return verdict.error.value_or(fail(ErrorCode::kInvalid, "delete refused"));
}

}  // namespace creel::core
