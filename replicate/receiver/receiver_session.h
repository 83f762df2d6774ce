#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "platform/async/scope.h"
#include "replicate/link/frame_stream.h"
#include "replicate/receiver/receiver.h"
#include "s3/model/ops.h"

namespace creel::replicate {

inline constexpr std::size_t kFrameCost = 256;  // Of a queued frame beside its payload.

// One link from a sender, from HELLO to its end. A reader fills a bounded queue; a committer makes
// what waits durable in one operation and acknowledges it.
class ReceiverSession {
 public:
  ReceiverSession(Receiver& receiver, Stream& stream, PeerInfo peer);
  ~ReceiverSession();

  Task<Result<Unit>> run(Ctx& ctx);
  // Ends the link; what was received whole is still committed. For a newer link of the stream, and
  // when the server drains.
  void cut(std::string why);

 private:
  // Waiting frames on their way into one operation.
  struct Batch {
    std::uint64_t from = 0;
    s3::StreamPosition to;
    Digest digest;
    std::vector<std::string> effects;
    std::vector<std::string> buckets;
    std::size_t effect_bytes = 0;
    Bytes pack;
    std::uint64_t records = 0;
  };
  // A part of a large object that is being written.
  struct Part {
    std::uint64_t lsn = 0;
    std::uint64_t sealed = 0;  // Durable bytes of the object.
    std::uint64_t received = 0;  // … and those in `writer` on top.
    std::uint64_t crc64 = 0;  // Of `received` bytes.
    std::unique_ptr<s3::BlobWriter> writer;
  };

  void leave();  // Lets a newer link of the stream in.
  Task<Result<Unit>> greet(Ctx& ctx);
  Task<Result<Unit>> admit(Ctx& ctx, const Hello& hello);
  Result<Welcome> make_welcome();
  Task<void> read_all(Ctx& ctx);
  Task<void> commit_all(Ctx& ctx);
  Task<Result<Unit>> commit_some(Ctx& ctx);
  Task<Result<Unit>> wait_for_frames(Ctx& ctx);

  Task<Result<Unit>> take_data(Ctx& ctx);
  Task<Result<Unit>> gather(Ctx& ctx, Batch& batch, const Frame& frame, Refuse& refuse);
  Task<Result<Unit>> add_record(Ctx& ctx, Batch& batch, const Record& record, Refuse& refuse);
  // Of an encrypted object: its key under one of ours, and the sizes of its plain bytes. Errors:
  // why it cannot be taken.
  Result<Unit> take_key(const Record& record, s3::PutObject& op) const;
  Task<Result<s3::BodySource>> place_body(Ctx& ctx, Batch& batch, const Record& record);
  Task<Result<Unit>> commit(Ctx& ctx, Batch batch);
  Task<Result<Unit>> ensure_bucket(Ctx& ctx, std::string bucket);

  Task<Result<Unit>> take_blob(Ctx& ctx, const Frame& frame);
  Result<Unit> open_part(std::uint64_t lsn);
  Task<Result<Unit>> seal_part(Ctx& ctx);
  Task<Result<Unit>> drop_transfer(Ctx& ctx, std::uint64_t lsn);

  Task<Result<s3::Answer>> submit(Ctx& ctx, std::string meta, Bytes payload);
  Task<Result<Unit>> send_ack(Ctx& ctx);
  Task<Result<Unit>> send_text(Ctx& ctx, FrameType type, std::string text);
  Task<void> say_bye(Ctx& ctx, const Error& why);
  std::string expand(std::string_view pattern, const Record& record) const;
  std::vector<s3::Header> replica_headers(const Record& record) const;
  Instant now() const { return receiver_.platform_.clock.now(); }
  std::size_t part_bytes() const;

  Receiver& receiver_;
  Stream& stream_;
  PeerInfo peer_;
  FrameReader reader_;
  FrameWriter writer_;
  SiteGrant grant_;
  StreamIdentity identity_;
  std::string stream_id_;
  std::uint64_t connection_ = 0;
  bool registered_ = false;
  std::string cut_why_;

  std::deque<Frame> queue_;
  std::size_t queued_bytes_ = 0;
  bool ended_ = false;  // No more frames come.
  std::optional<Error> read_error_;
  Event filled_, room_;

  std::uint64_t low_ = 0;  // Durable position,
  Digest digest_;  // … and what was applied up to it.
  std::optional<Part> part_;
  Instant acked_at_;
};

}  // namespace creel::replicate
