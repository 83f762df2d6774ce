#include <algorithm>
#include <bitset>
#include <map>
#include <memory>

#include "filters/eval/pattern.h"
#include "platform/base/text.h"
#include "platform/codec/utf8.h"

namespace creel::filters {
namespace {

using ByteSet = std::bitset<256>;

constexpr std::uint32_t kNone = UINT32_MAX;
constexpr std::uint32_t kNodesMax = 8192;       // Of the nondeterministic automaton.
constexpr std::uint64_t kWorkMax =
    20'000'000;  // Steps of building; a second or less on a small board.
constexpr int kDepthMax = 64;

struct Node {
  enum class Kind : std::uint8_t { kBytes, kSplit, kStart, kEnd, kAccept };
  Kind kind = Kind::kAccept;
  std::uint32_t next = kNone;
  std::uint32_t other = kNone;  // kSplit
  std::uint32_t set = 0;        // kBytes: index of the byte set.
};

// A parsed pattern: alternatives of sequences of repeated atoms.
struct Term;
using Terms = std::vector<std::unique_ptr<Term>>;
struct Term {
  enum class Kind : std::uint8_t { kBytes, kStart, kEnd, kGroup };
  Kind kind = Kind::kBytes;
  ByteSet set{};
  std::vector<Terms> choices{};  // kGroup
  int least = 1;
  int most = 1;  // -1: no bound.
};

std::unique_ptr<Term> bytes_term(ByteSet set) {
  auto term = std::make_unique<Term>();
  term->set = set;
  return term;
}
ByteSet range(int low, int high) {
  ByteSet set;
  for (int i = low; i <= high; ++i) set.set(static_cast<std::size_t>(i));
  return set;
}
ByteSet single(char c) {
  return range(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
}

// One code point from `ascii`, or any beyond ASCII. Input is valid UTF-8, so loose ranges will do.
std::unique_ptr<Term> wide_term(const ByteSet& ascii) {
  auto group = std::make_unique<Term>();
  group->kind = Term::Kind::kGroup;
  const ByteSet tail = range(0x80, 0xbf);
  const auto add = [&](const ByteSet& first, int tails) {
    Terms& sequence = group->choices.emplace_back();
    sequence.push_back(bytes_term(first));
    for (int i = 0; i < tails; ++i) sequence.push_back(bytes_term(tail));
  };
  add(ascii, 0);
  add(range(0xc2, 0xdf), 1);
  add(range(0xe0, 0xef), 2);
  add(range(0xf0, 0xf4), 3);
  return group;
}

void add_literal(Terms& out, std::string_view bytes) {
  for (const char c : bytes) out.push_back(bytes_term(single(c)));
}

class Reader {
 public:
  Reader(std::string_view pattern, std::string& reason, std::size_t& at)
      : pattern_(pattern), reason_(reason), at_(at) {
    at_ = 0;
  }

  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  bool regex(std::vector<Terms>& choices, int depth) {
    if (depth > kDepthMax) return refuse("groups are nested too deep");
    choices.emplace_back();
    while (at_ < pattern_.size() && pattern_[at_] != ')') {
      if (pattern_[at_] == '|') {
        ++at_;
        choices.emplace_back();
        continue;
      }
      if (!atom(choices.back(), depth)) return false;
      if (!repeat(choices.back())) return false;
    }
    if (depth == 0 && at_ < pattern_.size()) return refuse("unmatched )");
    return true;
  }

  bool glob(Terms& out, bool in_braces) {
    while (at_ < pattern_.size()) {
      const char c = pattern_[at_];
      if (in_braces && (c == ',' || c == '}')) return true;
      if (c == '{') {
        if (in_braces) return refuse("{ } may not be nested");
        if (!braces(out)) return false;
      } else if (c == '[') {
        ++at_;
        if (!character_class(out)) return false;
      } else if (c == '*') {
        const bool twice = pattern_.substr(at_, 2) == "**";
        at_ += twice ? 2 : 1;
        ByteSet any = range(0, 255);
        if (!twice) any.reset('/');
        out.push_back(bytes_term(any));
        out.back()->least = 0;
        out.back()->most = -1;
      } else if (c == '?') {
        ++at_;
        ByteSet ascii = range(0, 127);
        ascii.reset('/');
        out.push_back(wide_term(ascii));
      } else {
        if (c == '\\' && at_ + 1 < pattern_.size()) ++at_;
        out.push_back(bytes_term(single(pattern_[at_++])));
      }
    }
    return !in_braces || refuse("{ has no }");
  }

 private:
  bool braces(Terms& out) {
    auto group = std::make_unique<Term>();
    group->kind = Term::Kind::kGroup;
    ++at_;
    while (true) {
      if (group->choices.size() == 16) return refuse("more than 16 alternatives in { }");
      if (!glob(group->choices.emplace_back(), true)) return false;
      if (at_ >= pattern_.size()) return refuse("{ has no }");
      if (pattern_[at_++] == '}') break;
    }
    out.push_back(std::move(group));
    return true;
  }

  bool atom(Terms& out, int depth) {
    const char c = pattern_[at_];
    if (c == '(') return group(out, depth);
    if (c == '[') return ++at_, character_class(out);
    if (c == '*' || c == '+' || c == '?' || c == '{') return refuse("nothing to repeat");
    if (c == '^' || c == '$') {
      ++at_;
      auto term = std::make_unique<Term>();
      term->kind = c == '^' ? Term::Kind::kStart : Term::Kind::kEnd;
      out.push_back(std::move(term));
      return true;
    }
    if (c == '.') {
      ++at_;
      ByteSet ascii = range(0, 127);
      ascii.reset('\n');
      out.push_back(wide_term(ascii));
      return true;
    }
    if (c == '\\') return escape(out);
    const std::size_t length = std::max<std::size_t>(utf8_length(pattern_.substr(at_)), 1);
    if (length == 1) {
      out.push_back(bytes_term(single(c)));
    } else {  // One term, so that a repetition takes the whole character.
      auto character = std::make_unique<Term>();
      character->kind = Term::Kind::kGroup;
      add_literal(character->choices.emplace_back(), pattern_.substr(at_, length));
      out.push_back(std::move(character));
    }
    at_ += length;
    return true;
  }

  bool group(Terms& out, int depth) {
    const std::size_t open = at_++;
    if (pattern_.substr(at_, 2) == "?:") at_ += 2;
    else if (pattern_.substr(at_, 1) == "?") return refuse("only (?: ) is known behind (?");
    auto term = std::make_unique<Term>();
    term->kind = Term::Kind::kGroup;
    if (!regex(term->choices, depth + 1)) return false;
    if (at_ >= pattern_.size()) return at_ = open, refuse("( has no )");
    ++at_;
    out.push_back(std::move(term));
    return true;
  }

  // \d \w \s and their opposites; false if the letter is none of them.
  static bool shorthand(char letter, ByteSet& ascii, bool& negated) {
    const char lower = static_cast<char>(letter | 0x20);
    if (lower == 'd') ascii = range('0', '9');
    else if (lower == 'w')
      ascii = range('0', '9') | range('a', 'z') | range('A', 'Z') | single('_');
    else if (lower == 's') ascii = range('\t', '\r') | single(' ');
    else return false;
    negated = letter != lower;
    return true;
  }
  static bool control(char letter, char& out) {
    if (letter == 'n') out = '\n';
    else if (letter == 't') out = '\t';
    else if (letter == 'r') out = '\r';
    else return false;
    return true;
  }
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  bool escape(Terms& out) {
    if (at_ + 1 >= pattern_.size()) return refuse("nothing behind the backslash");
    char letter = pattern_[at_ + 1];
    ByteSet ascii;
    bool negated = false;
    if (shorthand(letter, ascii, negated)) {
      at_ += 2;
      out.push_back(negated ? wide_term(range(0, 127) & ~ascii) : bytes_term(ascii));
      return true;
    }
    char plain = letter;
    if (!control(letter, plain) && is_word(letter)) return refuse("unknown escape");
    at_ += 2;
    out.push_back(bytes_term(single(plain)));
    return true;
  }

  // Behind the '['.
  bool character_class(Terms& out) {
    const std::size_t open = at_ - 1;
    ByteSet ascii;
    std::vector<std::string_view> wide;
    bool negated = false;
    if (at_ < pattern_.size() && (pattern_[at_] == '^' || pattern_[at_] == '!'))
      negated = true, ++at_;
    bool first = true;
    while (true) {
      if (at_ >= pattern_.size()) return at_ = open, refuse("[ has no ]");
      char low = pattern_[at_];
      if (low == ']' && !first) break;
      first = false;
      const std::size_t length = utf8_length(pattern_.substr(at_));
      if (length > 1) {
        if (pattern_.substr(at_ + length, 1) == "-" && pattern_.substr(at_ + length, 2) != "-]")
          return refuse("ranges beyond ASCII are not supported");
        wide.push_back(pattern_.substr(at_, length));
        at_ += length;
        continue;
      }
      ++at_;
      if (low == '\\') {
        if (at_ >= pattern_.size()) return at_ = open, refuse("[ has no ]");
        const char letter = pattern_[at_];
        ByteSet more;
        bool opposite = false;
        if (shorthand(letter, more, opposite)) {
          if (opposite) return refuse("\\D \\W \\S are not supported inside [ ]");
          ascii |= more;
          ++at_;
          continue;
        }
        low = letter;
        if (!control(letter, low) && is_word(letter)) return refuse("unknown escape");
        ++at_;
      }
      if (at_ + 1 < pattern_.size() && pattern_[at_] == '-' && pattern_[at_ + 1] != ']') {
        ++at_;
        char high = pattern_[at_];
        if (high == '\\' && at_ + 1 < pattern_.size()) high = pattern_[++at_];
        if (static_cast<unsigned char>(high) >= 0x80)
          return refuse("ranges beyond ASCII are not supported");
        if (high < low) return refuse("the range runs backwards");
        ++at_;
        ascii |= range(low, high);
      } else {
        ascii |= single(low);
      }
    }
    ++at_;
    if (negated && !wide.empty()) return refuse("[^ ] takes ASCII characters only");
    if (negated) {
      out.push_back(wide_term(range(0, 127) & ~ascii));
      return true;
    }
    auto group = std::make_unique<Term>();
    group->kind = Term::Kind::kGroup;
    if (ascii.any() || wide.empty()) group->choices.emplace_back().push_back(bytes_term(ascii));
    for (const std::string_view character : wide)
      add_literal(group->choices.emplace_back(), character);
    out.push_back(std::move(group));
    return true;
  }

  bool count(int& out) {
    if (at_ >= pattern_.size() || pattern_[at_] < '0' || pattern_[at_] > '9') return false;
    out = 0;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9' && out < 1000)
      out = out * 10 + (pattern_[at_++] - '0');
    return true;
  }

  bool repeat(Terms& out) {
    if (at_ >= pattern_.size()) return true;
    Term& term = *out.back();
    const char c = pattern_[at_];
    if (c == '*') term.least = 0, term.most = -1;
    else if (c == '+') term.least = 1, term.most = -1;
    else if (c == '?') term.least = 0, term.most = 1;
    else if (c != '{') return true;
    ++at_;
    if (c == '{') {
      if (!count(term.least)) return refuse("expected a number in { }");
      term.most = term.least;
      if (at_ < pattern_.size() && pattern_[at_] == ',') {
        ++at_;
        if (!count(term.most)) term.most = -1;
      }
      if (at_ >= pattern_.size() || pattern_[at_] != '}') return refuse("{ has no }");
      ++at_;
      if (term.least > 255 || term.most > 255) return refuse("more than 255 repetitions");
      if (term.most >= 0 && term.most < term.least) return refuse("the counts run backwards");
    }
    if (at_ < pattern_.size() && (pattern_[at_] == '*' || pattern_[at_] == '+' ||
                                  pattern_[at_] == '?' || pattern_[at_] == '{'))
      return refuse("a repetition of a repetition");
    return true;
  }

  std::string_view pattern_;
  std::string& reason_;
  std::size_t& at_;
};

}  // namespace

// Terms → nondeterministic nodes (each built with what follows it already known) → subset
// construction.
class AutomatonBuilder {
 public:
  AutomatonBuilder(Automaton& out, std::string& reason, bool search)
      : out_(out), reason_(reason), search_(search) {}

  bool build(const std::vector<Terms>& choices) {
    Node accept;
    accept.kind = Node::Kind::kAccept;
    const std::uint32_t end = add(accept);
    start_ = alternatives(choices, end);
    if (too_big_) return reason_ = "pattern is too large", false;
    find_classes();
    return determinize();
  }

 private:
  std::uint32_t add(Node node) {
    if (nodes_.size() >= kNodesMax) {
      too_big_ = true;
      return 0;
    }
    nodes_.push_back(node);
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }
  std::uint32_t split(std::uint32_t a, std::uint32_t b) {
    Node node;
    node.kind = Node::Kind::kSplit;
    node.next = a;
    node.other = b;
    return add(node);
  }

  std::uint32_t alternatives(const std::vector<Terms>& choices, std::uint32_t next) {
    std::uint32_t start = kNone;
    for (const Terms& terms : choices) {
      const std::uint32_t one = sequence(terms, next);
      start = start == kNone ? one : split(start, one);
    }
    return start;
  }

  std::uint32_t sequence(const Terms& terms, std::uint32_t next) {
    for (std::size_t i = terms.size(); i > 0 && !too_big_; --i)
      next = repeated(*terms[i - 1], next);
    return next;
  }

  std::uint32_t repeated(const Term& term, std::uint32_t next) {
    std::uint32_t start = next;
    if (term.most < 0) {
      start = split(kNone, next);
      const std::uint32_t body = once(term, start);
      if (!too_big_) nodes_[start].next = body;
    } else {
      for (int i = term.least; i < term.most && !too_big_; ++i)
        start = split(once(term, start), next);
    }
    for (int i = 0; i < term.least && !too_big_; ++i) start = once(term, start);
    return start;
  }

  std::uint32_t once(const Term& term, std::uint32_t next) {
    if (term.kind == Term::Kind::kGroup) return alternatives(term.choices, next);
    Node node;
    node.next = next;
    node.kind = term.kind == Term::Kind::kStart ? Node::Kind::kStart
                : term.kind == Term::Kind::kEnd ? Node::Kind::kEnd
                                                : Node::Kind::kBytes;
    if (node.kind == Node::Kind::kBytes) {
      node.set = static_cast<std::uint32_t>(sets_.size());
      sets_.push_back(term.set);
    }
    return add(node);
  }

  // Bytes that no set tells apart share one column of the table.
  void find_classes() {
    std::vector<std::uint32_t> group(256, 0);
    std::uint32_t groups = 1;
    for (const ByteSet& set : sets_) {
      std::map<std::pair<std::uint32_t, bool>, std::uint32_t> seen;
      std::vector<std::uint32_t> refined(256);
      for (std::size_t byte = 0; byte < 256; ++byte) {
        const auto fresh = static_cast<std::uint32_t>(seen.size());
        refined[byte] = seen.try_emplace({group[byte], set.test(byte)}, fresh).first->second;
      }
      group = refined;
      groups = static_cast<std::uint32_t>(seen.size());
      if (groups == 256) break;
    }
    out_.classes_ = groups;
    sample_.assign(groups, 0);
    for (std::size_t byte = 0; byte < 256; ++byte) {
      out_.class_of_[byte] = static_cast<std::uint8_t>(group[byte]);
      sample_[group[byte]] = static_cast<std::uint8_t>(byte);
    }
  }

  using Set = std::vector<std::uint32_t>;

  // Adds a node and all that is reached from it without reading a byte.
  void close(Set& set, std::vector<char>& seen, std::uint32_t from, bool at_start, bool at_end) {
    Set stack{from};
    while (!stack.empty()) {
      const std::uint32_t index = stack.back();
      stack.pop_back();
      if (seen[index] != 0) continue;
      seen[index] = 1;
      ++work_;
      const Node& node = nodes_[index];
      if (node.kind == Node::Kind::kSplit) {
        stack.push_back(node.next);
        stack.push_back(node.other);
      } else if (node.kind == Node::Kind::kStart) {
        if (at_start) stack.push_back(node.next);
      } else {
        set.push_back(index);
        if (node.kind == Node::Kind::kEnd && at_end) stack.push_back(node.next);
      }
    }
  }

  std::uint8_t kind_of(const Set& set) {
    bool accepts = false;
    for (const std::uint32_t index : set)
      accepts = accepts || nodes_[index].kind == Node::Kind::kAccept;
    if (accepts && search_) return Automaton::kFound;
    if (!accepts) {
      Set closed;
      std::vector<char> seen(nodes_.size(), 0);
      for (const std::uint32_t index : set) close(closed, seen, index, false, true);
      for (const std::uint32_t index : closed)
        accepts = accepts || nodes_[index].kind == Node::Kind::kAccept;
    }
    if (accepts) return Automaton::kAtEnd;
    return set.empty() && !search_ ? Automaton::kDead : Automaton::kRunning;
  }

  std::uint32_t intern(Set set) {
    std::sort(set.begin(), set.end());
    const auto [it, fresh] = ids_.try_emplace(set, static_cast<std::uint32_t>(states_.size()));
    if (fresh) {
      out_.kind_.push_back(kind_of(set));
      states_.push_back(std::move(set));
    }
    return it->second;
  }

  bool determinize() {
    Set first;
    std::vector<char> seen(nodes_.size(), 0);
    close(first, seen, start_, true, false);
    // The empty text matches ^$ only here; kind_of sees the start's closure, so that holds.
    intern(std::move(first));
    for (std::uint32_t state = 0; state < states_.size(); ++state) {
      for (std::uint32_t column = 0; column < out_.classes_; ++column) {
        Set next;
        std::fill(seen.begin(), seen.end(), 0);
        work_ += nodes_.size() / 16;
        for (const std::uint32_t index : states_[state]) {
          ++work_;
          const Node& node = nodes_[index];
          if (node.kind == Node::Kind::kBytes && sets_[node.set].test(sample_[column]))
            close(next, seen, node.next, false, false);
        }
        if (search_) close(next, seen, start_, false, false);
        out_.next_.push_back(static_cast<std::uint16_t>(intern(std::move(next))));
        const bool large = states_.size() > Automaton::kStatesMax ||
                           out_.next_.size() * 2 > Automaton::kTableBytesMax || work_ > kWorkMax;
        if (large) return reason_ = "pattern needs too large an automaton", false;
      }
    }
    return true;
  }

  Automaton& out_;
  std::string& reason_;
  bool search_;
  bool too_big_ = false;
  std::uint64_t work_ = 0;
  std::uint32_t start_ = 0;
  std::vector<Node> nodes_{};
  std::vector<ByteSet> sets_{};
  std::vector<std::uint8_t> sample_{};
  std::map<Set, std::uint32_t> ids_{};
  std::vector<Set> states_{};
};

bool Automaton::glob(std::string_view pattern, std::string& reason, std::size_t& at) {
  *this = {};
  std::vector<Terms> choices(1);
  if (!Reader(pattern, reason, at).glob(choices[0], false)) return false;
  at = 0;
  return AutomatonBuilder(*this, reason, false).build(choices);
}

bool Automaton::regex(std::string_view pattern, std::string& reason, std::size_t& at) {
  *this = {};
  std::vector<Terms> choices;
  if (!Reader(pattern, reason, at).regex(choices, 0)) return false;
  at = 0;
  return AutomatonBuilder(*this, reason, true).build(choices);
}

}  // namespace creel::filters
