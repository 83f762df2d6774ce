#include "s3/service/sealed_body.h"

#include <algorithm>

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

// A key of its own for each piece, so that parts may be sent again and put into any order.
Sealer piece_sealer(const SecretKey& data_key, std::uint16_t number, ByteView salt) {
  Bytes text = to_bytes(std::string_view("creel piece 1"));
  append_be<std::uint16_t>(text, number);
  append(text, salt);
  return Sealer(SecretKey(hmac_sha256(data_key.view(), text)).view());
}

std::array<std::uint8_t, kSealNonceBytes> frame_nonce(std::uint64_t frame) {
  std::array<std::uint8_t, kSealNonceBytes> nonce{};
  for (std::size_t i = 0; i < 8; ++i)
    nonce[kSealNonceBytes - 1 - i] = static_cast<std::uint8_t>(frame >> (8 * i));
  return nonce;
}

constexpr std::uint8_t kLast[] = {1}, kNotLast[] = {0};
ByteView place_of(bool last) { return last ? kLast : kNotLast; }

// Plain bytes of a frame in a piece of `size`.
std::uint64_t frame_plain(std::uint64_t frame, std::uint64_t size) {
  return std::min(frame_begin(frame + 1), size) - frame_begin(frame);
}

Task<Result<Unit>> read_whole(Ctx& ctx, BodyReader& reader, MutableBytes into) {
  for (std::size_t have = 0; have < into.size();) {
    CO_TRY(got, co_await reader.read(ctx, into.subspan(have)));
    if (got == 0) co_return fail(ErrorCode::kCorrupt, "a sealed body ends early");
    have += got;
  }
  co_return Unit{};
}

}  // namespace

PieceSealer::PieceSealer(const SecretKey& data_key, std::uint16_t number, const Salt& salt)
    : sealer_(piece_sealer(data_key, number, salt)), salt_(salt) {}

std::size_t PieceSealer::room() const {
  return static_cast<std::size_t>(frame_begin(number_ + 1) - frame_begin(number_)) - frame_.size();
}

void PieceSealer::emit(bool last, Bytes& out) {
  if (number_ == 0) append(out, salt_);
  const std::size_t at = out.size();
  append(out, frame_);
  out.resize(out.size() + kFrameTagBytes);
  const MutableBytes bytes = MutableBytes(out).subspan(at, frame_.size());
  sealer_.seal(frame_nonce(number_), place_of(last), bytes, MutableBytes(out).last(kFrameTagBytes));
  frame_.clear();
  ++number_;
}

void PieceSealer::add(ByteView plain, Bytes& out) {
  while (!plain.empty()) {
    if (room() == 0) emit(false, out);  // There is more: it was not the last.
    const std::size_t take = std::min(room(), plain.size());
    // Never more than a frame: a vector that doubles would take two.
    const std::size_t wanted = frame_.size() + take;
    if (frame_.capacity() < wanted)
      frame_.reserve(std::min<std::size_t>(std::max(wanted, 2 * frame_.capacity()),
                                           static_cast<std::size_t>(kFrameInnerBytes)));
    append(frame_, plain.first(take));
    plain = plain.subspan(take);
  }
}

void PieceSealer::finish(Bytes& out) {
  if (!frame_.empty()) emit(true, out);
}

PieceOpener::PieceOpener(const SecretKey& data_key, std::uint16_t number, ByteView salt)
    : sealer_(piece_sealer(data_key, number, salt)) {}

bool PieceOpener::open(std::uint64_t frame, bool last, MutableBytes bytes) {
  check(bytes.size() >= kFrameTagBytes);
  return sealer_.open(frame_nonce(frame), place_of(last),
                      bytes.first(bytes.size() - kFrameTagBytes), bytes.last(kFrameTagBytes));
}

SealedRange sealed_range(const std::vector<PieceRun>& pieces, std::uint64_t offset,
                         std::uint64_t length) {
  SealedRange range;
  range.length = length;
  if (length == 0) return range;
  const std::uint64_t end = offset + length;
  std::uint64_t plain = 0, stored = 0, stored_end = 0;
  for (const PieceRun& run : pieces) {
    for (std::uint32_t i = 0; i < run.count && plain < end; ++i) {
      const std::uint64_t next = plain + run.size;
      if (next > offset && run.size > 0) {
        if (range.pieces.empty()) {
          range.first_frame = frame_of(offset - plain);
          range.skip = offset - plain - frame_begin(range.first_frame);
          range.salt_offset = stored;
          range.stored_offset = stored + range.first_frame * kFrameBytes;
        }
        range.pieces.push_back({static_cast<std::uint16_t>(run.first + i), run.size});
        const std::uint64_t last = std::min(end, next) - plain - 1;
        stored_end = stored + std::min((frame_of(last) + 1) * kFrameBytes, sealed_bytes(run.size));
      }
      plain = next;
      stored += sealed_bytes(run.size);
    }
  }
  check(plain >= end);
  range.stored_length = stored_end - range.stored_offset;
  return range;
}

SealedReader::SealedReader(const SecretKey& data_key, SealedRange range,
                           std::unique_ptr<BodyReader> stored, std::unique_ptr<BodyReader> salt,
                           DamageReport damage)
    : data_key_(data_key),
      range_(std::move(range)),
      stored_(std::move(stored)),
      salt_(std::move(salt)),
      damage_(std::move(damage)),
      frame_(range_.first_frame) {}

Error SealedReader::damaged() const {
  Error error = fail(ErrorCode::kCorrupt, cat("frame ", frame_, " of piece ",
                                              range_.pieces[at_].number, " does not open"));
  if (damage_.log != nullptr) damage_.log->mark_damaged(damage_.name, error.detail);
  return error;
}

Task<Result<Unit>> SealedReader::next_frame(Ctx& ctx) {
  const Piece piece = range_.pieces[at_];
  const std::uint64_t stored =
      std::min(kFrameBytes, sealed_bytes(piece.size) - frame_ * kFrameBytes);
  buffer_.resize(static_cast<std::size_t>(stored));
  CO_DO(co_await read_whole(ctx, *stored_, buffer_));
  MutableBytes bytes(buffer_);
  if (frame_ == 0) {
    opener_.emplace(data_key_, piece.number, bytes.first(kSaltBytes));
    bytes = bytes.subspan(kSaltBytes);
  } else if (!opener_) {
    check(salt_ != nullptr);
    Salt salt;
    CO_DO(co_await read_whole(ctx, *salt_, salt));
    salt_.reset();
    opener_.emplace(data_key_, piece.number, salt);
  }
  const bool last = frame_ + 1 == frame_count(piece.size);
  if (!opener_->open(frame_, last, bytes)) co_return damaged();
  ready_ = bytes.first(static_cast<std::size_t>(frame_plain(frame_, piece.size)))
               .subspan(static_cast<std::size_t>(range_.skip));
  range_.skip = 0;
  ++frame_;
  if (last) {
    ++at_;
    frame_ = 0;
    opener_.reset();
  }
  co_return Unit{};
}

Result<std::vector<PieceRun>> pieces_of(const store::RowReader& rows, const ObjectRecord& record,
                                        const Encryption& encryption) {
  if (!encryption.pieces.empty()) return encryption.pieces;
  if (record.body.kind != Body::Kind::kParts)
    return std::vector<PieceRun>{PieceRun{0, 1, record.size}};
  TRY(parts, load_parts(rows, record));
  std::vector<PieceRun> runs;
  for (const PartRef& part : parts) {
    const bool goes_on = !runs.empty() && runs.back().size == part.size &&
                         runs.back().first + runs.back().count == part.number;
    if (goes_on) ++runs.back().count;
    else runs.push_back({part.number, 1, part.size});
  }
  return runs;
}

Result<std::unique_ptr<BodyReader>> read_sealed(const store::RowReader& rows, Blobs& blobs,
                                                const ObjectRecord& record,
                                                const Encryption& encryption,
                                                const SecretKey& data_key, std::uint64_t offset,
                                                std::uint64_t length, DamageReport damage) {
  TRY(pieces, pieces_of(rows, record, encryption));
  std::uint64_t plain = 0;
  for (const PieceRun& run : pieces) plain += run.size * run.count;
  if (plain != record.size)
    return fail(ErrorCode::kCorrupt,
                cat("pieces of ", plain, " bytes for an object of ", record.size));
  SealedRange range = sealed_range(pieces, offset, length);
  const auto stored = [&](std::uint64_t at,
                          std::uint64_t bytes) -> Result<std::unique_ptr<BodyReader>> {
    TRY(runs, body_runs(rows, record, at, bytes));
    return std::unique_ptr<BodyReader>(
        std::make_unique<ObjectReader>(blobs, std::move(runs), damage));
  };
  std::unique_ptr<BodyReader> salt;
  if (range.first_frame > 0) {
    TRY(reader, stored(range.salt_offset, kSaltBytes));
    salt = std::move(reader);
  }
  TRY(frames, stored(range.stored_offset, range.stored_length));
  return std::unique_ptr<BodyReader>(std::make_unique<SealedReader>(
      data_key, std::move(range), std::move(frames), std::move(salt), std::move(damage)));
}

Task<Result<std::size_t>> SealedReader::read(Ctx& ctx, MutableBytes into) {
  if (range_.length == 0 || into.empty()) co_return std::size_t{0};
  if (ready_.empty()) CO_DO(co_await next_frame(ctx));
  const std::size_t take = static_cast<std::size_t>(
      std::min<std::uint64_t>(range_.length, std::min(into.size(), ready_.size())));
  std::copy_n(ready_.data(), take, into.data());
  ready_ = ready_.subspan(take);
  range_.length -= take;
  co_return take;
}

}  // namespace creel::s3
