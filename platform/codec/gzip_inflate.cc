#include "platform/codec/gzip_inflate.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "platform/base/text.h"

namespace creel {
namespace {

// ISA-L counts in 32 bits; larger spans are taken in pieces.
constexpr std::size_t kPieceBytesMax = 1u << 30;

std::string_view inflate_reason(int status) {
  switch (status) {
    case ISAL_INVALID_BLOCK: return "invalid deflate block";
    case ISAL_INVALID_SYMBOL: return "invalid deflate symbol";
    case ISAL_INVALID_LOOKBACK: return "deflate distance reaches before the start";
    case ISAL_INVALID_WRAPPER: return "not a gzip header";
    case ISAL_UNSUPPORTED_METHOD: return "compression method is not deflate";
    case ISAL_INCORRECT_CHECKSUM: return "checksum or length of the member does not match";
    default: return "cannot be decoded";
  }
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() { reset(); }

  Result<CodecProgress> run(ByteView in, MutableBytes out) override {
    if (in.empty() && boundary_) return CodecProgress{};
    if (boundary_) begin_member();
    in = in.first(std::min(in.size(), kPieceBytesMax));
    out = out.first(std::min(out.size(), kPieceBytesMax));
    state_.next_in = const_cast<std::uint8_t*>(in.data());  // The C interface lacks const; it only reads.
    state_.avail_in = static_cast<std::uint32_t>(in.size());
    state_.next_out = out.data();
    state_.avail_out = static_cast<std::uint32_t>(out.size());
    const int status = isal_inflate(&state_);
    const CodecProgress progress{.consumed = in.size() - state_.avail_in,
                                 .produced = out.size() - state_.avail_out,
                                 .frame_ended = state_.block_state == ISAL_BLOCK_FINISH};
    offset_ += progress.consumed;
    if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT)
      return fail(ErrorCode::kCorrupt, cat("gzip stream, near byte ", offset_, ": ", inflate_reason(status)));
    boundary_ = progress.frame_ended;
    return progress;
  }
  bool at_boundary() const override { return boundary_; }
  void reset() override {
    boundary_ = true;
    offset_ = 0;
  }

 private:
  void begin_member() {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
    boundary_ = false;
  }

  inflate_state state_;  // About 90 KiB, so it lives with the object, never on a stack.
  bool boundary_ = true;
  std::uint64_t offset_ = 0;  // Compressed bytes read so far, for error texts.
};

}  // namespace

Result<std::unique_ptr<Decompressor>> make_gzip_decompressor() {
  return std::unique_ptr<Decompressor>(new GzipDecompressor);
}

}  // namespace creel
