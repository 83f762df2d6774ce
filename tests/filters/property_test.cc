#include <algorithm>

#include "filters/formats/csv_reader.h"
#include "filters/language/parser.h"
#include "platform/codec/stream.h"
#include "tests/filters/support.h"
#include "tests/support/seeds.h"

namespace creel::filters::test {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

// CSV with everything that makes it hard, and some that breaks it.
std::string hostile_csv(TestRandom& random, std::size_t rows) {
  std::string out = "a,b,c\n";
  constexpr std::string_view kCells[] = {
      "",          "1",       "12.5", "\"q\"",  "\"x,y\"", "\"say \"\"hi\"\"\"",
      "-3",        "x",       "\"\"", "\"open", "st\"ray", "\"bad\"tail",
      "h\xc3\xa9", "\"n\n\"", "1e3",  "\xff",   "   7",    "\"\r\n\""};
  for (std::size_t i = 0; i < rows; ++i) {
    const std::size_t cells = random.chance(0.9) ? 3 : random.below(5);
    for (std::size_t c = 0; c < cells; ++c) {
      if (c > 0) out += ',';
      out += random.chance(0.7) ? kCells[random.below(8)] : random.pick(kCells);
    }
    out += random.chance(0.2) ? "\r\n" : "\n";
  }
  return out;
}

std::string hostile_json(TestRandom& random, std::size_t rows) {
  std::string out;
  constexpr std::string_view kValues[] = {
      "1",  "2.5", "\"x\"",           "null",  "true",         "[1,{\"q\":2}]", "{\"d\":{\"e\":1}}",
      "{}", "[]",  "\"\\\"\\u0041\"", "1e400", "\"\xc3\xa9\"", "tru",           "\"open",
      "01"};
  for (std::size_t i = 0; i < rows; ++i) {
    out += '{';
    for (const std::string_view key : {"a", "b", "c"}) {
      if (random.chance(0.1)) continue;
      if (out.back() != '{') out += ',';
      out += cat("\"", key,
                 "\":", random.chance(0.8) ? kValues[random.below(10)] : random.pick(kValues));
    }
    out += "}\n";
  }
  return out;
}

std::vector<std::size_t> random_cuts(TestRandom& random, std::size_t size) {
  std::vector<std::size_t> cuts;
  const std::size_t count = random.skewed_below(40);
  for (std::size_t i = 0; i < count; ++i) cuts.push_back(random.below(size + 1));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

bool same(const Outcome& a, const Outcome& b) {
  return a.out == b.out && a.dead == b.dead && a.held == b.held &&
         a.counters.rows == b.counters.rows && a.counters.kept == b.counters.kept &&
         a.counters.dead == b.counters.dead && a.counters.unknown == b.counters.unknown;
}

// Goal: the output does not depend on how the input was cut into pieces, nor on its packing.
TEST(FilterProperty, PiecesDoNotMatter) {
  const std::string_view rules[] = {
      "sql = 'SELECT * FROM S3Object WHERE a > 1'\nmax_errors = '100%'",
      "sql = \"SELECT c, a, b || 'x' AS bx FROM S3Object WHERE b <> '' OR a IS NULL\"\nmax_errors "
      "= '100%'",
      "sql = 'SELECT * REPLACE (UPPER(b) AS b) FROM S3Object'\nmax_errors = '100%'\nformat = "
      "{quoted_newlines = true}",
      "sql = 'SELECT * FROM S3Object WHERE a > 1'\nencode = 'same+zstd'\nmax_record = "
      "64\nmax_errors = '100%'"};
  std::vector<std::shared_ptr<const RuleSet>> sets;
  for (const std::string_view rule : rules) sets.push_back(must_parse(rule_text(rule)));
  for (Seed seed : seeds(400)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::size_t rows = random.chance(0.1) ? 10'000 : random.skewed_below(300);
    const bool csv = random.chance(0.6);
    const std::string input = csv ? hostile_csv(random, rows) : hostile_json(random, rows);
    const ObjectInfo object = object_named(csv ? "a.csv" : "a.ndjson");
    const Rule& rule = *random.pick(sets)->rules()[0];
    const Outcome whole = run_pieces(rule, object, input, {});
    EXPECT_TRUE(same(run_pieces(rule, object, input, random_cuts(random, input.size())), whole));
    if (rule.compress == Compress::kZstd) {
      const auto packed = zstd_compress(as_bytes(input));
      ASSERT_TRUE(packed.ok());
      const std::string stored = to_string(packed.value());
      EXPECT_TRUE(
          same(run_pieces(rule, object, stored, random_cuts(random, stored.size())), whole));
    }
  }
}

// Goal: reading what was written gives the same cells, whatever they hold.
TEST(FilterProperty, CsvCellsSurviveARoundTrip) {
  const auto to_json =
      must_parse(rule_text("encode = 'ndjson'\nformat = {type = 'csv', quoted_newlines = true}\n"
                           "sql = 'SELECT * FROM S3Object'"));
  const auto to_csv =
      must_parse(rule_text("encode = 'csv'\nformat = {type = 'ndjson', quoted_newlines = true}\n"
                           "columns = ['a','b','c']\nsql = 'SELECT * FROM S3Object'"));
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Bytes json;
    for (std::size_t row = random.below(40); row > 0; --row) {
      append(json, "{");
      for (const std::string_view key : {"a", "b", "c"}) {
        append(json, cat(key == "a" ? "" : ",", "\"", key, "\":"));
        if (random.chance(0.2)) {
          append(json, "null");
          continue;
        }
        append(json, "\"");
        append_json_escaped(json, random.text(random.skewed_below(90), ",\"\r\n ab'#;"));
        append(json, "\"");
      }
      append(json, "}\n");
    }
    const std::string input = to_string(json);
    const Outcome csv = run_pieces(*to_csv->rules()[0], object_named("a.ndjson"), input, {});
    ASSERT_EQ(csv.counters.dead, 0u);
    const Outcome back = run_pieces(*to_json->rules()[0], object_named("a.csv"), csv.out, {});
    ASSERT_EQ(back.out, input) << csv.out;
  }
}

// Goal: the vector path cuts just like the byte-by-byte reader, which is the definition of the
// format.
TEST(FilterProperty, KernelsCutLikeTheReader) {
  const ByteKernels* kernels[8];
  const std::size_t count = all_byte_kernels(kernels, 8);
  for (Seed seed : seeds(2000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string text = random.chance(0.5) ? random.text(random.skewed_below(400), "ab,\r\n\"")
                                                : hostile_csv(random, random.below(20));
    CsvFormat format;
    format.quoted_newlines = random.chance(0.5);
    format.pad_ragged = true;
    CsvFormat slow = format;
    slow.comment = '\x01';  // Not in the data, but it keeps the kernels out.
    const bool final = random.chance(0.5);
    CsvReader reference(slow, 1 << 20, *kernels[0]);
    const std::size_t consumed = reference.cut(as_bytes(text), final);
    for (std::size_t k = 0; k < count; ++k) {
      CsvReader fast(format, 1 << 20, *kernels[k]);
      ASSERT_EQ(fast.cut(as_bytes(text), final), consumed) << text;
      ASSERT_EQ(fast.rows().size(), reference.rows().size()) << text;
      for (std::size_t i = 0; i < fast.rows().size(); ++i) {
        const Row& a = fast.rows()[i];
        const Row& b = reference.rows()[i];
        ASSERT_EQ(fast.text(a), reference.text(b));
        ASSERT_EQ(a.fault, b.fault);
        ASSERT_EQ(a.cells, b.cells);
        for (std::uint32_t c = 0; c < a.cells; ++c)
          ASSERT_EQ(fast.raw_cell(a, c), reference.raw_cell(b, c));
      }
    }
  }
}

// Goal: a number in text compares with a constant as exact arithmetic says.
TEST(FilterProperty, NumberBoundsAgreeWithExactComparison) {
  for (Seed seed : seeds(3000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const auto number = [&] {
      std::string text = random.chance(0.4) ? "-" : "";
      text += random.text(1 + random.below(random.chance(0.1) ? 25 : 6), "0123456789");
      if (random.chance(0.6))
        text += "." + random.text(1 + random.below(random.chance(0.1) ? 12 : 4), "019");
      return text;
    };
    const std::string left = number();
    const std::string right = number();
    Number a;
    Number b;
    ASSERT_TRUE(parse_number(left, a));
    ASSERT_TRUE(parse_number(right, b));
    if (a.kind == Number::Kind::kFloat || b.kind == Number::Kind::kFloat) continue;
    std::int64_t digits = 0;
    unsigned scale = 0;
    if (!parse_plain(left.data(), static_cast<std::uint32_t>(left.size()), digits, scale)) continue;
    ASSERT_EQ(NumberBound(b).compare(digits, scale), compare(a, b)) << left << " " << right;
  }
}

// Goal: sums and products of decimals agree with 64-bit integers scaled by hand.
TEST(FilterProperty, DecimalArithmeticIsExact) {
  for (Seed seed : seeds(3000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::int64_t x = static_cast<std::int64_t>(random.below(2'000'001)) - 1'000'000;
    const std::int64_t y = static_cast<std::int64_t>(random.below(2'000'001)) - 1'000'000;
    const auto scaled = [](std::int64_t n) {  // n / 1000 as text
      const std::int64_t size = n < 0 ? -n : n;
      std::string fraction = std::to_string(size % 1000);
      fraction.insert(0, 3 - fraction.size(), '0');
      return cat(n < 0 ? "-" : "", size / 1000, ".", fraction);
    };
    Number a;
    Number b;
    Number expected;
    Number made;
    ASSERT_TRUE(parse_number(scaled(x), a));
    ASSERT_TRUE(parse_number(scaled(y), b));
    ASSERT_TRUE(parse_number(scaled(x + y), expected));
    ASSERT_EQ(add(a, b, made), Fault::kNone);
    ASSERT_EQ(compare(made, expected), 0);
    ASSERT_TRUE(parse_number(scaled(x - y), expected));
    ASSERT_EQ(subtract(a, b, made), Fault::kNone);
    ASSERT_EQ(compare(made, expected), 0);
    ASSERT_EQ(multiply(a, b, made), Fault::kNone);
    Number million = from_int(1'000'000);
    ASSERT_EQ(multiply(made, million, made), Fault::kNone);
    ASSERT_EQ(compare(made, from_int(x * y)), 0);
    char text[kNumberText];
    const std::size_t size = print_number(a, text);
    Number back;
    ASSERT_TRUE(parse_number({text, size}, back));
    ASSERT_EQ(compare(a, back), 0);
  }
}

std::string random_expression(TestRandom& random, int depth) {
  const auto sub = [&] { return random_expression(random, depth - 1); };
  if (depth <= 0) {
    constexpr std::string_view kLeaves[] = {"a",
                                            "\"B c\"",
                                            "x.y[2].z",
                                            "1",
                                            "-2.50",
                                            "3e5",
                                            "'it''s'",
                                            "NULL",
                                            "MISSING",
                                            "TRUE",
                                            "`2020-01-02T03:04:05Z`",
                                            "o.key",
                                            "o.meta['k']",
                                            "_3",
                                            "5."};
    return std::string(random.pick(kLeaves));
  }
  switch (random.below(16)) {
    case 0: return cat("(", sub(), " AND ", sub(), " AND ", sub(), ")");
    case 1: return cat("(", sub(), " OR ", sub(), ")");
    case 2: return cat("(NOT ", sub(), ")");
    case 3: return cat("(", sub(), " + ", sub(), " * ", sub(), ")");
    case 4: return cat("(", sub(), " BETWEEN ", sub(), " AND ", sub(), ")");
    case 5: return cat("(", sub(), " NOT IN (", sub(), ", ", sub(), "))");
    case 6: return cat("(", sub(), " LIKE 'a!%%' ESCAPE '!')");
    case 7: return cat("CASE ", sub(), " WHEN ", sub(), " THEN ", sub(), " ELSE ", sub(), " END");
    case 8: return cat("CAST(", sub(), " AS DECIMAL(10,2))");
    case 9: return cat("SUBSTRING(", sub(), " FROM ", sub(), " FOR ", sub(), ")");
    case 10: return cat("TRIM(LEADING ", sub(), " FROM ", sub(), ")");
    case 11: return cat("DATE_ADD(month, ", sub(), ", ", sub(), ")");
    case 12: return cat("(", sub(), " IS NOT MISSING)");
    case 13: return cat("COALESCE(", sub(), ", ", sub(), ")");
    case 14: return cat("(", sub(), " GLOB 'a/**.{b,c}')");
    default: return cat("(", sub(), " <= ", sub(), ")");
  }
}

// Goal: the canonical text of a statement parses, and prints as itself.
TEST(FilterProperty, CanonicalTextIsStable) {
  for (Seed seed : seeds(1000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string sql =
        cat("select ", random_expression(random, 3), " as \"q\"\"r\", b from S3Object s where ",
            random_expression(random, 4), " limit 7");
    Statement first;
    Statement second;
    SqlError error;
    ASSERT_TRUE(parse_statement(sql, first, error))
        << error.reason << " at " << error.offset << ": " << sql;
    const std::string text = print(first);
    ASSERT_TRUE(parse_statement(text, second, error))
        << error.reason << " at " << error.offset << ": " << text;
    ASSERT_EQ(print(second), text);
  }
}

// Goal: no statement crashes the compiler or the machine; rows are conserved; both formats.
TEST(FilterProperty, AnyExpressionRunsOnAnyRecord) {
  for (Seed seed : seeds(1000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string sql = cat("SELECT a, ", random_expression(random, 3),
                                " AS v FROM S3Object WHERE ", random_expression(random, 3));
    const auto set =
        parse(rule_text(cat("missing = 'null'\nmax_errors = '100%'\nsql = '''", sql, "'''")));
    if (!set.ok()) continue;
    const Rule& rule = *set.value()->rules()[0];
    if (rule.csv_plan != nullptr)
      run_pieces(rule, object_named("a.csv"), hostile_csv(random, 30), {});
    if (rule.ndjson_plan != nullptr)
      run_pieces(rule, object_named("a.ndjson"), hostile_json(random, 30), {});
  }
}

// Goal: an expression gives a row the same value whatever rows stand beside it in the batch.
TEST(FilterProperty, RowsDoNotInfluenceEachOther) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string sql =
        cat("SELECT a, ", random_expression(random, 3), " AS v FROM S3Object WHERE (",
            random_expression(random, 3), ") IS NOT FALSE");
    const auto set = parse(rule_text(cat("max_errors = '100%'\nsql = '''", sql, "'''")));
    if (!set.ok() || set.value()->rules()[0]->ndjson_plan == nullptr) continue;
    const Rule& rule = *set.value()->rules()[0];
    const std::string input = hostile_json(random, 40);
    const Outcome together = run_pieces(rule, object_named("a.ndjson"), input, {});
    std::string alone;
    for (std::size_t at = 0; at < input.size();) {
      const std::size_t end = input.find('\n', at) + 1;
      alone += run_pieces(rule, object_named("a.ndjson"), input.substr(at, end - at), {}).out;
      at = end;
    }
    ASSERT_EQ(together.out, alone) << sql;
  }
}

}  // namespace
}  // namespace creel::filters::test
