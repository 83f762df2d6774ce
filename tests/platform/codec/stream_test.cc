// Goal: what was compressed comes back whole however the stream is cut into pieces; cut, damaged
// and oversized streams are told apart and refused. gzip input is made here with ISA-L's own
// compressor.
#include "platform/codec/stream.h"

#include <gtest/gtest.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <memory>
#include <string>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

struct GzipOptions {
  std::string name;     // FNAME of the header, if not empty.
  std::string comment;  // FCOMMENT.
  std::string extra;    // FEXTRA.
  bool header_crc = false;
};

Bytes gzip(ByteView plain, GzipOptions options = {}) {
  auto stream = std::make_unique<isal_zstream>();
  isal_deflate_init(stream.get());
  stream->gzip_flag = IGZIP_GZIP_NO_HDR;
  stream->end_of_stream = 1;
  Bytes out(2 * plain.size() + 4096 + options.name.size() + options.comment.size() +
            options.extra.size());
  stream->next_out = out.data();
  stream->avail_out = static_cast<uint32_t>(out.size());
  isal_gzip_header header;
  isal_gzip_header_init(&header);
  header.hcrc = options.header_crc;
  if (!options.name.empty()) {
    header.name = options.name.data();
    header.name_buf_len = static_cast<uint32_t>(options.name.size() + 1);
  }
  if (!options.comment.empty()) {
    header.comment = options.comment.data();
    header.comment_buf_len = static_cast<uint32_t>(options.comment.size() + 1);
  }
  if (!options.extra.empty()) {
    header.extra = reinterpret_cast<uint8_t*>(options.extra.data());
    header.extra_len = header.extra_buf_len = static_cast<uint32_t>(options.extra.size());
  }
  EXPECT_EQ(isal_write_gzip_header(stream.get(), &header), 0u);
  stream->next_in = const_cast<uint8_t*>(plain.data());
  stream->avail_in = static_cast<uint32_t>(plain.size());
  do EXPECT_EQ(isal_deflate(stream.get()), COMP_OK);
  while (stream->internal_state.state != ZSTATE_END && stream->avail_out > 0);
  EXPECT_EQ(stream->internal_state.state, ZSTATE_END);
  out.resize(out.size() - stream->avail_out);
  return out;
}

// Text that compresses somewhat, or noise, or a run.
std::string sample(TestRandom& random, size_t size) {
  switch (random.below(3)) {
    case 0: return to_string(random.bytes(size));
    case 1: return std::string(size, static_cast<char>(random.below(256)));
    default: return random.text(size, "abcde fgh,12345\n");
  }
}

// Feeds `in` in random pieces into random room. Ends with ok only at the end of the input.
Result<std::string> decode_in_pieces(Decompressor& decoder, ByteView in, TestRandom& random,
                                     size_t* frames = nullptr) {
  std::string plain;
  Bytes room(1 + random.skewed_below(5000));
  size_t given = 0, idle = 0;
  while (idle < 4) {
    const size_t piece = std::min<size_t>(in.size() - given, random.skewed_below(3000));
    const size_t space = 1 + random.below(room.size());
    Result<CodecProgress> step =
        decoder.run(in.subspan(given, piece), MutableBytes(room).first(space));
    if (!step.ok()) return step.error();
    given += step.value().consumed;
    plain.append(reinterpret_cast<const char*>(room.data()), step.value().produced);
    if (step.value().frame_ended && frames != nullptr) ++*frames;
    const bool moved = step.value().consumed + step.value().produced > 0;
    idle = moved || given < in.size() ? 0 : idle + 1;
  }
  if (!decoder.at_boundary()) return fail(ErrorCode::kClosed, "cut");
  return plain;
}

std::unique_ptr<Decompressor> decoder_of(Codec codec, DecompressOptions options = {}) {
  return Decompressor::make(codec, options).take();
}

Bytes encode(Codec codec, std::string_view plain, TestRandom& random) {
  if (codec != Codec::kGzip) return zstd_compress(as_bytes(plain), 1 + int(random.below(6))).take();
  GzipOptions options;
  if (random.chance(0.4)) options.name = "hourly readings.csv";
  if (random.chance(0.3)) options.comment = "made by a test";
  if (random.chance(0.3)) options.extra = to_string(random.bytes(1 + random.below(100)));
  options.header_crc = random.chance(0.3);
  return gzip(as_bytes(plain), options);
}

TEST(CodecStream, EveryCutOfAStreamDecodesTheSame) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Codec codec = random.chance(0.5) ? Codec::kGzip : Codec::kZstd;
    std::string plain;
    Bytes packed;
    const size_t members = 1 + random.below(4);
    for (size_t i = 0; i < members; ++i) {
      const std::string part = sample(random, random.skewed_below(60'000));
      append(packed, encode(codec, part, random));
      plain += part;
    }
    auto decoder = decoder_of(codec);
    size_t frames = 0;
    Result<std::string> decoded = decode_in_pieces(*decoder, packed, random, &frames);
    ASSERT_TRUE(decoded.ok()) << decoded.error().detail;
    EXPECT_EQ(decoded.value(), plain);
    EXPECT_EQ(frames, members);
  }
}

TEST(CodecStream, ACutStreamNeverEndsAtABoundary) {
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Codec codec = random.chance(0.5) ? Codec::kGzip : Codec::kZstd;
    const Bytes packed = encode(codec, sample(random, random.skewed_below(20'000)), random);
    const size_t cut = 1 + random.below(packed.size() - 1);
    auto decoder = decoder_of(codec);
    Result<std::string> decoded = decode_in_pieces(*decoder, ByteView(packed).first(cut), random);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code, ErrorCode::kClosed);
  }
}

TEST(CodecStream, DamageNeverGivesOtherContent) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const Codec codec = random.chance(0.5) ? Codec::kGzip : Codec::kZstd;
    const std::string plain = sample(random, 1 + random.below(20'000));
    Bytes packed = encode(codec, plain, random);
    packed[random.below(packed.size())] ^= static_cast<uint8_t>(1 << random.below(8));
    auto decoder = decoder_of(codec);
    Result<std::string> decoded = decode_in_pieces(*decoder, packed, random);
    // A flip in a gzip name or an unused header bit changes nothing; everything else is noticed.
    if (decoded.ok()) {
      EXPECT_EQ(decoded.value(), plain);
    }
  }
}

TEST(CodecStream, GarbageBehindAGzipMemberIsCorrupt) {
  Bytes packed = gzip(as_bytes("plain"));
  append(packed, "no gzip here");
  Bytes out;
  auto decoder = decoder_of(Codec::kGzip);
  Result<Unit> done = decompress_all(*decoder, packed, 1000, out);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(done.error().detail.find("gzip"), std::string::npos);
  EXPECT_TRUE(out.empty());
}

TEST(CodecStream, AResetDecoderForgetsAnError) {
  for (Codec codec : {Codec::kGzip, Codec::kZstd}) {
    auto decoder = decoder_of(codec);
    Bytes out;
    EXPECT_FALSE(decompress_all(*decoder, as_bytes("surely not compressed"), 1000, out).ok());
    decoder->reset();
    const Bytes packed =
        codec == Codec::kGzip ? gzip(as_bytes("again")) : zstd_compress(as_bytes("again")).take();
    ASSERT_TRUE(decompress_all(*decoder, packed, 1000, out).ok());
    EXPECT_EQ(to_string(out), "again");
  }
}

TEST(CodecStream, AnEmptyInputIsAtABoundary) {
  for (Codec codec : {Codec::kRaw, Codec::kGzip, Codec::kZstd}) {
    Bytes out;
    EXPECT_TRUE(decompress_all(*decoder_of(codec), {}, 10, out).ok());
    EXPECT_TRUE(out.empty());
  }
}

TEST(CodecStream, AZstdWindowAboveTheBoundIsRefused) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 24);
  TestRandom random(7);
  const std::string plain = random.text(40'000, "ab");
  Bytes packed(ZSTD_compressBound(plain.size()) + 64);
  // Streaming without a known size, so that the frame keeps the whole window.
  ZSTD_outBuffer target{packed.data(), packed.size(), 0};
  ZSTD_inBuffer source{plain.data(), plain.size(), 0};
  ZSTD_compressStream2(context, &target, &source, ZSTD_e_continue);
  ASSERT_EQ(ZSTD_compressStream2(context, &target, &source, ZSTD_e_end), 0u);
  packed.resize(target.pos);
  ZSTD_freeCCtx(context);

  Bytes out;
  Result<Unit> small = decompress_all(*decoder_of(Codec::kZstd), packed, 100'000, out);
  ASSERT_FALSE(small.ok());
  EXPECT_EQ(small.error().code, ErrorCode::kTooLarge);
  auto large = decoder_of(Codec::kZstd, {.window_bytes_max = 16 * MiB});
  ASSERT_TRUE(decompress_all(*large, packed, 100'000, out).ok());
  EXPECT_EQ(to_string(out), plain);
}

TEST(CodecStream, TheOutputBoundIsExact) {
  const std::string plain(200'000, 'x');
  const Bytes packed = zstd_compress(as_bytes(plain)).take();
  EXPECT_TRUE(zstd_decompress(packed, 200'000).ok());
  Result<Bytes> over = zstd_decompress(packed, 199'999);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::kTooLarge);
  EXPECT_TRUE(zstd_decompress(zstd_compress({}).take(), 0).ok());
}

TEST(CodecStream, ACutPayloadIsCorrupt) {
  Bytes packed = zstd_compress(as_bytes("a payload of a record")).take();
  packed.pop_back();
  Result<Bytes> cut = zstd_decompress(packed, 1000);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
}

TEST(CodecStream, AFlushedBlockDecodesBeforeTheFrameEnds) {
  auto compressor = Compressor::make(Codec::kZstd, {.level = 1}).take();
  auto decoder = decoder_of(Codec::kZstd);
  Bytes wire(4096), plain(4096);
  Result<CodecProgress> flushed = compressor->run(as_bytes("first"), wire, Flush::kBlock);
  ASSERT_TRUE(flushed.ok() && flushed.value().frame_ended);
  Result<CodecProgress> read = decoder->run(ByteView(wire).first(flushed.value().produced), plain);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().produced, 5u);
  EXPECT_FALSE(decoder->at_boundary());
  Result<CodecProgress> ended = compressor->run(as_bytes("second"), wire, Flush::kFrame);
  ASSERT_TRUE(ended.ok() && ended.value().frame_ended);
  read = decoder->run(ByteView(wire).first(ended.value().produced), plain);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().produced, 6u);
  EXPECT_TRUE(decoder->at_boundary());
}

TEST(CodecStream, SmallRoomOnlySlowsTheCompressor) {
  for (Seed seed : seeds(100)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string plain = sample(random, random.skewed_below(50'000));
    auto compressor = Compressor::make(Codec::kZstd, {.level = 1 + int(random.below(9))}).take();
    Bytes packed, room(1 + random.below(300));
    ByteView left = as_bytes(plain);
    for (bool ended = false; !ended;) {
      const ByteView piece = left.first(std::min<size_t>(left.size(), random.below(4000)));
      const bool last = piece.size() == left.size();
      Result<CodecProgress> step =
          compressor->run(piece, room, last ? Flush::kFrame : Flush::kNone);
      ASSERT_TRUE(step.ok());
      append(packed, ByteView(room).first(step.value().produced));
      left = left.subspan(step.value().consumed);
      // An ended frame must not be ended again, or an empty one would follow.
      ended = last && step.value().frame_ended;
    }
    EXPECT_EQ(to_string(zstd_decompress(packed, 50'000).take()), plain);
  }
}

TEST(CodecStream, OneCompressorWritesManyFrames) {
  auto compressor = Compressor::make(Codec::kZstd).take();
  Bytes packed;
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(compressor->append_frame(as_bytes("frame "), packed).ok());
  EXPECT_EQ(to_string(zstd_decompress(packed, 100).take()), "frame frame frame frame frame ");
}

TEST(CodecStream, GzipIsOnlyRead) {
  auto made = Compressor::make(Codec::kGzip);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, ErrorCode::kUnsupported);
}

TEST(CodecStream, FirstBytesTellTheCodec) {
  EXPECT_EQ(sniff_codec(gzip(as_bytes("x"))), Codec::kGzip);
  EXPECT_EQ(sniff_codec(zstd_compress(as_bytes("x")).take()), Codec::kZstd);
  EXPECT_EQ(sniff_codec(as_bytes("\x5a\x2a\x4d\x18....")), Codec::kZstd);
  EXPECT_EQ(sniff_codec(as_bytes("time,value\n")), Codec::kRaw);
  EXPECT_EQ(sniff_codec({}), Codec::kRaw);
}

}  // namespace
}  // namespace creel
