#pragma once
#include <array>
#include <memory>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/codec/stream.h"

namespace creel::filters {

// Stored bytes in, plain bytes out into a buffer the caller keeps filling. Finds gzip and zstd by
// their magic.
class InputStage {
 public:
  struct Limits {
    std::uint64_t inflated_bytes_max = 0;
    std::uint64_t window_bytes_max = 0;
  };
  explicit InputStage(Limits limits) : limits_(limits) {}

  // Takes from the front of `in` and writes into `room`; returns the bytes written. Until it writes
  // nothing and `in` is empty there may be more. Errors: kCorrupt (damaged or something behind the
  // end), kTooLarge (a bomb, or a zstd window over the limit).
  Result<std::size_t> run(ByteView& in, MutableBytes room);
  // No more input. Same returns and errors, and kCorrupt if the stream was cut.
  Result<std::size_t> drain(MutableBytes room);

  Codec codec() const { return codec_; }
  std::uint64_t bytes_in() const { return bytes_in_; }
  std::uint64_t bytes_out() const { return bytes_out_; }

 private:
  static constexpr std::size_t kMagicBytes = 4;
  Result<std::size_t> decode(ByteView& in, MutableBytes room);
  Result<Unit> decide();

  Limits limits_;
  bool decided_ = false;
  Codec codec_ = Codec::kRaw;
  std::unique_ptr<Decompressor> decoder_{};
  std::array<std::uint8_t, kMagicBytes> magic_{};
  std::size_t magic_size_ = 0;
  std::size_t magic_used_ = 0;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

// Plain bytes in, encoded bytes out: as they are, or one zstd frame of level 1.
class OutputStage {
 public:
  explicit OutputStage(bool zstd) : zstd_(zstd) {}
  Result<Unit> write(ByteView plain, Bytes& out);
  Result<Unit> finish(Bytes& out);
  bool is_zstd() const { return zstd_; }

 private:
  Result<Unit> compress(ByteView plain, Bytes& out, Flush flush);
  bool zstd_;
  std::unique_ptr<Compressor> encoder_{};
};

}  // namespace creel::filters
