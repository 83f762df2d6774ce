#include "filters/language/lexer.h"

#include "platform/base/text.h"
#include "platform/codec/utf8.h"

namespace creel::filters {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

class Lexer {
 public:
  Lexer(std::string_view sql, std::vector<Token>& out, SqlError& error)
      : sql_(sql), out_(out), error_(error) {}

  bool run() {
    if (sql_.size() > kSqlBytesMax) return refuse(0, cat("longer than ", kSqlBytesMax, " bytes"));
    if (!is_utf8(sql_)) return refuse(bad_utf8(), "not UTF-8");
    while (true) {
      if (!skip_space()) return false;
      if (at_ == sql_.size()) break;
      if (!one()) return false;
    }
    push(TokenKind::kEnd, at_, {});
    return true;
  }

 private:
  bool refuse(std::size_t offset, std::string reason) {
    error_ = {static_cast<std::uint32_t>(offset), std::move(reason)};
    return false;
  }
  Token& push(TokenKind kind, std::size_t offset, std::string text) {
    Token token;
    token.kind = kind;
    token.offset = static_cast<std::uint32_t>(offset);
    token.text = std::move(text);
    out_.push_back(std::move(token));
    return out_.back();
  }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0';
  }
  std::size_t bad_utf8() const {
    std::size_t at = 0;
    while (at < sql_.size()) {
      const std::size_t length = utf8_length(sql_.substr(at));
      if (length == 0) break;
      at += length;
    }
    return at;
  }

  bool skip_space() {
    while (at_ < sql_.size()) {
      const char c = sql_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (c == '-' && peek(1) == '-') {
        while (at_ < sql_.size() && sql_[at_] != '\n') ++at_;
      } else if (c == '/' && peek(1) == '*') {
        const std::size_t close = sql_.find("*/", at_ + 2);
        if (close == std::string_view::npos) return refuse(at_, "comment has no end");
        at_ = close + 2;
      } else {
        break;
      }
    }
    return true;
  }

  bool one() {
    const char c = sql_[at_];
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (is_name_start(c)) return name();
    if (c == '\'') return quoted('\'', TokenKind::kString, "string");
    if (c == '"') return quoted('"', TokenKind::kQuotedName, "name");
    if (c == '`') return quoted('`', TokenKind::kTimestamp, "timestamp");
    return punctuation();
  }

  bool name() {
    const std::size_t first = at_;
    while (at_ < sql_.size() && is_name(sql_[at_])) ++at_;
    push(TokenKind::kName, first, std::string(sql_.substr(first, at_ - first)));
    return true;
  }

  // The quote twice stands for itself.
  bool quoted(char quote, TokenKind kind, std::string_view what) {
    const std::size_t first = at_++;
    std::string text;
    while (at_ < sql_.size()) {
      const char c = sql_[at_++];
      if (c != quote) {
        text += c;
      } else if (peek() == quote) {
        text += quote;
        ++at_;
      } else {
        push(kind, first, std::move(text));
        return true;
      }
    }
    return refuse(first, cat(what, " has no closing ", std::string(1, quote)));
  }

  bool number() {
    const std::size_t first = at_;
    TokenKind kind = TokenKind::kInt;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && !(peek(1) == '.' || is_name_start(peek(1)))) {
      kind = TokenKind::kDecimal;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
      kind = TokenKind::kFloat;
      at_ += 1 + sign;
      while (is_digit(peek())) ++at_;
    }
    Token& token = push(kind, first, std::string(sql_.substr(first, at_ - first)));
    const std::size_t suffix = at_;
    while (at_ < sql_.size() && is_name(sql_[at_])) ++at_;
    token.suffix = std::string(sql_.substr(suffix, at_ - suffix));
    return true;
  }

  bool punctuation() {
    constexpr std::string_view kPairs[] = {"<>", "!=", "<=", ">=", "||"};
    for (const std::string_view pair : kPairs) {
      if (sql_.substr(at_, 2) == pair) {
        push(TokenKind::kPunct, at_, std::string(pair));
        at_ += 2;
        return true;
      }
    }
    const char c = sql_[at_];
    if (std::string_view("()[],.*/%+-=<>").find(c) == std::string_view::npos)
      return refuse(at_, cat("unexpected character '", std::string(1, c), "'"));
    push(TokenKind::kPunct, at_, std::string(1, c));
    ++at_;
    return true;
  }

  std::string_view sql_;
  std::vector<Token>& out_;
  SqlError& error_;
  std::size_t at_ = 0;
};

}  // namespace

bool tokenize(std::string_view sql, std::vector<Token>& out, SqlError& error) {
  return Lexer(sql, out, error).run();
}

}  // namespace creel::filters
