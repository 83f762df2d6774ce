// The aws-chunked decoder: whole and byte by byte it must give the same answer, never more bytes
// than promised, and nothing it accepts may be unframed or unsigned.
#include <string_view>
#include <vector>

#include "platform/base/check.h"
#include "s3/wire/aws_chunked.h"

namespace creel::s3 {
namespace {

struct Answer {
  Bytes bytes;
  bool ok = false;
  S3Code code = S3Code::kCount;
  std::vector<NameValue> trailers;
  bool operator==(const Answer&) const = default;
};

Answer decode(ChunkDecoder decoder, ByteView wire, std::size_t step) {
  Answer out;
  while (!wire.empty()) {
    ByteView piece = wire.first(std::min(step, wire.size()));
    wire = wire.subspan(piece.size());
    while (!piece.empty()) {
      const std::size_t before = piece.size();
      const S3Result<ByteView> got = decoder.decode(piece);
      if (!got.ok()) {
        out.code = got.error().code;
        return out;
      }
      check(piece.size() < before);  // Always some progress.
      append(out.bytes, got.value());
    }
  }
  const S3Result<Unit> end = decoder.finish();
  out.ok = end.ok();
  if (!end.ok()) out.code = end.error().code;
  out.trailers = decoder.trailers();
  return out;
}

// The first byte draws the mode, the second the promised length; the rest is the wire.
void fuzz_one(ByteView input) {
  if (input.size() < 2) return;
  constexpr PayloadMode kModes[] = {
      PayloadMode::kStreamingUnsignedTrailer, PayloadMode::kStreamingUnsignedTrailer,
      PayloadMode::kStreamingSigned, PayloadMode::kStreamingSignedTrailer};
  const PayloadMode mode = kModes[input[0] & 3];
  ChunkDecoder::Options options{.mode = mode};
  if (input[1] != 255) options.decoded_length = input[1];
  if (has_trailer(mode) && (input[0] & 4)) options.trailer_names = {"x-amz-checksum-crc32"};
  Identity who;
  who.kind = AuthKind::kHeader;
  who.signature.assign(64, '0');
  who.amz_date = "20130524T000000Z";
  const ByteView wire = input.subspan(2);
  const ChunkDecoder fresh(options, who);
  const Answer whole = decode(fresh, wire, wire.size());
  check(decode(fresh, wire, 1) == whole);
  check(decode(fresh, wire, 7) == whole);
  check(!options.decoded_length || whole.bytes.size() <= *options.decoded_length);
  if (!whole.ok) return;
  check(!options.decoded_length || whole.bytes.size() == *options.decoded_length);
  check(whole.trailers.size() == options.trailer_names.size());
  check(!has_signed_chunks(mode));  // Nobody guesses an HMAC.
}

}  // namespace
}  // namespace creel::s3

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  creel::s3::fuzz_one({data, size});
  return 0;
}
