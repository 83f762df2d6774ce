#include "tests/model/wgl.h"

#include <algorithm>
#include <climits>
#include <map>
#include <set>
#include <tuple>
#include <unordered_set>

#include "platform/base/check.h"

namespace creel::test {
namespace {

constexpr int kSlots = 64;      // Operations of one key under way at once.
constexpr int kAbsent = 0;      // Values are numbers inside: 0 is nothing, others name a writer.

struct Op {
  Did did;
  Came came;
  bool if_absent;
  int if_match;  // -1: no condition; -2: anything.
  int value;
  std::int64_t dead = kNever;
  int alike = -1;  // Without an answer: the class of those that do the same.
  bool required() const { return came != Came::kUnknown; }
  // Changes nothing when it takes place.
  bool idle() const { return did == Did::kRead || came == Came::kRefused || came == Came::kAbsent; }
  bool blind() const { return !idle() && !if_absent && if_match == -1; }

  bool condition_holds(int state) const {
    if (if_absent) return state == kAbsent;
    if (if_match == -2) return state != kAbsent;
    return if_match == -1 || (state != kAbsent && state == if_match);
  }
  // Whether it may take place in this state with the answer it got.
  bool may(int state) const {
    if (did == Did::kRead) return state == value;
    switch (came) {
      case Came::kOk:
      case Came::kUnknown: return condition_holds(state);
      case Came::kAbsent: return if_match != -1 && state == kAbsent;
      case Came::kRefused:
        // If-Match on nothing is 404 for a write and 412 for a delete.
        if (if_match != -1 && did == Did::kWrite && state == kAbsent) return false;
        return !condition_holds(state);
    }
    return false;
  }
  int after(int state) const {
    if (idle()) return state;
    return did == Did::kDelete ? kAbsent : value;
  }
};

struct Config {
  std::uint64_t done = 0;  // By slot: those under way that have taken place already.
  // Blind writes under way that may have taken place right before another one, unseen.
  std::uint64_t hidden = 0;
  int state = kAbsent;
  bool operator==(const Config&) const = default;
};
struct ConfigHash {
  std::size_t operator()(const Config& c) const {
    std::uint64_t x = c.done * 0x9e3779b97f4a7c15u ^ static_cast<std::uint64_t>(c.state);
    x = (x ^ (x >> 32)) + c.hidden * 0xd6e8feb86659fd93u;
    x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
    return static_cast<std::size_t>(x ^ (x >> 32));
  }
};
using Configs = std::unordered_set<Config, ConfigHash>;

// One key. Walks the calls and returns in time and keeps every configuration that is still
// possible. An operation is made to take place only when it must have (at its return), which keeps
// the search narrow; one that changes nothing takes place as soon as it can, which never hurts.
class KeyCheck {
 public:
  KeyCheck(const std::vector<const HistoryOp*>& history, const WglOptions& options, bool any_start)
      : options_(options) {
    for (const HistoryOp* one : history) {
      if (one->did == Did::kRead && one->came == Came::kOk) observed_.insert(one->value);
      observed_.insert(one->if_match);
    }
    for (const HistoryOp* one : history) ops_.push_back(translate(*one));
    for (std::size_t i = 0; i < history.size(); ++i) {
      const HistoryOp& one = *history[i];
      if (one.came == Came::kUnknown && one.did == Did::kRead) continue;  // Says nothing.
      const std::int64_t end = one.came == Came::kUnknown ? one.dead_ns : one.return_ns;
      events_.push_back({one.call_ns, false, i});
      if (end != kNever) events_.push_back({std::max(end, one.call_ns), true, i});
    }
    // Calls before returns at one instant: touching intervals overlap.
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return a.at != b.at ? a.at < b.at : a.is_return < b.is_return;
    });
    slot_of_.assign(ops_.size(), -1);
    configs_.insert(Config{});
    if (!any_start) return;
    for (int value = 1; value <= static_cast<int>(values_.size()); ++value)
      configs_.insert(Config{0, 0, value});
    configs_.insert(Config{0, 0, INT_MAX / 2});  // One that nobody here has written.
  }

  Judged run() {
    for (const Event& event : events_) {
      const Judged judged = event.is_return ? leave(event.op) : enter(event.op);
      if (judged != Judged::kGood) {
        stuck = event.op;
        return judged;
      }
    }
    return Judged::kGood;
  }

  std::size_t stuck = 0;
  std::uint64_t states = 0;

 private:
  struct Event {
    std::int64_t at;
    bool is_return;
    std::size_t op;
  };

  int number_of(const std::string& value) {
    if (value.empty()) return kAbsent;
    return values_.try_emplace(value, static_cast<int>(values_.size()) + 1).first->second;
  }
  Op translate(const HistoryOp& one) {
    Op op{one.did, one.came, one.if_absent, -1, number_of(one.value)};
    if (one.if_match == "*") op.if_match = -2;
    else if (!one.if_match.empty()) op.if_match = number_of(one.if_match);
    if (op.required()) return op;
    // What nobody has seen has no name: all such values are one.
    if (op.did == Did::kWrite && !observed_.contains(one.value)) op.value = number_of("(unseen)");
    op.dead = one.dead_ns;
    const auto kind = std::tuple(op.did, op.if_absent, op.if_match, op.value);
    op.alike = classes_.try_emplace(kind, static_cast<int>(classes_.size())).first->second;
    return op;
  }

  // Lets everything under way that changes nothing and may take place here do so.
  void settle(Config& config) const {
    for (std::uint64_t left = idle_ & ~config.done; left != 0; left &= left - 1) {
      const int slot = __builtin_ctzll(left);
      if (ops_[in_slot_[slot]].may(config.state)) config.done |= std::uint64_t{1} << slot;
    }
  }

  Judged enter(std::size_t index) {
    if (~used_ == 0) return Judged::kTooMany;
    const int slot = __builtin_ctzll(~used_);
    const std::uint64_t bit = std::uint64_t{1} << slot;
    used_ |= bit;
    slot_of_[index] = slot;
    in_slot_[slot] = index;
    if (ops_[index].blind() && ops_[index].required()) blind_ |= bit;
    if (!ops_[index].idle()) return Judged::kGood;
    idle_ |= bit;
    Configs settled;
    for (Config config : configs_) {
      settle(config);
      settled.insert(config);
    }
    configs_ = std::move(settled);
    return Judged::kGood;
  }

  // The operation is over: only configurations in which it took place go on. One without an answer
  // whose server is gone may also never have.
  Judged leave(std::size_t index) {
    const int slot = slot_of_[index];
    const std::uint64_t bit = std::uint64_t{1} << slot;
    Configs next;
    Configs seen;
    bool full = false;
    for (const Config& config : configs_) {
      if (((config.done | config.hidden) & bit) != 0 || !ops_[index].required())
        add(next, config, bit);
      if ((config.done & bit) == 0) full |= !search(config, bit, false, next, seen);
    }
    if (full) return Judged::kTooMany;
    used_ &= ~bit;
    idle_ &= ~bit;
    blind_ &= ~bit;
    configs_ = std::move(next);
    thin();
    return configs_.empty() ? Judged::kWrong : Judged::kGood;
  }
  static void add(Configs& to, Config config, std::uint64_t bit) {
    config.done &= ~bit;
    config.hidden &= ~bit;
    to.insert(config);
  }

  // All configurations in which the operation of `bit` takes place last. `unseen`: nothing saw what
  // the last one did, and it is blind or without an answer. A blind write behind it would hide it:
  // not worth a branch, for every blind write marks those it could hide. False: too many states.
  bool search(Config config, std::uint64_t bit, bool unseen, Configs& next, Configs& seen) {
    const Config visited{config.done, config.hidden, unseen ? ~config.state : config.state};
    if (!seen.insert(visited).second) return true;
    if (++states, seen.size() > options_.states_max) return false;
    for (std::uint64_t left = used_ & ~idle_ & ~config.done; left != 0; left &= left - 1) {
      const int slot = __builtin_ctzll(left);
      const std::uint64_t own = std::uint64_t{1} << slot;
      const Op& op = ops_[in_slot_[slot]];
      if ((unseen && op.blind()) || !op.may(config.state)) continue;
      if (!op.required() && is_spare(slot, config)) continue;
      Config after{config.done | own, config.hidden & ~own, op.after(config.state)};
      if (op.blind()) after.hidden |= blind_ & ~after.done;
      const std::uint64_t alone = after.done;
      settle(after);
      if ((after.done & bit) != 0) {
        add(next, after, bit);
        continue;
      }
      const bool nothing_saw = (op.blind() || !op.required()) && after.done == alone;
      if (!search(after, bit, nothing_saw, next, seen)) return false;
    }
    return true;
  }

  // Of several that do the same without an answer, the one that dies first serves.
  bool is_spare(int slot, const Config& config) const {
    const Op& op = ops_[in_slot_[slot]];
    for (std::uint64_t left = used_ & ~idle_ & ~config.done; left != 0; left &= left - 1) {
      const int other = __builtin_ctzll(left);
      const Op& twin = ops_[in_slot_[other]];
      if (twin.alike == op.alike && (twin.dead != op.dead ? twin.dead < op.dead : other < slot))
        return true;
    }
    return false;
  }

  // Drops a configuration beside a better one: the same state and the same required writes done, no
  // less of what changes nothing, no more of those without an answer used up.
  void thin() {
    if (configs_.size() < 2 || configs_.size() > 512) return;
    std::uint64_t optional = 0;
    for (std::uint64_t left = used_ & ~idle_; left != 0; left &= left - 1) {
      const int slot = __builtin_ctzll(left);
      if (!ops_[in_slot_[slot]].required()) optional |= std::uint64_t{1} << slot;
    }
    const std::vector<Config> all(configs_.begin(), configs_.end());
    for (const Config& one : all)
      for (const Config& better : all) {
        const std::uint64_t differ = one.done ^ better.done;
        if (!(one == better) && one.state == better.state && (differ & ~optional & ~idle_) == 0 &&
            (better.done & optional & ~one.done) == 0 && (one.done & idle_ & ~better.done) == 0 &&
            (one.hidden & ~better.hidden & ~better.done) == 0 && configs_.contains(better))
          configs_.erase(one);
      }
  }

  const WglOptions& options_;
  std::map<std::string, int> values_;
  std::set<std::string> observed_;
  std::map<std::tuple<Did, bool, int, int>, int> classes_;
  std::vector<Op> ops_;
  std::vector<Event> events_;
  std::vector<int> slot_of_;
  std::size_t in_slot_[kSlots] = {};
  std::uint64_t used_ = 0;
  std::uint64_t idle_ = 0;  // Of used_: those that change nothing.
  std::uint64_t blind_ = 0;  // Of used_: required blind writes.
  Configs configs_;
};

using KeyHistory = std::vector<const HistoryOp*>;

std::int64_t end_of(const HistoryOp& op) {
  return op.came == Came::kUnknown ? op.dead_ns : op.return_ns;
}

bool fails(const KeyHistory& part, const WglOptions& options, bool any_start) {
  return KeyCheck(part, options, any_start).run() == Judged::kWrong;
}

// The smallest part that fails whatever was there before: what had ended before the window is left
// out as long as that holds, and then what changes nothing.
KeyHistory smallest_window(const KeyHistory& history, const HistoryOp& stuck,
                           const WglOptions& options) {
  KeyHistory part;
  for (const HistoryOp* op : history)
    if (op->call_ns <= end_of(stuck)) part.push_back(op);
  std::stable_sort(part.begin(), part.end(),
                   [](const auto* a, const auto* b) { return end_of(*a) < end_of(*b); });
  const bool any_start = fails(part, options, true);
  if (any_start) {
    std::size_t low = 0;
    std::size_t high =
        part.size();  // Without the first `low` it fails, without `high` it does not.
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      const KeyHistory rest(part.begin() + static_cast<std::ptrdiff_t>(middle), part.end());
      (fails(rest, options, true) ? low : high) = middle;
    }
    part.erase(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(low));
  }
  for (std::size_t i = part.size(); i-- > 0 && part.size() < 2'000;) {
    const HistoryOp& op = *part[i];
    const bool idle = op.did == Did::kRead || op.came == Came::kRefused || op.came == Came::kAbsent;
    if (!idle) continue;
    KeyHistory less = part;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    if (fails(less, options, any_start)) part = std::move(less);
  }
  std::stable_sort(part.begin(), part.end(),
                   [](const auto* a, const auto* b) { return a->call_ns < b->call_ns; });
  return part;
}

std::map<std::string, KeyHistory> by_key(const History& history) {
  std::map<std::string, KeyHistory> keys;
  for (const HistoryOp& op : history)
    if (op.did != Did::kList) keys[op.key].push_back(&op);
  return keys;
}

}  // namespace

WglVerdict check_linearizable(const History& history, WglOptions options) {
  WglVerdict verdict;
  for (const auto& [key, part] : by_key(history)) {
    KeyCheck check(part, options, false);
    const Judged judged = check.run();
    verdict.states += check.states;
    if (judged == Judged::kGood) continue;
    verdict.judged = judged;
    verdict.key = key;
    verdict.stuck = *part[check.stuck];
    if (judged == Judged::kWrong)
      for (const HistoryOp* op : smallest_window(part, verdict.stuck, options))
        verdict.window.push_back(*op);
    return verdict;
  }
  return verdict;
}

}  // namespace creel::test
