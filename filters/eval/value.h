#pragma once
#include <cstdint>
#include <string_view>

namespace creel::filters {

// The dynamic type of one value. CSV cells and JSON numbers stay text until an operation needs them
// as numbers, so that a column nobody computes with costs nothing and is copied as it was spelled.
enum class Type : std::uint8_t {
  kMissing,  // The path does not exist in this record. Behaves as NULL in operators.
  kNull,
  kBool,
  kInt,
  kFloat,  // Never NaN or infinite: those are errors where they arise.
  kDecimal,
  kString,  // UTF-8
  kText,  // An unquoted or quoted CSV cell: a string that may be read as a number.
  kNumber,  // A JSON number as spelled.
  kTimestamp,
  kJson,  // A JSON list or struct as spelled; may only be passed through.
};

// Up to 38 decimal digits in two limbs, because armhf has no 128-bit integer.
struct Decimal {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint8_t scale = 0;  // Digits after the point, 0..38.
  bool negative = false;
};

// How much of a timestamp was written; printing gives back no more than that.
enum class Precision : std::uint8_t { kYear, kMonth, kDay, kMinute, kSecond, kFraction };

// 16 bytes. Text and decimals are borrowed: from the record's bytes, the program's constants or the
// batch arena, all of which live until the batch is written.
struct Value {
  Type type = Type::kMissing;
  Precision precision = Precision::kYear;  // kTimestamp
  std::int16_t offset_minutes = 0;  // kTimestamp: local minus UTC.
  std::uint32_t length = 0;  // Bytes of text.
  union {
    std::int64_t integer = 0;  // kInt; kTimestamp: microseconds since 1970 UTC; kBool: 0 or 1.
    double real;
    const char* data;
    const Decimal* decimal;
  };

  std::string_view text() const { return {data, length}; }
  bool is_null() const { return type <= Type::kNull; }
  bool is_text() const { return type == Type::kString || type == Type::kText; }
};
static_assert(sizeof(Value) == 16);

inline Value null_value() {
  Value v;
  v.type = Type::kNull;
  return v;
}
inline Value missing_value() { return Value{}; }
inline Value bool_value(bool truth) {
  Value v;
  v.type = Type::kBool;
  v.integer = truth ? 1 : 0;
  return v;
}
inline Value int_value(std::int64_t n) {
  Value v;
  v.type = Type::kInt;
  v.integer = n;
  return v;
}
inline Value float_value(double x) {
  Value v;
  v.type = Type::kFloat;
  v.real = x;
  return v;
}
inline Value text_value(Type type, std::string_view text) {
  Value v;
  v.type = type;
  v.data = text.data();
  v.length = static_cast<std::uint32_t>(text.size());
  return v;
}
inline Value string_value(std::string_view text) { return text_value(Type::kString, text); }

// Why a record failed. The names stand in dead letters and metrics, so they never change.
enum class Fault : std::uint8_t {
  kNone,
  kCsv,  // Broken quoting.
  kJson,  // Not one JSON object, or a key twice where that matters.
  kRagged,  // Another number of cells than the header has.
  kTooLong,  // Over max_record, or a made value over the memory bound.
  kUtf8,
  kType,  // A value of a kind this operation does not take.
  kNumber,  // Text that is not a number where one is needed.
  kCast,
  kOverflow,
  kDivision,  // By zero.
  kArgument,  // A value outside what the function takes.
  kRedaction,  // Inside HMAC, MASK, REDACT, TRUNC_IP or ROUND_GEO: holds the object.
  kColumns,  // A column that is not declared.
  kWhere,  // Not a fault: where_false = "dlq".
};
std::string_view fault_name(Fault fault);

}  // namespace creel::filters
