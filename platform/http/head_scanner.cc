#include "platform/http/head_scanner.h"

namespace creel {
namespace {

bool is_text(std::uint8_t byte) { return byte == '\t' || (byte >= 0x20 && byte != 0x7f); }

}  // namespace

HeadScanner::State HeadScanner::bad(std::string_view reason) {
  reason_ = reason;
  return State::kBad;
}

HeadScanner::State HeadScanner::scan(ByteView more) {
  if (!reason_.empty()) return State::kBad;
  for (const std::uint8_t byte : more) {
    if (used_ - skipped_ >= limits_.head_bytes_max) return bad("request head is too large");
    ++used_;
    const State state = step(byte);
    if (state != State::kMore) return state;
  }
  return State::kMore;
}

// One byte inside a line, or the CR that ends it.
HeadScanner::State HeadScanner::text(std::uint8_t byte, At after_cr) {
  if (byte == '\r') at_ = after_cr;
  else if (byte == '\n') return bad("line feed without carriage return");
  else if (!is_text(byte)) return bad("control character in the head");
  return State::kMore;
}

HeadScanner::State HeadScanner::step(std::uint8_t byte) {
  constexpr std::string_view kBareCr = "carriage return without line feed";
  switch (at_) {
    case At::kStart:
      at_ = At::kFirstLine;
      if (byte != '\r') return text(byte, At::kFirstCr);
      if (skipped_ != 0) return bad("more than one empty line before the first line");
      at_ = At::kSkipCr;
      return State::kMore;
    case At::kSkipCr:
      if (byte != '\n') return bad(kBareCr);
      skipped_ = used_;
      at_ = At::kStart;
      return State::kMore;
    case At::kFirstLine: return text(byte, At::kFirstCr);
    case At::kFirstCr:
    case At::kLineCr:
      if (byte != '\n') return bad(kBareCr);
      if (at_ == At::kFirstCr) first_line_end_ = used_;
      if (used_ - first_line_end_ > limits_.field_bytes_max)
        return bad("header fields are too large");
      at_ = At::kLineStart;
      return State::kMore;
    case At::kLineStart:
      if (byte == '\r') {
        at_ = At::kEndCr;
        return State::kMore;
      }
      if (byte == ' ' || byte == '\t') return bad("folded header line");
      if (++fields_ > limits_.field_count_max) return bad("too many header fields");
      at_ = At::kLine;
      [[fallthrough]];
    case At::kLine:
      if (used_ - first_line_end_ > limits_.field_bytes_max)
        return bad("header fields are too large");
      return text(byte, At::kLineCr);
    case At::kEndCr:
      if (byte != '\n') return bad(kBareCr);
      return State::kDone;
  }
  return bad("unreachable");
}

}  // namespace creel
