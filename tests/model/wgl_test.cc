// Goal: the checker can be believed. Method: histories made by hand, half of them wrong; thousands
// of random small ones against a search of every order; long runs of a correct register, as they
// are and with one answer changed.
#include "tests/model/wgl.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// Both checkers, as the harness uses them. Empty: nothing found.
std::string judge(const History& history) {
  const WglVerdict verdict = check_linearizable(history);
  if (verdict.judged == Judged::kTooMany) return "too many";
  if (!verdict.good()) return cat("no order left for\n", window_text({verdict.stuck}));
  return check_listings(history).complaint;
}

struct Made {
  bool good;
  std::string name, text;
};
std::vector<Made> made_by_hand() {
  std::vector<Made> all;
  const std::string folder = cat(CREEL_SOURCE_DIR, "/tests/model/histories");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::istringstream lines(file_text(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line[0] == '#') continue;
      const std::size_t colon = line.find(": ");
      const bool good = line.starts_with("good ");
      EXPECT_TRUE(good || line.starts_with("wrong ")) << line;
      EXPECT_NE(colon, std::string::npos) << line;
      all.push_back(
          {good, line.substr(good ? 5 : 6, colon - (good ? 5 : 6)), line.substr(colon + 2)});
    }
  }
  return all;
}

// --- every order there is: Wing and Gong's definition, as plainly as it can be written ---

struct Plain {
  const History& ops;
  std::vector<bool> done;

  bool may(const HistoryOp& op, const std::string& state, std::string& after) const {
    after = state;
    if (op.did == Did::kRead) return state == op.value;
    bool holds = true;
    if (op.if_absent) holds = state.empty();
    else if (op.if_match == "*") holds = !state.empty();
    else if (!op.if_match.empty()) holds = state == op.if_match;
    const bool write = op.did == Did::kWrite;
    if (op.came == Came::kAbsent) return !op.if_match.empty() && state.empty();
    if (op.came == Came::kRefused)
      return !holds && !(write && !op.if_match.empty() && state.empty());
    if (!holds) return false;
    after = write ? op.value : std::string();
    return true;
  }
  std::int64_t end(std::size_t i) const {
    return ops[i].came == Came::kUnknown ? ops[i].dead_ns : ops[i].return_ns;
  }
  bool search(const std::string& state) {
    bool all = true;
    for (std::size_t i = 0; i < ops.size(); ++i) all = all && (done[i] || optional(i));
    if (all) return true;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      if (done[i]) continue;
      bool first = true;  // Nothing that is left and required ended before it began.
      for (std::size_t j = 0; j < ops.size(); ++j)
        if (!done[j] && j != i && end(j) < ops[i].call_ns && !optional(j)) first = false;
      std::string after;
      if (!first || !may(ops[i], state, after)) continue;
      // Those without an answer whose time is over are out from now on.
      std::vector<bool> before = done;
      done[i] = true;
      for (std::size_t j = 0; j < ops.size(); ++j)
        if (!done[j] && optional(j) && end(j) < ops[i].call_ns) done[j] = true;
      if (search(after)) return true;
      done = before;
    }
    return false;
  }
  bool optional(std::size_t i) const { return ops[i].came == Came::kUnknown; }
};
bool some_order(const History& history) {
  Plain plain{history, std::vector<bool>(history.size())};
  return plain.search("");
}

HistoryOp random_op(TestRandom& random) {
  HistoryOp op;
  op.key = "x";
  const std::string value = cat(random.between(1, 3));
  op.call_ns = static_cast<std::int64_t>(random.below(12));
  op.return_ns = op.call_ns + static_cast<std::int64_t>(random.below(6));
  switch (random.below(10)) {
    case 0:
    case 1:
    case 2:
      op.did = Did::kWrite;
      op.value = value;
      break;
    case 3:
    case 4:
    case 5:
      op.did = Did::kRead;
      op.value = random.chance(0.2) ? "" : value;
      break;
    case 6: op.did = Did::kDelete; break;
    case 7:
      op.did = Did::kWrite;
      op.value = value;
      op.if_absent = true;
      break;
    case 8:
      op.did = Did::kWrite;
      op.value = value;
      op.if_match = random.chance(0.2) ? "*" : cat(random.between(1, 3));
      break;
    default:
      op.did = Did::kDelete;
      op.if_match = cat(random.between(1, 3));
      break;
  }
  if (op.did == Did::kRead) return op;
  const bool conditional = op.if_absent || !op.if_match.empty();
  if (conditional && random.chance(0.4)) op.came = Came::kRefused;
  if (op.did == Did::kWrite && !op.if_match.empty() && random.chance(0.15)) op.came = Came::kAbsent;
  if (random.chance(0.2)) {
    op.came = Came::kUnknown;
    op.dead_ns = random.chance(0.5) ? kNever : op.return_ns;
    op.return_ns = kNever;
  }
  return op;
}

TEST(Wgl, HistoriesMadeByHandAreJudgedRight) {
  std::size_t good = 0;
  std::size_t wrong = 0;
  for (const Made& made : made_by_hand()) {
    const Result<History> history = parse_compact(made.text);
    ASSERT_TRUE(history.ok()) << made.name << ": " << history.error().detail;
    const std::string found = judge(history.value());
    EXPECT_EQ(found.empty(), made.good) << made.name << ": " << made.text << "\n" << found;
    EXPECT_NE(found, "too many") << made.name;
    ++(made.good ? good : wrong);
    std::string again;
    for (const HistoryOp& op : history.value())
      again += cat(again.empty() ? "" : " ", to_compact(op));
    EXPECT_EQ(again, made.text) << "the notation does not come back";
  }
  EXPECT_GE(good, 100u);
  EXPECT_GE(wrong, 100u);
}

TEST(Wgl, JsonLinesKeepAHistory) {
  for (const Made& made : made_by_hand()) {
    const History history = parse_compact(made.text).take();
    std::string lines;
    for (const HistoryOp& op : history) lines += to_json_line(op);
    const Result<History> back = parse_json_lines(lines);
    ASSERT_TRUE(back.ok()) << back.error().detail;
    ASSERT_EQ(back.value().size(), history.size());
    for (std::size_t i = 0; i < history.size(); ++i)
      EXPECT_EQ(to_compact(back.value()[i]), to_compact(history[i]));
  }
  const Result<History> bad = parse_json_lines("{\"op\":\"write\"}\n");
  ASSERT_FALSE(bad.ok());
  EXPECT_TRUE(bad.error().detail.starts_with("line 1: "));
}

TEST(Wgl, AgreesWithASearchOfEveryOrder) {
  std::size_t good = 0;
  std::size_t wrong = 0;
  for (Seed seed : seeds(20'000)) {
    TestRandom random(seed);
    History history;
    const int count = random.between(2, 7);
    for (int i = 0; i < count; ++i) history.push_back(random_op(random));
    const bool expected = some_order(history);
    const WglVerdict verdict = check_linearizable(history);
    ASSERT_EQ(verdict.good(), expected) << seed.replay_hint() << "\n" << window_text(history);
    ++(expected ? good : wrong);
    ASSERT_EQ(verdict.window.empty(), expected) << seed.replay_hint();
  }
  EXPECT_GT(good, 1'000u);
  EXPECT_GT(wrong, 1'000u);
}

// A run of clients against a correct register: each takes place at a drawn moment of its interval.
History correct_run(TestRandom& random, std::size_t count, int clients) {
  struct Client {
    std::int64_t free_at = 0;
  };
  std::vector<Client> all(static_cast<std::size_t>(clients));
  struct Planned {
    HistoryOp op;
    std::int64_t at;
  };
  std::vector<Planned> plan;
  for (std::size_t i = 0; i < count; ++i) {
    const auto who = static_cast<std::size_t>(random.below(all.size()));
    HistoryOp op;
    op.process = static_cast<int>(who);
    op.key = "x";
    op.call_ns = all[who].free_at + static_cast<std::int64_t>(random.below(50));
    op.return_ns = op.call_ns + 1 + static_cast<std::int64_t>(random.below(100));
    all[who].free_at = op.return_ns + 1;
    op.did = random.chance(0.5) ? Did::kRead : random.chance(0.8) ? Did::kWrite : Did::kDelete;
    if (op.did == Did::kWrite) op.value = cat("v", i);
    op.if_absent = op.did == Did::kWrite && random.chance(0.2);
    const std::int64_t at = random.between(op.call_ns, op.return_ns);
    if (op.did != Did::kRead && random.chance(0.02)) {
      op.came = Came::kUnknown;
      op.return_ns = kNever;
    }
    plan.push_back({op, at});
  }
  std::stable_sort(plan.begin(), plan.end(),
                   [](const auto& a, const auto& b) { return a.at < b.at; });
  std::string state;
  History history;
  for (Planned& one : plan) {
    HistoryOp& op = one.op;
    const bool lost = op.came == Came::kUnknown && random.chance(0.5);
    if (op.did == Did::kRead) op.value = state;
    else if (op.if_absent && !state.empty())
      op.came = lost || op.came == Came::kUnknown ? Came::kUnknown : Came::kRefused;
    else if (!lost) state = op.did == Did::kWrite ? op.value : std::string();
    history.push_back(op);
  }
  return history;
}

TEST(Wgl, LongRunsOfACorrectRegisterPassAndAStaleReadInThemDoesNot) {
  for (Seed seed : seeds(30)) {
    TestRandom random(seed);
    History history = correct_run(random, 3'000, random.between(1, 16));
    const WglVerdict right = check_linearizable(history);
    ASSERT_TRUE(right.good()) << seed.replay_hint() << (right.window.empty() ? " no verdict" : "")
                              << "\n"
                              << window_text(right.window);
    // A read near the end is given a value that was replaced long before.
    std::string old;
    for (std::size_t i = 0; i < history.size() / 2 && old.empty(); ++i)
      if (history[i].did == Did::kWrite && history[i].came == Came::kOk) old = history[i].value;
    for (std::size_t i = history.size() - 1; i > 0; --i) {
      if (history[i].did != Did::kRead || history[i].value == old) continue;
      history[i].value = old;
      break;
    }
    const WglVerdict verdict = check_linearizable(history);
    ASSERT_EQ(verdict.judged, Judged::kWrong) << seed.replay_hint();
    EXPECT_LT(verdict.window.size(), 120u) << "the window is not small";
    const WglVerdict again = check_linearizable(verdict.window);
    EXPECT_EQ(again.judged, Judged::kWrong) << "the window does not fail by itself";
  }
}

TEST(Wgl, TooManyAtOnceIsNoVerdict) {
  History history;
  for (int i = 0; i < 70; ++i) {
    HistoryOp op;
    op.did = Did::kWrite;
    op.key = "x";
    op.value = cat(i);
    op.call_ns = 0;
    op.return_ns = 9;
    history.push_back(op);
  }
  EXPECT_EQ(check_linearizable(history).judged, Judged::kTooMany);
}

TEST(Wgl, AWindowIsAPageToo) {
  const History history = parse_compact("w1@0-1 w2@2-3 r1@4-5 d?@1-").take();
  const std::string page = window_html("x < y", history);
  EXPECT_NE(page.find("x &lt; y"), std::string::npos);
  EXPECT_NE(page.find(">r1@4-5<"), std::string::npos);
}

}  // namespace
}  // namespace creel::test
