#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/units.h"
#include "platform/http/body.h"
#include "platform/http/chunk_decoder.h"
#include "platform/http/input.h"

namespace creel {

// Where a message's content ends.
struct BodyFrame {
  enum class Kind : std::uint8_t { kBytes, kChunked, kUntilClose };
  Kind kind = Kind::kBytes;
  std::uint64_t bytes = 0;  // For kBytes.
};

// The floor under a peer's speed; only time spent waiting for it counts. A rate of 0 means no
// floor.
struct BodyPace {
  std::uint64_t bytes_per_second_min = 0;
  Duration grace = 10_s;      // Waiting allowed before the rate counts.
  Duration stall_max = 30_s;  // Without a single byte, however fast it was before.
};

// Called once, before the first byte of a body is waited for: the place of `100 Continue`.
class BeforeBody {
 public:
  virtual Task<Result<Unit>> before_body(Ctx& ctx) = 0;

 protected:
  ~BeforeBody() = default;
};

// The content of one message on a connection. Never reads past it.
class WireBody final : public BodyReader {
 public:
  WireBody(HttpInput& input, BodyFrame frame, BodyPace pace, BeforeBody* before = nullptr);
  WireBody(const WireBody&) = delete;
  WireBody& operator=(const WireBody&) = delete;

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;

  // All of it was taken, so that the next message can follow.
  bool at_end() const { return ended_; }
  bool failed() const { return failure_.has_value(); }
  // Known bytes still to come; nullopt if unknown.
  std::optional<std::uint64_t> left() const;
  // Nobody will ask for the body, so its `100 Continue` must not be sent any more.
  void forbid_continue() { before_ = nullptr; }
  // Reads on and throws away, at most `bytes_max`. True if the end was reached.
  Task<bool> discard(Ctx& ctx, std::uint64_t bytes_max);

 private:
  Task<Result<std::size_t>> read_counted(Ctx& ctx, MutableBytes into);
  Task<Result<std::size_t>> read_chunked(Ctx& ctx, MutableBytes into);
  // One paced read from the connection: into `into`, or if that is empty into the buffer.
  Task<Result<std::size_t>> pull(Ctx& ctx, MutableBytes into);
  // Chunk framing that is already buffered.
  void skip_framing();

  HttpInput& input_;
  BodyFrame frame_;
  BodyPace pace_;
  BeforeBody* before_;
  ChunkDecoder chunks_;
  std::uint64_t left_ = 0;   // Counted bodies.
  std::uint64_t taken_ = 0;  // Content bytes handed out.
  Duration waited_{};
  bool ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace creel
