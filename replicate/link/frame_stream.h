#pragma once
#include <memory>
#include <optional>

#include "platform/codec/stream.h"
#include "platform/network.h"
#include "replicate/link/frame.h"

namespace creel::replicate {

struct Frame {
  FrameHeader header;
  Bytes payload;  // Inflated.
};

// Writes frames. One call under way at a time.
class FrameWriter {
 public:
  explicit FrameWriter(Stream& stream) : stream_(stream) {}
  // Lengths, CRCs and the zstd flag of `header` are filled in. With `compress` the payload goes as
  // one zstd frame of level 1 if that saves 5 %. Errors: those of the stream.
  Task<Result<Unit>> write(Ctx& ctx, FrameHeader header, ByteView payload, bool compress);
  std::uint64_t bytes_written() const { return bytes_written_; }
  bool shrank() const { return shrank_; }  // The last write with `compress` went compressed.

 private:
  Stream& stream_;
  std::unique_ptr<Compressor> compressor_;
  Bytes packed_;
  std::uint64_t bytes_written_ = 0;
  bool shrank_ = false;
};

// Reads frames in bounded memory: lengths are checked before anything is allocated or inflated.
class FrameReader {
 public:
  explicit FrameReader(Stream& stream) : stream_(stream) {}
  // nullopt at the peer's orderly end between two frames. Errors: those of the stream, kClosed (in
  // the middle of a frame), those of parse_frame_header, kCorrupt (payload).
  Task<Result<std::optional<Frame>>> next(Ctx& ctx);
  std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  Task<Result<bool>> fill(Ctx& ctx, MutableBytes into, bool may_end);
  Result<Bytes> inflate(const FrameHeader& header, Bytes wire);

  Stream& stream_;
  std::unique_ptr<Decompressor> decompressor_;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace creel::replicate
