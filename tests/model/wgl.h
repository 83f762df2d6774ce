// Is a history linearizable? Wing and Gong's search with Lowe's memoised states, key by key (a
// history is linearizable if and only if it is for each key alone: P-compositionality).
#pragma once
#include <string>
#include <vector>

#include "tests/model/history.h"

namespace creel::test {

enum class Judged : std::uint8_t {
  kGood,
  kWrong,
  kTooMany,  // More operations under way at once than the checker holds, or more states than it
             // may keep: no verdict.
};

struct WglVerdict {
  Judged judged = Judged::kGood;
  std::string key;         // Of the first key that fails.
  History window;          // kWrong: the smallest part found that fails by itself.
  HistoryOp stuck;         // The operation for which no order is left.
  std::uint64_t states = 0;  // Looked at.
  bool good() const { return judged == Judged::kGood; }
};

struct WglOptions {
  std::size_t states_max = 200'000;  // At one moment of one key.
};

// Judges all keys, lists apart. A key starts out absent.
WglVerdict check_linearizable(const History& history, WglOptions options = {});

// Listings by a set-full model: a key written and acknowledged before the listing began, and not
// deleted by anything that may come behind that write, must be shown; a key deleted and
// acknowledged before, and not written by anything that may come behind that delete, must not; nor
// a key that nobody has begun to write. Empty, or the first listing that fails and why.
struct ListVerdict {
  std::string complaint;
  HistoryOp list;
  History window;  // What was done to the key in question.
  bool good() const { return complaint.empty(); }
};
ListVerdict check_listings(const History& history);

// For people: lines of text, and a page with one bar an operation.
std::string window_text(const History& window);
std::string window_html(const std::string& title, const History& window);

}  // namespace creel::test
