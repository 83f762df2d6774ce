#pragma once
#include "filters/eval/program.h"

// The operations of the machine. Each works on the rows of op.rows; what it reads and writes stands
// in its Op. A row that fails gets a fault and a NULL result; a later narrow drops it from the
// selection.
namespace creel::filters::kernel {

// Truths. `to` and `truth` are truth registers, except where a selection is written.
void not_truth(Frame&, const Op&);  // to = NOT truth
void and_truth(Frame&, const Op&);  // to = to AND truth
void or_truth(Frame&, const Op&);  // to = to OR truth
void truth_of_value(Frame&, const Op&);  // to = a, which must be a bool
void value_of_truth(Frame&, const Op&);  // register to = truth
void is_truth(Frame&, const Op&);  // to = (truth == extra)
void set_truth(Frame&, const Op&);  // to = extra
void is_null(Frame&, const Op&);  // to = a is NULL or MISSING
void is_missing(Frame&, const Op&);  // to = a is MISSING

// Selections. Rows with a fault never get through.
void narrow_not_false(Frame&, const Op&);  // selection to = rows whose truth is not FALSE
void narrow_not_true(Frame&, const Op&);
void narrow_true(Frame&, const Op&);
void narrow_null(Frame&, const Op&);  // selection to = rows whose a is NULL

// Comparisons into truth `to`. extra: one of the Compare values.
enum Compare : std::uint32_t { kEq, kNe, kLt, kLe, kGt, kGe };
void compare_any(Frame&, const Op&);  // a with b
template <Compare C>
void compare_bound(Frame&, const Op&);  // a with number bound `extra`
void compare_string(Frame&, const Op&);  // a with constant string b; more: Compare
void in_strings(Frame&, const Op&);  // a in string set `extra`
void in_numbers(Frame&, const Op&);  // a in number set `extra`
void like_constant(Frame&, const Op&);  // a LIKE pattern `extra`
void like_any(Frame&, const Op&);  // a LIKE b, ESCAPE c if more
void automaton(Frame&, const Op&);  // GLOB, MATCHES: automaton `extra`
void cidr(Frame&, const Op&);  // a in range `extra`
void luhn(Frame&, const Op&);

// Values into register `to`.
void copy(Frame&, const Op&);
void set_null(Frame&, const Op&);
void null_if(Frame&, const Op&);  // to = truth ? NULL : a
void negate(Frame&, const Op&);
void add(Frame&, const Op&);
void subtract(Frame&, const Op&);
void multiply(Frame&, const Op&);
void divide(Frame&, const Op&);
void remainder(Frame&, const Op&);
void concat(Frame&, const Op&);
void cast(Frame&, const Op&);  // extra: CastType; more: try << 16 | precision << 8 | scale
void extract(Frame&, const Op&);  // extra: DatePart
void date_add(Frame&, const Op&);  // extra: DatePart; a count, b timestamp
void date_diff(Frame&, const Op&);  // extra: DatePart
void to_string(Frame&, const Op&);  // a timestamp, b pattern
void to_timestamp(Frame&, const Op&);
void char_length(Frame&, const Op&);
void lower(Frame&, const Op&);
void upper(Frame&, const Op&);
void substring(Frame&, const Op&);  // a text, b start, c length if extra
void trim(Frame&, const Op&);  // a text, b characters if more; extra: 1 leading, 2 trailing
void replace(Frame&, const Op&);
void hash64(Frame&, const Op&);
void absolute(Frame&, const Op&);
void round(Frame&, const Op&);  // a number, b digits if more; extra: Rounding
void part(Frame&, const Op&);  // a text; extra: which piece between slashes, from 1

// Redactions: any failure is Fault::kRedaction.
void hmac(Frame&, const Op&);
void mask(Frame&, const Op&);  // a text; extra: left; more: right
enum class RedactKind : std::uint32_t { kEmail, kPan, kIpv4, kIban };
void redact(Frame&, const Op&);  // a text; extra: RedactKind
void truncate_ip(Frame&, const Op&);
void round_geo(Frame&, const Op&);  // a number; extra: digits

}  // namespace creel::filters::kernel
