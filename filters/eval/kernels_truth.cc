#include <algorithm>
#include <cstring>

#include "filters/eval/kernels.h"

namespace creel::filters::kernel {
namespace {

constexpr std::uint8_t kNotTable[] = {kTrue, kFalse, kUnknown};
constexpr std::uint8_t kAndTable[3][3] = {
    {kFalse, kFalse, kFalse}, {kFalse, kTrue, kUnknown}, {kFalse, kUnknown, kUnknown}};
constexpr std::uint8_t kOrTable[3][3] = {
    {kFalse, kTrue, kUnknown}, {kTrue, kTrue, kTrue}, {kUnknown, kTrue, kUnknown}};

template <class Keep>
void narrow(Frame& frame, const Op& op, Keep keep) {
  const std::uint16_t* from = frame.selection(op.rows);
  const std::uint32_t count = frame.selected[op.rows];
  std::uint16_t* to = frame.selection(op.to);
  std::uint32_t kept = 0;
  const Fault* faults = frame.faults.data();
  for (std::uint32_t i = 0; i < count; ++i) {  // In place too: the writer never overtakes.
    const std::uint16_t row = from[i];
    to[kept] = row;
    kept += static_cast<std::uint32_t>(keep(row)) &
            static_cast<std::uint32_t>(faults[row] == Fault::kNone);
  }
  frame.selected[op.to] = kept;
}

bool holds(std::uint32_t compare, int order) {
  switch (compare) {
    case kEq: return order == 0;
    case kNe: return order != 0;
    case kLt: return order < 0;
    case kLe: return order <= 0;
    case kGt: return order > 0;
    default: return order >= 0;
  }
}

// A predicate on the text of `a`; NULL gives unknown, anything but text a type fault.
template <class Test>
void text_predicate(Frame& frame, const Op& op, Test test) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value& value = a[row];
    if (value.is_text()) {
      out[row] = test(value.text()) ? kTrue : kFalse;
    } else {
      out[row] = kUnknown;
      if (!value.is_null()) frame.fault(row, Fault::kType, op.label);
    }
  }
}

}  // namespace

void not_truth(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = kNotTable[in[row]];
}

void and_truth(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = kAndTable[out[row]][in[row]];
}

void or_truth(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = kOrTable[out[row]][in[row]];
}

void truth_of_value(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  const Value yes = bool_value(true);
  for (const std::uint16_t row : Rows(frame, op)) {
    int order = 0;
    out[row] = kUnknown;
    if (a[row].is_null()) continue;
    const bool kind_fits = a[row].type == Type::kBool || a[row].type == Type::kText;
    const Fault fault = kind_fits ? compare_values(a[row], yes, order) : Fault::kType;
    if (fault != Fault::kNone) frame.fault(row, fault, op.label);
    else out[row] = order == 0 ? kTrue : kFalse;
  }
}

void value_of_truth(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  Value* out = frame.result(op.to);
  for (const std::uint16_t row : Rows(frame, op))
    out[row] = in[row] == kUnknown ? null_value() : bool_value(in[row] == kTrue);
}

void is_truth(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = in[row] == op.extra ? kTrue : kFalse;
}

void set_truth(Frame& frame, const Op& op) {
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = static_cast<std::uint8_t>(op.extra);
}

void is_null(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) out[row] = a[row].is_null() ? kTrue : kFalse;
}

void is_missing(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op))
    out[row] = a[row].type == Type::kMissing ? kTrue : kFalse;
}

void narrow_not_false(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  narrow(frame, op, [in](std::uint16_t row) { return in[row] != kFalse; });
}
void narrow_not_true(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  narrow(frame, op, [in](std::uint16_t row) { return in[row] != kTrue; });
}
void narrow_true(Frame& frame, const Op& op) {
  const std::uint8_t* in = frame.truth(op.truth);
  narrow(frame, op, [in](std::uint16_t row) { return in[row] == kTrue; });
}
void narrow_null(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  narrow(frame, op, [a](std::uint16_t row) { return a[row].is_null(); });
}

void compare_any(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  const Lane b = lane(frame, op.b);
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op)) {
    out[row] = kUnknown;
    if (a[row].is_null() || b[row].is_null()) continue;
    int order = 0;
    const Fault fault = compare_values(a[row], b[row], order);
    if (fault != Fault::kNone) frame.fault(row, fault, op.label);
    else out[row] = holds(op.extra, order) ? kTrue : kFalse;
  }
}

// The fused shape that carries most rules: parse the cell and compare, without making a number of
// it.
template <Compare C>
void compare_bound(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  const NumberBound& bound = frame.program.bounds[op.extra];
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value& value = a[row];
    std::int64_t digits;
    unsigned scale;
    int order;
    if ((value.type == Type::kText || value.type == Type::kNumber) &&
        parse_plain(value.data, value.length, digits, scale)) {
      order = bound.compare(digits, scale);
    } else {
      out[row] = kUnknown;
      if (value.is_null()) continue;
      Number number;
      const Fault fault = to_number(value, number);
      if (fault != Fault::kNone) {
        frame.fault(row, fault, op.label);
        continue;
      }
      order = compare(number, bound.constant());
    }
    out[row] = holds(C, order) ? kTrue : kFalse;
  }
}
template void compare_bound<kEq>(Frame&, const Op&);
template void compare_bound<kNe>(Frame&, const Op&);
template void compare_bound<kLt>(Frame&, const Op&);
template void compare_bound<kLe>(Frame&, const Op&);
template void compare_bound<kGt>(Frame&, const Op&);
template void compare_bound<kGe>(Frame&, const Op&);

void compare_string(Frame& frame, const Op& op) {
  const std::string_view constant = frame.program.constants[op.b.index].text();
  if (op.more == kEq || op.more == kNe) {
    const bool equal = op.more == kEq;
    text_predicate(frame, op, [=](std::string_view text) {
      return (text.size() == constant.size() &&
              std::memcmp(text.data(), constant.data(), constant.size()) == 0) == equal;
    });
    return;
  }
  const std::uint32_t compare = op.more;
  text_predicate(frame, op,
                 [=](std::string_view text) { return holds(compare, text.compare(constant)); });
}

void in_strings(Frame& frame, const Op& op) {
  const StringSet& set = frame.program.string_sets[op.extra];
  text_predicate(frame, op, [&](std::string_view text) { return set.contains(text); });
  if (!set.with_null) return;
  std::uint8_t* out = frame.truth(op.to);
  for (const std::uint16_t row : Rows(frame, op))
    if (out[row] == kFalse) out[row] = kUnknown;
}

void in_numbers(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  std::uint8_t* out = frame.truth(op.to);
  const NumberSet& set = frame.program.number_sets[op.extra];
  for (const std::uint16_t row : Rows(frame, op)) {
    const Value& value = a[row];
    out[row] = kUnknown;
    if (value.is_null()) continue;
    Number number;
    std::int64_t digits = 0;
    unsigned scale = 0;
    const bool plain = (value.type == Type::kText || value.type == Type::kNumber) &&
                       parse_plain(value.data, value.length, digits, scale);
    if (!plain) {
      const Fault fault = to_number(value, number);
      if (fault != Fault::kNone) {
        frame.fault(row, fault, op.label);
        continue;
      }
    }
    out[row] = set.with_null ? kUnknown : kFalse;
    for (const NumberBound& bound : set.items) {
      if ((plain ? bound.compare(digits, scale) : compare(number, bound.constant())) != 0) continue;
      out[row] = kTrue;
      break;
    }
  }
}

void like_constant(Frame& frame, const Op& op) {
  const LikePattern& pattern = frame.program.likes[op.extra];
  text_predicate(frame, op, [&](std::string_view text) { return pattern.matches(text); });
}

void like_any(Frame& frame, const Op& op) {
  const Lane a = lane(frame, op.a);
  const Lane b = lane(frame, op.b);
  const std::string_view escape = op.more != 0 ? frame.program.constants[op.c.index].text() : "";
  std::uint8_t* out = frame.truth(op.to);
  LikePattern pattern;
  std::string reason;
  for (const std::uint16_t row : Rows(frame, op)) {
    out[row] = kUnknown;
    if (a[row].is_null() || b[row].is_null()) continue;
    if (!a[row].is_text() || !b[row].is_text()) frame.fault(row, Fault::kType, op.label);
    else if (!pattern.parse(b[row].text(), escape, reason))
      frame.fault(row, Fault::kArgument, op.label);
    else out[row] = pattern.matches(a[row].text()) ? kTrue : kFalse;
  }
}

void automaton(Frame& frame, const Op& op) {
  const Automaton& machine = frame.program.automata[op.extra];
  text_predicate(frame, op, [&](std::string_view text) { return machine.matches(text); });
}

}  // namespace creel::filters::kernel
