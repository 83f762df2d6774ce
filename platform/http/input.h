#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/base/bytes.h"
#include "platform/network.h"

namespace creel {

// The read side of one connection: a buffer for message heads and chunk framing, while content goes
// straight into its reader's memory. Between messages only `first_` stays, so that an idle
// connection is small.
class HttpInput {
 public:
  // `buffer_bytes`: the largest head plus a little.
  HttpInput(Stream& stream, std::size_t buffer_bytes);

  ByteView buffered() const { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t bytes);
  // Reads once behind what is buffered; there must be room. 0: the peer's end. Errors as
  // Stream::read.
  Task<Result<std::size_t>> fill(Ctx& ctx);
  // Buffered bytes first, else straight from the stream.
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into);
  // Frees the buffer if nothing is in it.
  void release();
  Stream& stream() { return stream_; }

 private:
  static constexpr std::size_t kFirstBytes = 1024;  // Most heads fit: one read a request.
  Stream& stream_;
  std::size_t capacity_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint8_t first_[kFirstBytes];
};

// A stream whose first bytes were read too early by an HTTP parser; the rest goes through.
class PrefixedStream final : public Stream {
 public:
  PrefixedStream(Stream& under, ByteView prefix) : under_(under), prefix_(to_bytes(prefix)) {}
  PrefixedStream(std::unique_ptr<Stream> under, ByteView prefix)
      : owned_(std::move(under)), under_(*owned_), prefix_(to_bytes(prefix)) {}
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) override {
    return under_.write(ctx, parts);
  }
  Task<Result<Unit>> finish(Ctx& ctx) override { return under_.finish(ctx); }
  void abort() override { under_.abort(); }
  const PeerInfo& peer() const override { return under_.peer(); }

 private:
  std::unique_ptr<Stream> owned_;
  Stream& under_;
  Bytes prefix_;
  std::size_t taken_ = 0;
};

}  // namespace creel
