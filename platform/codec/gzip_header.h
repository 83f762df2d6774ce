#pragma once
#include <cstdint>
#include <string_view>

#include "platform/base/bytes.h"

namespace creel {

// Reads one gzip header (RFC 1952 §2.3), however it is cut into pieces; what it says is not needed
// here. Our own, because ISA-L's reader forgets which optional fields follow when the input ends
// inside one.
class GzipHeader {
 public:
  enum class State : std::uint8_t { kMore, kDone, kBad };

  // Takes bytes up to the end of the header; `used` says how many.
  State feed(ByteView in, std::size_t& used);
  // Why, after kBad.
  std::string_view reason() const { return reason_; }
  void reset() { *this = GzipHeader(); }

 private:
  enum class Step : std::uint8_t { kFixed, kExtraLength, kExtra, kName, kComment, kCrc, kDone };
  State take(std::uint8_t byte);
  State take_fixed(std::uint8_t byte);
  State take_crc(std::uint8_t byte);
  void next_step();

  Step step_ = Step::kFixed;
  std::uint8_t flags_ = 0;
  std::uint32_t count_ = 0;  // Bytes seen in this step.
  std::uint32_t extra_bytes_ = 0;
  std::uint32_t crc_ = 0;  // Of all header bytes before the CRC field.
  std::uint32_t crc_read_ = 0;
  std::string_view reason_;
};

}  // namespace creel
