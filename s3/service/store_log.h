#pragma once
#include "s3/model/ops.h"
#include "s3/service/blobs.h"
#include "s3/service/log.h"
#include "store/store.h"

namespace creel::s3 {

// The operation log over one store: the edge's, and that of a core on one machine (whose store
// mirrors its segments on several drives).
class StoreLog final : public Log {
 public:
  StoreLog(store::Store& store, std::size_t inline_bytes_max)
      : store_(store), inline_bytes_max_(inline_bytes_max) {}
  Task<Result<store::Verdict>> submit(Ctx& ctx, store::Op op) override {
    op.op_class = op_class(as_text(op.meta));
    return store_.submit(ctx, std::move(op));
  }
  const store::RowReader& rows() const override { return store_; }
  std::size_t inline_bytes_max() const override { return inline_bytes_max_; }
  void mark_damaged(std::string name, std::string why) override {
    store_.mark_damaged(std::move(name), std::move(why));
  }

 private:
  store::Store& store_;
  std::size_t inline_bytes_max_;
};

// Bodies as extents in the log's own store: the edge's Blobs. A core uses it to read the small
// bodies that rode inside operations.
class StoreBlobs final : public Blobs {
 public:
  explicit StoreBlobs(store::Store& store) : store_(store) {}
  Result<Unit> admit(std::uint64_t bytes) const override { return store_.admit(bytes); }
  Task<Result<std::unique_ptr<BlobWriter>>> start(Ctx& ctx, BlobHint hint) override;
  Task<Result<Unit>> read(Ctx& ctx, std::string manifest, std::uint64_t offset,
                          MutableBytes into) override;
  std::unique_ptr<store::ReadHold> hold(std::string_view manifest) const override;
  Task<void> abandon(Ctx& ctx, SealedBlob blob) override;

 private:
  store::Store& store_;
};

}  // namespace creel::s3
