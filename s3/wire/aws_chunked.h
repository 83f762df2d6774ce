#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/cpu/hash.h"
#include "s3/wire/error.h"
#include "s3/wire/headers.h"
#include "s3/wire/sigv4.h"

namespace creel::s3 {

inline constexpr std::size_t kChunkHeaderBytesMax = 256;  // Beside the signature.
inline constexpr std::size_t kTrailerBytesMax = 4096;
inline constexpr std::size_t kTrailerLinesMax = 16;

// Takes the aws-chunked frames off a body: `hex-len[;chunk-signature=64hex]\r\n data \r\n` …
// `0[;…]\r\n [trailer lines] \r\n`. Feed it in pieces of any size; the result is the same for every
// cut.
//   while (!input.empty()) { TRY(piece, decoder.decode(input)); if (!piece.empty()) write(piece); }
//   TRY_DO(decoder.finish());
// A signed chunk's bytes come out before its signature is checked, so what was written must not be
// named before finish() said ok. Memory: one line, at most kTrailerBytesMax; data is never copied.
class ChunkDecoder {
 public:
  struct Options {
    PayloadMode mode = PayloadMode::kStreamingUnsignedTrailer;  // One that is_streaming().
    std::optional<std::uint64_t> decoded_length;  // x-amz-decoded-content-length
    std::vector<std::string> trailer_names;  // Lower case, of x-amz-trailer.
  };
  // `identity` gives the seed signature, key and scope; an anonymous one only fits unsigned modes.
  ChunkDecoder(Options options, const Identity& identity);

  // Consumes some of `input` (at least a byte unless it is empty) and returns the decoded bytes
  // found, as a view into what `input` was; empty if these bytes were only framing. Errors:
  // IncompleteBody (broken frame, longer than promised), SignatureDoesNotMatch,
  // MalformedTrailerError. After an error the decoder is used up.
  S3Result<ByteView> decode(ByteView& input);
  // Call at the end of the body. Errors: IncompleteBody if frames or bytes are missing,
  // MalformedTrailerError if a declared trailer is.
  S3Result<Unit> finish();

  bool done() const { return state_ == State::kDone; }
  std::uint64_t decoded_bytes() const { return decoded_bytes_; }
  // Declared trailers as they came, names in lower case. Complete once finish() is ok.
  const std::vector<NameValue>& trailers() const { return trailers_; }

 private:
  enum class State : unsigned char { kHeader, kData, kDataEnd, kTrailer, kDone };

  S3Result<Unit> take_line_byte(char c);
  S3Result<Unit> header_line();
  S3Result<Unit> data_end();
  S3Result<Unit> trailer_line();
  S3Result<Unit> add_trailer(std::string_view line);
  S3Result<Unit> end_of_trailers();
  S3Result<Unit> check_chunk_signature();
  S3Result<Unit> check_trailer_signature();
  S3Result<Unit> compare_signature(std::string_view given, std::string to_sign);
  bool trailers_complete() const;

  Options options_;
  SigningKey key_;
  SigScope scope_;
  std::string access_key_, amz_date_;
  std::string previous_signature_;
  std::string chunk_signature_;  // Of the chunk being read.
  std::optional<std::string> trailer_signature_;
  Sha256 chunk_hash_;
  State state_ = State::kHeader;
  std::string line_;
  std::size_t trailer_bytes_ = 0;
  bool bare_line_feed_ = false;  // The last trailer line ended in LF alone.
  bool skipped_blank_ = false;  // An empty line right after such a one was skipped.
  std::uint64_t chunk_left_ = 0;
  bool last_chunk_ = false;
  std::uint64_t decoded_bytes_ = 0;
  std::vector<NameValue> trailers_;
};

// Writes the frames, for the client and for tests.
class ChunkEncoder {
 public:
  // `seed` is what sign_request() returned; unused for the unsigned mode.
  ChunkEncoder(PayloadMode mode, std::string seed_signature, std::string amz_date, SigScope scope,
               const SigningKey& key);
  // Appends one chunk; `data` must not be empty.
  void chunk(Bytes& out, ByteView data);
  // Appends the last chunk and the trailers (lower-case names; only for modes with a trailer).
  void finish(Bytes& out, const std::vector<NameValue>& trailers = {});

 private:
  void header(Bytes& out, ByteView data);

  PayloadMode mode_;
  std::string previous_signature_, amz_date_;
  SigScope scope_;
  SigningKey key_;
};

// String to sign of a chunk and of the trailer (s3.md §4).
std::string chunk_string_to_sign(std::string_view amz_date, const SigScope& scope,
                                 std::string_view previous, std::string_view data_sha256_hex);
std::string trailer_string_to_sign(std::string_view amz_date, const SigScope& scope,
                                   std::string_view previous, std::string_view trailer_text);

// How long the stored bytes will be.
struct BodyLength {
  std::uint64_t decoded = 0;  // Bytes of the object.
  std::optional<std::uint64_t> content;  // Content-Length: bytes on the wire, frames included.
};
// Errors: MissingContentLength if no length is known; InvalidArgument for one that is no number.
S3Result<BodyLength> parse_body_length(Headers headers, PayloadMode mode);

}  // namespace creel::s3
