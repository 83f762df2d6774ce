#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

constexpr std::string_view kEvents =
    "{\"id\": 1, \"dev\": {\"name\": \"a\", \"pos\": [1.5, 2]}, \"t\": 20.5, \"msg\": \"say "
    "\\\"hi\\\"\"}\n"
    "{\"id\": 2, \"dev\": {\"name\": \"b\"}, \"t\": null}\n"
    "{\"id\": 3, \"t\": 1e2, \"ok\": true}\n";

TEST(NdjsonFilter, StarCopiesRecordsUntouched) {
  EXPECT_EQ(run_json("SELECT * FROM S3Object WHERE t > 20", kEvents).out,
            "{\"id\": 1, \"dev\": {\"name\": \"a\", \"pos\": [1.5, 2]}, \"t\": 20.5, \"msg\": "
            "\"say \\\"hi\\\"\"}\n"
            "{\"id\": 3, \"t\": 1e2, \"ok\": true}\n");
}

TEST(NdjsonFilter, PathsReachIntoObjectsAndLists) {
  const Outcome o =
      run_json("SELECT s.id, s.dev.name AS dev, dev.pos[1] y, msg FROM S3Object s", kEvents);
  EXPECT_EQ(o.out,
            "{\"id\":1,\"dev\":\"a\",\"y\":2,\"msg\":\"say \\\"hi\\\"\"}\n"
            "{\"id\":2,\"dev\":\"b\"}\n"
            "{\"id\":3}\n");
}

TEST(NdjsonFilter, MissingIsNotNullButBehavesLikeIt) {
  EXPECT_EQ(run_json("SELECT id FROM S3Object WHERE t IS NULL", kEvents).out, "{\"id\":2}\n");
  EXPECT_EQ(run_json("SELECT id FROM S3Object WHERE ok IS MISSING", kEvents).out,
            "{\"id\":1}\n{\"id\":2}\n");
  EXPECT_EQ(run_json("SELECT id FROM S3Object WHERE ok", kEvents).out, "{\"id\":3}\n");
  EXPECT_EQ(run_json("SELECT id FROM S3Object WHERE t > 0", kEvents).counters.unknown, 1u);
}

TEST(NdjsonFilter, ExceptCutsMembers) {
  const std::string rule = "columns = ['a','b','c']\nsql = 'SELECT * EXCEPT (";
  const auto run = [&](std::string_view except, std::string_view in) {
    return run_rule(cat(rule, except, ") FROM S3Object'"), in, "a.ndjson").out;
  };
  EXPECT_EQ(run("b", "{\"a\":1, \"b\":2, \"c\":3}\n"), "{\"a\":1, \"c\":3}\n");
  EXPECT_EQ(run("a", "{\"a\":1, \"b\":2, \"c\":3}\n"), "{\"b\":2, \"c\":3}\n");
  EXPECT_EQ(run("c", "{\"a\":1, \"b\":2 , \"c\":3 }\n"), "{\"a\":1, \"b\":2  }\n");
  EXPECT_EQ(run("b, c", "{\"a\":1,\"b\":{\"x\":[1,2]},\"c\":3}\n"), "{\"a\":1}\n");
  EXPECT_EQ(run("a, b, c", "{\"a\":1,\"b\":2,\"c\":3}\n"), "{}\n");
  EXPECT_EQ(run("a, b", "{\"a\":1,\"b\":2}\n"), "{}\n");
  EXPECT_EQ(run("b.x", "{\"a\":1,\"b\":{\"x\":1,\"y\":2},\"c\":3}\n"),
            "{\"a\":1,\"b\":{\"y\":2},\"c\":3}\n");
  EXPECT_EQ(run("b", "{\"a\":1,\"\\u0062\":2}\n"), "{\"a\":1}\n");
}

TEST(NdjsonFilter, ReplaceWritesNewValues) {
  const Outcome o = run_json(
      "SELECT * REPLACE (UPPER(dev.name) AS dev.name, id + 1 AS id) FROM S3Object WHERE id < 3",
      kEvents);
  EXPECT_EQ(o.out,
            "{\"id\": 2, \"dev\": {\"name\": \"A\", \"pos\": [1.5, 2]}, \"t\": 20.5, \"msg\": "
            "\"say \\\"hi\\\"\"}\n"
            "{\"id\": 3, \"dev\": {\"name\": \"B\"}, \"t\": null}\n");
}

TEST(NdjsonFilter, BecomesCsv) {
  const Outcome o =
      run_rule("encode = 'csv'\nsql = 'SELECT id, dev, msg FROM S3Object'", kEvents, "a.ndjson");
  EXPECT_EQ(o.out,
            "id,dev,msg\n"
            "1,\"{\"\"name\"\": \"\"a\"\", \"\"pos\"\": [1.5, 2]}\",\"say \"\"hi\"\"\"\n"
            "2,\"{\"\"name\"\": \"\"b\"\"}\",\n"
            "3,,\n");
  EXPECT_EQ(run_rule("encode = 'csv'\ncolumns = ['id','t']\nsql = 'SELECT * FROM S3Object'",
                     kEvents, "a.ndjson")
                .out,
            "id,t\n1,20.5\n2,\n3,1e2\n");
}

TEST(NdjsonFilter, MalformedRecordsBecomeDeadLetters) {
  constexpr std::string_view kBad[] = {"{",
                                       "}",
                                       "[1]",
                                       "1",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{\"a\" 1}",
                                       "{a:1}",
                                       "{\"a\":1}x",
                                       "{\"a\":01}",
                                       "{\"a\":1.}",
                                       "{\"a\":+1}",
                                       "{\"a\":tru}",
                                       "{\"a\":\"x}",
                                       "{\"a\":\"\\x\"}",
                                       "{\"a\":\"\\u12\"}",
                                       "{\"a\":\"\\ud800\"}",
                                       "{\"a\":\"\\udc00x\"}",
                                       "{\"a\":[1,]}",
                                       "{\"a\":[1 2]}",
                                       "{\"a\":{\"b\":1]}",
                                       "{\"a\":1}{\"a\":2}",
                                       "{,}",
                                       "{\"a\":\"tab\there\"}",
                                       "{\"a\":1 2}",
                                       "{\"a\"::1}",
                                       "{\"z\":[[],}",
                                       "{\"z\":{\"q\":[}}}",
                                       "{\"z\":\\\"x\"}",
                                       "{\"z\":[1,2",
                                       "{\"z\":{}",
                                       "{\"a\":1},",
                                       "{\"z\":[{]}"};
  for (const std::string_view bad : kBad) {
    const Outcome o = run_json("SELECT a FROM S3Object", cat("{\"a\":0}\n", bad, "\n{\"a\":9}\n"));
    EXPECT_EQ(o.out, "{\"a\":0}\n{\"a\":9}\n") << bad;
    EXPECT_EQ(o.counters.dead, 1u) << bad;
  }
}

TEST(NdjsonFilter, WellFormedOnesPass) {
  constexpr std::string_view kGood[] = {"{}",
                                        " { } ",
                                        "{\"z\":[]}",
                                        "{\"z\":[[],[[]],{}]}",
                                        "{\"z\":{\"q\":[1,{\"r\":[]}]}}",
                                        "{\"z\":-0.5e-10}",
                                        "{\"z\":\"\\ud83d\\ude00\"}",
                                        "{\"z\":\"\xf0\x9f\x98\x80\"}",
                                        "{\"z\":\"\\\\\"}",
                                        "{\"z\":\"a\\\\\\\"b\"}",
                                        "{\"z\":[true,false,null,0]}",
                                        "{\"\":1}",
                                        "{\"z\":1}\r"};
  for (const std::string_view good : kGood) {
    const Outcome o = run_json("SELECT * FROM S3Object", cat(good, "\n"));
    EXPECT_EQ(o.out, cat(good, "\n"));
    EXPECT_EQ(o.counters.dead, 0u) << good;
  }
}

TEST(NdjsonFilter, DepthIsBounded) {
  const auto nested = [](int depth) {
    return "{\"z\":" + std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']') + "}\n";
  };
  EXPECT_EQ(run_json("SELECT * FROM S3Object", nested(500)).counters.kept, 1u);
  EXPECT_EQ(run_json("SELECT * FROM S3Object", nested(600)).counters.dead, 1u);
  EXPECT_EQ(run_json("SELECT * FROM S3Object", nested(100'000)).counters.dead, 1u);
  std::string open = "{\"z\":";
  for (int i = 0; i < 50'000; ++i) open += "{\"a\":[";
  EXPECT_EQ(run_json("SELECT z.a FROM S3Object", open + "\n").counters.dead, 1u);
}

TEST(NdjsonFilter, StringsAreUnescapedForComparison) {
  EXPECT_EQ(run_json("SELECT n FROM S3Object WHERE a = 'x\"y\xc3\xa9'",
                     "{\"n\":1,\"a\":\"x\\\"y\\u00e9\"}\n")
                .out,
            "{\"n\":1}\n");
}

TEST(NdjsonFilter, KeysMatchAsTheNameIsWritten) {
  const std::string_view in = "{\"Email\":1}\n{\"email\":2}\n";
  EXPECT_EQ(run_json("SELECT email FROM S3Object", in).out, "{\"email\":1}\n{\"email\":2}\n");
  EXPECT_EQ(run_json("SELECT \"email\" FROM S3Object WHERE \"email\" > 0", in).out,
            "{\"email\":2}\n");
}

TEST(NdjsonFilter, TypesAreNotMixedSilently) {
  EXPECT_EQ(run_json("SELECT a FROM S3Object WHERE a > 1", "{\"a\":\"5\"}\n").counters.dead, 1u);
  EXPECT_EQ(run_json("SELECT a FROM S3Object WHERE a = 'x'", "{\"a\":5}\n").counters.dead, 1u);
  EXPECT_EQ(
      run_json("SELECT a FROM S3Object WHERE CAST(a AS INT) > 1", "{\"a\":\"5\"}\n").counters.kept,
      1u);
  EXPECT_EQ(run_json("SELECT a FROM S3Object WHERE a > 1", "{\"a\":[5]}\n").counters.dead, 1u);
}

TEST(NdjsonFilter, BlankLinesAreNoRecords) {
  EXPECT_EQ(run_json("SELECT * FROM S3Object", "\n{\"a\":1}\n  \n\r\n{\"a\":2}").counters.rows, 2u);
}

TEST(NdjsonFilter, ObjectFieldsAreAtHand) {
  EXPECT_EQ(
      run_json("SELECT a, o.key AS src, o.part(1) p FROM S3Object", "{\"a\":1}\n{\"a\":2}\n").out,
      "{\"a\":1,\"src\":\"a.ndjson\",\"p\":\"a.ndjson\"}\n{\"a\":2,\"src\":\"a.ndjson\",\"p\":\"a."
      "ndjson\"}\n");
}

}  // namespace
}  // namespace creel::filters::test
