#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "platform/base/bytes.h"
#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel {

enum class Codec : std::uint8_t { kRaw, kGzip, kZstd };

struct CodecProgress {
  std::size_t consumed = 0;  // Bytes taken from the input.
  std::size_t produced = 0;  // Bytes written to the output.
  bool frame_ended = false;  // This call finished a zstd frame, gzip member, or flush.
};

struct DecompressOptions {
  // A zstd frame that needs a larger window is refused with kTooLarge before memory is taken for
  // it. 1 KiB to 1 GiB; rounded down to a power of two. gzip always needs 32 KiB.
  std::uint64_t window_bytes_max = 8 * MiB;
};

// Turns a compressed stream of any length into plain bytes in bounded memory. Frames and members
// may follow each other; anything else behind a frame is an error. All memory is taken by make()
// and by the first frame; later calls allocate nothing unless a frame needs a larger window. One
// thread at a time.
class Decompressor {
 public:
  // Errors: kUnavailable (out of memory in the library).
  static Result<std::unique_ptr<Decompressor>> make(Codec codec, DecompressOptions options = {});
  virtual ~Decompressor() = default;

  // Decodes as much as fits. Returns early after a frame, so `consumed` may be short of `in`; call
  // again with the rest. No progress at all means that it needs more input or more room. After an
  // error only reset() is allowed. Errors: kCorrupt (with the offset in the stream), kTooLarge
  // (window).
  virtual Result<CodecProgress> run(ByteView in, MutableBytes out) = 0;

  // True before the first byte and right after a whole frame: an input that ends elsewhere was cut
  // short.
  virtual bool at_boundary() const = 0;

  // Ready for a new stream, keeping the memory.
  virtual void reset() = 0;
};

struct CompressOptions {
  int level = 3;  // 1 to 19; clamped.
  bool checksum = true;  // XXH64 of the content at the end of each frame.
};

enum class Flush : std::uint8_t {
  kNone,  // Collect for better compression.
  kBlock,  // Make all that was given so far decodable.
  kFrame,  // End the frame; the next byte starts another.
};

// Compresses with a window of at most 8 MiB, so that our own Decompressor always takes it. kGzip is
// refused with kUnsupported. Same input, options and call pattern give the same bytes.
class Compressor {
 public:
  // Errors: kUnsupported, kUnavailable (out of memory in the library).
  static Result<std::unique_ptr<Compressor>> make(Codec codec, CompressOptions options = {});
  virtual ~Compressor() = default;

  // Call with the same `flush` and the rest of the input until all is consumed and, for kBlock and
  // kFrame, `frame_ended` is set. Errors: kUnavailable.
  virtual Result<CodecProgress> run(ByteView in, MutableBytes out, Flush flush) = 0;

  // Appends `in` as one whole frame to `out`, reusing this object's memory. Must not be called
  // inside an unfinished frame of run().
  virtual Result<Unit> append_frame(ByteView in, Bytes& out) = 0;

  virtual void reset() = 0;
};

// Decodes all of `in`, which must end at a frame boundary, and appends to `out`; `bytes_max` bounds
// what is appended. Errors: kTooLarge, kCorrupt (also for a cut input).
Result<Unit> decompress_all(Decompressor& decompressor, ByteView in, std::uint64_t bytes_max,
                            Bytes& out);

// One-shot forms for small payloads; each takes and frees a context, so hot paths keep an object
// instead.
Result<Bytes> zstd_compress(ByteView in, int level = 3);
Result<Bytes> zstd_decompress(ByteView in, std::uint64_t bytes_max);

// A guess from the first bytes: gzip and zstd (also a skippable frame) by their magic, else kRaw. A
// file shorter than the magic is kRaw.
Codec sniff_codec(ByteView first_bytes);

}  // namespace creel
