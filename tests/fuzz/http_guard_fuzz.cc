// Whatever bytes come first on a connection: the guard, wherever its input is cut, takes or refuses
// them the same way; what it takes can be written again and reads the same; a chunked body decodes
// the same however it is cut. The first byte of the input chooses: a lower-case letter for chunks,
// an upper-case one for heads.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "platform/base/check.h"
#include "platform/base/text.h"
#include "platform/http/chunk_decoder.h"
#include "platform/http/head_scanner.h"
#include "platform/http/parse_head.h"
#include "platform/http/response_writer.h"

namespace {

using namespace creel;

struct Scanned {
  HeadScanner::State state;
  std::size_t used, skipped;
};

Scanned scan(ByteView bytes, std::size_t step) {
  HeadScanner scanner;
  HeadScanner::State state = HeadScanner::State::kMore;
  while (state == HeadScanner::State::kMore && !bytes.empty()) {
    const std::size_t piece = std::min(step, bytes.size());
    state = scanner.scan(bytes.first(piece));
    bytes = bytes.subspan(piece);
  }
  return {state, scanner.used(), scanner.skipped_bytes()};
}

void check_same(const HttpRequestHead& a, const HttpRequestHead& b) {
  check(a.method == b.method && a.target == b.target && a.minor == b.minor);
  check(a.content_length == b.content_length && a.chunked == b.chunked &&
        a.keep_alive == b.keep_alive);
  check(!(a.chunked && a.content_length) && a.headers.size() == b.headers.size());
  for (std::size_t i = 0; i < a.headers.size(); ++i)
    check(a.headers[i].name == b.headers[i].name && a.headers[i].value == b.headers[i].value);
}

void try_heads(ByteView bytes, std::size_t step) {
  const Scanned whole = scan(bytes, bytes.size() + 1);
  const Scanned cut = scan(bytes, step);
  check(whole.state == cut.state);
  if (whole.state != HeadScanner::State::kDone) return;
  check(whole.used == cut.used && whole.skipped == cut.skipped && whole.used <= bytes.size());
  const ByteView head = bytes.subspan(whole.skipped, whole.used - whole.skipped);
  (void)parse_response_head(head).ok();
  Result<HttpRequestHead> request = parse_request_head(head);
  if (!request.ok()) {
    check(request.error().code == ErrorCode::kInvalid && !request.error().detail.empty());
    return;
  }
  HttpRequestHead& parsed = request.value();
  std::string again;
  check(append_head(again, cat(parsed.method, ' ', parsed.target, " HTTP/1.", parsed.minor),
                    parsed.headers)
            .ok());
  Result<HttpRequestHead> second = parse_request_head(as_bytes(again));
  check(second.ok());
  check_same(parsed, second.value());
}

// Content, then how it ended.
std::string decode(ByteView bytes, std::size_t step) {
  ChunkDecoder decoder;
  std::string out;
  while (!bytes.empty()) {
    ByteView piece = bytes.first(std::min(step, bytes.size()));
    bytes = bytes.subspan(piece.size());
    while (!piece.empty()) {
      if (const std::uint64_t left = decoder.data_left(); left > 0) {
        const std::size_t take =
            static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
        out.append(as_text(piece.first(take)));
        decoder.took(take);
        piece = piece.subspan(take);
        continue;
      }
      std::size_t used = 0;
      const ChunkDecoder::State state = decoder.framing(piece, used);
      piece = piece.subspan(used);
      if (state == ChunkDecoder::State::kBad) return out + "|bad";
      if (state == ChunkDecoder::State::kEnd) return cat(out, "|end ", bytes.size() + piece.size());
    }
  }
  return out + "|more";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0] % 37;
  const ByteView bytes(data + 1, size - 1);
  if (data[0] & 0x20) check(decode(bytes, bytes.size()) == decode(bytes, step));
  else try_heads(bytes, step);
  return 0;
}
