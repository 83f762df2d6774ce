// An invalid rule is refused when it is set, with the place in the file.
#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

struct Case {
  std::string_view lines;  // From line 4 on.
  std::string_view error;
};

void expect_refused(std::initializer_list<Case> cases) {
  for (const Case& c : cases) EXPECT_EQ(refusal(rule_text(c.lines)), c.error) << c.lines;
}

TEST(RuleErrors, PointIntoTheStatement) {
  expect_refused({
      {"sql = 'SELEC * FROM S3Object'",
       "rule 'r', line 4, column 8: sql: expected SELECT, found 'SELEC'"},
      {"sql = 'SELECT * FROM S3Object WHERE'",
       "rule 'r', line 4, column 36: sql: expected an expression, but the statement ends here"},
      {"sql = '''\nSELECT *\nFROM S3Object\nWHERE a >> 1'''",
       "rule 'r', line 7, column 10: sql: expected an expression, found '>'"},
      {"sql = \"SELECT \\u0061 FROM S3Object WHERE b = 'x\"",
       "rule 'r', line 4, column 46: sql: string has no closing '"},
      {"sql = \"\"\"SELECT * \\\n   FROM S3Object WHERE a == 1\"\"\"",
       "rule 'r', line 5, column 27: sql: expected an expression, found '='"},
      {"sql = 'SELECT a, b, FROM S3Object'",
       "rule 'r', line 4, column 21: sql: expected an expression, found 'FROM'"},
      {"sql = 'SELECT FOO(a) FROM S3Object'",
       "rule 'r', line 4, column 15: sql: unknown function 'FOO'"},
      {"sql = 'SELECT LOWER(a, b) FROM S3Object'",
       "rule 'r', line 4, column 15: sql: LOWER takes 1 argument, not 2"},
      {"sql = 'SELECT a, a FROM S3Object'",
       "rule 'r', line 4, column 18: sql: two columns are called 'a'; give one a name with AS"},
      {"sql = 'SELECT a FROM S3Object WHERE 5'",
       "rule 'r', line 4, column 37: sql: expected a condition"},
      {"sql = 'SELECT a FROM S3Object WHERE a # 5'",
       "rule 'r', line 4, column 39: sql: unexpected character '#'"},
      {"sql = \"SELECT a FROM S3Object WHERE a MATCHES '(b'\"",
       "rule 'r', line 4, column 48: sql: ( has no )"},
      {"sql = \"SELECT a FROM S3Object WHERE a GLOB '[b'\"",
       "rule 'r', line 4, column 45: sql: [ has no ]"},
      {"sql = \"SELECT a FROM S3Object WHERE a LIKE 'x!' ESCAPE '!'\"",
       "rule 'r', line 4, column 44: sql: the escape character must stand before %, _ or itself"},
      {"sql = 'SELECT a FROM S3Object LIMIT x'",
       "rule 'r', line 4, column 37: sql: expected a number of rows, found 'x'"},
      {"sql = 'SELECT a FROM S3Object a b'",
       "rule 'r', line 4, column 33: sql: expected the end of the statement, found 'b'"},
      {"sql = 'SELECT a FROM table'",
       "rule 'r', line 4, column 22: sql: expected S3Object, found 'table'"},
      {"sql = 'SELECT REDACT(a, ''x'') FROM S3Object'",
       "line 4, column 26: Error while parsing key-value pair: expected a "
       "comment or whitespace, saw '''"},
      {"sql = \"SELECT REDACT(a, 'x') FROM S3Object\"",
       "rule 'r', line 4, column 25: sql: expected 'email', 'pan', 'ipv4' or 'iban'"},
      {"sql = \"SELECT CIDR(a, '10.0.0.1/8') FROM S3Object\"",
       "rule 'r', line 4, column 23: sql: expected a network such as '10.0.0.0/8', host bits zero"},
      {"sql = 'SELECT * EXCEPT (a, A) FROM S3Object'",
       "rule 'r', line 4, column 28: sql: column is cut or replaced twice"},
  });
}

TEST(RuleErrors, WhatIsNotExecutedIsRefusedNotIgnored) {
  expect_refused({
      {"sql = 'SELECT a FROM S3Object DEDUP BY a'",
       "rule 'r', line 4, column 31: sql: DEDUP is not executed by this build"},
      {"sql = 'SELECT a FROM S3Object AROUND a > 1 BEFORE 3 AFTER 3'",
       "rule 'r', line 4, column 31: sql: AROUND is not executed by this build"},
      {"sql = 'SELECT a FROM S3Object SAMPLE 1/100'",
       "rule 'r', line 4, column 31: sql: SAMPLE is not executed by this build"},
      {"sql = 'SELECT a FROM S3Object WHERE a > 1 GROUP BY a'",
       "rule 'r', line 4, column 43: sql: GROUP is not executed by this build"},
      {"sql = 'SELECT COUNT(*) FROM S3Object'",
       "rule 'r', line 4, column 15: sql: COUNT is not executed by this build"},
      {"sql = 'SELECT LAG(a) FROM S3Object'",
       "rule 'r', line 4, column 15: sql: LAG is not executed by this build"},
      {"sql = 'SELECT d.a FROM S3Object[*].d[*] d'",
       "rule 'r', line 4, column 35: sql: a path after S3Object is not executed by this build"},
      {"sql = 'SELECT a[*] FROM S3Object'",
       "rule 'r', line 4, column 17: sql: [*] in a path is not executed by this build"},
      {"scope = 'stream'",
       "rule 'r', line 4, column 9: scope: \"stream\" is not executed by this build"},
      {"shadow = '24h'", "rule 'r', line 4, column 10: shadow: is not executed by this build"},
      {"format = {type = 'json'}",
       "rule 'r', line 4, column 18: format.type: json is not executed by this build"},
      {"coalesce = 'latest'",
       "rule 'r', line 4, column 12: coalesce: \"latest\" is not executed by this build"},
  });
}

TEST(RuleErrors, PointAtTheField) {
  expect_refused({
      {"colour = 1", "rule 'r', line 4, column 10: unknown field 'colour'"},
      {"action = 'keep'",
       "rule 'r', line 4, column 10: action: expected one of \"replicate\", \"hold\", \"drop\""},
      {"match = \"o.colour = 'x'\"", "rule 'r', line 4, column 12: match: o has no field 'colour'"},
      {"match = \"key = 'x'\"",
       "rule 'r', line 4, column 10: match: match may only use fields of the object, such as "
       "o.key"},
      {"match = \"o.size < 5 TiB\"",
       "rule 'r', line 4, column 21: match: expected the end, found 'TiB'"},
      {"match = \"o.size < 5TiB\"", "rule 'r', line 4, column 19: match: unknown unit 'TiB'"},
      {"on_error = 'drop'", "rule 'r', line 4, column 12: on_error: has no effect without sql"},
      {"action = 'drop'\nsql = 'SELECT * FROM S3Object'",
       "rule 'r', line 4, column 10: action: hold and drop send nothing, so there is no use for "
       "sql"},
      {"sql = 'SELECT * FROM S3Object'\nmax_errors = '200%'",
       "rule 'r', line 5, column 14: max_errors: expected a number of records, or a share such as "
       "\"1%\" or \"0.5%\""},
      {"sql = 'SELECT * FROM S3Object'\nmax_record = '1 TiB'",
       "rule 'r', line 5, column 14: max_record: expected a number of bytes, such as 65536 or \"64 "
       "KiB\""},
      {"sql = 'SELECT * FROM S3Object'\nmax_record = '32 MiB'",
       "rule 'r', line 5, column 14: max_record: must lie between 64 and 16777216 bytes"},
      {"sql = 'SELECT * FROM S3Object'\nformat = {delimiter = ';;'}",
       "rule 'r', line 5, column 23: format.delimiter: expected one ASCII character, no line end"},
      {"sql = 'SELECT * FROM S3Object'\nencode = 'parquet'",
       "rule 'r', line 5, column 10: encode: expected same, csv or ndjson, with +zstd or +none "
       "behind it if wanted"},
      {"retain = '3 weeks'",
       "rule 'r', line 4, column 10: retain: expected a time, such as \"90s\", \"12h\" or \"30d\""},
      {"format = {type = 'csv', header = ['a','b']}\nsql = 'SELECT c FROM S3Object'",
       "rule 'r', line 5, column 15: sql: no column 'c' is declared"},
      {"format = {type = 'csv'}\nsql = 'SELECT a.b FROM S3Object'",
       "rule 'r', line 5, column 15: sql: a CSV column has no parts"},
      {"sql = 'SELECT HMAC(a) FROM S3Object'",
       "rule 'r', line 4, column 15: sql: HMAC needs a key: key = {hmac = \"file:…\", id = \"…\"}"},
      {"key = {hmac = 'env:SHORT', id = 'k'}\nsql = 'SELECT HMAC(a) FROM S3Object'",
       "rule 'r', line 4, column 7: key: the key is shorter than 32 bytes"},
      {"key = {hmac = 'env:NONE', id = 'k'}\nsql = 'SELECT HMAC(a) FROM S3Object'",
       "rule 'r', line 4, column 7: key: cannot read the key: no such key"},
      {"key = {hmac = '0123', id = 'k'}\nsql = 'SELECT HMAC(a) FROM S3Object'",
       "rule 'r', line 4, column 7: key.hmac: expected \"file:PATH\" or \"env:NAME\""},
  });
}

TEST(RuleErrors, RedactingRulesMayNotLeak) {
  const std::string sql = "sql = 'SELECT MASK(a,0,0) a FROM S3Object'\n";
  expect_refused({
      {"sql = 'SELECT * EXCEPT (a) FROM S3Object'",
       "rule 'r', line 4, column 7: sql: a redacting SELECT * needs columns = [...]: a new column "
       "must not get out"},
      {"columns = ['a']\nnew_column = 'pass'\nsql = 'SELECT * EXCEPT (a) FROM S3Object'",
       "rule 'r', line 5, column 14: new_column: \"pass\" would let a new column out"},
      {"format = 'ndjson'\ncolumns = ['email']\nsql = 'SELECT * EXCEPT (\"Email\") FROM S3Object'",
       "rule 'r', line 6, column 25: sql: no column '\"Email\"' is declared"},
  });
  EXPECT_EQ(refusal(rule_text(sql + "format = {type='csv'}\non_error = 'pass'")),
            "rule 'r', line 6, column 12: on_error: \"pass\" would let a failed record through "
            "unredacted");
  EXPECT_EQ(
      refusal(rule_text(sql + "binary = 'replicate'")),
      "rule 'r', line 5, column 10: binary: \"replicate\" would let the object through unredacted");
  EXPECT_EQ(refusal(rule_text(sql + "format = {ragged = 'pad'}")),
            "rule 'r', line 5, column 10: format: ragged = \"pad\" could shift a column past its "
            "redaction");
  EXPECT_EQ(refusal("[[rule]]\nname = 'r'\n" + sql),
            "default must be stated when a rule redacts: an object whose key matches no rule would "
            "be sent raw");
}

TEST(RuleErrors, OfTheWholeSet) {
  EXPECT_EQ(refusal("defaults = 'hold'"), "line 1, column 12: unknown field 'defaults'");
  EXPECT_EQ(refusal("default = 'keep'"),
            "line 1, column 11: default: expected one of \"replicate\", \"hold\", \"drop\"");
  EXPECT_EQ(refusal("[[rule]]\naction = 'drop'"), "rule 1, line 1, column 1: a rule needs a name");
  EXPECT_EQ(refusal("[[rule]]\nname = 'a'\n[[rule]]\nname = 'a'"),
            "rule 'a', line 4, column 8: name: another rule has this name");
  EXPECT_EQ(refusal("[[rule]]\nname = 'A B'"),
            "rule 'A B', line 2, column 8: name: expected 1 to 32 of a-z, 0-9 and -");
  EXPECT_EQ(refusal("[[rule]\n").substr(0, 14), "line 1, column");
  EXPECT_EQ(refusal("[:x]\n").substr(0, 14), "line 1, column");
  EXPECT_EQ(refusal("[[:x]]\n").substr(0, 14), "line 1, column");
  EXPECT_EQ(refusal("de\xce\xa1"
                    "fault = 'hold'")
                .substr(0, 14),
            "line 1, column");
  EXPECT_EQ(refusal(std::string(300'000, ' ')), "rules are longer than 262144 bytes");
  std::string many;
  for (int i = 0; i < 65; ++i) many += cat("[[rule]]\nname = 'r", i, "'\n");
  EXPECT_EQ(refusal(many), "more than 64 rules");
}

TEST(RuleErrors, SizesAreBounded) {
  std::string deep = "a";
  for (int i = 0; i < 100; ++i) deep = "(" + deep + ")";
  EXPECT_NE(refusal(rule_text(cat("sql = 'SELECT a FROM S3Object WHERE ", deep, " > 1'")))
                .find("nested deeper than 64"),
            std::string::npos);
  std::string nots = "a = 1";
  for (int i = 0; i < 100; ++i) nots = "NOT " + nots;
  EXPECT_NE(refusal(rule_text(cat("sql = 'SELECT a FROM S3Object WHERE ", nots, "'")))
                .find("nested deeper than 64"),
            std::string::npos);
  std::string sum = "1";
  for (int i = 0; i < 100; ++i) sum += " + 1";
  EXPECT_NE(refusal(rule_text(cat("sql = 'SELECT ", sum, " x FROM S3Object'")))
                .find("nested deeper than 64"),
            std::string::npos);
  std::string ors = "a = 1";
  for (int i = 0; i < 1000; ++i) ors += " OR a = 1";
  EXPECT_EQ(refusal(rule_text(cat("sql = 'SELECT a FROM S3Object WHERE ", ors, "'"))), "accepted");
  for (int i = 0; i < 1000; ++i) ors += " OR a = 1";
  EXPECT_NE(refusal(rule_text(cat("sql = 'SELECT a FROM S3Object WHERE ", ors, "'")))
                .find("more than 4096 parts"),
            std::string::npos);
  EXPECT_NE(
      refusal(rule_text(
                  "sql = \"SELECT a FROM S3Object WHERE a MATCHES '(x|y){255}(x.{200}|y.{199})'\""))
          .find("too large"),
      std::string::npos);
}

TEST(RuleErrors, JsonNamesRuleAndField) {
  const FixedKeys keys;
  const auto refused = [&](std::string_view json) {
    auto set = RuleSet::parse_json(json, keys);
    return set.ok() ? std::string("accepted") : set.error().detail;
  };
  EXPECT_EQ(refused(R"({"default":"hold","rule":[{"name":"r","sql":"SELECT *\nFRM S3Object"}]})"),
            "rule 'r', sql, line 2, column 1: expected FROM, found 'FRM'");
  EXPECT_EQ(refused(R"({"rule":[{"name":"r","action":"x"}]})"),
            "rule 'r', action: expected one of \"replicate\", \"hold\", \"drop\"");
  EXPECT_EQ(refused(R"({"rule":[{"name":"r","name":"s"}]})"), "'name' is there twice");
  EXPECT_EQ(refused(R"({"default":"drop","rule":[]})"), "accepted");
}

TEST(RuleErrors, OwnTestsMustPass) {
  const std::string sql = "sql = 'SELECT a FROM S3Object WHERE b > 1'\n";
  EXPECT_EQ(refusal(rule_text(sql + "tests = [{in = \"a,b\\nx,2\\ny,0\\nz,?\\n\", out = "
                                    "\"a\\nx\\n\", dlq = 1, dropped = 1}]")),
            "accepted");
  EXPECT_EQ(refusal(rule_text(sql + "tests = [{in = \"a,b\\nx,2\\n\", dlq = 1}]")),
            "rule 'r', line 5, column 10: tests: case 1 failed: expected 1 dead letters, got 0");
  EXPECT_EQ(
      refusal(rule_text(sql + "tests = [{in = '{\"a\":1,\"b\":2}', out = '{\"a\":2}'}]")),
      "rule 'r', line 5, column 10: tests: case 1 failed: expected '{\"a\":2}', got '{\"a\":1}'");
}

}  // namespace
}  // namespace creel::filters::test
