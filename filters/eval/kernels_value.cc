#include <algorithm>
#include <cstring>

#include "filters/eval/case_map.h"
#include "filters/eval/hash64.h"
#include "filters/eval/kernels.h"
#include "platform/codec/utf8.h"

namespace creel::filters::kernel {
namespace {

// A made value longer than this fails its record: nested REPLACE could grow without bound.
constexpr std::size_t kMadeTextMax = 16 * 1024 * 1024;

// Calls `make` for each row whose arguments are not NULL; a NULL argument gives NULL.
template <class Make>
void unary(Frame& frame, const Op& op, Make make) {
  const Lane a = lane(frame, op.a);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    Value made = null_value();
    Fault fault = Fault::kNone;
    if (!a[row].is_null()) fault = make(a[row], made);
    if (fault != Fault::kNone) {
      frame.fault(row, fault, op.label);
      made = null_value();
    }
    out[row] = made;
  }
}

template <class Make>
void binary(Frame& frame, const Op& op, Make make) {
  const Lane a = lane(frame, op.a);
  const Lane b = lane(frame, op.b);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    Value made = null_value();
    Fault fault = Fault::kNone;
    if (!a[row].is_null() && !b[row].is_null()) fault = make(a[row], b[row], made);
    if (fault != Fault::kNone) {
      frame.fault(row, fault, op.label);
      made = null_value();
    }
    out[row] = made;
  }
}

using NumberFunction = Fault (*)(const Number&, const Number&, Number&);

template <NumberFunction Function>
void arithmetic(Frame& frame, const Op& op) {
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    Number x;
    Number y;
    Number z;
    if (const Fault fault = to_number(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = to_number(b, y); fault != Fault::kNone) return fault;
    if (const Fault fault = Function(x, y, z); fault != Fault::kNone) return fault;
    Fault fault = Fault::kNone;
    out = to_value(z, frame.arena, fault);
    return fault;
  });
}

template <class Make>
void on_number(Frame& frame, const Op& op, Make make) {
  unary(frame, op, [&](const Value& a, Value& out) {
    Number x;
    Number y;
    if (const Fault fault = to_number(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = make(x, y); fault != Fault::kNone) return fault;
    Fault fault = Fault::kNone;
    out = to_value(y, frame.arena, fault);
    return fault;
  });
}

Fault make_string(Frame& frame, std::string_view text, Value& out) {
  const std::string_view copy = frame.arena.copy(text);
  if (copy.data() == nullptr) return Fault::kTooLong;
  out = string_value(copy);
  return Fault::kNone;
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return count;
}

// Byte offset of the n-th character, or the end.
std::size_t offset_of(std::string_view text, std::size_t n) {
  std::size_t at = 0;
  while (at < text.size()) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) {
      if (n == 0) return at;
      --n;
    }
    ++at;
  }
  return at;
}

Fault small_int(const Value& value, std::int64_t& out) {
  Number number;
  if (const Fault fault = to_number(value, number); fault != Fault::kNone) return fault;
  return to_int(number, out) ? Fault::kNone : Fault::kArgument;
}

bool is_in(std::string_view character, std::string_view set) {
  for (std::size_t at = 0; at < set.size();) {
    const std::size_t length = std::max<std::size_t>(utf8_length(set.substr(at)), 1);
    if (set.substr(at, length) == character) return true;
    at += length;
  }
  return false;
}

std::string_view trimmed(std::string_view text, std::string_view set, bool leading, bool trailing) {
  while (leading && !text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    if (!is_in(text.substr(0, length), set)) break;
    text.remove_prefix(length);
  }
  while (trailing && !text.empty()) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
    if (!is_in(text.substr(at), set)) break;
    text = text.substr(0, at);
  }
  return text;
}

Fault cast_bool(const Value& in, Value& out) {
  if (in.type == Type::kBool) {
    out = in;
    return Fault::kNone;
  }
  if (in.is_text()) {
    std::string_view text = in.text();
    const auto is = [&](std::string_view word) {
      return text.size() == word.size() &&
             std::equal(text.begin(), text.end(), word.begin(),
                        [](char a, char b) { return (a | 0x20) == b; });
    };
    if (is("true") || text == "1") return out = bool_value(true), Fault::kNone;
    if (is("false") || text == "0") return out = bool_value(false), Fault::kNone;
    return Fault::kCast;
  }
  Number number;
  if (to_number(in, number) != Fault::kNone) return Fault::kCast;
  out = bool_value(compare(number, from_int(0)) != 0);
  return Fault::kNone;
}

// Text is read as a number whatever its kind: that is what a cast is for.
Fault cast_to_number(const Value& in, Number& out) {
  if (in.type == Type::kBool) return out = from_int(in.integer), Fault::kNone;
  if (in.is_text()) return parse_number(in.text(), out) ? Fault::kNone : Fault::kCast;
  return to_number(in, out) == Fault::kNone ? Fault::kNone : Fault::kCast;
}

Fault cast_decimal(const Number& number, unsigned precision, unsigned scale, Number& out) {
  Decimal exact;
  if (!to_decimal(number, exact)) return Fault::kOverflow;
  out = from_decimal(exact);
  if (precision == 0) return Fault::kNone;
  if (const Fault fault = round(out, static_cast<int>(scale), Rounding::kNearest, out);
      fault != Fault::kNone)
    return fault;
  Number limit = from_int(1);
  for (unsigned i = scale; i < precision; ++i)
    if (multiply(limit, from_int(10), limit) != Fault::kNone)
      return Fault::kNone;  // No limit binds.
  Number size = out;
  if (compare(size, from_int(0)) < 0 && negate(out, size) != Fault::kNone) return Fault::kOverflow;
  return compare(size, limit) < 0 ? Fault::kNone : Fault::kOverflow;
}

Fault cast_one(Frame& frame, const Op& op, const Value& in, Value& out) {
  Fault fault = Fault::kNone;
  Number number;
  switch (static_cast<CastType>(op.extra)) {
    case CastType::kBool: return cast_bool(in, out);
    case CastType::kString: {
      if (in.is_text()) return out = string_value(in.text()), Fault::kNone;
      std::string_view text = in.type == Type::kJson ? in.text() : std::string_view();
      if (in.type != Type::kJson) fault = to_text(in, frame.arena, text);
      out = string_value(text);
      return fault;
    }
    case CastType::kTimestamp:
      return to_timestamp(in, out) == Fault::kNone ? Fault::kNone : Fault::kCast;
    case CastType::kInt: {
      if (fault = cast_to_number(in, number); fault != Fault::kNone) return fault;
      std::int64_t whole = 0;
      if (!to_int(number, whole)) return Fault::kOverflow;
      out = int_value(whole);
      return Fault::kNone;
    }
    case CastType::kFloat:
      if (fault = cast_to_number(in, number); fault != Fault::kNone) return fault;
      out = float_value(to_double(number));
      return Fault::kNone;
    case CastType::kDecimal: {
      if (fault = cast_to_number(in, number); fault != Fault::kNone) return fault;
      Number exact;
      fault = cast_decimal(number, op.more >> 8 & 0xff, op.more & 0xff, exact);
      if (fault != Fault::kNone) return fault;
      out = to_value(exact, frame.arena, fault);
      return fault;
    }
  }
  return Fault::kCast;
}

}  // namespace

void copy(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = a[row];
}

void set_null(Frame& frame, const Op& op) {
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = null_value();
}

void null_if(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  const std::uint8_t* in = frame.truth(op.truth);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op))
    out[row] = in[row] == kTrue ? null_value() : a[row];
}

void negate(Frame& frame, const Op& op) {
  on_number(frame, op, [](const Number& x, Number& y) { return filters::negate(x, y); });
}
void add(Frame& frame, const Op& op) { arithmetic<filters::add>(frame, op); }
void subtract(Frame& frame, const Op& op) { arithmetic<filters::subtract>(frame, op); }
void multiply(Frame& frame, const Op& op) { arithmetic<filters::multiply>(frame, op); }
void divide(Frame& frame, const Op& op) { arithmetic<filters::divide>(frame, op); }
void remainder(Frame& frame, const Op& op) { arithmetic<filters::remainder>(frame, op); }

void concat(Frame& frame, const Op& op) {
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    std::string_view x;
    std::string_view y;
    if (const Fault fault = to_text(a, frame.arena, x); fault != Fault::kNone) return fault;
    if (const Fault fault = to_text(b, frame.arena, y); fault != Fault::kNone) return fault;
    if (x.size() + y.size() > kMadeTextMax) return Fault::kTooLong;
    char* at = frame.arena.take(x.size() + y.size() + 1);
    if (at == nullptr) return Fault::kTooLong;
    std::copy(x.begin(), x.end(), at);
    std::copy(y.begin(), y.end(), at + x.size());
    out = string_value({at, x.size() + y.size()});
    return Fault::kNone;
  });
}

void cast(Frame& frame, const Op& op) {
  const bool attempt = (op.more >> 16) != 0;
  unary(frame, op, [&](const Value& a, Value& out) {
    const Fault fault = cast_one(frame, op, a, out);
    if (fault == Fault::kNone || !attempt || fault == Fault::kTooLong) return fault;
    out = null_value();
    return Fault::kNone;
  });
}

void extract(Frame& frame, const Op& op) {
  unary(frame, op, [&](const Value& a, Value& out) {
    Value time;
    if (const Fault fault = to_timestamp(a, time); fault != Fault::kNone) return fault;
    out = int_value(filters::extract(static_cast<DatePart>(op.extra), time));
    return Fault::kNone;
  });
}

void date_add(Frame& frame, const Op& op) {
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    std::int64_t count = 0;
    Value time;
    if (const Fault fault = small_int(a, count); fault != Fault::kNone) return fault;
    if (const Fault fault = to_timestamp(b, time); fault != Fault::kNone) return fault;
    const bool fits = filters::date_add(static_cast<DatePart>(op.extra), count, time, out);
    return fits ? Fault::kNone : Fault::kOverflow;
  });
}

void date_diff(Frame& frame, const Op& op) {
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    Value from;
    Value to;
    if (const Fault fault = to_timestamp(a, from); fault != Fault::kNone) return fault;
    if (const Fault fault = to_timestamp(b, to); fault != Fault::kNone) return fault;
    out = int_value(filters::date_diff(static_cast<DatePart>(op.extra), from, to));
    return Fault::kNone;
  });
}

void to_string(Frame& frame, const Op& op) {
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    Value time;
    if (const Fault fault = to_timestamp(a, time); fault != Fault::kNone) return fault;
    if (!b.is_text()) return Fault::kType;
    frame.scratch.clear();
    if (!format_timestamp(time, b.text(), frame.scratch)) return Fault::kArgument;
    return make_string(frame, frame.scratch, out);
  });
}

void to_timestamp(Frame& frame, const Op& op) {
  unary(frame, op, [](const Value& a, Value& out) { return filters::to_timestamp(a, out); });
}

void char_length(Frame& frame, const Op& op) {
  unary(frame, op, [](const Value& a, Value& out) {
    if (!a.is_text()) return Fault::kType;
    out = int_value(static_cast<std::int64_t>(characters(a.text())));
    return Fault::kNone;
  });
}

void lower(Frame& frame, const Op& op) {
  unary(frame, op, [&](const Value& a, Value& out) {
    if (!a.is_text()) return Fault::kType;
    const std::string_view text = map_case(a.text(), false, frame.arena);
    if (text.data() == nullptr) return Fault::kTooLong;
    out = string_value(text);
    return Fault::kNone;
  });
}

void upper(Frame& frame, const Op& op) {
  unary(frame, op, [&](const Value& a, Value& out) {
    if (!a.is_text()) return Fault::kType;
    const std::string_view text = map_case(a.text(), true, frame.arena);
    if (text.data() == nullptr) return Fault::kTooLong;
    out = string_value(text);
    return Fault::kNone;
  });
}

void substring(Frame& frame, const Op& op) {
  const Lane lengths = lane(frame, op.c);
  const Lane a = lane(frame, op.a);
  const Lane b = lane(frame, op.b);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value whole = a[row];  // Copies first: `out` may be an argument's register.
    const Value from = b[row];
    const Value wanted = lengths[row];
    out[row] = null_value();
    const bool bounded = op.extra != 0;
    if (whole.is_null() || from.is_null() || (bounded && wanted.is_null())) continue;
    std::int64_t start = 0;
    std::int64_t length = INT64_MAX;
    Fault fault = whole.is_text() ? small_int(from, start) : Fault::kType;
    if (fault == Fault::kNone && bounded) fault = small_int(wanted, length);
    if (fault == Fault::kNone && length < 0) fault = Fault::kArgument;
    if (fault != Fault::kNone) {
      frame.fault(row, fault, op.label);
      continue;
    }
    const std::string_view text = whole.text();
    const auto size = static_cast<std::int64_t>(text.size());
    // Counted from 1; a start below that eats into the length.
    std::int64_t end = length > size || start > size ? size + 1 : start + length;
    if (start < 1)
      end = length == INT64_MAX ? size + 1 : (start < -size - length ? 1 : start + length);
    start = std::max<std::int64_t>(start, 1);
    if (end <= start) {
      out[row] = string_value({"", 0});
      continue;
    }
    const std::size_t first = offset_of(text, static_cast<std::size_t>(start - 1));
    const std::size_t count = offset_of(text.substr(first), static_cast<std::size_t>(end - start));
    out[row] = string_value(text.substr(first, count));
  }
}

void trim(Frame& frame, const Op& op) {
  const bool leading = (op.extra & 1) != 0;
  const bool trailing = (op.extra & 2) != 0;
  if (op.more == 0) {
    unary(frame, op, [&](const Value& a, Value& out) {
      if (!a.is_text()) return Fault::kType;
      out = string_value(trimmed(a.text(), " ", leading, trailing));
      return Fault::kNone;
    });
    return;
  }
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    if (!a.is_text() || !b.is_text()) return Fault::kType;
    out = string_value(trimmed(a.text(), b.text(), leading, trailing));
    return Fault::kNone;
  });
}

void replace(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  const Lane b = lane(frame, op.b);
  const Lane c = lane(frame, op.c);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value x = a[row];  // Copies first: `out` may be an argument's register.
    const Value y = b[row];
    const Value z = c[row];
    out[row] = null_value();
    if (x.is_null() || y.is_null() || z.is_null()) continue;
    if (!x.is_text() || !y.is_text() || !z.is_text()) {
      frame.fault(row, Fault::kType, op.label);
      continue;
    }
    const std::string_view text = x.text();
    const std::string_view from = y.text();
    const std::string_view to = z.text();
    std::string& made = frame.scratch;
    made.clear();
    std::size_t at = 0;
    while (!from.empty() && made.size() <= kMadeTextMax) {
      const std::size_t hit = text.find(from, at);
      if (hit == std::string_view::npos) break;
      made.append(text.substr(at, hit - at)).append(to);
      at = hit + from.size();
    }
    made.append(text.substr(at));
    const Fault fault =
        made.size() > kMadeTextMax ? Fault::kTooLong : make_string(frame, made, out[row]);
    if (fault != Fault::kNone) frame.fault(row, fault, op.label);
  }
}

void hash64(Frame& frame, const Op& op) {
  unary(frame, op, [&](const Value& a, Value& out) {
    std::string_view text;
    if (const Fault fault = to_text(a, frame.arena, text); fault != Fault::kNone) return fault;
    out = int_value(static_cast<std::int64_t>(xxh64(text) >> 1));
    return Fault::kNone;
  });
}

void absolute(Frame& frame, const Op& op) {
  on_number(frame, op, [](const Number& x, Number& y) {
    if (compare(x, from_int(0)) < 0) return filters::negate(x, y);
    y = x;
    return Fault::kNone;
  });
}

void round(Frame& frame, const Op& op) {
  const auto rounding = static_cast<Rounding>(op.extra);
  if (op.more == 0) {
    on_number(frame, op,
              [=](const Number& x, Number& y) { return filters::round(x, 0, rounding, y); });
    return;
  }
  binary(frame, op, [&](const Value& a, const Value& b, Value& out) {
    Number x;
    Number y;
    std::int64_t digits = 0;
    if (const Fault fault = to_number(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = small_int(b, digits); fault != Fault::kNone) return fault;
    if (digits < -38 || digits > 38) return Fault::kArgument;
    Fault fault = filters::round(x, static_cast<int>(digits), rounding, y);
    if (fault == Fault::kNone) out = to_value(y, frame.arena, fault);
    return fault;
  });
}

void part(Frame& frame, const Op& op) {
  unary(frame, op, [&](const Value& a, Value& out) {
    std::string_view text = a.text();
    for (std::uint32_t i = 1; i < op.extra; ++i) {
      const std::size_t slash = text.find('/');
      if (slash == std::string_view::npos) return out = missing_value(), Fault::kNone;
      text.remove_prefix(slash + 1);
    }
    out = string_value(text.substr(0, text.find('/')));
    return Fault::kNone;
  });
}

}  // namespace creel::filters::kernel
