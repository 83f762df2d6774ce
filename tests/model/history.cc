#include "tests/model/history.h"

#include "platform/base/text.h"
#include "platform/codec/json.h"

namespace creel::test {
namespace {

constexpr const char* kDid[] = {"write", "read", "delete", "list"};
constexpr const char* kCame[] = {"ok", "refused", "absent", "unknown"};

template <class Names>
int index_of(const Names& names, std::string_view text) {
  for (std::size_t i = 0; i < std::size(names); ++i)
    if (text == names[i]) return static_cast<int>(i);
  return -1;
}

Result<HistoryOp> parse_op(const JsonValue& line) {
  HistoryOp op;
  const auto text = [&](std::string_view name) {
    return std::string(line.find(name).as_string().value_or(""));
  };
  const int did = index_of(kDid, text("op"));
  const int came = index_of(kCame, text("result"));
  const auto call = line.find("call").as_i64();
  const auto end = line.find("return").as_i64();
  if (did < 0 || came < 0 || !call || !end)
    return fail(ErrorCode::kInvalid, "op, result, call or return is missing or unknown");
  op.did = static_cast<Did>(did);
  op.came = static_cast<Came>(came);
  op.call_ns = *call;
  op.return_ns = *end;
  op.dead_ns = line.find("dead").as_i64().value_or(kNever);
  op.process = static_cast<int>(line.find("process").as_i64().value_or(0));
  op.key = text("key");
  op.value = text("value");
  op.if_match = text("if_match");
  op.if_absent = !line.find("if_none_match").absent();
  for (const JsonItem& key : line.find("keys"))
    op.keys.emplace_back(key.value.as_string().value_or(""));
  return op;
}

class Word {
 public:
  explicit Word(std::string_view text) : text_(text) {}
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string until(std::string_view stops) {
    const std::size_t end = std::min(text_.find_first_of(stops), text_.size());
    std::string out(text_.substr(0, end));
    text_.remove_prefix(end);
    return out;
  }
  bool done() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_.front(); }

 private:
  std::string_view text_;
};

bool parse_times(Word& word, HistoryOp& op) {
  if (!word.take('@')) return false;
  const auto call = parse_i64(word.until("-"));
  if (!call || !word.take('-')) return false;
  op.call_ns = *call;
  const std::string rest = word.until("");
  const auto end = parse_i64(rest);
  if (op.came == Came::kUnknown) {
    op.return_ns = kNever;
    if (!rest.empty() && !end) return false;
    op.dead_ns = rest.empty() ? kNever : *end;
    return true;
  }
  if (!end || *end < *call) return false;
  op.return_ns = *end;
  return true;
}

bool parse_word(std::string_view text, HistoryOp& op) {
  op.key = "x";
  const std::size_t at = text.find('@');
  const std::size_t dot = text.find('.');
  if (dot != std::string_view::npos && dot < at) {
    op.key = std::string(text.substr(0, dot));
    text.remove_prefix(dot + 1);
  }
  Word word(text);
  constexpr std::string_view kStops = "!_?@>";
  if (word.take('w')) {
    op.did = Did::kWrite;
    op.value = word.until(kStops);
  } else if (word.take('n')) {
    op.did = Did::kWrite;
    op.if_absent = true;
    op.value = word.until(kStops);
  } else if (word.take('m')) {
    op.did = Did::kWrite;
    op.if_match = word.until(kStops);
    if (!word.take('>')) return false;
    op.value = word.until(kStops);
  } else if (word.take('r')) {
    op.did = Did::kRead;
    if (!word.take('_')) op.value = word.until(kStops);
  } else if (word.take('d')) {
    op.did = Did::kDelete;
  } else if (word.take('e')) {
    op.did = Did::kDelete;
    op.if_match = word.until(kStops);
  } else if (word.take('l')) {
    op.did = Did::kList;
    op.key.clear();
    if (!word.take('(')) return false;
    while (!word.take(')')) {
      op.keys.push_back(word.until(",)"));
      word.take(',');
      if (word.done()) return false;
    }
  } else {
    return false;
  }
  if (op.did == Did::kWrite && op.value.empty()) return false;
  if (word.take('!')) op.came = Came::kRefused;
  else if (word.take('_')) op.came = Came::kAbsent;
  else if (word.take('?')) op.came = Came::kUnknown;
  return parse_times(word, op);
}

}  // namespace

std::string to_json_line(const HistoryOp& op) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().field("process", op.process).field("op", kDid[static_cast<int>(op.did)]);
  json.field("key", op.key);
  if (op.did != Did::kList) json.field("value", op.value);
  if (!op.if_match.empty()) json.field("if_match", op.if_match);
  if (op.if_absent) json.field("if_none_match", "*");
  json.field("call", op.call_ns).field("return", op.return_ns);
  json.field("result", kCame[static_cast<int>(op.came)]);
  if (op.dead_ns != kNever) json.field("dead", op.dead_ns);
  if (op.did == Did::kList) {
    json.name("keys").begin_array();
    for (const std::string& key : op.keys) json.string(key);
    json.end_array();
  }
  json.end_object();
  return line + '\n';
}

Result<History> parse_json_lines(std::string_view text) {
  History history;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    const std::string_view line = text.substr(0, end + 1);
    text.remove_prefix(end + 1);
    ++number;
    if (trim(line.substr(0, line.size() - 1)).empty()) continue;
    Result<JsonDoc> doc = JsonDoc::parse(as_bytes(line));
    if (!doc.ok()) return fail(ErrorCode::kInvalid, cat("line ", number, ": ", doc.error().detail));
    Result<HistoryOp> op = parse_op(doc.value().root());
    if (!op.ok()) return fail(ErrorCode::kInvalid, cat("line ", number, ": ", op.error().detail));
    history.push_back(op.take());
  }
  return history;
}

Result<History> parse_compact(std::string_view line) {
  History history;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    if (word.empty()) continue;
    HistoryOp op;
    if (!parse_word(word, op)) return fail(ErrorCode::kInvalid, cat("what is '", word, "'?"));
    op.process = static_cast<int>(history.size());
    history.push_back(std::move(op));
  }
  return history;
}

std::string to_compact(const HistoryOp& op) {
  std::string text;
  if (op.did != Did::kList && op.key != "x") text = cat(op.key, '.');
  switch (op.did) {
    case Did::kWrite:
      if (op.if_absent) text += cat('n', op.value);
      else if (!op.if_match.empty()) text += cat('m', op.if_match, '>', op.value);
      else text += cat('w', op.value);
      break;
    case Did::kRead: text += op.value.empty() ? std::string("r_") : cat('r', op.value); break;
    case Did::kDelete:
      text += op.if_match.empty() ? std::string("d") : cat('e', op.if_match);
      break;
    case Did::kList:
      text += "l(";
      for (std::size_t i = 0; i < op.keys.size(); ++i) text += cat(i == 0 ? "" : ",", op.keys[i]);
      text += ')';
      break;
  }
  if (op.came == Came::kRefused) text += '!';
  if (op.came == Came::kAbsent) text += '_';
  if (op.came == Came::kUnknown) text += '?';
  text += cat('@', op.call_ns, '-');
  if (op.came != Came::kUnknown) text += cat(op.return_ns);
  else if (op.dead_ns != kNever) text += cat(op.dead_ns);
  return text;
}

}  // namespace creel::test
