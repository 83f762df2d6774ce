#include "filters/formats/byte_kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/seeds.h"

namespace creel::filters {
namespace {

using test::Seed;
using test::seeds;
using test::TestRandom;

struct Found {
  std::vector<std::uint32_t> ends;
  std::vector<std::uint32_t> rows;
  bool irregular;
  bool beyond_ascii;
  bool operator==(const Found&) const = default;
};

Found index_csv(const ByteKernels& kernels, const std::string& text, const CsvDialect& dialect) {
  std::vector<std::uint32_t> ends(text.size() + kIndexSlack);
  std::vector<std::uint32_t> rows(text.size() + kIndexSlack);
  // A heap copy of just this size: sanitizers see a read past the end.
  const std::vector<std::uint8_t> exact(text.begin(), text.end());
  CsvIndex index;
  index.ends = ends.data();
  index.row_ends = rows.data();
  kernels.csv(exact.data(), exact.size(), dialect, index);
  ends.resize(index.end_count);
  rows.resize(index.row_count);
  return {ends, rows, index.irregular, index.beyond_ascii};
}

struct Tokens {
  std::vector<std::uint32_t> at;
  bool open_string;
  bool control;
  bool beyond_ascii;
  std::uint32_t first_backslash = UINT32_MAX;
  std::uint32_t last_backslash = 0;
  bool operator==(const Tokens&) const = default;
};

Tokens index_json(const ByteKernels& kernels, const std::string& text) {
  std::vector<std::uint32_t> tokens(text.size() + kIndexSlack);
  const std::vector<std::uint8_t> exact(text.begin(), text.end());
  JsonIndex index;
  index.tokens = tokens.data();
  kernels.json(exact.data(), exact.size(), index);
  tokens.resize(index.count);
  return {tokens,
          index.open_string,
          index.control,
          index.beyond_ascii,
          index.first_backslash,
          index.last_backslash};
}

// Byte by byte: the meaning of the JSON index.
Tokens plain_json(const std::string& text) {
  Tokens out{{}, false, false, false};
  bool inside = false;
  bool escaped = false;
  bool in_scalar = false;
  for (std::uint32_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool was_escaped = escaped;
    escaped = !was_escaped && c == '\\';
    if (c == '\\') {
      out.first_backslash = std::min(out.first_backslash, i);
      out.last_backslash = i;
    }
    out.beyond_ascii = out.beyond_ascii || c >= 0x80;
    if (inside) {
      out.control = out.control || c < 0x20;
      if (c == '"' && !was_escaped) inside = false;
      continue;
    }
    const bool quote = c == '"' && !was_escaped;
    const bool op = std::string("{}[]:,").find(static_cast<char>(c)) != std::string::npos && c != 0;
    const bool space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
    const bool scalar = !quote && !op && !space;
    if (quote || op || (scalar && !in_scalar)) out.at.push_back(i);
    in_scalar = scalar;
    inside = quote;
  }
  out.open_string = inside;
  return out;
}

TEST(ByteKernels, AllAgreeOnCsv) {
  const ByteKernels* kernels[8];
  const std::size_t count = all_byte_kernels(kernels, 8);
  for (Seed seed : seeds(3000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string alphabets[] = {"ab,\n", "ab,\n\"", "a,\r\n\"",
                                     std::string("\xc3\xa9,\n\0", 5)};
    const std::string text = random.text(random.skewed_below(700), random.pick(alphabets));
    CsvDialect dialect;
    dialect.quoted_newlines = random.chance(0.5);
    dialect.has_quote = random.chance(0.9);
    const Found plain = index_csv(*kernels[0], text, dialect);
    for (std::size_t k = 1; k < count; ++k)
      ASSERT_EQ(index_csv(*kernels[k], text, dialect), plain) << kernels[k]->name << ": " << text;
  }
}

TEST(ByteKernels, AllAgreeOnJson) {
  const ByteKernels* kernels[8];
  const std::size_t count = all_byte_kernels(kernels, 8);
  for (Seed seed : seeds(3000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string alphabets[] = {"{}[]:,\"a1 ", "\"\\a", "\"\\a{\t\n\r\x0c\x1a\x1b\x1d]}:,",
                                     std::string("\xc3\xa9\"{\x01\x1f\0", 7)};
    const std::string text = random.text(random.skewed_below(700), random.pick(alphabets));
    const Tokens expected = plain_json(text);
    for (std::size_t k = 0; k < count; ++k)
      ASSERT_EQ(index_json(*kernels[k], text), expected) << kernels[k]->name << ": " << text;
  }
}

TEST(ByteKernels, AllFindTheSameNewline) {
  const ByteKernels* kernels[8];
  const std::size_t count = all_byte_kernels(kernels, 8);
  for (std::size_t size = 0; size < 200; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      std::vector<std::uint8_t> bytes(size, 'x');
      if (at < size) bytes[at] = '\n';
      for (std::size_t k = 0; k < count; ++k)
        ASSERT_EQ(kernels[k]->newline(bytes.data(), at / 2, size), at) << kernels[k]->name;
    }
  }
}

}  // namespace
}  // namespace creel::filters
