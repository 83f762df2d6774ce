#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

constexpr std::string_view kWeather =
    "station,temp,wind,note\n"
    "A,12.5,3,calm\n"
    "B,-3.25,18,\"gusts, strong\"\n"
    "C,,7,\n"
    "D,12.50,3,\"said \"\"no\"\"\"\n";

TEST(CsvFilter, StarCopiesKeptRecordsUntouched) {
  const Outcome o = run_csv("SELECT * FROM S3Object WHERE temp = 12.5", kWeather);
  EXPECT_EQ(o.out, "station,temp,wind,note\nA,12.5,3,calm\nD,12.50,3,\"said \"\"no\"\"\"\n");
  EXPECT_EQ(o.counters.rows, 4u);
  EXPECT_EQ(o.counters.kept, 2u);
  EXPECT_EQ(o.counters.dropped, 2u);
  EXPECT_EQ(o.counters.unknown, 1u);  // C has no temperature.
}

TEST(CsvFilter, ListPicksNamesAndComputes) {
  const Outcome o = run_csv(
      "SELECT note, station AS s, temp * 2 AS twice FROM S3Object WHERE wind > 5", kWeather);
  EXPECT_EQ(o.out, "note,s,twice\n\"gusts, strong\",B,-6.5\n,C,\n");
}

TEST(CsvFilter, ExceptAndReplaceKeepTheOtherCellsAsWritten) {
  const Outcome o = run_rule(
      "columns = ['station','temp','wind','note']\n"
      "sql = '''SELECT * EXCEPT (wind) REPLACE (UPPER(note) AS note) FROM S3Object'''",
      kWeather);
  EXPECT_EQ(o.out,
            "station,temp,note\nA,12.5,CALM\nB,-3.25,\"GUSTS, STRONG\"\nC,,\nD,12.50,\"SAID "
            "\"\"NO\"\"\"\n");
}

TEST(CsvFilter, BecomesNdjson) {
  const Outcome o = run_rule(
      "encode = 'ndjson'\nsql = 'SELECT station, CAST(temp AS FLOAT) t, note FROM S3Object'",
      kWeather);
  EXPECT_EQ(o.out,
            "{\"station\":\"A\",\"t\":12.5,\"note\":\"calm\"}\n"
            "{\"station\":\"B\",\"t\":-3.25,\"note\":\"gusts, strong\"}\n"
            "{\"station\":\"C\",\"t\":null,\"note\":null}\n"
            "{\"station\":\"D\",\"t\":12.5,\"note\":\"said \\\"no\\\"\"}\n");
}

TEST(CsvFilter, LineEndsAreKept) {
  const Outcome o = run_csv("SELECT b FROM S3Object", "a,b\r\n1,2\r\n3,4");
  EXPECT_EQ(o.out, "b\n2\r\n4\n");
  EXPECT_EQ(run_csv("SELECT * FROM S3Object", "a,b\r\n1,2\r\n3,4").out, "a,b\r\n1,2\r\n3,4");
}

TEST(CsvFilter, BomIsSkippedAndBlankLinesAreNoRecords) {
  const Outcome o = run_csv("SELECT * FROM S3Object WHERE a = '1'",
                            "\xef\xbb\xbf"
                            "a,b\n\n1,2\n\n\n1,3\n");
  EXPECT_EQ(o.out, "a,b\n1,2\n1,3\n");
  EXPECT_EQ(o.counters.rows, 2u);
}

TEST(CsvFilter, FailedRecordsBecomeDeadLetters) {
  const Outcome o =
      run_csv("SELECT * FROM S3Object WHERE t > 1", "id,t\n1,2\n2,warm\n3,5,6\n4,\"x\"y\n5,9\n");
  EXPECT_EQ(o.out, "id,t\n1,2\n5,9\n");
  EXPECT_EQ(
      o.dead,
      "{\"off\":9,\"len\":6,\"row\":2,\"reason\":\"number\",\"col\":\"t\",\"raw\":\"2,warm\","
      "\"cut\":false}\n"
      "{\"off\":16,\"len\":5,\"row\":3,\"reason\":\"ragged\",\"raw\":\"3,5,6\",\"cut\":false}\n"
      "{\"off\":22,\"len\":6,\"row\":4,\"reason\":\"csv\",\"raw\":\"4,\\\"x\\\"y\",\"cut\":false}"
      "\n");
  EXPECT_EQ(o.counters.dead, 3u);
}

TEST(CsvFilter, OnErrorChoosesWhereFailedRecordsGo) {
  const std::string_view input = "id,t\n1,2\n2,warm\n3,9\n";
  const std::string sql = "sql = 'SELECT * FROM S3Object WHERE t > 1'\nformat = {type='csv'}\n";
  EXPECT_EQ(run_rule(sql + "on_error = 'drop'", input).counters.dropped, 1u);
  const Outcome passed = run_rule(sql + "on_error = 'pass'", input);
  EXPECT_EQ(passed.out, input);
  EXPECT_EQ(passed.counters.passed, 1u);
  EXPECT_EQ(run_rule(sql + "on_error = 'fail_object'", input).held, "max_errors");
}

TEST(CsvFilter, WhereFalseMayGoToDeadLetters) {
  const Outcome o =
      run_rule("where_false = 'dlq'\nsql = 'SELECT * FROM S3Object WHERE t > 5'", "t\n1\n9\n");
  EXPECT_EQ(o.counters.dead, 1u);
  EXPECT_EQ(o.counters.errors, 0u);
  EXPECT_NE(o.dead.find("\"reason\":\"where\""), std::string::npos);
}

TEST(CsvFilter, TooManyErrorsHoldTheObject) {
  const auto set = must_parse(rule_text("sql = 'SELECT * FROM S3Object WHERE t > 1'"));
  std::string input = "t\n";
  for (int i = 0; i < 98; ++i) input += "2\n";
  const ObjectInfo object = object_named("a.csv");
  EXPECT_EQ(run_pieces(*set->rules()[0], object, input + "x\n2\n", {}).held, "");  // 1 of 100
  EXPECT_EQ(run_pieces(*set->rules()[0], object, input + "x\nx\n", {}).held, "max_errors");
}

TEST(CsvFilter, HeaderForms) {
  const std::string_view input = "a,b\n1,2\n";
  EXPECT_EQ(
      run_rule("format = {type='csv', header='none'}\nsql = 'SELECT _2 FROM S3Object'", input).out,
      "b\n2\n");
  EXPECT_EQ(
      run_rule("format = {type='csv', header='ignore'}\nsql = 'SELECT _2 FROM S3Object'", input)
          .out,
      "2\n");
  EXPECT_EQ(
      run_rule(
          "format = {type='csv', header=['x','y']}\nsql = \"SELECT y FROM S3Object WHERE x = '1'\"",
          input)
          .out,
      "2\n");
}

TEST(CsvFilter, DialectOptions) {
  const Outcome o = run_rule(
      "format = {type='csv', delimiter=';', quote=\"'\", comment='#', null=['', 'NA']}\n"
      "sql = \"SELECT a, b FROM S3Object WHERE b IS NULL OR b = 'x;y'\"",
      "# remark\na;b\n1;NA\n#2;3\n4;'x;y'\n5;z\n");
  EXPECT_EQ(o.out, "a;b\n1;NA\n4;'x;y'\n");
  EXPECT_EQ(o.counters.rows, 3u);
  const Outcome escaped = run_rule(
      "format = {type='csv', escape='\\'}\nsql = \"\"\"SELECT b FROM S3Object WHERE b = "
      "'p\\\"q'\"\"\"",
      "a,b\n1,\"p\\\"q\"\n2,z\n");
  EXPECT_EQ(escaped.out, "b\n\"p\\\"q\"\n");
  EXPECT_EQ(escaped.counters.rows, 2u);
}

TEST(CsvFilter, QuotedNewlines) {
  const std::string_view input = "a,b\n1,\"x\ny\"\n2,z\n";
  const Outcome o = run_rule(
      "format = {type='csv', quoted_newlines=true}\nsql = \"SELECT * FROM S3Object WHERE a = '1'\"",
      input);
  EXPECT_EQ(o.out, "a,b\n1,\"x\ny\"\n");
  EXPECT_EQ(o.counters.rows, 2u);
  // Without it the quote is unclosed at the line's end, and reading goes on behind that.
  const Outcome off = run_rule("sql = \"SELECT * FROM S3Object WHERE a = '2'\"", input);
  EXPECT_EQ(off.out, "a,b\n2,z\n");
  EXPECT_EQ(off.counters.dead, 2u);
}

TEST(CsvFilter, UnclosedQuoteCostsOneLine) {
  std::string input = "a,b\n1,\"never closed\n";
  for (int i = 0; i < 100'000; ++i) input += "2,ok\n";
  const Outcome o = run_rule(
      "format = {type='csv', quoted_newlines=true}\nsql = 'SELECT a FROM S3Object'", input);
  EXPECT_EQ(o.counters.dead, 1u);
  EXPECT_EQ(o.counters.kept, 100'000u);
}

TEST(CsvFilter, LongLineIsSkippedWithoutBuffering) {
  const std::string input = "a,b\n1,2\n" + std::string(5'000'000, 'x') + "\n3,4\n";
  const Outcome o = run_csv("SELECT a FROM S3Object", input);
  EXPECT_EQ(o.out, "a\n1\n3\n");
  EXPECT_EQ(o.counters.dead, 1u);
  EXPECT_NE(o.dead.find("\"off\":8,\"len\":5000000,\"row\":2,\"reason\":\"too_long\""),
            std::string::npos);
  EXPECT_NE(o.dead.find("\"cut\":true"), std::string::npos);
  EXPECT_LT(o.dead.size(), 70'000u);
}

TEST(CsvFilter, RecordUpToTheLimitIsWhole) {
  const std::string just = std::string(1048576 - 2, 'x');
  EXPECT_EQ(run_csv("SELECT a FROM S3Object", "a,b\n1," + just + "\n").counters.kept, 1u);
  EXPECT_EQ(run_csv("SELECT a FROM S3Object", "a,b\n1," + just + "y\n").counters.dead, 1u);
  EXPECT_EQ(run_csv("SELECT a FROM S3Object", "a,b\n1," + just + "\r\n").counters.kept, 1u);
}

TEST(CsvFilter, LimitDropsTheRest) {
  const Outcome o = run_csv("SELECT a FROM S3Object LIMIT 2", "a\n1\n2\n3\n4\n");
  EXPECT_EQ(o.out, "a\n1\n2\n");
  EXPECT_EQ(o.counters.over_limit, 2u);
  EXPECT_EQ(o.counters.dropped, 2u);
}

TEST(CsvFilter, BinaryIsHeldOrSentRaw) {
  const std::string input("\x89PNG\r\n\x1a\n\0\0", 10);
  EXPECT_EQ(run_csv("SELECT * FROM S3Object", input).held, "binary");
  EXPECT_TRUE(run_rule("binary = 'replicate'\nsql = 'SELECT * FROM S3Object'", input).raw);
  EXPECT_EQ(run_csv("SELECT * FROM S3Object", "a\n\xff\xfe\n").held, "binary");
}

TEST(CsvFilter, BadUtf8LaterIsAnErrorOfItsRecord) {
  std::string input = "a\n";
  for (int i = 0; i < 2000; ++i) input += "xyz\n";
  const Outcome o = run_csv("SELECT * FROM S3Object", input + "\xff\n" + "ok\n");
  EXPECT_EQ(o.counters.dead, 1u);
  EXPECT_EQ(o.counters.kept, 2001u);
  EXPECT_NE(o.dead.find("\"raw64\":\"/w==\""), std::string::npos);
}

TEST(CsvFilter, EmptyObject) {
  const Outcome o = run_csv("SELECT * FROM S3Object", "");
  EXPECT_EQ(o.held, "");
  EXPECT_EQ(o.counters.rows, 0u);
  EXPECT_EQ(run_csv("SELECT a FROM S3Object", "a,b\n").out, "a\n");
}

TEST(CsvFilter, AbsentColumnHoldsOrIsNull) {
  EXPECT_EQ(run_csv("SELECT * FROM S3Object WHERE c > 1", "a,b\n1,2\n").held, "columns");
  const Outcome o =
      run_rule("missing = 'null'\nsql = 'SELECT a, c FROM S3Object WHERE c IS NULL'", "a,b\n1,2\n");
  EXPECT_EQ(o.out, "a,c\n1,\n");
}

TEST(CsvFilter, ColumnsBindByNameInAnyOrderAndCase) {
  EXPECT_EQ(
      run_csv("SELECT Temp FROM S3Object WHERE STATION = 'A'", "temp,station\n1,A\n2,B\n").out,
      "Temp\n1\n");
  EXPECT_EQ(run_csv("SELECT \"Temp\" FROM S3Object", "temp,x\n1,A\n").held, "columns");
}

}  // namespace
}  // namespace creel::filters::test
