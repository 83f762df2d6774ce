#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace creel::filters {

// A refusal at a byte of the statement. Whoever knows where the statement stands in a file turns
// the offset into line and column.
struct SqlError {
  std::uint32_t offset = 0;
  std::string reason;
};

enum class TokenKind : std::uint8_t {
  kName,       // Bare: compared ignoring ASCII case.
  kQuotedName, // "x": compared exactly.
  kString,     // 'it''s'
  kInt,
  kDecimal,
  kFloat,
  kTimestamp,  // `…`, the text between.
  kPunct,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t offset = 0;
  std::string text;    // Unescaped; punctuation as written.
  std::string suffix;  // Letters right after a number: KiB, ms, …
};

// Statement of at most kSqlBytesMax bytes into tokens, the last of which is kEnd. `--` and /* */
// comments are skipped. False with `error` set if a character or literal is malformed.
inline constexpr std::size_t kSqlBytesMax = 256 * 1024;
bool tokenize(std::string_view sql, std::vector<Token>& out, SqlError& error);

}  // namespace creel::filters
