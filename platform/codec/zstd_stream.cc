#include "platform/codec/zstd_stream.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>

#include "platform/base/check.h"
#include "platform/base/text.h"

namespace creel {
namespace {

constexpr int kWindowLogMax =
    23;  // 8 MiB: what receivers accept (replication frames, log payloads).

Error zstd_error(std::size_t status, std::uint64_t offset) {
  const ZSTD_ErrorCode code = ZSTD_getErrorCode(status);
  const std::string where = cat("zstd stream, byte ", offset, ": ", ZSTD_getErrorName(status));
  if (code == ZSTD_error_frameParameter_windowTooLarge) return fail(ErrorCode::kTooLarge, where);
  if (code == ZSTD_error_memory_allocation) return fail(ErrorCode::kUnavailable, where);
  return fail(ErrorCode::kCorrupt, where);
}

class ZstdDecompressor final : public Decompressor {
 public:
  explicit ZstdDecompressor(ZSTD_DCtx* context) : context_(context) {}
  ~ZstdDecompressor() override { ZSTD_freeDCtx(context_); }
  ZstdDecompressor(const ZstdDecompressor&) = delete;
  ZstdDecompressor& operator=(const ZstdDecompressor&) = delete;

  Result<CodecProgress> run(ByteView in, MutableBytes out) override {
    if (in.empty() && boundary_) return CodecProgress{};
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t status = ZSTD_decompressStream(context_, &target, &source);
    offset_ += source.pos;
    if (ZSTD_isError(status)) return zstd_error(status, offset_);
    const bool moved = source.pos != 0 || target.pos != 0;
    if (moved) boundary_ = status == 0;
    return CodecProgress{
        .consumed = source.pos, .produced = target.pos, .frame_ended = moved && status == 0};
  }
  bool at_boundary() const override { return boundary_; }
  void reset() override {
    check(!ZSTD_isError(ZSTD_DCtx_reset(context_, ZSTD_reset_session_only)));
    boundary_ = true;
    offset_ = 0;
  }

 private:
  ZSTD_DCtx* context_;
  bool boundary_ = true;
  std::uint64_t offset_ = 0;  // Compressed bytes read so far, for error texts.
};

class ZstdCompressor final : public Compressor {
 public:
  explicit ZstdCompressor(ZSTD_CCtx* context) : context_(context) {}
  ~ZstdCompressor() override { ZSTD_freeCCtx(context_); }
  ZstdCompressor(const ZstdCompressor&) = delete;
  ZstdCompressor& operator=(const ZstdCompressor&) = delete;

  Result<CodecProgress> run(ByteView in, MutableBytes out, Flush flush) override {
    const ZSTD_EndDirective end = flush == Flush::kNone    ? ZSTD_e_continue
                                  : flush == Flush::kBlock ? ZSTD_e_flush
                                                           : ZSTD_e_end;
    ZSTD_inBuffer source{in.data(), in.size(), 0};
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    const std::size_t left = ZSTD_compressStream2(context_, &target, &source, end);
    if (ZSTD_isError(left)) return compress_error(left);
    return CodecProgress{.consumed = source.pos,
                         .produced = target.pos,
                         .frame_ended = flush != Flush::kNone && left == 0};
  }

  Result<Unit> append_frame(ByteView in, Bytes& out) override {
    const std::size_t begin = out.size();
    out.resize(begin + ZSTD_compressBound(in.size()));
    const std::size_t size =
        ZSTD_compress2(context_, out.data() + begin, out.size() - begin, in.data(), in.size());
    out.resize(begin + (ZSTD_isError(size) ? 0 : size));
    if (ZSTD_isError(size)) return compress_error(size);
    return Unit{};
  }

  void reset() override {
    check(!ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only)));
  }

 private:
  static Error compress_error(std::size_t status) {
    return fail(ErrorCode::kUnavailable, cat("zstd compression: ", ZSTD_getErrorName(status)));
  }
  ZSTD_CCtx* context_;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> make_zstd_decompressor(DecompressOptions options) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  if (context == nullptr) return fail(ErrorCode::kUnavailable, "zstd: out of memory");
  const std::uint64_t window = std::clamp<std::uint64_t>(options.window_bytes_max, KiB, GiB);
  const int log = static_cast<int>(std::bit_width(window)) - 1;
  check(!ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, log)));
  return std::unique_ptr<Decompressor>(new ZstdDecompressor(context));
}

Result<std::unique_ptr<Compressor>> make_zstd_compressor(CompressOptions options) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  if (context == nullptr) return fail(ErrorCode::kUnavailable, "zstd: out of memory");
  const int level = std::clamp(options.level, 1, 19);
  check(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)));
  check(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, options.checksum)));
  // Levels up to 19 stay at or below this by default; stated so that a new library cannot pass it.
  if (level >= 17)
    check(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, kWindowLogMax)));
  return std::unique_ptr<Compressor>(new ZstdCompressor(context));
}

}  // namespace creel
