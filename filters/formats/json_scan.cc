#include "filters/formats/json_scan.h"

#include <cstring>

#include "platform/base/text.h"

namespace creel::filters {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Four hex digits; false if there are not that many.
bool hex4(std::string_view text, std::size_t at, std::uint32_t& out) {
  if (text.size() < at + 4) return false;
  out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[at + i]);
    if (digit < 0) return false;
    out = out << 4 | static_cast<std::uint32_t>(digit);
  }
  return true;
}

char* put_utf8(char* at, std::uint32_t c) {
  if (c < 0x80) {
    *at++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *at++ = static_cast<char>(0xc0 | c >> 6);
    *at++ = static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *at++ = static_cast<char>(0xe0 | c >> 12);
    *at++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *at++ = static_cast<char>(0x80 | (c & 0x3f));
  } else {
    *at++ = static_cast<char>(0xf0 | c >> 18);
    *at++ = static_cast<char>(0x80 | (c >> 12 & 0x3f));
    *at++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
    *at++ = static_cast<char>(0x80 | (c & 0x3f));
  }
  return at;
}

// Writes the unescaped text, never longer than `inner`, unless `out` is null. -1 if an escape is
// bad.
std::ptrdiff_t unescape_into(std::string_view inner, char* out) {
  char* at = out;
  char scratch[4];
  std::ptrdiff_t size = 0;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\') {  // Up to the next escape in one step.
      const void* hit = std::memchr(inner.data() + i, '\\', inner.size() - i);
      const std::size_t next =
          hit == nullptr ? inner.size()
                         : static_cast<std::size_t>(static_cast<const char*>(hit) - inner.data());
      if (out != nullptr) std::memcpy(at, inner.data() + i, next - i), at += next - i;
      size += static_cast<std::ptrdiff_t>(next - i);
      if (next == inner.size()) break;
      i = next;
    }
    char* const put = out != nullptr ? at : scratch;
    char* behind = put;
    if (++i == inner.size()) return -1;
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kBytes = "\"\\/\b\f\n\r\t";
    const std::size_t known = kNames.find(inner[i]);
    if (known != std::string_view::npos) {
      *behind++ = kBytes[known];
    } else {
      std::uint32_t c = 0;
      if (inner[i] != 'u' || !hex4(inner, i + 1, c)) return -1;
      i += 4;
      if (c >= 0xdc00 && c < 0xe000) return -1;
      if (c >= 0xd800 && c < 0xdc00) {
        std::uint32_t low = 0;
        if (inner.substr(i + 1, 2) != "\\u" || !hex4(inner, i + 3, low) || low < 0xdc00 ||
            low >= 0xe000)
          return -1;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        i += 6;
      }
      behind = put_utf8(put, c);
    }
    size += behind - put;
    if (out != nullptr) at = behind;
  }
  return size;
}

}  // namespace

bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  if (at < text.size() && text[at] == '-') ++at;
  if (at < text.size() && text[at] == '0') ++at;
  else if (digits() == 0) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

void append_json_escaped(Bytes& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    append(out, text.substr(done, i - done));
    done = i + 1;
    constexpr std::string_view kBytes = "\"\\\b\f\n\r\t";
    constexpr std::string_view kNames = "\"\\bfnrt";
    const std::size_t known = kBytes.find(static_cast<char>(c));
    out.push_back('\\');
    if (known != std::string_view::npos) {
      out.push_back(static_cast<std::uint8_t>(kNames[known]));
    } else {
      append(out, "u00");
      out.push_back(static_cast<std::uint8_t>(kHex[c >> 4]));
      out.push_back(static_cast<std::uint8_t>(kHex[c & 15]));
    }
  }
  append(out, text.substr(done));
}

std::uint32_t JsonTree::reach(const std::vector<Step>& steps) {
  std::uint32_t node = 0;
  for (const Step& step : steps) {
    std::uint32_t next = kNone;
    if (step.kind == Step::Kind::kName) {
      for (const Child& child : nodes[node].children) {
        const bool alike = child.name.matches(step.name.text) || step.name.matches(child.name.text);
        if (!alike) continue;
        if (child.name.exact == step.name.exact) next = child.node;
        else ambiguous = true;
      }
    } else {
      for (const Item& item : nodes[node].items)
        if (item.index == step.index) next = item.node;
    }
    if (next == kNone) {
      next = static_cast<std::uint32_t>(nodes.size());
      nodes.emplace_back();
      if (step.kind == Step::Kind::kName) nodes[node].children.push_back({step.name, next});
      else nodes[node].items.push_back({step.index, next});
    }
    node = next;
  }
  return node;
}

JsonScanner::JsonScanner(const JsonTree& tree, const ByteKernels& kernels)
    : tree_(tree), kernels_(kernels), seen_(tree.nodes.size()) {
  for (std::size_t i = 0; i < tree.nodes.size(); ++i)
    seen_[i].assign(tree.nodes[i].children.size(), 0);
}

bool JsonScanner::broken(Fault fault) {
  if (fault_ == Fault::kNone) fault_ = fault;
  return false;
}

Fault JsonScanner::start(std::string_view record) {
  data_ = record;
  next_ = 0;
  depth_ = 0;
  fault_ = Fault::kNone;
  if (++record_ == 0) record_ = 1;  // After 2^32 records a stale mark could meet its number again.
  if (tokens_.size() < record.size() + kIndexSlack) tokens_.resize(record.size() + kIndexSlack);
  JsonIndex index;
  index.tokens = tokens_.data();
  kernels_.json(reinterpret_cast<const std::uint8_t*>(record.data()), record.size(), index);
  count_ = index.count;
  first_escape_ = index.first_backslash;
  last_escape_ = index.last_backslash;
  if (index.beyond_ascii && !is_utf8(record)) return Fault::kUtf8;
  if (index.open_string || index.control || count_ == 0) return Fault::kJson;
  return Fault::kNone;
}

Fault JsonScanner::scan(std::string_view record, Value* out, std::size_t stride, std::size_t slots,
                        Arena& arena) {
  for (std::size_t i = 0; i < slots; ++i) out[i * stride] = missing_value();
  if (const Fault fault = start(record); fault != Fault::kNone) return fault;
  out_ = out;
  stride_ = stride;
  arena_ = &arena;
  edits_ = nullptr;
  if (at() != '{') return Fault::kJson;
  if (!object(0)) return fault_;
  return more() ? Fault::kJson : Fault::kNone;
}

Fault JsonScanner::edits(std::string_view record, std::vector<JsonEdit>& out, Arena& arena) {
  out.clear();
  if (const Fault fault = start(record); fault != Fault::kNone) return fault;
  out_ = nullptr;
  arena_ = &arena;
  edits_ = &out;
  return object(0) ? Fault::kNone : fault_;
}

// Behind the token that begins at next_: up to the next one, less the space between.
std::size_t JsonScanner::token_end() const {
  std::size_t end = next_ + 1 < count_ ? tokens_[next_ + 1] : data_.size();
  while (is_space(data_[end - 1])) --end;
  return end;
}

bool JsonScanner::string(std::string_view& inner, bool& escaped) {
  const std::size_t first = tokens_[next_] + 1;
  const std::size_t end = token_end();
  if (end <= first || data_[end - 1] != '"') return broken();
  inner = data_.substr(first, end - 1 - first);
  escaped = end > first_escape_ && first <= last_escape_ &&
            std::memchr(inner.data(), '\\', inner.size()) != nullptr;
  return true;
}

bool JsonScanner::check_string() {
  std::string_view inner;
  bool escaped = false;
  if (!string(inner, escaped)) return false;
  if (escaped && unescape_into(inner, nullptr) < 0) return broken();
  ++next_;
  return true;
}

bool JsonScanner::unescape(std::string_view inner, std::string_view& out) {
  char* at = arena_->take(inner.size() + 1);
  if (at == nullptr) return broken(Fault::kTooLong);
  const std::ptrdiff_t size = unescape_into(inner, at);
  if (size < 0) return broken();
  out = {at, static_cast<std::size_t>(size)};
  return true;
}

bool JsonScanner::scalar(std::string_view& text) {
  const std::size_t first = tokens_[next_];
  text = data_.substr(first, token_end() - first);
  ++next_;
  const char c = text[0];
  if (c == '-' || (c >= '0' && c <= '9')) return is_json_number(text) || broken();
  return text == "true" || text == "false" || text == "null" || broken();
}

bool JsonScanner::value(std::uint32_t node) {
  if (!more()) return broken();
  const JsonTree::Node& here = tree_.nodes[node];
  const std::size_t first = tokens_[next_];
  const char c = at();
  Value made;
  if (c == '{' || c == '[') {
    if (!(c == '{' ? object(node) : array(node))) return false;
    std::size_t end = next_ < count_ ? tokens_[next_] : data_.size();
    while (is_space(data_[end - 1])) --end;
    made = text_value(Type::kJson, data_.substr(first, end - first));
  } else if (c == '"') {
    std::string_view inner;
    bool escaped = false;
    if (!string(inner, escaped)) return false;
    ++next_;
    if (escaped && !unescape(inner, inner)) return false;
    made = string_value(inner);
  } else if (c == '}' || c == ']' || c == ':' || c == ',') {
    return broken();
  } else {
    std::string_view text;
    if (!scalar(text)) return false;
    if (text[0] == 'n') made = null_value();
    else if (text[0] == 't' || text[0] == 'f') made = bool_value(text[0] == 't');
    else made = text_value(Type::kNumber, text);
  }
  if (out_ != nullptr)
    for (const std::uint32_t slot : here.slots) out_[slot * stride_] = made;
  return true;
}

bool JsonScanner::key(std::string_view& out) {
  if (!more() || at() != '"') return broken();
  if (next_ + 1 < count_) {  // "key": without a space, as most writers put it.
    const std::size_t first = tokens_[next_] + 1;
    const std::size_t colon = tokens_[next_ + 1];
    if (data_[colon] == ':' && data_[colon - 1] == '"' && colon > first &&
        (colon <= first_escape_ || first > last_escape_)) {
      out = data_.substr(first, colon - 1 - first);
      next_ += 2;
      return true;
    }
  }
  bool escaped = false;
  if (!string(out, escaped)) return false;
  if (escaped && !unescape(out, out)) return false;  // "em\u0061il" is email.
  ++next_;
  if (!more() || at() != ':') return broken();
  ++next_;
  return true;
}

std::uint32_t JsonScanner::child_of(std::uint32_t node, std::string_view key,
                                    std::uint32_t& child) const {
  const std::vector<JsonTree::Child>& children = tree_.nodes[node].children;
  std::uint32_t found = JsonTree::kNone;
  for (std::uint32_t i = 0; i < children.size(); ++i) {
    const Name& name = children[i].name;
    // Length and first letter turn almost all others away.
    if (name.text.size() != key.size()) continue;
    if (!key.empty() && ((name.text[0] ^ key[0]) & ~0x20) != 0) continue;
    const bool same = std::memcmp(name.text.data(), key.data(), key.size()) == 0;
    if (!same && (name.exact || !equal_ignore_case(name.text, key))) continue;
    child = i;
    found = children[i].node;
    if (same) break;  // As spelled goes before any other case.
  }
  return found;
}

bool JsonScanner::object(std::uint32_t node) {
  if (++depth_ > kDepthMax) return broken();
  ++next_;  // {
  const JsonTree::Node& here = tree_.nodes[node];
  if (more() && at() == '}') return ++next_, --depth_, true;
  while (true) {
    const std::size_t member = more() ? tokens_[next_] : 0;
    std::string_view name;
    if (!key(name)) return false;
    std::uint32_t child = 0;
    std::uint32_t next = child_of(node, name, child);
    bool cut = false;
    if (next == JsonTree::kNone) {
      if (here.closed && !tree_.strip_new) return broken(Fault::kColumns);
      cut = here.closed;
    } else {
      std::uint32_t& mark = seen_[node][child];
      if (mark == record_) {
        if (tree_.unique_keys) return broken();
        next = JsonTree::kNone;  // The first one counts.
      } else {
        cut = tree_.nodes[next].cut;
      }
      mark = record_;
    }
    const std::size_t begin = more() ? tokens_[next_] : 0;
    if (!(next == JsonTree::kNone ? skip() : value(next))) return false;
    if (edits_ != nullptr &&
        (cut || (next != JsonTree::kNone && tree_.nodes[next].replace != JsonTree::kNone))) {
      std::size_t end = next_ < count_ ? tokens_[next_] : data_.size();
      while (is_space(data_[end - 1])) --end;
      while (!edits_->empty() && edits_->back().begin >= begin)
        edits_->pop_back();  // Inside this one.
      edits_->push_back({static_cast<std::uint32_t>(cut ? member : begin),
                         static_cast<std::uint32_t>(end),
                         cut ? JsonTree::kNone : tree_.nodes[next].replace});
    }
    if (!more()) return broken();
    const char c = at();
    ++next_;
    if (c == '}') return --depth_, true;
    if (c != ',') return broken();
  }
}

bool JsonScanner::array(std::uint32_t node) {
  if (++depth_ > kDepthMax) return broken();
  ++next_;  // [
  if (more() && at() == ']') return ++next_, --depth_, true;
  for (std::uint32_t index = 0;; ++index) {
    std::uint32_t next = JsonTree::kNone;
    for (const JsonTree::Item& item : tree_.nodes[node].items)
      if (item.index == index) next = item.node;
    if (!(next == JsonTree::kNone ? skip() : value(next))) return false;
    if (!more()) return broken();
    const char c = at();
    ++next_;
    if (c == ']') return --depth_, true;
    if (c != ',') return broken();
  }
}

// Checks a value nobody asked for.
bool JsonScanner::skip() {
  if (!more()) return broken();
  const char c = at();
  if (c == '"') return check_string();
  if (c == '{' || c == '[') return skip_container();
  if (c == '}' || c == ']' || c == ':' || c == ',') return broken();
  std::string_view text;
  return scalar(text);
}

// No recursion: one bit a level tells objects from lists.
bool JsonScanner::skip_container() {
  std::uint64_t is_object[kDepthMax / 64 + 1];
  const unsigned base = depth_;
  bool in_object = false;
  const auto open = [&] {
    in_object = at() == '{';
    if (++depth_ > kDepthMax) return broken();
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    if (in_object) is_object[depth_ / 64] |= bit;
    else is_object[depth_ / 64] &= ~bit;
    ++next_;
    return true;
  };
  std::memset(is_object, 0, sizeof is_object);
  if (!open()) return false;
  bool empty_allowed = true;
  while (true) {
    // At the start of a member or item.
    if (!more()) return broken();
    const char closing = in_object ? '}' : ']';
    bool closed = empty_allowed && at() == closing;
    if (!closed) {
      if (in_object) {
        if (at() != '"' || !check_string()) return broken();
        if (!more() || at() != ':') return broken();
        ++next_;
        if (!more()) return broken();
      }
      if (at() == '{' || at() == '[') {
        if (!open()) return false;
        empty_allowed = true;
        continue;
      }
      if (!skip()) return false;
    }
    // Behind a value: close as many levels as end here.
    while (true) {
      if (!more()) return broken();
      const char c = at();
      if (!closed && c == ',') {
        ++next_;
        empty_allowed = false;
        break;
      }
      if (c != (in_object ? '}' : ']')) return broken();
      ++next_;
      closed = false;
      if (--depth_ == base) return true;
      in_object = (is_object[depth_ / 64] >> (depth_ % 64) & 1) != 0;
    }
  }
}

}  // namespace creel::filters
