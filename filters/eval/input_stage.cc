#include "filters/eval/input_stage.h"

#include <algorithm>
#include <cstring>

#include "platform/base/text.h"
#include "platform/base/units.h"

namespace creel::filters {
namespace {

constexpr std::uint64_t kRatioMax = 1000;          // Inflated to stored, …
constexpr std::uint64_t kRatioFreeBytes = 1 * MiB;  // … judged only past this.
constexpr int kOutputLevel = 1;
constexpr std::size_t kOutputStep = 64 * 1024;

}  // namespace

Result<Unit> InputStage::decide() {
  codec_ = sniff_codec(ByteView(magic_.data(), magic_size_));
  decided_ = true;
  if (codec_ == Codec::kRaw) return Unit{};
  DecompressOptions options;
  options.window_bytes_max = limits_.window_bytes_max;
  TRY(decoder, Decompressor::make(codec_, options));
  decoder_ = std::move(decoder);
  return Unit{};
}

Result<std::size_t> InputStage::decode(ByteView& in, MutableBytes room) {
  std::size_t produced = 0;
  if (codec_ == Codec::kRaw) {
    produced = std::min(in.size(), room.size());
    if (produced != 0) std::memcpy(room.data(), in.data(), produced);
    in = in.subspan(produced);
  } else {
    while (produced < room.size()) {
      TRY(step, decoder_->run(in, room.subspan(produced)));
      in = in.subspan(step.consumed);
      produced += step.produced;
      if (step.consumed == 0 && step.produced == 0) break;
    }
  }
  bytes_out_ += produced;
  if (bytes_out_ > limits_.inflated_bytes_max)
    return fail(ErrorCode::kTooLarge,
                cat("more than max_inflated = ", limits_.inflated_bytes_max, " bytes"));
  return produced;
}

Result<std::size_t> InputStage::run(ByteView& in, MutableBytes room) {
  if (!decided_) {
    const std::size_t take = std::min(kMagicBytes - magic_size_, in.size());
    if (take != 0) std::memcpy(magic_.data() + magic_size_, in.data(), take);
    magic_size_ += take;
    in = in.subspan(take);
    bytes_in_ += take;
    if (magic_size_ < kMagicBytes) return std::size_t{0};
    TRY_DO(decide());
  }
  std::size_t produced = 0;
  if (magic_used_ < magic_size_) {
    ByteView magic = ByteView(magic_.data(), magic_size_).subspan(magic_used_);
    const std::size_t before = magic.size();
    TRY(made, decode(magic, room));
    magic_used_ += before - magic.size();
    produced = made;
    if (magic_used_ < magic_size_) return produced;
  }
  const std::size_t before = in.size();
  TRY(made, decode(in, room.subspan(produced)));
  bytes_in_ += before - in.size();
  produced += made;
  if (codec_ != Codec::kRaw && bytes_out_ > kRatioFreeBytes && bytes_out_ / kRatioMax > bytes_in_)
    return fail(ErrorCode::kTooLarge, cat("inflates more than ", kRatioMax, " times"));
  return produced;
}

Result<std::size_t> InputStage::drain(MutableBytes room) {
  if (!decided_) TRY_DO(decide());
  ByteView none;
  TRY(produced, run(none, room));
  if (produced == 0 && decoder_ != nullptr && !decoder_->at_boundary())
    return fail(ErrorCode::kCorrupt, "the compressed stream is cut short");
  return produced;
}

Result<Unit> OutputStage::compress(ByteView plain, Bytes& out, Flush flush) {
  if (encoder_ == nullptr) {
    CompressOptions options;
    options.level = kOutputLevel;
    TRY(encoder, Compressor::make(Codec::kZstd, options));
    encoder_ = std::move(encoder);
  }
  while (true) {
    const std::size_t at = out.size();
    out.resize(at + kOutputStep);
    auto step = encoder_->run(plain, MutableBytes(out).subspan(at), flush);
    out.resize(at + (step.ok() ? step.value().produced : 0));
    if (!step.ok()) return step.error();
    plain = plain.subspan(step.value().consumed);
    if (plain.empty() && (flush == Flush::kNone || step.value().frame_ended)) return Unit{};
  }
}

Result<Unit> OutputStage::write(ByteView plain, Bytes& out) {
  if (zstd_) return compress(plain, out, Flush::kNone);
  append(out, plain);
  return Unit{};
}

Result<Unit> OutputStage::finish(Bytes& out) {
  if (!zstd_) return Unit{};
  return compress({}, out, Flush::kFrame);
}

}  // namespace creel::filters
