#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/eval/arena.h"
#include "filters/eval/number.h"
#include "filters/eval/pattern.h"
#include "filters/eval/timestamp.h"
#include "filters/eval/value.h"
#include "filters/language/ast.h"

namespace creel::filters {

class KeyedHash;

// The machine runs one operation over all selected rows of a batch before the next: one dispatch
// per operation and batch. Truths are bytes of their own; all other values are 16-byte Values.
enum Truth : std::uint8_t { kFalse = 0, kTrue = 1, kUnknown = 2 };

inline constexpr std::uint32_t kBatchRowsMax = 512;
inline constexpr std::uint16_t kAllRows = 0;  // The selection every program starts with.

struct Operand {
  enum class Kind : std::uint8_t { kConstant, kSlot, kRegister };
  Kind kind = Kind::kConstant;
  std::uint16_t index = 0;
};

struct Frame;
struct Op;
using Kernel = void (*)(Frame&, const Op&);

struct Op {
  Kernel run = nullptr;
  const char* name = "";          // For explain.
  std::uint16_t rows = kAllRows;  // Selection this works on.
  std::uint16_t to = 0;           // Register, truth or selection written.
  std::uint16_t truth = 0;        // Truth read.
  std::uint16_t label = 0;        // Which column a fault is reported on; see Program::labels.
  Operand a{};
  Operand b{};
  Operand c{};
  std::uint32_t extra = 0;  // Index of a pattern, set or bound, or small parameters.
  std::uint32_t more = 0;
};

// A value the program reads: filled by the record reader, or once per object.
struct Slot {
  Path path{};
  bool used_by_where = false;
};

// Constants of an IN list, sorted so that a long one costs a binary search.
struct StringSet {
  std::vector<std::string> items{};
  bool with_null = false;
  bool contains(std::string_view text) const;
};
struct NumberSet {
  std::vector<NumberBound> items{};
  bool with_null = false;
};

struct CidrRange {
  std::uint8_t bytes[16] = {};
  unsigned bits = 0;
  bool v6 = false;
};

// A compiled statement or predicate. Immutable, shared by all objects the rule works on.
struct Program {
  std::vector<Op> where_ops{};           // Over kAllRows.
  std::optional<std::uint16_t> where{};  // Truth that keeps a row; none: all are kept.
  std::vector<Op> item_ops{};            // Over the kept rows, also in kAllRows.
  std::vector<Slot> slots{};
  std::vector<Value> constants{};
  std::deque<std::string> texts{};       // Stable storage behind constants.
  std::deque<Decimal> decimals{};
  std::vector<NumberBound> bounds{};
  std::vector<NumberSet> number_sets{};
  std::vector<StringSet> string_sets{};
  std::vector<LikePattern> likes{};
  std::vector<Automaton> automata{};
  std::vector<CidrRange> ranges{};
  std::vector<std::string> labels{""};   // Column names for dead letters; 0 is none.
  std::uint16_t registers = 0;
  std::uint16_t truths = 0;
  std::uint16_t selections = 1;

  // How many rows a batch may have so that a frame stays within about a megabyte.
  std::uint32_t batch_rows() const;
};

// The working memory of one program on one batch; made once per object.
struct Frame {
  Frame(const Program& program, const KeyedHash* key, std::size_t text_bytes_max);

  // Begins a batch of `count` rows, all selected, none failed.
  void begin(std::uint32_t count);

  Value* slot(std::size_t index) { return &slot_values[index * capacity]; }
  // One value for every row: fields of the object.
  void set_object_value(std::size_t slot_index, const Value& value);
  void fault(std::uint32_t row, Fault fault, std::uint16_t label) {
    if (faults[row] != Fault::kNone) return;  // The first one counts.
    faults[row] = fault;
    fault_labels[row] = label;
    any_fault = true;
  }
  std::uint16_t* selection(std::uint16_t index) { return &selection_rows[index * capacity]; }
  std::uint8_t* truth(std::uint16_t index) { return &truth_values[index * capacity]; }
  Value* result(std::uint16_t index) { return &register_values[index * capacity]; }

  const Program& program;
  const KeyedHash* key;  // Null if the rule has none.
  std::uint32_t capacity;
  std::vector<Value> slot_values;
  std::vector<std::uint8_t> slot_is_object;
  std::vector<Value> register_values;
  std::vector<std::uint8_t> truth_values;
  std::vector<std::uint16_t> selection_rows;
  std::vector<std::uint32_t> selected;  // Rows in each selection.
  std::vector<Fault> faults;
  std::vector<std::uint16_t> fault_labels;
  bool any_fault = false;
  Arena arena;
  std::string scratch;
};

// An operand seen as an array; constants and object fields repeat.
struct Lane {
  const Value* base;
  std::uint32_t stride;
  const Value& operator[](std::uint32_t row) const { return base[row * stride]; }
};
Lane lane(Frame& frame, Operand operand);

// The rows an operation works on.
struct Rows {
  Rows(Frame& frame, const Op& op) : at(frame.selection(op.rows)), count(frame.selected[op.rows]) {}
  const std::uint16_t* begin() const { return at; }
  const std::uint16_t* end() const { return at + count; }
  const std::uint16_t* at;
  std::uint32_t count;
};

void run(Frame& frame, const std::vector<Op>& ops);
// Keeps in selection 0 the rows whose truth is kTrue and that have not failed; counts the unknown
// ones.
std::uint32_t keep_true(Frame& frame, std::uint16_t truth);

// What an operation needs of a value; kNone, or why not. Nulls are the caller's business.
Fault to_number(const Value& value, Number& out);
Value to_value(const Number& number, Arena& arena, Fault& fault);
Fault compare_values(const Value& a, const Value& b, int& order);
Fault to_timestamp(const Value& value, Value& out);
// The text form of any scalar; made in the arena if it is not text already.
Fault to_text(const Value& value, Arena& arena, std::string_view& out);
std::size_t print_scalar(const Value& value, char* out,
                         std::size_t room);  // Numbers, bools, timestamps.

}  // namespace creel::filters
