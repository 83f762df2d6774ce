#include "replicate/link/frame.h"

#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::replicate {
namespace {
constexpr std::string_view kMagic = "CRF1";
constexpr std::size_t kCrcAt = 36;
}  // namespace

void append_frame_header(Bytes& out, const FrameHeader& header) {
  const std::size_t at = out.size();
  append(out, kMagic);
  out.push_back(header.type);
  out.push_back(header.flags);
  append_le<std::uint16_t>(out, header.stream);
  append_le<std::uint64_t>(out, header.from);
  append_le<std::uint64_t>(out, header.to);
  append_le<std::uint32_t>(out, header.raw_bytes);
  append_le<std::uint32_t>(out, header.wire_bytes);
  append_le<std::uint32_t>(out, header.payload_crc);
  append_le<std::uint32_t>(out, crc32c(ByteView(out).subspan(at, kCrcAt)));
}

Result<FrameHeader> parse_frame_header(ByteView bytes) {
  check(bytes.size() >= kFrameHeaderBytes);
  if (as_text(bytes.first(kMagic.size())) != kMagic)
    return fail(ErrorCode::kCorrupt, "frame does not begin with CRF1");
  if (load_le<std::uint32_t>(bytes, kCrcAt) != crc32c(bytes.first(kCrcAt)))
    return fail(ErrorCode::kCorrupt, "frame header does not match its checksum");
  FrameHeader header;
  header.type = bytes[4];
  header.flags = bytes[5];
  header.stream = load_le<std::uint16_t>(bytes, 6);
  header.from = load_le<std::uint64_t>(bytes, 8);
  header.to = load_le<std::uint64_t>(bytes, 16);
  header.raw_bytes = load_le<std::uint32_t>(bytes, 24);
  header.wire_bytes = load_le<std::uint32_t>(bytes, 28);
  header.payload_crc = load_le<std::uint32_t>(bytes, 32);
  const bool text = header.is(FrameType::kHello) || header.is(FrameType::kWelcome);
  const std::size_t bytes_max = text ? kTextBytesMax : kPayloadBytesMax;
  if (header.raw_bytes > bytes_max || header.wire_bytes > bytes_max)
    return fail(ErrorCode::kTooLarge,
                cat("frame of type ", unsigned{header.type}, " announces ", header.raw_bytes,
                    " bytes as ", header.wire_bytes, "; the bound is ", bytes_max));
  const bool zstd = (header.flags & kFrameZstd) != 0;
  if (zstd ? header.wire_bytes == 0 : header.raw_bytes != header.wire_bytes)
    return fail(ErrorCode::kInvalid,
                cat("frame of type ", unsigned{header.type}, ": lengths contradict its flags"));
  return header;
}

}  // namespace creel::replicate
