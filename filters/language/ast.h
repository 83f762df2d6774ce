#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/number.h"
#include "filters/eval/timestamp.h"

namespace creel::filters {

// A name as written: bare names ignore ASCII case, "quoted" ones do not.
struct Name {
  std::string text;
  bool exact = false;
  bool matches(std::string_view other) const;
};

struct Step {
  enum class Kind : std::uint8_t { kName, kIndex };
  Kind kind = Kind::kName;
  Name name{};
  std::uint32_t index = 0;
};

// Where a value comes from: the record, or the object that holds it (`o.…`).
struct Path {
  bool of_object = false;
  std::uint32_t position = 0;  // _1, _2, …: a CSV column by number; then `steps` is empty.
  std::vector<Step> steps{};
  std::uint32_t offset = 0;    // In the statement, for messages.
};

enum class Function : std::uint8_t {
  kCoalesce,
  kNullif,
  kCharLength,
  kLower,
  kUpper,
  kSubstring,
  kTrim,
  kDateAdd,
  kDateDiff,
  kToString,
  kToTimestamp,
  kReplace,
  kCidr,
  kHash64,
  kLuhn,
  kAbs,
  kRound,
  kFloor,
  kCeil,
  kHmac,
  kMask,
  kRedact,
  kTruncIp,
  kRoundGeo,
  kPart,
};

enum class ExprKind : std::uint8_t {
  kNumber,
  kString,
  kBool,
  kNull,
  kMissing,
  kTimestamp,  // Literals.
  kPath,
  kNegate,
  kNot,
  kAnd,
  kOr,                                             // Any number of arguments.
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kConcat,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kBetween,
  kIn,
  kLike,
  kGlob,
  kMatches,                 // `negated` for NOT.
  kIsNull,
  kIsMissing,
  kIsTrue,
  kIsFalse,
  kCase,      // [operand] {when, then} [else], see has_operand, has_else.
  kCast,
  kTryCast,
  kExtract,
  kCall,
};

enum class CastType : std::uint8_t { kBool, kInt, kFloat, kDecimal, kString, kTimestamp };

struct Expr {
  ExprKind kind = ExprKind::kNull;
  std::uint32_t offset = 0;
  std::uint32_t depth = 1;  // Of this tree; bounded by kExprDepthMax.
  std::vector<std::unique_ptr<Expr>> args{};
  Number number{};
  std::string text{};  // kString; the pattern of kGlob and kMatches; the escape of kLike.
  Value timestamp{};
  Path path{};
  Function function = Function::kCoalesce;
  CastType cast = CastType::kString;
  std::uint8_t cast_precision = 0;  // DECIMAL(p, s); 0 = not given.
  std::uint8_t cast_scale = 0;
  DatePart part = DatePart::kYear;
  bool truth = false;
  bool negated = false;
  bool has_operand = false;
  bool has_else = false;
  bool has_escape = false;
  bool leading = true;   // kTrim
  bool trailing = true;  // kTrim
};
using ExprPtr = std::unique_ptr<Expr>;

inline constexpr std::uint32_t kExprDepthMax = 64;
inline constexpr std::uint32_t kExprNodesMax = 4096;
inline constexpr std::uint32_t kInListMax = 4096;
inline constexpr std::uint32_t kColumnsMax = 1024;

struct Item {
  ExprPtr expr;
  std::string name;  // Given, or made from the path, or _n.
  std::uint32_t offset = 0;
};

struct Replacement {
  ExprPtr expr;
  Path path;
};

struct Statement {
  bool star = false;
  std::vector<Path> except{};
  std::vector<Replacement> replace{};
  std::vector<Item> items{};  // Empty if star.
  ExprPtr where{};
  std::optional<std::uint64_t> limit{};
};

// Canonical text: keywords upper case, names quoted, one space, every implied parenthesis written.
// Two statements with the same text compute the same.
std::string print(const Statement& statement);
std::string print(const Expr& expr);
std::string print(const Path& path);
std::string_view function_name(Function function);
bool is_redaction(Function function);

}  // namespace creel::filters
