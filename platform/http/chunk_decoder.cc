#include "platform/http/chunk_decoder.h"

#include "platform/base/check.h"

namespace creel {
namespace {

constexpr unsigned kDigitsMax = 16;
constexpr std::size_t kExtensionBytesMax = 256;
constexpr std::size_t kExtensionsBytesMax = 16 * 1024;
constexpr std::size_t kTrailerBytesMax = 4 * 1024;

int hex_digit(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

bool is_text(std::uint8_t byte) { return byte == '\t' || (byte >= 0x20 && byte != 0x7f); }

bool is_token_byte(std::uint8_t byte) {
  static constexpr std::string_view kOther = "!#$%&'*+-.^_`|~";
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') ||
         kOther.find(static_cast<char>(byte)) != std::string_view::npos;
}

}  // namespace

void ChunkDecoder::bad(std::string_view reason) {
  at_ = At::kBad;
  reason_ = reason;
}

ChunkDecoder::State ChunkDecoder::framing(ByteView in, std::size_t& used) {
  used = 0;
  while (used < in.size() && at_ != At::kData && at_ != At::kEnd && at_ != At::kBad)
    step(in[used++]);
  switch (at_) {
    case At::kData: return State::kData;
    case At::kEnd: return State::kEnd;
    case At::kBad: return State::kBad;
    default: return State::kMore;
  }
}

void ChunkDecoder::took(std::uint64_t bytes) {
  check(at_ == At::kData && bytes <= data_left_);
  data_left_ -= bytes;
  if (data_left_ == 0) at_ = At::kDataCr;
}

void ChunkDecoder::expect(std::uint8_t byte, std::uint8_t wanted, At next) {
  if (byte != wanted) return bad("line end of a chunk is not CRLF");
  at_ = next;
}

void ChunkDecoder::step(std::uint8_t byte) {
  switch (at_) {
    case At::kSize: return size_byte(byte);
    case At::kExtName:
    case At::kExtValue:
    case At::kExtQuoted:
    case At::kExtEscaped:
    case At::kExtQuoteEnd: return extension_byte(byte);
    case At::kSizeLf:
      expect(byte, '\n', size_ == 0 ? At::kTrailerStart : At::kData);
      data_left_ = size_;
      size_ = digits_ = 0;
      extension_bytes_ = 0;
      return;
    case At::kDataCr: return expect(byte, '\r', At::kDataLf);
    case At::kDataLf: return expect(byte, '\n', At::kSize);
    case At::kLastLf: return expect(byte, '\n', At::kEnd);
    case At::kTrailerLf: return expect(byte, '\n', At::kTrailerStart);
    case At::kTrailerStart:
    case At::kTrailerName:
    case At::kTrailerValue: return trailer_byte(byte);
    case At::kData:
    case At::kEnd:
    case At::kBad: check(false);
  }
}

void ChunkDecoder::size_byte(std::uint8_t byte) {
  if (const int digit = hex_digit(byte); digit >= 0) {
    if (++digits_ > kDigitsMax) return bad("chunk size has more than 16 digits");
    size_ = size_ << 4 | static_cast<unsigned>(digit);
    return;
  }
  if (digits_ == 0) return bad("chunk without a size");
  if (size_ > INT64_MAX) return bad("chunk size is too large");
  if (byte == '\r') {
    at_ = At::kSizeLf;
  } else if (byte == ';') {
    at_ = At::kExtName;
    token_empty_ = true;
  } else {
    bad("chunk size is not hexadecimal");
  }
}

// ;name, ;name=token or ;name="quoted", any number of them.
void ChunkDecoder::extension_byte(std::uint8_t byte) {
  if (byte != '\r' &&
      (++extension_bytes_ > kExtensionBytesMax || ++extensions_bytes_ > kExtensionsBytesMax))
    return bad("chunk extensions are too large");
  if (at_ == At::kExtQuoted || at_ == At::kExtEscaped) return quoted_byte(byte);
  const bool complete = at_ == At::kExtQuoteEnd || !token_empty_;
  if (complete && byte == '\r') {
    at_ = At::kSizeLf;
  } else if (complete && byte == ';') {
    at_ = At::kExtName;
    token_empty_ = true;
  } else if (complete && byte == '=' && at_ == At::kExtName) {
    at_ = At::kExtValue;
    token_empty_ = true;
  } else if (byte == '"' && at_ == At::kExtValue && token_empty_) {
    at_ = At::kExtQuoted;
  } else if (is_token_byte(byte) && at_ != At::kExtQuoteEnd) {
    token_empty_ = false;
  } else {
    bad("malformed chunk extension");
  }
}

void ChunkDecoder::quoted_byte(std::uint8_t byte) {
  if (!is_text(byte)) return bad("control character in a chunk extension");
  if (at_ == At::kExtEscaped) at_ = At::kExtQuoted;
  else if (byte == '\\') at_ = At::kExtEscaped;
  else if (byte == '"') at_ = At::kExtQuoteEnd;
}

void ChunkDecoder::trailer_byte(std::uint8_t byte) {
  if (++trailer_bytes_ > kTrailerBytesMax) return bad("trailers are too large");
  if (at_ == At::kTrailerValue) {
    if (byte == '\r') at_ = At::kTrailerLf;
    else if (!is_text(byte)) bad("control character in a trailer");
    return;
  }
  if (at_ == At::kTrailerStart && byte == '\r') at_ = At::kLastLf;
  else if (at_ == At::kTrailerName && byte == ':') at_ = At::kTrailerValue;
  else if (is_token_byte(byte)) at_ = At::kTrailerName;
  else bad("trailer name is not a token");
}

}  // namespace creel
