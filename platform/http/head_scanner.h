#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/base/bytes.h"
#include "platform/http/message.h"

namespace creel {

// First half of the guard in front of llhttp: looks at each byte of a head once, as it arrives,
// finds its end and refuses what two parsers might read differently: bare CR or LF, NUL and other
// controls, obs-fold, and any size above the limits. Which splits the bytes come in makes no
// difference.
class HeadScanner {
 public:
  enum class State : std::uint8_t { kMore, kDone, kBad };

  explicit HeadScanner(HeadLimits limits = {}) : limits_(limits) {}

  // Scans the next bytes of the connection; after kDone, used() of all bytes ever given belong to
  // the head.
  State scan(ByteView more);
  // Bytes of the head so far, with the empty line; includes one CRLF before the first line, which
  // RFC 9112 §2.2 asks servers to skip (skipped_bytes()).
  std::size_t used() const { return used_; }
  std::size_t skipped_bytes() const { return skipped_; }
  // Why, after kBad.
  std::string_view reason() const { return reason_; }
  void reset() { *this = HeadScanner(limits_); }

 private:
  enum class At : std::uint8_t {
    kStart,
    kFirstLine,
    kFirstCr,
    kLineStart,
    kLine,
    kLineCr,
    kEndCr,
    kSkipCr
  };
  State step(std::uint8_t byte);
  State text(std::uint8_t byte, At next_after_cr);
  State bad(std::string_view reason);

  HeadLimits limits_;
  At at_ = At::kStart;
  std::size_t used_ = 0;
  std::size_t skipped_ = 0;
  std::size_t first_line_end_ = 0;
  std::size_t fields_ = 0;
  std::string_view reason_;
};

}  // namespace creel
