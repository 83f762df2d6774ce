#include "platform/codec/stream.h"

#include <algorithm>
#include <cstring>

#include "platform/base/check.h"
#include "platform/base/endian.h"
#include "platform/base/text.h"
#include "platform/codec/gzip_inflate.h"
#include "platform/codec/zstd_stream.h"

namespace creel {
namespace {

CodecProgress copy_some(ByteView in, MutableBytes out) {
  const std::size_t count = std::min(in.size(), out.size());
  if (count != 0) std::memcpy(out.data(), in.data(), count);
  return {.consumed = count, .produced = count};
}

class RawDecompressor final : public Decompressor {
 public:
  Result<CodecProgress> run(ByteView in, MutableBytes out) override { return copy_some(in, out); }
  bool at_boundary() const override { return true; }
  void reset() override {}
};

class RawCompressor final : public Compressor {
 public:
  Result<CodecProgress> run(ByteView in, MutableBytes out, Flush flush) override {
    CodecProgress progress = copy_some(in, out);
    progress.frame_ended = flush != Flush::kNone && progress.consumed == in.size();
    return progress;
  }
  Result<Unit> append_frame(ByteView in, Bytes& out) override {
    append(out, in);
    return Unit{};
  }
  void reset() override {}
};

}  // namespace

Result<std::unique_ptr<Decompressor>> Decompressor::make(Codec codec, DecompressOptions options) {
  switch (codec) {
    case Codec::kRaw: return std::unique_ptr<Decompressor>(new RawDecompressor);
    case Codec::kGzip: return make_gzip_decompressor();
    case Codec::kZstd: return make_zstd_decompressor(options);
  }
  check(false);
  return fail(ErrorCode::kUnsupported, {});
}

Result<std::unique_ptr<Compressor>> Compressor::make(Codec codec, CompressOptions options) {
  switch (codec) {
    case Codec::kRaw: return std::unique_ptr<Compressor>(new RawCompressor);
    case Codec::kGzip:
      return fail(ErrorCode::kUnsupported, "writing gzip is not supported; use zstd");
    case Codec::kZstd: return make_zstd_compressor(options);
  }
  check(false);
  return fail(ErrorCode::kUnsupported, {});
}

Result<Unit> decompress_all(Decompressor& decompressor, ByteView in, std::uint64_t bytes_max,
                            Bytes& out) {
  constexpr std::uint64_t kStepBytes = 64 * KiB;
  const std::size_t begin = out.size();
  std::size_t end = begin;  // Bytes of `out` that are real; what lies behind is room.
  for (;;) {
    const std::uint64_t left = bytes_max - (end - begin);
    // One byte more than allowed, so that a full output differs from a too long one.
    const std::uint64_t grow = std::max<std::uint64_t>(kStepBytes, end - begin);
    if (out.size() == end) out.resize(end + std::min(grow, left < UINT64_MAX ? left + 1 : left));
    Result<CodecProgress> step = decompressor.run(in, MutableBytes(out).subspan(end));
    if (!step.ok()) {
      out.resize(begin);
      return step.error();
    }
    in = in.subspan(step.value().consumed);
    end += step.value().produced;
    if (end - begin > bytes_max) {
      out.resize(begin);
      return fail(ErrorCode::kTooLarge, cat("decompressed content passes ", bytes_max, " bytes"));
    }
    if (in.empty() && out.size() > end)
      break;  // Room was left, so nothing more is buffered inside.
  }
  out.resize(end);
  if (!decompressor.at_boundary()) {
    out.resize(begin);
    return fail(ErrorCode::kCorrupt, "compressed content ends in the middle of a frame");
  }
  return Unit{};
}

Result<Bytes> zstd_compress(ByteView in, int level) {
  TRY(compressor, Compressor::make(Codec::kZstd, {.level = level}));
  Bytes out;
  TRY_DO(compressor->append_frame(in, out));
  return out;
}

Result<Bytes> zstd_decompress(ByteView in, std::uint64_t bytes_max) {
  TRY(decompressor, Decompressor::make(Codec::kZstd));
  Bytes out;
  TRY_DO(decompress_all(*decompressor, in, bytes_max, out));
  return out;
}

Codec sniff_codec(ByteView first_bytes) {
  const ByteView b = first_bytes;
  if (b.size() >= 3 && b[0] == 0x1f && b[1] == 0x8b && b[2] == 8)
    return Codec::kGzip;  // RFC 1952 §2.3.
  if (b.size() < 4) return Codec::kRaw;
  const std::uint32_t magic = load_le<std::uint32_t>(b, 0);
  const bool frame = magic == 0xfd2fb528;                          // RFC 8878 §3.1.1.
  const bool skippable = (magic & 0xfffffff0) == 0x184d2a50;       // §3.1.2.
  return frame || skippable ? Codec::kZstd : Codec::kRaw;
}

}  // namespace creel
