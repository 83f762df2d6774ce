#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/base/bytes.h"

namespace creel {

// Frames of a chunked body (RFC 9112 §7.1), byte by byte and strict: 1 to 16 hex digits of size, no
// space around them, well-formed extensions of at most 256 bytes a chunk and 16 KiB a body, CRLF
// and nothing else at line ends, at most 4 KiB of trailers, which are checked and dropped. Content
// is not touched: framing() stops in front of it, the caller moves data_left() bytes from wherever
// they are and says took().
class ChunkDecoder {
 public:
  enum class State : std::uint8_t { kMore, kData, kEnd, kBad };

  // Consumes framing from the front of `in`; `used` says how many bytes. kData: data_left() bytes
  // of content come next. kEnd: the body is complete.
  State framing(ByteView in, std::size_t& used);
  std::uint64_t data_left() const { return data_left_; }
  void took(std::uint64_t bytes);
  bool ended() const { return at_ == At::kEnd; }
  // Why, after kBad.
  std::string_view reason() const { return reason_; }

 private:
  enum class At : std::uint8_t {
    kSize,
    kExtName,
    kExtValue,
    kExtQuoted,
    kExtEscaped,
    kExtQuoteEnd,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailerValue,
    kTrailerLf,
    kLastLf,
    kEnd,
    kBad
  };
  void step(std::uint8_t byte);
  void size_byte(std::uint8_t byte);
  void extension_byte(std::uint8_t byte);
  void quoted_byte(std::uint8_t byte);
  void trailer_byte(std::uint8_t byte);
  void expect(std::uint8_t byte, std::uint8_t wanted, At next);
  void bad(std::string_view reason);

  At at_ = At::kSize;
  unsigned digits_ = 0;
  std::uint64_t size_ = 0;  // Of the chunk whose head is being read.
  std::uint64_t data_left_ = 0;
  std::size_t extension_bytes_ = 0;  // Of this chunk.
  std::size_t extensions_bytes_ = 0;  // Of all chunks.
  bool token_empty_ = true;  // Name or value being read has no byte yet.
  std::size_t trailer_bytes_ = 0;
  std::string_view reason_;
};

}  // namespace creel
