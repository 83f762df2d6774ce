#include "s3/wire/aws_chunked.h"

#include <algorithm>

#include "platform/base/text.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kSignatureField = "chunk-signature=";
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";
constexpr std::size_t kSignatureDigits = 64;

S3Error broken_frame() { return s3_fail(S3Code::kIncompleteBody); }
S3Error bad_trailer() { return s3_fail(S3Code::kMalformedTrailer); }

const std::string& empty_sha256() {
  static const std::string digest = sha256_hex({});
  return digest;
}

// The value of chunk-signature among the extensions of a chunk header; others are passed over.
std::optional<std::string_view> signature_extension(std::string_view extensions) {
  while (!extensions.empty()) {
    const std::size_t end = extensions.find(';');
    const std::string_view one = trim(extensions.substr(0, end));
    if (one.starts_with(kSignatureField)) return one.substr(kSignatureField.size());
    if (end == std::string_view::npos) break;
    extensions.remove_prefix(end + 1);
  }
  return std::nullopt;
}

}  // namespace

std::string chunk_string_to_sign(std::string_view amz_date, const SigScope& scope,
                                 std::string_view previous, std::string_view data_sha256_hex) {
  return cat("AWS4-HMAC-SHA256-PAYLOAD\n", amz_date, "\n", scope.text(), "\n", previous, "\n",
             empty_sha256(), "\n", data_sha256_hex);
}

std::string trailer_string_to_sign(std::string_view amz_date, const SigScope& scope,
                                   std::string_view previous, std::string_view trailer_text) {
  return cat("AWS4-HMAC-SHA256-TRAILER\n", amz_date, "\n", scope.text(), "\n", previous, "\n",
             sha256_hex(trailer_text));
}

ChunkDecoder::ChunkDecoder(Options options, const Identity& identity)
    : options_(std::move(options)),
      key_(identity.key),
      scope_(identity.scope),
      access_key_(identity.access_key),
      amz_date_(identity.amz_date),
      previous_signature_(identity.signature) {
  check(is_streaming(options_.mode));
  check(!has_signed_chunks(options_.mode) || identity.kind != AuthKind::kAnonymous);
}

S3Result<ByteView> ChunkDecoder::decode(ByteView& input) {
  while (!input.empty()) {
    if (state_ == State::kData && chunk_left_ > 0) {
      const auto take =
          static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, input.size()));
      const ByteView piece = input.first(take);
      input = input.subspan(take);
      chunk_left_ -= take;
      decoded_bytes_ += take;
      if (has_signed_chunks(options_.mode)) chunk_hash_.update(piece);
      if (chunk_left_ == 0) state_ = State::kDataEnd;
      return piece;
    }
    if (state_ == State::kDone) return broken_frame();  // Bytes after the end.
    const char c = static_cast<char>(input.front());
    input = input.subspan(1);
    TRY_DO(take_line_byte(c));
  }
  return ByteView{};
}

S3Result<Unit> ChunkDecoder::take_line_byte(char c) {
  line_.push_back(c);
  if (state_ == State::kTrailer) {
    if (++trailer_bytes_ > kTrailerBytesMax) return bad_trailer();
    return c == '\n' ? trailer_line() : S3Result<Unit>(Unit{});
  }
  if (state_ == State::kDataEnd) return line_.size() < 2 ? S3Result<Unit>(Unit{}) : data_end();
  if (line_.size() > kChunkHeaderBytesMax + kSignatureField.size() + kSignatureDigits)
    return broken_frame();
  return c == '\n' ? header_line() : S3Result<Unit>(Unit{});
}

S3Result<Unit> ChunkDecoder::header_line() {
  if (!line_.ends_with("\r\n")) return broken_frame();
  const std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  const std::size_t end = line.find(';');
  const std::optional<std::uint64_t> length = parse_hex_u64(line.substr(0, end));
  if (!length) return broken_frame();
  if (has_signed_chunks(options_.mode)) {
    const auto signature = signature_extension(
        end == std::string_view::npos ? std::string_view{} : line.substr(end + 1));
    if (!signature || signature->size() != kSignatureDigits) return broken_frame();
    chunk_signature_ = *signature;
  }
  line_.clear();
  // Refuse too long a body at its header, before a byte of it is stored.
  if (options_.decoded_length && *length > *options_.decoded_length - decoded_bytes_)
    return broken_frame();
  if (*length > UINT64_MAX / 2 - decoded_bytes_) return broken_frame();
  chunk_left_ = *length;
  last_chunk_ = *length == 0;
  chunk_hash_ = Sha256();
  if (!last_chunk_) {
    state_ = State::kData;
    return Unit{};
  }
  TRY_DO(check_chunk_signature());
  state_ = State::kTrailer;  // Without trailers this is just the closing empty line.
  return Unit{};
}

S3Result<Unit> ChunkDecoder::data_end() {
  if (line_ != "\r\n") return broken_frame();
  line_.clear();
  TRY_DO(check_chunk_signature());
  state_ = State::kHeader;
  return Unit{};
}

// minio-go ends a trailer line with "\n\r\n" where AWS has "\r\n": an empty line right after a line
// that ended in LF alone is therefore part of that line's end.
S3Result<Unit> ChunkDecoder::trailer_line() {
  const bool with_return = line_.ends_with("\r\n");
  const std::string line = line_.substr(0, line_.size() - (with_return ? 2 : 1));
  line_.clear();
  if (!line.empty()) {
    bare_line_feed_ = !with_return;
    skipped_blank_ = false;
    return add_trailer(line);
  }
  if (bare_line_feed_) {
    bare_line_feed_ = false;
    skipped_blank_ = true;
    return Unit{};
  }
  return end_of_trailers();
}

S3Result<Unit> ChunkDecoder::add_trailer(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !has_trailer(options_.mode)) return bad_trailer();
  std::string name = to_lower(trim(line.substr(0, colon)));
  const std::string_view value = trim(line.substr(colon + 1));
  if (name.empty() || trailers_.size() == kTrailerLinesMax) return bad_trailer();
  if (name == kTrailerSignature) {
    if (!has_signed_chunks(options_.mode) || trailer_signature_) return bad_trailer();
    trailer_signature_ = value;
    return Unit{};
  }
  const auto& declared = options_.trailer_names;
  if (std::find(declared.begin(), declared.end(), name) == declared.end()) return bad_trailer();
  for (const NameValue& trailer : trailers_)
    if (trailer.first == name) return bad_trailer();
  trailers_.emplace_back(std::move(name), value);
  return Unit{};
}

bool ChunkDecoder::trailers_complete() const {
  const bool needs_signature = options_.mode == PayloadMode::kStreamingSignedTrailer;
  return trailers_.size() == options_.trailer_names.size() &&
         (!needs_signature || trailer_signature_.has_value());
}

S3Result<Unit> ChunkDecoder::end_of_trailers() {
  if (has_trailer(options_.mode)) {
    if (!trailers_complete()) return bad_trailer();
    if (trailer_signature_) TRY_DO(check_trailer_signature());
  }
  state_ = State::kDone;
  return Unit{};
}

S3Result<Unit> ChunkDecoder::finish() {
  // The blank line that closed the last trailer line was the closing one after all.
  if (state_ == State::kTrailer && line_.empty() && skipped_blank_) TRY_DO(end_of_trailers());
  if (state_ == State::kTrailer && has_trailer(options_.mode) && !trailers_complete())
    return bad_trailer();
  if (state_ != State::kDone) return broken_frame();
  if (options_.decoded_length && *options_.decoded_length != decoded_bytes_) return broken_frame();
  return Unit{};
}

S3Result<Unit> ChunkDecoder::check_chunk_signature() {
  if (!has_signed_chunks(options_.mode)) return Unit{};
  const std::string digest = hex_encode(chunk_hash_.finish());
  TRY_DO(compare_signature(chunk_signature_,
                           chunk_string_to_sign(amz_date_, scope_, previous_signature_, digest)));
  previous_signature_ = chunk_signature_;
  return Unit{};
}

S3Result<Unit> ChunkDecoder::check_trailer_signature() {
  std::string text;
  for (const NameValue& trailer : trailers_)
    text.append(trailer.first).append(":").append(trailer.second).append("\n");
  return compare_signature(*trailer_signature_,
                           trailer_string_to_sign(amz_date_, scope_, previous_signature_, text));
}

S3Result<Unit> ChunkDecoder::compare_signature(std::string_view given, std::string to_sign) {
  if (equal_constant_time(as_bytes(given), as_bytes(sign_text(key_, to_sign)))) return Unit{};
  return s3_fail(S3Code::kSignatureDoesNotMatch)
      .with("AWSAccessKeyId", access_key_)
      .with("StringToSign", std::move(to_sign))
      .with("SignatureProvided", std::string(given));
}

ChunkEncoder::ChunkEncoder(PayloadMode mode, std::string seed_signature, std::string amz_date,
                           SigScope scope, const SigningKey& key)
    : mode_(mode),
      previous_signature_(std::move(seed_signature)),
      amz_date_(std::move(amz_date)),
      scope_(std::move(scope)),
      key_(key) {
  check(is_streaming(mode));
}

void ChunkEncoder::header(Bytes& out, ByteView data) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string length;
  std::uint64_t left = data.size();
  do {
    length.insert(length.begin(), kDigits[left & 15]);
    left >>= 4;
  } while (left > 0);
  append(out, length);
  if (has_signed_chunks(mode_)) {
    Sha256 hash;
    hash.update(data);
    const std::string digest = hex_encode(hash.finish());
    previous_signature_ =
        sign_text(key_, chunk_string_to_sign(amz_date_, scope_, previous_signature_, digest));
    append(out, ";");
    append(out, kSignatureField);
    append(out, previous_signature_);
  }
  append(out, "\r\n");
}

void ChunkEncoder::chunk(Bytes& out, ByteView data) {
  check(!data.empty());
  header(out, data);
  append(out, data);
  append(out, "\r\n");
}

void ChunkEncoder::finish(Bytes& out, const std::vector<NameValue>& trailers) {
  check(trailers.empty() || has_trailer(mode_));
  header(out, {});
  std::string text;
  for (const NameValue& trailer : trailers) {
    append(out, cat(trailer.first, ":", trailer.second, "\r\n"));
    text.append(trailer.first).append(":").append(trailer.second).append("\n");
  }
  if (mode_ == PayloadMode::kStreamingSignedTrailer)
    append(out, cat(kTrailerSignature, ":",
                    sign_text(key_,
                              trailer_string_to_sign(amz_date_, scope_, previous_signature_, text)),
                    "\r\n"));
  append(out, "\r\n");
}

S3Result<BodyLength> parse_body_length(Headers headers, PayloadMode mode) {
  BodyLength length;
  if (const auto text = headers.find("content-length")) {
    length.content = parse_u64(*text);
    if (!length.content)
      return invalid_argument("The Content-Length header is not a number of bytes.",
                              "Content-Length", *text);
  }
  if (!is_streaming(mode)) {
    if (!length.content) return s3_fail(S3Code::kMissingContentLength);
    length.decoded = *length.content;
    return length;
  }
  const auto text = headers.find("x-amz-decoded-content-length");
  if (!text) return s3_fail(S3Code::kMissingContentLength);
  const std::optional<std::uint64_t> decoded = parse_u64(*text);
  if (!decoded)
    return invalid_argument("The x-amz-decoded-content-length header is not a number of bytes.",
                            "x-amz-decoded-content-length", *text);
  length.decoded = *decoded;
  return length;
}

}  // namespace creel::s3
