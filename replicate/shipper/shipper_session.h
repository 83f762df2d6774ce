#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "platform/async/scope.h"
#include "replicate/link/frame_stream.h"
#include "replicate/shipper/shipper.h"

namespace creel::replicate {

// One link to the receiver, from HELLO to its end: a sender, a reader of acks, a watch over the log
// and one over the clock, side by side.
class ShipperSession {
 public:
  ShipperSession(Shipper& shipper, Stream& stream);

  // Greets, checks the receiver's position and ships until the link or ctx ends; always returns an
  // error. kConflict: the positions contradict each other.
  Task<Result<Unit>> run(Ctx& ctx);

 private:
  // A DATA frame being built.
  struct Draft {
    Bytes raw;
    std::size_t records = 0;
    std::size_t blob_bytes = 0;  // Sent ahead of its transfer records, not acked.
    std::uint64_t to = 0;
    Shipper::Tally tally;
    std::int64_t oldest_ms = 0;
    Instant begun_at;
    std::vector<std::uint64_t> retried;
  };

  Task<void> guard(Scope& scope, Task<Result<Unit>> task);
  Task<Result<Unit>> greet(Ctx& ctx);
  Task<Result<Unit>> send_all(Ctx& ctx);
  Task<Result<Unit>> hear_all(Ctx& ctx);
  Task<Result<Unit>> watch_log(Ctx& ctx);
  Task<Result<Unit>> watch_clock(Ctx& ctx);

  Task<Result<bool>> read_feed(Ctx& ctx);
  Task<Result<Unit>> pause(Ctx& ctx);
  Task<Result<Unit>> add(Ctx& ctx, FeedItem item);
  Task<Result<Unit>> add_put(Ctx& ctx, FeedItem item);
  Task<Result<Unit>> add_small(Ctx& ctx, FeedItem item, FeedBody& body, ByteView bytes);
  Task<Result<Unit>> add_large(Ctx& ctx, FeedItem item, std::unique_ptr<FeedBody> body);
  Task<Result<bool>> pump(Ctx& ctx, std::uint64_t lsn, FeedBody& body, bool resume);
  Task<Result<Unit>> finish_large(Ctx& ctx, FeedItem item);
  Task<Result<Unit>> body_failed(Ctx& ctx, FeedItem item, Error why);
  Task<Result<Unit>> not_sent(Ctx& ctx, FeedItem item);
  Task<Result<Unit>> append(Ctx& ctx, const FeedItem& item, Record record);
  Task<Result<Unit>> flush(Ctx& ctx);
  Task<Result<Unit>> send_blob(Ctx& ctx, std::uint64_t lsn, std::uint64_t offset, ByteView bytes);
  Task<Result<Unit>> wait_window(Ctx& ctx);
  void cover(const FeedItem& item);
  void note_waiting();
  void note_sent();

  Task<Result<Unit>> hear(Ctx& ctx, Frame frame);
  Task<Result<Unit>> hear_ack(Ctx& ctx, const Ack& ack);
  Task<Result<Unit>> hear_refuse(Ctx& ctx, const Refuse& refuse);

  std::size_t in_flight() const;
  Instant now() const { return shipper_.platform_.clock.now(); }

  Shipper& shipper_;
  const ShipperOptions& options_;
  Stream& stream_;
  FrameReader reader_;
  FrameWriter writer_;
  Result<Unit> outcome_;
  Event wake_;  // Acks and log growth, for the sender.
  Event consumed_;  // The sender has read all there was, for the log watch.
  bool grown_ = true;
  std::size_t window_ = 0;
  std::uint64_t sent_to_ = 0;
  Digest digest_;
  Draft draft_;
  std::uint64_t counted_ = 0;  // Written bytes that are in the status.
  std::deque<FeedItem> items_;
  bool working_ = false;  // An item is out of items_ and not yet in the draft.
  std::int64_t working_oldest_ms_ = 0;
  std::vector<TransferState> transfers_;
  Bytes pieces_[2];
  std::uint64_t blob_lsn_ = 0, blob_sent_ = 0, blob_acked_ = 0;
  std::uint64_t blob_crc_ = 0;  // Of the first blob_sent_ bytes.
  bool blob_compress_ = true;
  Instant sent_at_, heard_at_, owed_since_;
};

}  // namespace creel::replicate
