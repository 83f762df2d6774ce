#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

// A stream of bytes that is pulled: a request's or response's content, a decoder around one, a
// blob. One reader, one call under way at a time.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // At least 1 byte into `into` (not empty), or 0 at the end, also on every later call. Errors of
  // an HTTP body: kClosed (the peer went away in the middle), kInvalid (broken framing), kTimeout
  // (slower than the server's floor, or ctx), kStopped. After an error only destruction is
  // sensible.
  virtual Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) = 0;
};

// Content that is already here.
class BytesBody final : public BodyReader {
 public:
  // Borrows; the bytes outlive the reader.
  explicit BytesBody(ByteView bytes) : left_(bytes) {}
  // Owns.
  explicit BytesBody(std::string text) : text_(std::move(text)), left_(as_bytes(text_)) {}
  BytesBody(const BytesBody&) = delete;
  BytesBody& operator=(const BytesBody&) = delete;
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;

 private:
  std::string text_;
  ByteView left_;
};

// All of `body`. Errors: kTooLarge past `bytes_max`; those of the body.
Task<Result<std::string>> read_all(Ctx& ctx, BodyReader& body, std::uint64_t bytes_max);

// How long an outgoing body will be.
struct BodyLength {
  enum class Kind : std::uint8_t { kBytes, kChunked };
  Kind kind = Kind::kBytes;
  std::uint64_t bytes = 0;
  static BodyLength of(std::uint64_t bytes) { return {Kind::kBytes, bytes}; }
  static BodyLength chunked() { return {Kind::kChunked, 0}; }
};

}  // namespace creel
