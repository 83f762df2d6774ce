#include "filters/eval/address.h"
#include "filters/eval/kernels.h"
#include "filters/eval/keyed_hash.h"
#include "filters/eval/redact.h"
#include "platform/base/check.h"

namespace creel::filters::kernel {
namespace {

// Makes one text out of another; whatever goes wrong is a failed redaction. NULL stays NULL.
template <class Make>
void redacted(Frame& frame, const Op& op, Make make) {
  const Lane a = lane(frame, op.a);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value value = a[row];  // A copy: `out` may be the argument's register.
    out[row] = null_value();
    if (value.is_null()) continue;
    std::string_view text;
    std::string_view made;
    if (to_text(value, frame.arena, text) != Fault::kNone || !make(text, made)) {
      frame.fault(row, Fault::kRedaction, op.label);
      continue;
    }
    out[row] = string_value(made);
  }
}

bool is_tail(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

void hmac(Frame& frame, const Op& op) {
  redacted(frame, op, [&](std::string_view text, std::string_view& made) {
    char* at = frame.arena.take(KeyedHash::kTokenBytes);
    if (at == nullptr || frame.key == nullptr) return false;
    frame.key->token(text, at);
    made = {at, KeyedHash::kTokenBytes};
    return true;
  });
}

void mask(Frame& frame, const Op& op) {
  const std::size_t left = op.extra;
  const std::size_t right = op.more;
  redacted(frame, op, [&](std::string_view text, std::string_view& made) {
    std::size_t count = 0;
    for (const char c : text) count += !is_tail(c);
    const bool all = count <= left + right;
    char* const first = frame.arena.take(text.size() + 1);
    if (first == nullptr) return false;
    char* at = first;
    std::size_t seen = 0;  // Characters begun.
    for (const char c : text) {
      if (!is_tail(c)) ++seen;
      const bool shown = !all && (seen <= left || seen > count - right);
      if (shown) *at++ = c;
      else if (!is_tail(c)) *at++ = '*';
    }
    made = {first, static_cast<std::size_t>(at - first)};
    return true;
  });
}

void redact(Frame& frame, const Op& op) {
  redacted(frame, op, [&](std::string_view text, std::string_view& made) {
    std::string& out = frame.scratch;
    out.clear();
    switch (static_cast<RedactKind>(op.extra)) {
      case RedactKind::kEmail: redact_email(text, out); break;
      case RedactKind::kPan: redact_pan(text, out); break;
      case RedactKind::kIpv4: redact_ipv4(text, out); break;
      case RedactKind::kIban: redact_iban(text, out); break;
    }
    made = frame.arena.copy(out);
    return made.data() != nullptr;
  });
}

void truncate_ip(Frame& frame, const Op& op) {
  redacted(frame, op, [&](std::string_view text, std::string_view& made) {
    Address address;
    char* at = frame.arena.take(24);
    if (at == nullptr || !parse_address(text, address)) return false;
    made = {at, print_truncated(address, at)};
    return true;
  });
}

void round_geo(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value value = a[row];
    out[row] = null_value();
    if (value.is_null()) continue;
    Number x;
    Number y;
    Fault fault = to_number(value, x);
    if (fault == Fault::kNone)
      fault = filters::round(x, static_cast<int>(op.extra), Rounding::kNearest, y);
    if (fault == Fault::kNone) out[row] = to_value(y, frame.arena, fault);
    if (fault != Fault::kNone) frame.fault(row, Fault::kRedaction, op.label);
  }
}

void cidr(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  const CidrRange& range = frame.program.ranges[op.extra];
  for (const std::uint16_t row : Rows(frame, op)) {
    out[row] = kUnknown;
    if (a[row].is_null()) continue;
    Address address;
    if (!a[row].is_text()) frame.fault(row, Fault::kType, op.label);
    else if (!parse_address(a[row].text(), address)) frame.fault(row, Fault::kArgument, op.label);
    else out[row] = contains(range, address) ? kTrue : kFalse;
  }
}

void luhn(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    out[row] = kUnknown;
    if (a[row].is_null()) continue;
    std::string_view text;
    const Fault fault = to_text(a[row], frame.arena, text);
    if (fault != Fault::kNone) frame.fault(row, fault, op.label);
    else out[row] = passes_luhn(text) ? kTrue : kFalse;
  }
}

}  // namespace creel::filters::kernel
