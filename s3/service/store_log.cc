#include "s3/service/store_log.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "s3/model/manifest.h"

namespace creel::s3 {
namespace {

class StoreBlobWriter final : public BlobWriter {
 public:
  explicit StoreBlobWriter(std::unique_ptr<store::BodyWriter> body) : body_(std::move(body)) {}

  Task<Result<Unit>> write(Ctx& ctx, ByteView piece) override {
    size_ += piece.size();
    crc64_ = crc64_nvme(piece, crc64_);
    return body_->write(ctx, piece);
  }
  Task<Result<SealedBlob>> seal(Ctx& ctx) override {
    CO_TRY(extents, co_await body_->seal(ctx));
    SealedBlob blob;
    blob.manifest = log_manifest(extents);
    blob.size = size_;
    blob.crc64 = crc64_;
    co_return std::move(blob);
  }

 private:
  std::unique_ptr<store::BodyWriter> body_;
  std::uint64_t size_ = 0;
  std::uint64_t crc64_ = 0;
};

}  // namespace

Task<Result<std::unique_ptr<BlobWriter>>> StoreBlobs::start(Ctx& ctx, BlobHint hint) {
  CO_TRY(body, co_await store_.start_body(ctx, hint.size.value_or(0)));
  co_return std::unique_ptr<BlobWriter>(std::make_unique<StoreBlobWriter>(std::move(body)));
}

Task<Result<Unit>> StoreBlobs::read(Ctx& ctx, std::string manifest, std::uint64_t offset,
                                    MutableBytes into) {
  CO_TRY(extents, parse_log_manifest(manifest));
  for (const store::Extent& extent : extents) {
    if (into.empty()) break;
    if (offset >= extent.length) {
      offset -= extent.length;
      continue;
    }
    const std::size_t take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), extent.length - offset));
    CO_DO(co_await store_.read(ctx, extent, offset, into.first(take)));
    into = into.subspan(take);
    offset = 0;
  }
  if (!into.empty())
    co_return fail(ErrorCode::kCorrupt, cat("manifest ends ", into.size(), " bytes short"));
  co_return Unit{};
}

std::unique_ptr<store::ReadHold> StoreBlobs::hold(std::string_view manifest) const {
  const Result<std::vector<store::Extent>> extents = parse_log_manifest(manifest);
  if (!extents.ok()) return nullptr;
  return store_.hold(extents.value());
}

// Extents that no row names are dead bytes (store.md R7), once nobody is about to name them.
Task<void> StoreBlobs::abandon(Ctx&, SealedBlob blob) {
  const Result<std::vector<store::Extent>> extents = parse_log_manifest(blob.manifest);
  if (extents.ok()) store_.abandon(extents.value());
  co_return;
}

}  // namespace creel::s3
