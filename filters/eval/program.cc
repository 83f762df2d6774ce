#include "filters/eval/program.h"

#include <algorithm>
#include <cstring>

#include "platform/base/check.h"

namespace creel::filters {

std::string_view fault_name(Fault fault) {
  constexpr std::string_view kNames[] = {"none",     "csv",      "json",      "ragged",  "too_long",
                                         "utf8",     "type",     "number",    "cast",    "overflow",
                                         "division", "argument", "redaction", "columns", "where"};
  return kNames[static_cast<int>(fault)];
}

bool StringSet::contains(std::string_view text) const {
  if (items.size() <= 8) {
    for (const std::string& item : items)
      if (item == text) return true;
    return false;
  }
  return std::binary_search(items.begin(), items.end(), text,
                            [](std::string_view a, std::string_view b) { return a < b; });
}

std::uint32_t Program::batch_rows() const {
  const std::size_t lanes = slots.size() + registers + 1;
  const std::size_t rows = 65'536 / lanes;
  return static_cast<std::uint32_t>(std::clamp<std::size_t>(rows, 16, kBatchRowsMax));
}

Frame::Frame(const Program& p, const KeyedHash* k, std::size_t text_bytes_max)
    : program(p),
      key(k),
      capacity(p.batch_rows()),
      slot_values(p.slots.size() * capacity),
      slot_is_object(p.slots.size(), 0),
      register_values(std::size_t{p.registers} * capacity),
      truth_values(std::size_t{p.truths} * capacity),
      selection_rows(std::size_t{p.selections} * capacity),
      selected(p.selections, 0),
      faults(capacity, Fault::kNone),
      fault_labels(capacity, 0),
      arena(text_bytes_max) {}

void Frame::begin(std::uint32_t count) {
  check(count <= capacity);
  arena.reset();
  std::uint16_t* rows = selection(kAllRows);
  for (std::uint32_t i = 0; i < count; ++i) rows[i] = static_cast<std::uint16_t>(i);
  selected[kAllRows] = count;
  std::memset(faults.data(), 0, count);
  any_fault = false;
}

void Frame::set_object_value(std::size_t slot_index, const Value& value) {
  slot_is_object[slot_index] = 1;
  *slot(slot_index) = value;
}

Lane lane(Frame& frame, Operand operand) {
  switch (operand.kind) {
    case Operand::Kind::kConstant: return {&frame.program.constants[operand.index], 0};
    case Operand::Kind::kSlot:
      return {frame.slot(operand.index), frame.slot_is_object[operand.index] != 0 ? 0u : 1u};
    case Operand::Kind::kRegister: return {frame.result(operand.index), 1};
  }
  check(false);
  return {};
}

void run(Frame& frame, const std::vector<Op>& ops) {
  for (const Op& op : ops) op.run(frame, op);
}

std::uint32_t keep_true(Frame& frame, std::uint16_t truth) {
  const std::uint8_t* truths = frame.truth(truth);
  std::uint16_t* rows = frame.selection(kAllRows);
  const std::uint32_t count = frame.selected[kAllRows];
  std::uint32_t kept = 0;
  std::uint32_t unknown = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint16_t row = rows[i];
    const bool alive = frame.faults[row] == Fault::kNone;
    rows[kept] = row;
    kept += alive && truths[row] == kTrue;
    unknown += alive && truths[row] == kUnknown;
  }
  frame.selected[kAllRows] = kept;
  return unknown;
}

Fault to_number(const Value& value, Number& out) {
  switch (value.type) {
    case Type::kInt: out = from_int(value.integer); return Fault::kNone;
    case Type::kFloat: out = from_float(value.real); return Fault::kNone;
    case Type::kDecimal: out = from_decimal(*value.decimal); return Fault::kNone;
    case Type::kText:
    case Type::kNumber: {
      std::int64_t digits;
      unsigned scale;
      if (parse_plain(value.data, value.length, digits, scale)) {
        if (scale == 0) {
          out = from_int(digits);
        } else {
          Decimal d;
          d.negative = digits < 0;
          d.low = static_cast<std::uint64_t>(digits < 0 ? -digits : digits);
          d.scale = static_cast<std::uint8_t>(scale);
          out = from_decimal(d);
        }
        return Fault::kNone;
      }
      return parse_number(value.text(), out) ? Fault::kNone : Fault::kNumber;
    }
    default: return Fault::kType;
  }
}

Value to_value(const Number& number, Arena& arena, Fault& fault) {
  if (number.kind == Number::Kind::kInt) return int_value(number.integer);
  if (number.kind == Number::Kind::kFloat) return float_value(number.real);
  char* at = arena.take(sizeof(Decimal));
  if (at == nullptr) {
    fault = Fault::kTooLong;
    return null_value();
  }
  Value v;
  v.type = Type::kDecimal;
  v.decimal = new (at) Decimal(number.decimal);
  return v;
}

Fault to_timestamp(const Value& value, Value& out) {
  if (value.type == Type::kTimestamp) {
    out = value;
    return Fault::kNone;
  }
  if (!value.is_text()) return Fault::kType;
  return parse_timestamp(value.text(), out) ? Fault::kNone : Fault::kCast;
}

namespace {

bool is_numeric(Type type) {
  return type == Type::kInt || type == Type::kFloat || type == Type::kDecimal ||
         type == Type::kNumber;
}

Fault to_bool(const Value& value, bool& out) {
  if (value.type == Type::kBool) {
    out = value.integer != 0;
    return Fault::kNone;
  }
  if (value.type != Type::kText) return Fault::kType;
  const std::string_view text = value.text();
  const auto is = [&](std::string_view word) {
    return text.size() == word.size() && std::equal(text.begin(), text.end(), word.begin(),
                                                    [](char a, char b) { return (a | 0x20) == b; });
  };
  out = is("true");
  return out || is("false") ? Fault::kNone : Fault::kType;
}

}  // namespace

Fault compare_values(const Value& a, const Value& b, int& order) {
  if (a.is_text() && b.is_text()) {
    const int c = a.text().compare(b.text());
    order = c < 0 ? -1 : c > 0 ? 1 : 0;
    return Fault::kNone;
  }
  if (is_numeric(a.type) || is_numeric(b.type)) {
    Number x;
    Number y;
    if (const Fault fault = to_number(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = to_number(b, y); fault != Fault::kNone) return fault;
    order = compare(x, y);
    return Fault::kNone;
  }
  if (a.type == Type::kTimestamp || b.type == Type::kTimestamp) {
    Value x;
    Value y;
    if (const Fault fault = to_timestamp(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = to_timestamp(b, y); fault != Fault::kNone) return fault;
    order = x.integer < y.integer ? -1 : x.integer > y.integer ? 1 : 0;
    return Fault::kNone;
  }
  if (a.type == Type::kBool || b.type == Type::kBool) {
    bool x = false;
    bool y = false;
    if (const Fault fault = to_bool(a, x); fault != Fault::kNone) return fault;
    if (const Fault fault = to_bool(b, y); fault != Fault::kNone) return fault;
    order = int{x} - int{y};
    return Fault::kNone;
  }
  return Fault::kType;
}

std::size_t print_scalar(const Value& value, char* out, std::size_t room) {
  check(room >= kNumberText && room >= kTimestampText);
  switch (value.type) {
    case Type::kBool: {
      const std::string_view word = value.integer != 0 ? "true" : "false";
      std::memcpy(out, word.data(), word.size());
      return word.size();
    }
    case Type::kInt: return print_number(from_int(value.integer), out);
    case Type::kFloat: return print_number(from_float(value.real), out);
    case Type::kDecimal: return print_number(from_decimal(*value.decimal), out);
    case Type::kTimestamp: return print_timestamp(value, out);
    default: check(false);
  }
  return 0;
}

Fault to_text(const Value& value, Arena& arena, std::string_view& out) {
  switch (value.type) {
    case Type::kString:
    case Type::kText:
    case Type::kNumber: out = value.text(); return Fault::kNone;
    case Type::kBool:
    case Type::kInt:
    case Type::kFloat:
    case Type::kDecimal:
    case Type::kTimestamp: {
      char* at = arena.take(64);
      if (at == nullptr) return Fault::kTooLong;
      out = {at, print_scalar(value, at, 64)};
      return Fault::kNone;
    }
    default: return Fault::kType;
  }
}

}  // namespace creel::filters
