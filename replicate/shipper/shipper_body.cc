// ShipperSession: bodies. Small ones ride in DATA frames; larger ones go ahead in BLOB frames.
#include <algorithm>

#include "platform/base/text.h"
#include "platform/cpu/crc.h"
#include "replicate/shipper/shipper_session.h"

namespace creel::replicate {
namespace {

constexpr std::size_t kPieceBytes = 256 * KiB;

// Short only at the end of the body.
Task<Result<std::size_t>> read_piece(Ctx& ctx, FeedBody& body, MutableBytes into) {
  std::size_t have = 0;
  while (have < into.size()) {
    CO_TRY(got, co_await body.read(ctx, into.subspan(have)));
    if (got == 0) break;
    have += got;
  }
  co_return have;
}

FeedItem held(FeedItem item, std::string reason, std::string detail) {
  item.verdict = Verdict::kHeld;
  item.reason = std::move(reason);
  item.detail = std::move(detail);
  return item;
}

std::string mismatch(const FeedItem& item, std::uint64_t bytes) {
  return cat("read ", bytes, " bytes that do not match the size or checksum of ", item.record.size,
             " recorded bytes");
}

}  // namespace

Task<Result<Unit>> ShipperSession::body_failed(Ctx& ctx, FeedItem item, Error why) {
  draft_.blob_bytes += static_cast<std::size_t>(blob_sent_ - blob_acked_);
  blob_lsn_ = blob_sent_ = blob_acked_ = 0;
  if (why.code == ErrorCode::kNotFound) {
    item.verdict = Verdict::kSuperseded;
    co_return co_await not_sent(ctx, std::move(item));
  }
  if (why.code == ErrorCode::kCorrupt)
    co_return co_await not_sent(ctx, held(std::move(item), "BodyDamaged", why.detail));
  co_return why;  // The link ends and the operation is tried again.
}

Task<Result<Unit>> ShipperSession::add_put(Ctx& ctx, FeedItem item) {
  auto opened = co_await shipper_.source_.open(ctx, item);
  if (!opened.ok()) co_return co_await body_failed(ctx, std::move(item), opened.error());
  std::unique_ptr<FeedBody> body = opened.take();
  for (Bytes& piece : pieces_) piece.resize(kPieceBytes);
  auto first = co_await read_piece(ctx, *body, pieces_[0]);
  if (!first.ok()) co_return co_await body_failed(ctx, std::move(item), first.error());
  if (first.value() == kPieceBytes) {
    auto more = co_await read_piece(ctx, *body, MutableBytes(pieces_[1]).first(1));
    if (!more.ok()) co_return co_await body_failed(ctx, std::move(item), more.error());
    if (more.value() > 0) co_return co_await add_large(ctx, std::move(item), std::move(body));
  }
  const ByteView bytes = ByteView(pieces_[0]).first(first.value());
  co_return co_await add_small(ctx, std::move(item), *body, bytes);
}

Task<Result<Unit>> ShipperSession::add_small(Ctx& ctx, FeedItem item, FeedBody& body,
                                             ByteView bytes) {
  auto settled = co_await body.settled(ctx);
  if (!settled.ok()) co_return co_await body_failed(ctx, std::move(item), settled.error());
  item.record = settled.value().record;
  item.sealed = settled.value().sealed;
  item.verdict = settled.value().verdict;
  item.reason = settled.value().reason;
  item.detail = settled.value().detail;
  if (item.verdict != Verdict::kSend) co_return co_await not_sent(ctx, std::move(item));
  if (item.record.size != bytes.size() || item.record.crc64 != crc64_nvme(bytes)) {
    std::string detail = mismatch(item, bytes.size());
    co_return co_await not_sent(ctx, held(std::move(item), "BodyDamaged", std::move(detail)));
  }
  Record record;
  record.kind = static_cast<std::uint8_t>(RecordKind::kPut);
  record.body = bytes;
  co_return co_await append(ctx, item, std::move(record));
}

// The first piece and one byte more have been read: they are read again here, which keeps the pump
// simple and costs nothing that matters beside the link.
Task<Result<Unit>> ShipperSession::add_large(Ctx& ctx, FeedItem item,
                                             std::unique_ptr<FeedBody> body) {
  CO_DO(co_await flush(ctx));  // What came before must not wait for a long body.
  bool resume = false;
  for (const TransferState& transfer : transfers_) resume |= transfer.lsn == item.lsn;
  for (int tries = 0; tries < 2; ++tries) {
    auto opened = co_await shipper_.source_.open(ctx, item);
    if (!opened.ok()) co_return co_await body_failed(ctx, std::move(item), opened.error());
    body = opened.take();
    auto pumped = co_await pump(ctx, item.lsn, *body, resume);
    if (!pumped.ok()) co_return co_await body_failed(ctx, std::move(item), pumped.error());
    if (pumped.value()) break;
    check(resume);  // Only a resumed pump may find that it must begin anew.
    resume = false;
  }
  auto settled = co_await body->settled(ctx);
  if (!settled.ok()) co_return co_await body_failed(ctx, std::move(item), settled.error());
  item.record = settled.value().record;
  item.sealed = settled.value().sealed;
  item.verdict = settled.value().verdict;
  item.reason = settled.value().reason;
  item.detail = settled.value().detail;
  co_return co_await finish_large(ctx, std::move(item));
}

// Sends the body in pieces, from where the receiver stands if `resume`. False: what the receiver
// holds is not the beginning of this body.
Task<Result<bool>> ShipperSession::pump(Ctx& ctx, std::uint64_t lsn, FeedBody& body, bool resume) {
  TransferState have;
  for (const TransferState& transfer : transfers_)
    if (resume && transfer.lsn == lsn) have = transfer;
  blob_lsn_ = lsn;
  blob_sent_ = blob_acked_ = blob_crc_ = 0;
  blob_compress_ = true;
  std::uint64_t at = 0;
  while (true) {
    // Up to the resume point pieces are only checked; it is a piece boundary.
    std::size_t want = kPieceBytes;
    if (at < have.offset)
      want = static_cast<std::size_t>(std::min<std::uint64_t>(want, have.offset - at));
    CO_TRY(got, co_await read_piece(ctx, body, MutableBytes(pieces_[0]).first(want)));
    if (got == 0) break;
    const ByteView piece = ByteView(pieces_[0]).first(got);
    blob_crc_ = crc64_nvme(piece, blob_crc_);
    if (at < have.offset) {
      blob_sent_ = blob_acked_ = at + got;
      if (blob_sent_ == have.offset && blob_crc_ != have.crc64) co_return false;
    } else {
      CO_DO(co_await send_blob(ctx, lsn, at, piece));
    }
    at += got;
  }
  co_return at >= have.offset;
}

Task<Result<Unit>> ShipperSession::send_blob(Ctx& ctx, std::uint64_t lsn, std::uint64_t offset,
                                             ByteView bytes) {
  CO_DO(co_await wait_window(ctx));
  FrameHeader header;
  header.type = static_cast<std::uint8_t>(FrameType::kBlob);
  header.from = lsn;
  header.to = offset;
  if (in_flight() == 0) owed_since_ = now();
  blob_sent_ = offset + bytes.size();
  shipper_.status_.sent_payload_bytes += bytes.size();
  const bool compress = blob_compress_;
  CO_DO(co_await writer_.write(ctx, header, bytes, compress));
  note_sent();
  // Video and archives do not shrink: one try an object.
  if (compress && bytes.size() == kPieceBytes && !writer_.shrank()) blob_compress_ = false;
  co_return Unit{};
}

Task<Result<Unit>> ShipperSession::finish_large(Ctx& ctx, FeedItem item) {
  const std::uint64_t bytes = blob_sent_;
  const bool whole = item.record.size == bytes && item.record.crc64 == blob_crc_;
  draft_.blob_bytes += static_cast<std::size_t>(blob_sent_ - blob_acked_);
  blob_lsn_ = blob_sent_ = blob_acked_ = 0;
  // What the receiver holds of a body that is not sent falls away when its position passes.
  if (item.verdict != Verdict::kSend) co_return co_await not_sent(ctx, std::move(item));
  if (!whole) {
    std::string detail = mismatch(item, bytes);
    co_return co_await not_sent(ctx, held(std::move(item), "BodyDamaged", std::move(detail)));
  }
  Record record;
  record.kind = static_cast<std::uint8_t>(RecordKind::kPutTransfer);
  co_return co_await append(ctx, item, std::move(record));
}

}  // namespace creel::replicate
