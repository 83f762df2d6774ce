#include "platform/codec/gzip_inflate.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "platform/base/text.h"
#include "platform/codec/gzip_header.h"

namespace creel {
namespace {

// ISA-L counts in 32 bits; larger spans are taken in pieces.
constexpr std::size_t kPieceBytesMax = 1u << 30;

std::string_view inflate_reason(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK: return "invalid deflate block";
    case ISAL_INVALID_SYMBOL: return "invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK: return "deflate distance reaches before the start";
    case ISAL_INCORRECT_CHECKSUM: return "checksum or length of the member does not match";
    default: return "cannot be decoded";
  }
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() { reset(); }

  Result<CodecProgress> run(ByteView in, MutableBytes out) override {
    if (in.empty() && boundary_) return CodecProgress{};
    std::size_t header_bytes = 0;
    if (in_header_) {
      boundary_ = false;
      const GzipHeader::State state = header_.feed(in, header_bytes);
      offset_ += header_bytes;
      if (state == GzipHeader::State::kBad) return corrupt(header_.reason());
      if (state == GzipHeader::State::kMore) return CodecProgress{.consumed = header_bytes};
      begin_content();
    }
    Result<CodecProgress> progress = inflate(in.subspan(header_bytes), out);
    if (progress.ok()) progress.value().consumed += header_bytes;
    return progress;
  }
  bool at_boundary() const override { return boundary_; }
  void reset() override {
    in_header_ = boundary_ = true;
    header_.reset();
    offset_ = 0;
  }

 private:
  Error corrupt(std::string_view reason) const {
    return fail(ErrorCode::kCorrupt, cat("gzip stream, near byte ", offset_, ": ", reason));
  }

  void begin_content() {
    in_header_ = false;
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;  // The header is read; the trailer is checked.
  }

  Result<CodecProgress> inflate(ByteView in, MutableBytes out) {
    in = in.first(std::min(in.size(), kPieceBytesMax));
    out = out.first(std::min(out.size(), kPieceBytesMax));
    state_.next_in =
        const_cast<std::uint8_t*>(in.data());  // The C interface lacks const; it only reads.
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    state_.next_out = out.data();
    state_.avail_out = static_cast<std::uint32_t>(out.size());
    const int status = isal_inflate(&state_);
    const CodecProgress progress{.consumed = in.size() - state_.avail_in,
                                 .produced = out.size() - state_.avail_out,
                                 .frame_ended = state_.block_state == ISAL_BLOCK_FINISH};
    offset_ += progress.consumed;
    if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT)
      return corrupt(inflate_reason(status));
    if (progress.frame_ended) {
      in_header_ = boundary_ = true;
      header_.reset();
    }
    return progress;
  }

  inflate_state state_;  // About 90 KiB, so it lives with the object, never on a stack.
  GzipHeader header_;
  bool in_header_ = true;
  bool boundary_ = true;
  std::uint64_t offset_ = 0;  // Compressed bytes read so far, for error texts.
};

}  // namespace

Result<std::unique_ptr<Decompressor>> make_gzip_decompressor() {
  return std::unique_ptr<Decompressor>(new GzipDecompressor);
}

}  // namespace creel
