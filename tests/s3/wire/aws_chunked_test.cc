#include "s3/wire/aws_chunked.h"

#include <gtest/gtest.h>

#include "s3/wire/checksum.h"
#include "tests/s3/wire/sigv4_support.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using namespace creel::s3::test;
using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

struct Decoded {
  Bytes bytes;
  std::vector<NameValue> trailers;
  std::optional<S3Code> refused;
  bool operator==(const Decoded&) const = default;
};

// Feeds `wire` in pieces of at most `piece_max` bytes, drawn by `random`.
Decoded run(ChunkDecoder decoder, ByteView wire, std::size_t piece_max,
            TestRandom* random = nullptr) {
  Decoded out;
  while (!wire.empty()) {
    std::size_t size = std::min(piece_max, wire.size());
    if (random != nullptr) size = 1 + static_cast<std::size_t>(random->below(size));
    ByteView piece = wire.first(size);
    wire = wire.subspan(size);
    while (!piece.empty()) {
      const S3Result<ByteView> got = decoder.decode(piece);
      if (!got.ok()) {
        out.refused = got.error().code;
        return out;
      }
      append(out.bytes, got.value());
    }
  }
  const S3Result<Unit> end = decoder.finish();
  if (!end.ok()) out.refused = end.error().code;
  out.trailers = decoder.trailers();
  return out;
}

Decoded run_unsigned(std::string_view wire, std::optional<std::uint64_t> length,
                     std::vector<std::string> trailers = {"x-amz-checksum-crc32"}) {
  return run(ChunkDecoder({PayloadMode::kStreamingUnsignedTrailer, length, std::move(trailers)},
                          Identity{}),
             as_bytes(wire), 1000);
}

Identity identity_of(const SignedHead& head) {
  Identity who;
  who.kind = AuthKind::kHeader;
  who.access_key = kExample.access_key;
  who.key = head.key;
  who.scope = head.scope;
  who.amz_date = head.amz_date;
  who.signature = head.signature;
  return who;
}

struct Example {
  SignedHead head;
  Bytes wire;
};

// PUT /examplebucket/chunkObject.txt of AWS's page: 66,560 bytes in chunks of 65536, 1024 and 0.
Example example_upload(bool with_trailer) {
  const PayloadMode mode =
      with_trailer ? PayloadMode::kStreamingSignedTrailer : PayloadMode::kStreamingSigned;
  OutgoingHead put{"PUT",
                   "/examplebucket/chunkObject.txt",
                   "",
                   {{"Host", "s3.amazonaws.com"},
                    {"Content-Encoding", "aws-chunked"},
                    {"x-amz-decoded-content-length", "66560"},
                    {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}};
  if (with_trailer) put.headers.emplace_back("x-amz-trailer", "x-amz-checksum-crc32c");
  else put.headers.emplace_back("Content-Length", "66824");
  Example out;
  out.head = sign_request(put, kExample, "us-east-1", payload_mode_text(mode), example_time());
  ChunkEncoder encoder(mode, out.head.signature, out.head.amz_date, out.head.scope, out.head.key);
  const Bytes data(66'560, 'a');
  encoder.chunk(out.wire, ByteView(data).first(65'536));
  encoder.chunk(out.wire, ByteView(data).subspan(65'536));
  std::vector<NameValue> trailers;
  if (with_trailer) trailers.emplace_back("x-amz-checksum-crc32c", "sOO8/Q==");
  encoder.finish(out.wire, trailers);
  return out;
}

TEST(AwsChunkedVectors, ASignedStream) {
  const Example example = example_upload(false);
  EXPECT_EQ(example.head.signature,
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
  const std::string_view wire = as_text(example.wire);
  EXPECT_EQ(wire.size(), 66'824u);
  EXPECT_TRUE(
      wire.starts_with("10000;chunk-signature="
                       "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"));
  EXPECT_TRUE(wire.ends_with(
      "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
      "\r\n\r\n"));
  const Decoded got =
      run(ChunkDecoder({PayloadMode::kStreamingSigned, 66'560, {}}, identity_of(example.head)),
          example.wire, 4096);
  EXPECT_EQ(got.refused, std::nullopt);
  EXPECT_EQ(got.bytes, Bytes(66'560, 'a'));
}

TEST(AwsChunkedVectors, ASignedTrailer) {
  const Example example = example_upload(true);
  EXPECT_TRUE(as_text(example.wire)
                  .ends_with("x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
                             "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
                             "\r\n\r\n"));
  const Decoded got =
      run(ChunkDecoder({PayloadMode::kStreamingSignedTrailer, 66'560, {"x-amz-checksum-crc32c"}},
                       identity_of(example.head)),
          example.wire, 7);
  EXPECT_EQ(got.refused, std::nullopt);
  ASSERT_EQ(got.trailers.size(), 1u);
  EXPECT_EQ(got.trailers[0], NameValue("x-amz-checksum-crc32c", "sOO8/Q=="));
  // The checksum of the example is the right one.
  ChecksumSet::Wanted wanted;
  wanted.add(ChecksumAlgorithm::kCrc32c);
  ChecksumSet set(wanted);
  set.update(got.bytes);
  EXPECT_EQ(set.finish().checksum(ChecksumAlgorithm::kCrc32c).text(), "sOO8/Q==");
}

TEST(AwsChunked, TheShapeOfBoto3AndJavaScript) {
  const Decoded got = run_unsigned("3\r\nbar\r\n0\r\nx-amz-checksum-crc32:dv+Mqg==\r\n\r\n", 3);
  EXPECT_EQ(got.refused, std::nullopt);
  EXPECT_EQ(as_text(got.bytes), "bar");
  EXPECT_EQ(got.trailers[0].second, "dv+Mqg==");
}

TEST(AwsChunked, TheLineEndsOfMinioGo) {
  for (const char* end : {"\n\r\n\r\n", "\n\r\n", "\r\n\r\n", "\n\n"}) {
    const Decoded got = run_unsigned(cat("3\r\nbar\r\n0\r\nx-amz-checksum-crc32:dv+Mqg==", end), 3);
    EXPECT_EQ(got.refused, std::nullopt) << hex_encode(as_bytes(end));
    ASSERT_EQ(got.trailers.size(), 1u);
    EXPECT_EQ(got.trailers[0].second, "dv+Mqg==");
  }
}

TEST(AwsChunked, AnEmptyBodyAndUpperCaseLengths) {
  EXPECT_EQ(run_unsigned("0\r\n\r\n", 0, {}).refused, std::nullopt);
  const Decoded got = run_unsigned(cat("1A\r\n", std::string(26, 'x'), "\r\n0\r\n\r\n"), 26, {});
  EXPECT_EQ(got.refused, std::nullopt);
  EXPECT_EQ(got.bytes.size(), 26u);
}

TEST(AwsChunked, BrokenFramesAreIncompleteBodies) {
  const auto code = [](std::string_view wire, std::uint64_t length) {
    return run_unsigned(wire, length, {}).refused;
  };
  EXPECT_EQ(code("", 0), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nba", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nbar\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nbar\r\n0\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nbarXX0\r\n\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\nbar\r\n0\r\n\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("\r\n\r\n", 0), S3Code::kIncompleteBody);
  EXPECT_EQ(code("-3\r\nbar\r\n0\r\n\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("0x3\r\nbar\r\n0\r\n\r\n", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nbar\r\n0\r\n\r\nmore", 3), S3Code::kIncompleteBody);
  EXPECT_EQ(code("3\r\nbar\r\n0\r\n\r\n", 4), S3Code::kIncompleteBody);  // Less than promised.
  EXPECT_EQ(code("3\r\nbar\r\n0\r\n\r\n", 2), S3Code::kIncompleteBody);  // More.
  EXPECT_EQ(code("ffffffffffffffff\r\nx", 5), S3Code::kIncompleteBody);
  EXPECT_EQ(code("fffffffffffffffff\r\nx", 5), S3Code::kIncompleteBody);
  EXPECT_EQ(code(std::string(2000, '0'), 5), S3Code::kIncompleteBody);
}

TEST(AwsChunked, ATooLongChunkIsRefusedBeforeItsBytes) {
  ChunkDecoder decoder({PayloadMode::kStreamingUnsignedTrailer, 10, {}}, Identity{});
  ByteView input = as_bytes("b\r\n");
  EXPECT_FALSE(decoder.decode(input).ok());
  EXPECT_EQ(decoder.decoded_bytes(), 0u);
}

TEST(AwsChunked, TrailersMustBeTheDeclaredOnes) {
  const std::string_view body = "3\r\nbar\r\n0\r\n";
  const auto code = [&](std::string_view trailers) {
    return run_unsigned(cat(body, trailers), 3).refused;
  };
  EXPECT_EQ(code("\r\n"), S3Code::kMalformedTrailer);
  EXPECT_EQ(code(""), S3Code::kMalformedTrailer);
  EXPECT_EQ(code("x-amz-checksum-sha1:x\r\n\r\n"), S3Code::kMalformedTrailer);
  EXPECT_EQ(code(":dv+Mqg==\r\n\r\n"), S3Code::kMalformedTrailer);
  EXPECT_EQ(code("x-amz-checksum-crc32\r\n\r\n"), S3Code::kMalformedTrailer);
  EXPECT_EQ(code("x-amz-checksum-crc32:a\r\nx-amz-checksum-crc32:a\r\n\r\n"),
            S3Code::kMalformedTrailer);
  EXPECT_EQ(code("x-amz-checksum-crc32:a\r\nx-amz-trailer-signature:a\r\n\r\n"),
            S3Code::kMalformedTrailer);
  EXPECT_EQ(code(cat("x-amz-checksum-crc32:", std::string(5000, 'a'), "\r\n\r\n")),
            S3Code::kMalformedTrailer);
  EXPECT_EQ(code("X-Amz-Checksum-CRC32: a \r\n\r\n"), std::nullopt);
}

TEST(AwsChunked, AChangedChunkOrSignatureIsRefused) {
  Example example = example_upload(true);
  const auto code = [&](std::size_t at) {
    Bytes wire = example.wire;
    wire[at] ^= 1;
    return run(ChunkDecoder(
                   {PayloadMode::kStreamingSignedTrailer, 66'560, {"x-amz-checksum-crc32c"}},
                   identity_of(example.head)),
               wire, 10'000)
        .refused;
  };
  EXPECT_EQ(code(300), S3Code::kSignatureDoesNotMatch);                       // Data.
  EXPECT_EQ(code(30), S3Code::kSignatureDoesNotMatch);                        // Its signature.
  EXPECT_EQ(code(example.wire.size() - 10), S3Code::kSignatureDoesNotMatch);  // The trailer's.
  const std::size_t value = as_text(example.wire).find("sOO8");
  EXPECT_EQ(code(value), S3Code::kSignatureDoesNotMatch);
}

TEST(AwsChunked, SignedChunksCannotBeSwapped) {
  const Example example = example_upload(false);
  // The same bytes and lengths, but every signature depends on the one before.
  ChunkEncoder encoder(PayloadMode::kStreamingSigned, example.head.signature, example.head.amz_date,
                       example.head.scope, example.head.key);
  Bytes first, second, last;
  encoder.chunk(first, as_bytes("abc"));
  encoder.chunk(second, as_bytes("xyz"));
  encoder.finish(last);
  Bytes wire = second;
  append(wire, ByteView(first));
  append(wire, ByteView(last));
  EXPECT_EQ(run(ChunkDecoder({PayloadMode::kStreamingSigned, 6, {}}, identity_of(example.head)),
                wire, 100)
                .refused,
            S3Code::kSignatureDoesNotMatch);
}

// Goal: the decoder's answer does not depend on how the network cut the stream, good or damaged.
TEST(AwsChunkedProperty, EveryCutGivesTheSameAnswer) {
  for (Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    constexpr PayloadMode kModes[] = {PayloadMode::kStreamingSigned,
                                      PayloadMode::kStreamingSignedTrailer,
                                      PayloadMode::kStreamingUnsignedTrailer};
    const PayloadMode mode = kModes[random.below(3)];
    const Example seedling = example_upload(false);
    const Bytes data = random.bytes(static_cast<std::size_t>(random.skewed_below(3000)));
    std::vector<NameValue> trailers;
    std::vector<std::string> names;
    if (has_trailer(mode)) {
      trailers.emplace_back("x-amz-checksum-crc32", "AAAAAA==");
      names.push_back(trailers[0].first);
    }
    ChunkEncoder encoder(mode, seedling.head.signature, seedling.head.amz_date, seedling.head.scope,
                         seedling.head.key);
    Bytes wire;
    for (ByteView rest = data; !rest.empty();) {
      const auto size = static_cast<std::size_t>(1 + random.below(rest.size()));
      encoder.chunk(wire, rest.first(size));
      rest = rest.subspan(size);
    }
    encoder.finish(wire, trailers);
    const bool damaged = random.chance(0.5);
    if (damaged)
      wire[random.below(wire.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));

    const ChunkDecoder fresh({mode, data.size(), names}, identity_of(seedling.head));
    const Decoded whole = run(fresh, wire, wire.size());
    if (!damaged) {
      EXPECT_EQ(whole.refused, std::nullopt);
      EXPECT_EQ(whole.bytes, data);
      EXPECT_EQ(whole.trailers, trailers);
    } else if (has_signed_chunks(mode)) {
      // Case of a length digit and the like may change; the bytes may not.
      EXPECT_TRUE(whole.refused || whole.bytes == data);
    }
    EXPECT_EQ(run(fresh, wire, 1), whole);
    EXPECT_EQ(run(fresh, wire, 100, &random), whole);
  }
}

TEST(AwsChunked, BodyLengthComesFromTheRightHeader) {
  using Fields = std::vector<HeaderField>;
  const Fields plain{{"Content-Length", "12"}};
  EXPECT_EQ(parse_body_length(Headers(plain), PayloadMode::kHash).value().decoded, 12u);
  EXPECT_EQ(parse_body_length(Headers(plain), PayloadMode::kStreamingSigned).error().code,
            S3Code::kMissingContentLength);
  const Fields streamed{{"x-amz-decoded-content-length", "7"}};
  EXPECT_EQ(
      parse_body_length(Headers(streamed), PayloadMode::kStreamingUnsignedTrailer).value().decoded,
      7u);
  EXPECT_EQ(parse_body_length({}, PayloadMode::kUnsigned).error().status(), 411);
  const Fields bad{{"Content-Length", "-1"}};
  EXPECT_EQ(parse_body_length(Headers(bad), PayloadMode::kUnsigned).error().status(), 400);
}

}  // namespace
}  // namespace creel::s3
