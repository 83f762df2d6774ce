#include "replicate/feed/sealed_feed.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "platform/cpu/hash.h"
#include "s3/service/object_reader.h"

namespace creel::replicate {
namespace {

// Bytes that only the client can open, and how they are cut.
class StoredFeed final : public FeedBody {
 public:
  StoredFeed(s3::Blobs& blobs, std::vector<s3::BodyRun> runs, FeedItem item)
      : reader_(blobs, std::move(runs)), item_(std::move(item)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    CO_TRY(got, co_await reader_.read(ctx, into));
    crc64_ = crc64_nvme(into.first(got), crc64_);
    size_ += got;
    co_return got;
  }
  Task<Result<FeedItem>> settled(Ctx&) override {
    item_.sealed = SealedTravel{item_.record.size, item_.record.crc64};
    item_.record.size = size_;
    item_.record.crc64 = crc64_;
    co_return std::move(item_);
  }

 private:
  s3::ObjectReader reader_;
  FeedItem item_;
  std::uint64_t size_ = 0, crc64_ = 0;
};

// Opens the object and seals it for the way.
class ResealedFeed final : public FeedBody {
 public:
  ResealedFeed(std::unique_ptr<BodyReader> plain, const SecretKey& travel_key, FeedItem item)
      : plain_(std::move(plain)),
        key_(travel_key),
        sealer_(travel_key, 0, s3::Salt{}),
        item_(std::move(item)),
        piece_(static_cast<std::size_t>(s3::kFrameBytes)) {}

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    while (at_ == ready_.size() && !ended_) {
      ready_.clear();
      at_ = 0;
      CO_TRY(got, co_await plain_->read(ctx, piece_));
      const ByteView plain = ByteView(piece_).first(got);
      plain_crc_ = crc64_nvme(plain, plain_crc_);
      plain_size_ += got;
      ended_ = got == 0;
      if (ended_) sealer_.finish(ready_);
      else sealer_.add(plain, ready_);
    }
    const std::size_t take = std::min(into.size(), ready_.size() - at_);
    std::copy_n(ready_.data() + at_, take, into.data());
    at_ += take;
    crc64_ = crc64_nvme(into.first(take), crc64_);
    size_ += take;
    co_return take;
  }

  Task<Result<FeedItem>> settled(Ctx&) override {
    if (plain_size_ != item_.record.size || plain_crc_ != item_.record.crc64) {
      item_.verdict = Verdict::kHeld;
      item_.reason = "BodyDamaged";
      item_.detail = cat("opened ", plain_size_, " bytes that are not the object's");
    }
    item_.sealed = SealedTravel{plain_size_, plain_crc_, key_};
    item_.record.size = size_;
    item_.record.crc64 = crc64_;
    co_return std::move(item_);
  }

 private:
  std::unique_ptr<BodyReader> plain_;
  SecretKey key_;
  s3::PieceSealer sealer_;
  FeedItem item_;
  Bytes piece_, ready_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::uint64_t plain_size_ = 0, plain_crc_ = 0, size_ = 0, crc64_ = 0;
};

// Of one version only: under this key and salt never lie two bodies.
SecretKey travel_key(const SecretKey& data_key, const FeedItem& item) {
  Bytes text = to_bytes(std::string_view("creel travel 1"));
  append_be<std::uint64_t>(text, item.version_lsn);
  append_be<std::uint64_t>(text, item.record.size);
  append_be<std::uint64_t>(text, item.record.crc64);
  append(text, item.record.etag);
  return SecretKey(hmac_sha256(data_key.view(), text));
}

}  // namespace

Result<Unit> can_travel(const store::RowReader& rows, const s3::ObjectRecord& record,
                        const s3::KeyRing& keys) {
  TRY(encryption, s3::Encryption::decode(record.attributes.encryption));
  if (encryption.kind != s3::EncryptionKind::kCustomer) {
    TRY_DO(keys.unwrap(encryption, nullptr));
    return Unit{};
  }
  TRY(pieces, s3::pieces_of(rows, record, encryption));
  if (pieces.size() <= s3::kPieceRunsMax) return Unit{};
  return fail(ErrorCode::kTooLarge,
              cat("sealed by the client's key in parts of ", pieces.size(), " different lengths"));
}

Result<std::unique_ptr<FeedBody>> sealed_feed(const store::RowReader& rows, s3::Blobs& blobs,
                                              const s3::KeyRing& keys,
                                              const s3::ObjectRecord& record, FeedItem item) {
  TRY(encryption, s3::Encryption::decode(record.attributes.encryption));
  if (encryption.kind != s3::EncryptionKind::kCustomer) {
    Result<SecretKey> data_key = keys.unwrap(encryption, nullptr);
    if (!data_key.ok()) return fail(ErrorCode::kUnavailable, data_key.error().detail);
    TRY(plain,
        s3::read_sealed(rows, blobs, record, encryption, data_key.value(), 0, record.size, {}));
    return resealed_feed(keys, std::move(plain), std::move(item));
  }
  TRY(pieces, s3::pieces_of(rows, record, encryption));
  std::uint64_t stored = 0;
  for (const s3::PieceRun& run : pieces) stored += s3::sealed_bytes(run.size) * run.count;
  TRY(runs, s3::body_runs(rows, record, 0, stored));
  encryption.pieces = std::move(pieces);
  item.record.attributes.encryption = encryption.encode();
  return std::unique_ptr<FeedBody>(
      std::make_unique<StoredFeed>(blobs, std::move(runs), std::move(item)));
}

Result<std::unique_ptr<FeedBody>> resealed_feed(const s3::KeyRing& keys,
                                                std::unique_ptr<BodyReader> plain, FeedItem item) {
  TRY(encryption, s3::Encryption::decode(item.record.attributes.encryption));
  if (encryption.kind == s3::EncryptionKind::kCustomer)
    return fail(ErrorCode::kInvalid, "only the client opens this object");
  Result<SecretKey> data_key = keys.unwrap(encryption, nullptr);
  if (!data_key.ok()) return fail(ErrorCode::kUnavailable, data_key.error().detail);
  s3::Encryption told;  // What the target needs to know.
  told.kind = encryption.kind;
  told.bucket_key = encryption.bucket_key;
  if (encryption.kind == s3::EncryptionKind::kKms) told.key_id = encryption.key_id;
  item.record.attributes.encryption = told.encode();
  const SecretKey key = travel_key(data_key.value(), item);
  return std::unique_ptr<FeedBody>(
      std::make_unique<ResealedFeed>(std::move(plain), key, std::move(item)));
}

}  // namespace creel::replicate
