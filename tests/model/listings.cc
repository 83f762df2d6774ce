#include <algorithm>
#include <map>
#include <set>

#include "platform/base/text.h"
#include "tests/model/wgl.h"

namespace creel::test {
namespace {

// Of a sorted list of (at, value): the greatest value among those with at < bound.
class Prefix {
 public:
  void add(std::int64_t at, std::int64_t value) { all_.emplace_back(at, value); }
  void seal() {
    std::sort(all_.begin(), all_.end());
    for (std::size_t i = 1; i < all_.size(); ++i)
      all_[i].second = std::max(all_[i].second, all_[i - 1].second);
  }
  std::int64_t greatest_before(std::int64_t bound) const {
    const auto end = std::lower_bound(all_.begin(), all_.end(), std::pair(bound, INT64_MIN));
    return end == all_.begin() ? INT64_MIN : std::prev(end)->second;
  }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> all_;
};

// What was done to one key, in the four views a listing asks for.
struct KeyTimes {
  Prefix acked_writes;   // By return: the latest call.
  Prefix begun_writes;   // By call: the latest end.
  Prefix acked_deletes;  // By return: the latest call.
  Prefix begun_deletes;  // By call: the latest end.
};

std::map<std::string, KeyTimes> times_of(const History& history) {
  std::map<std::string, KeyTimes> keys;
  for (const HistoryOp& op : history) {
    if (op.did != Did::kWrite && op.did != Did::kDelete) continue;
    KeyTimes& key = keys[op.key];
    if (op.came == Came::kRefused || op.came == Came::kAbsent) continue;
    const bool acked = op.came == Came::kOk;
    const std::int64_t end = acked ? op.return_ns : op.dead_ns;
    const bool write = op.did == Did::kWrite;
    (write ? key.begun_writes : key.begun_deletes).add(op.call_ns, end);
    if (acked) (write ? key.acked_writes : key.acked_deletes).add(op.return_ns, op.call_ns);
  }
  for (auto& [name, key] : keys) {
    key.acked_writes.seal();
    key.begun_writes.seal();
    key.acked_deletes.seal();
    key.begun_deletes.seal();
  }
  return keys;
}

// Ends at or behind the call of the last acknowledged one: may come behind it.
std::string judge(const KeyTimes& key, const HistoryOp& list, bool shown) {
  const std::int64_t written = key.acked_writes.greatest_before(list.call_ns);
  const std::int64_t deleting = key.begun_deletes.greatest_before(list.return_ns + 1);
  if (!shown && written != INT64_MIN && deleting < written)
    return "is missing, though its write was acknowledged before and nothing deleted it";
  const std::int64_t deleted = key.acked_deletes.greatest_before(list.call_ns);
  const std::int64_t writing = key.begun_writes.greatest_before(list.return_ns + 1);
  if (shown && writing == INT64_MIN) return "is shown, though nobody had begun to write it";
  if (shown && deleted != INT64_MIN && writing < deleted)
    return "is shown, though its delete was acknowledged before and nothing wrote it again";
  return {};
}

}  // namespace

ListVerdict check_listings(const History& history) {
  const std::map<std::string, KeyTimes> keys = times_of(history);
  ListVerdict verdict;
  const auto found = [&](const HistoryOp& list, const std::string& key, std::string why) {
    verdict.list = list;
    verdict.complaint = cat('\'', key, "' ", why);
    for (const HistoryOp& op : history)
      if (op.key == key && (op.did == Did::kWrite || op.did == Did::kDelete) &&
          op.call_ns <= list.return_ns)
        verdict.window.push_back(op);
    verdict.window.push_back(list);
    return verdict;
  };
  for (const HistoryOp& list : history) {
    if (list.did != Did::kList || list.came != Came::kOk) continue;
    const std::set<std::string> shown(list.keys.begin(), list.keys.end());
    if (shown.size() != list.keys.size()) return found(list, list.key, "a key is shown twice");
    for (const std::string& key : shown)
      if (!keys.contains(key)) return found(list, key, "is shown, though nobody ever wrote it");
    for (const auto& [name, key] : keys) {
      if (!name.starts_with(list.key)) continue;
      const std::string why = judge(key, list, shown.contains(name));
      if (!why.empty()) return found(list, name, why);
    }
  }
  return verdict;
}

// --- for people ---

std::string window_text(const History& window) {
  std::int64_t start = kNever;
  for (const HistoryOp& op : window) start = std::min(start, op.call_ns);
  std::string text;
  for (HistoryOp op : window) {
    op.call_ns -= start;
    if (op.return_ns != kNever) op.return_ns -= start;
    if (op.dead_ns != kNever) op.dead_ns -= start;
    text += cat("  process ", op.process, "  ", to_compact(op), "\n");
  }
  return text;
}

std::string window_html(const std::string& title, const History& window) {
  std::int64_t start = kNever;
  std::int64_t end = 0;
  for (const HistoryOp& op : window) {
    start = std::min(start, op.call_ns);
    end = std::max({end, op.call_ns, op.return_ns == kNever ? 0 : op.return_ns,
                    op.dead_ns == kNever ? 0 : op.dead_ns});
  }
  const auto escaped = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '<') out += "&lt;";
      else if (c == '&') out += "&amp;";
      else out += c;
    }
    return out;
  };
  const double width = std::max<double>(static_cast<double>(end - start), 1);
  const auto place = [&](std::int64_t at) {
    return 200 + static_cast<std::int64_t>(static_cast<double>(at - start) / width * 1'000);
  };
  std::string rows;
  std::int64_t y = 10;
  for (const HistoryOp& op : window) {
    const std::int64_t stop = op.came == Came::kUnknown ? op.dead_ns : op.return_ns;
    const std::int64_t left = place(op.call_ns);
    const std::int64_t right = stop == kNever ? 1'240 : std::max(place(stop), left + 4);
    const char* colour = op.did == Did::kRead        ? "#8fbcdb"
                         : op.did == Did::kList      ? "#c9b4de"
                         : op.came == Came::kUnknown ? "#ddd"
                                                     : "#f2b880";
    rows += cat("<text x=\"4\" y=\"", y + 14, "\">", op.process, "</text><rect x=\"", left,
                "\" y=\"", y, "\" width=\"", right - left, "\" height=\"18\" fill=\"", colour,
                "\"><title>", escaped(to_compact(op)), "</title></rect><text x=\"", left + 3,
                "\" y=\"", y + 14, "\">", escaped(to_compact(op)), "</text>\n");
    y += 22;
  }
  return cat("<!doctype html><meta charset=\"utf-8\"><title>", escaped(title), "</title><h1>",
             escaped(title),
             "</h1><p>One bar an operation from its call to its "
             "return (grey: no answer), ",
             (end - start) / 1'000,
             " us in all.</p><svg width=\"1600\" "
             "height=\"",
             y + 10, "\" font-family=\"monospace\" font-size=\"11\">\n", rows, "</svg>\n");
}

}  // namespace creel::test
