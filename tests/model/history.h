// What clients saw: the record of a run that the checkers judge. As JSON lines on disk, and in a
// compact notation for histories made by hand.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace creel::test {

enum class Did : std::uint8_t { kWrite, kRead, kDelete, kList };
enum class Came : std::uint8_t {
  kOk,
  kRefused,  // 412: the condition did not hold.
  kAbsent,   // 404 to a conditional write. (A read of nothing is kOk with an empty value.)
  kUnknown,  // No answer, or one that promises nothing: it may take effect until `dead_ns`.
};
inline constexpr std::int64_t kNever = INT64_MAX;

struct HistoryOp {
  int process = 0;
  Did did = Did::kRead;
  std::string key;          // kList: the prefix.
  std::string value;        // Written or read; names its writer. Empty: absent.
  std::string if_match;     // A value, or "*". Empty: no condition.
  bool if_absent = false;   // If-None-Match: *
  Came came = Came::kOk;
  std::int64_t call_ns = 0;
  std::int64_t return_ns = 0;      // kUnknown: kNever.
  std::int64_t dead_ns = kNever;   // kUnknown: no effect can begin later (its server died).
  std::vector<std::string> keys;   // kList: what was shown.
};
using History = std::vector<HistoryOp>;

std::string to_json_line(const HistoryOp& op);
// Errors: kInvalid names the line.
Result<History> parse_json_lines(std::string_view text);

// One history in one line, for people: blank-separated `[key.]WHAT[!_?]@call-return`, where WHAT is
//   w1 writes value 1        n1 writes it if absent     m1>2 writes 2 if 1 is there (m*>2:
//   anything) r1 reads 1, r_ nothing   d deletes                  e1 deletes if 1 is there l(a,b)
//   lists and sees a and b
// and ! says refused (412), _ (behind m) absent (404), ? no answer: then `@4-` may act for ever and
// `@4-9` not after 9. Without a key it is x. Errors: kInvalid names the word.
Result<History> parse_compact(std::string_view line);
std::string to_compact(const HistoryOp& op);

}  // namespace creel::test
