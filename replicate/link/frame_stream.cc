#include "replicate/link/frame_stream.h"

#include "platform/base/text.h"
#include "platform/cpu/crc.h"

namespace creel::replicate {
namespace {
constexpr std::size_t kWorthCompressing = 512;
}

Task<Result<Unit>> FrameWriter::write(Ctx& ctx, FrameHeader header, ByteView payload,
                                      bool compress) {
  check(payload.size() <= kPayloadBytesMax);
  header.raw_bytes = static_cast<std::uint32_t>(payload.size());
  header.flags &= static_cast<std::uint8_t>(~kFrameZstd);
  ByteView wire = payload;
  shrank_ = false;
  if (compress && payload.size() >= kWorthCompressing) {
    if (!compressor_) {
      CompressOptions options;
      options.level = 1;
      options.checksum = false;  // The frame has its own.
      CO_TRY(made, Compressor::make(Codec::kZstd, options));
      compressor_ = std::move(made);
    }
    packed_.clear();
    CO_DO(compressor_->append_frame(payload, packed_));
    if (packed_.size() + payload.size() / 20 < payload.size()) {
      shrank_ = true;
      header.flags |= kFrameZstd;
      wire = packed_;
    }
  }
  header.wire_bytes = static_cast<std::uint32_t>(wire.size());
  header.payload_crc = crc32c(wire);
  Bytes head;
  append_frame_header(head, header);
  const ByteView parts[2] = {head, wire};
  CO_DO(co_await stream_.write(ctx, std::span<const ByteView>(parts, wire.empty() ? 1u : 2u)));
  bytes_written_ += head.size() + wire.size();
  co_return Unit{};
}

// False: the stream ended before the first byte, and that is fine.
Task<Result<bool>> FrameReader::fill(Ctx& ctx, MutableBytes into, bool may_end) {
  std::size_t have = 0;
  while (have < into.size()) {
    CO_TRY(got, co_await stream_.read(ctx, into.subspan(have)));
    if (got == 0 && have == 0 && may_end) co_return false;
    if (got == 0) co_return fail(ErrorCode::kClosed, "the link ended in the middle of a frame");
    have += got;
    bytes_read_ += got;
  }
  co_return true;
}

Result<Bytes> FrameReader::inflate(const FrameHeader& header, Bytes wire) {
  if (!decompressor_) {
    DecompressOptions options;
    options.window_bytes_max = kPayloadBytesMax;
    TRY(made, Decompressor::make(Codec::kZstd, options));
    decompressor_ = std::move(made);
  }
  decompressor_->reset();
  Bytes raw;
  raw.reserve(header.raw_bytes);
  TRY_DO(decompress_all(*decompressor_, wire, header.raw_bytes, raw));
  if (raw.size() != header.raw_bytes)
    return fail(ErrorCode::kCorrupt,
                cat("frame inflates to ", raw.size(), " bytes instead of ", header.raw_bytes));
  return raw;
}

Task<Result<std::optional<Frame>>> FrameReader::next(Ctx& ctx) {
  std::uint8_t head[kFrameHeaderBytes];
  CO_TRY(more, co_await fill(ctx, head, true));
  if (!more) co_return std::optional<Frame>();
  Frame frame;
  CO_TRY(header, parse_frame_header(head));
  frame.header = header;
  frame.payload.resize(header.wire_bytes);
  if (header.wire_bytes > 0) CO_DO(co_await fill(ctx, frame.payload, false));
  if (crc32c(frame.payload) != header.payload_crc)
    co_return fail(ErrorCode::kCorrupt, "frame payload does not match its checksum");
  if ((header.flags & kFrameZstd) != 0) {
    CO_TRY(raw, inflate(header, std::move(frame.payload)));
    frame.payload = std::move(raw);
  }
  co_return std::optional<Frame>(std::move(frame));
}

}  // namespace creel::replicate
