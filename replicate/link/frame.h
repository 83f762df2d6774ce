#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel::replicate {

// Frames of the link, docs/formats/replication.md. Numbers are on the wire: never reuse one.
enum class FrameType : std::uint8_t {
  kHello = 1,
  kWelcome = 2,
  kData = 3,
  kAck = 4,
  kBlob = 5,
  kRefuse = 8,
  kStatus = 9,
  kBye = 11,
};
inline constexpr std::uint8_t kFrameZstd = 1;         // The payload is one zstd frame.
inline constexpr std::uint8_t kFrameCritical = 0x80;  // Who does not know the type must hang up.

inline constexpr std::size_t kFrameHeaderBytes = 40;
inline constexpr std::size_t kPayloadBytesMax = 1 * MiB;    // Raw and on the wire; fixed.
inline constexpr std::size_t kTextBytesMax = 64 * KiB;      // HELLO and WELCOME.

struct FrameHeader {
  std::uint8_t type = 0;   // A FrameType, or one of a later version.
  std::uint8_t flags = 0;
  std::uint16_t stream = 0;
  std::uint64_t from = 0;  // DATA: exclusive. BLOB: the operation.
  std::uint64_t to = 0;    // DATA: inclusive. BLOB: offset of the payload in the object.
  std::uint32_t raw_bytes = 0;
  std::uint32_t wire_bytes = 0;
  std::uint32_t payload_crc = 0;  // CRC-32C of the payload as sent.
  bool is(FrameType t) const { return type == static_cast<std::uint8_t>(t); }
};

void append_frame_header(Bytes& out, const FrameHeader& header);
// `bytes` holds at least kFrameHeaderBytes. Errors: kCorrupt (magic, CRC), kTooLarge (lengths),
// kInvalid (lengths that contradict the flags).
Result<FrameHeader> parse_frame_header(ByteView bytes);

}  // namespace creel::replicate
