#include "edge/spool.h"

#include <algorithm>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "s3/service/object_reader.h"

namespace creel::edge {
namespace {

class SpoolReader final : public BodyReader {
 public:
  SpoolReader(s3::Blobs& blobs, const Spooled& spooled, std::uint64_t offset)
      : blobs_(blobs), spooled_(spooled), offset_(offset) {
    check(offset <= spooled.size);
  }
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    const auto take =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), spooled_.size - offset_));
    if (take == 0) co_return std::size_t{0};
    if (spooled_.blob) {
      std::string manifest = spooled_.blob->manifest;
      CO_DO(co_await blobs_.read(ctx, std::move(manifest), offset_, into.first(take)));
    } else {
      std::copy_n(spooled_.memory.data() + offset_, take, into.data());
    }
    offset_ += take;
    co_return take;
  }

 private:
  s3::Blobs& blobs_;
  const Spooled& spooled_;
  std::uint64_t offset_;
};

}  // namespace

Task<Result<Unit>> Spool::write(Ctx& ctx, Bytes piece) {
  if (piece.empty()) co_return Unit{};
  done_.size += piece.size();
  done_.crc64 = crc64_nvme(piece, done_.crc64);
  md5_.update(piece);
  if (writer_ == nullptr && done_.size <= memory_bytes_max_) {
    if (done_.memory.empty()) done_.memory = std::move(piece);
    else append(done_.memory, ByteView(piece));
    co_return Unit{};
  }
  if (writer_ == nullptr) {
    s3::BlobHint hint;  // How long it will get nobody knows.
    CO_TRY(writer, co_await blobs_.start(ctx, std::move(hint)));
    writer_ = std::move(writer);
    CO_DO(co_await store(ctx, done_.memory));
    done_.memory = {};
  }
  co_return co_await store(ctx, piece);
}

Task<Result<Unit>> Spool::store(Ctx& ctx, ByteView piece) {
  if (!sealer_) co_return co_await writer_->write(ctx, piece);
  Bytes sealed;
  sealer_->add(piece, sealed);
  if (!sealed.empty()) CO_DO(co_await writer_->write(ctx, sealed));
  co_return Unit{};
}

Task<Result<Spooled>> Spool::seal(Ctx& ctx) {
  if (writer_ != nullptr) {
    Bytes sealed;
    if (sealer_) sealer_->finish(sealed);
    if (!sealed.empty()) CO_DO(co_await writer_->write(ctx, sealed));
    CO_TRY(blob, co_await writer_->seal(ctx));
    const bool as_sent = sealer_ ? blob.size == s3::sealed_bytes(done_.size)
                                 : blob.size == done_.size && blob.crc64 == done_.crc64;
    if (!as_sent)
      co_return fail(ErrorCode::kCorrupt, "filter output changed on its way into the store");
    done_.blob = std::move(blob);
    writer_.reset();
  }
  done_.md5_hex = hex_encode(md5_.finish());
  co_return std::move(done_);
}

std::unique_ptr<BodyReader> read_spooled(s3::Blobs& blobs, const Spooled& spooled,
                                         std::uint64_t offset) {
  if (!spooled.blob || !spooled.key) return std::make_unique<SpoolReader>(blobs, spooled, offset);
  s3::SealedRange range = s3::sealed_range({{0, 1, spooled.size}}, offset, spooled.size - offset);
  const auto stored = [&](std::uint64_t at, std::uint64_t bytes) {
    std::vector<s3::BodyRun> runs;
    if (bytes > 0) runs.push_back({spooled.blob->manifest, at, bytes});
    return std::make_unique<s3::ObjectReader>(blobs, std::move(runs));
  };
  std::unique_ptr<BodyReader> salt;
  if (range.first_frame > 0) salt = stored(range.salt_offset, s3::kSaltBytes);
  auto frames = stored(range.stored_offset, range.stored_length);
  return std::make_unique<s3::SealedReader>(*spooled.key, std::move(range), std::move(frames),
                                            std::move(salt));
}

}  // namespace creel::edge
