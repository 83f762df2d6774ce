#include "platform/codec/gzip_header.h"

#include <isa-l/crc.h>

namespace creel {
namespace {

constexpr std::uint8_t kFlagHeaderCrc = 2;
constexpr std::uint8_t kFlagExtra = 4;
constexpr std::uint8_t kFlagName = 8;
constexpr std::uint8_t kFlagComment = 16;
constexpr std::uint8_t kFlagsReserved =
    0xe0;  // RFC 1952: must be zero, else fields unknown to us follow.

}  // namespace

GzipHeader::State GzipHeader::feed(ByteView in, std::size_t& used) {
  used = 0;
  State state = step_ == Step::kDone ? State::kDone : State::kMore;
  while (state == State::kMore && used < in.size()) {
    const Step before = step_;
    if (before != Step::kCrc) crc_ = crc32_gzip_refl(crc_, &in[used], 1);
    state = take(in[used++]);
  }
  return state;
}

GzipHeader::State GzipHeader::take(std::uint8_t byte) {
  ++count_;
  switch (step_) {
    case Step::kFixed: return take_fixed(byte);
    case Step::kExtraLength:
      extra_bytes_ |= static_cast<std::uint32_t>(byte) << (8 * (count_ - 1));
      if (count_ == 2) next_step();
      break;
    case Step::kExtra:
      if (count_ == extra_bytes_) next_step();
      break;
    case Step::kName:
    case Step::kComment:
      if (byte == 0) next_step();
      break;
    case Step::kCrc: return take_crc(byte);
    case Step::kDone: break;
  }
  return step_ == Step::kDone ? State::kDone : State::kMore;
}

GzipHeader::State GzipHeader::take_fixed(std::uint8_t byte) {
  // Magic 1f 8b, method 8, flags, then time, extra flags and system, which we skip.
  static constexpr std::uint8_t kStart[] = {0x1f, 0x8b, 8};
  if (count_ <= 3 && byte != kStart[count_ - 1]) {
    reason_ = count_ == 3 ? "compression method is not deflate" : "not a gzip header";
    return State::kBad;
  }
  if (count_ == 4) flags_ = byte;
  if (count_ == 4 && (byte & kFlagsReserved) != 0) {
    reason_ = "reserved gzip flags are set";
    return State::kBad;
  }
  if (count_ == 10) next_step();
  return step_ == Step::kDone ? State::kDone : State::kMore;
}

GzipHeader::State GzipHeader::take_crc(std::uint8_t byte) {
  crc_read_ |= static_cast<std::uint32_t>(byte) << (8 * (count_ - 1));
  if (count_ < 2) return State::kMore;
  if (crc_read_ != (crc_ & 0xffff)) {
    reason_ = "checksum of the gzip header does not match";
    return State::kBad;
  }
  step_ = Step::kDone;
  return State::kDone;
}

// On to the next field that the flags announce; an empty extra field has no bytes to wait for.
void GzipHeader::next_step() {
  count_ = 0;
  switch (step_) {
    case Step::kFixed:
      if (flags_ & kFlagExtra) {
        step_ = Step::kExtraLength;
        return;
      }
      [[fallthrough]];
    case Step::kExtraLength:
      if (step_ == Step::kExtraLength && extra_bytes_ != 0) {
        step_ = Step::kExtra;
        return;
      }
      [[fallthrough]];
    case Step::kExtra:
      if (flags_ & kFlagName) {
        step_ = Step::kName;
        return;
      }
      [[fallthrough]];
    case Step::kName:
      if (flags_ & kFlagComment) {
        step_ = Step::kComment;
        return;
      }
      [[fallthrough]];
    case Step::kComment: step_ = flags_ & kFlagHeaderCrc ? Step::kCrc : Step::kDone; return;
    case Step::kCrc:
    case Step::kDone: step_ = Step::kDone; return;
  }
}

}  // namespace creel
