#include "tests/filters/support.h"

namespace creel::filters::test {
namespace {

Decision decide(std::string_view match, const ObjectInfo& object) {
  static std::shared_ptr<const RuleSet> keep;
  keep = must_parse(
      cat("default = 'hold'\n[[rule]]\nname = 'r'\naction = 'drop'\nmatch = '''", match, "'''\n"));
  return keep->decide(object);
}

ObjectInfo sample() {
  ObjectInfo object;
  object.bucket = "field";
  object.key = "vib/pump-3/2026.csv.gz";
  object.content_type = "text/csv";
  object.size = 3 * MiB;
  object.etag = "abc";
  object.version = "v7";
  object.age_ms = 90'000;
  object.metadata = {{"site", "north"}};
  object.tags = {{"kind", "can"}};
  return object;
}

TEST(RuleSet, MatchSeesTheObject) {
  const std::string_view yes[] = {"o.key GLOB 'vib/*/*.csv{,.gz,.zst}' AND o.size < 2GiB",
                                  "o.part(2) = 'pump-3'",
                                  "o.content_type LIKE 'text/%'",
                                  "o.meta['site'] = 'north'",
                                  "o.meta['Site'] = 'north'",
                                  "o.tag['kind'] IN ('can', 'lin')",
                                  "o.age >= 90",
                                  "o.bucket || '/' || o.version = 'field/v7'",
                                  "o.size BETWEEN 3MiB AND 4MiB",
                                  "o.tag['other'] IS MISSING",
                                  "LOWER(o.etag) = 'abc'",
                                  "o.part(9) IS NULL",
                                  "NOT o.key GLOB '*.csv'",
                                  "o.key MATCHES 'pump-[0-9]+/'"};
  for (const std::string_view match : yes)
    EXPECT_EQ(decide(match, sample()).action, Action::kDrop) << match;
  const std::string_view no[] = {"o.key GLOB 'vib/*.csv'", "o.size > 3MiB", "o.tag['other'] = 'x'",
                                 "o.age > 90"};
  for (const std::string_view match : no)
    EXPECT_EQ(decide(match, sample()).action, Action::kHold) << match;
}

TEST(RuleSet, AMatchThatFailsHoldsTheObject) {
  const Decision d = decide("o.size / 0 = 1", sample());
  EXPECT_EQ(d.action, Action::kHold);
  EXPECT_TRUE(d.match_failed);
}

TEST(RuleSet, FirstMatchWinsForTheTarget) {
  const auto set = must_parse(
      "[[rule]]\nname = 'a'\naction = 'hold'\ntargets = ['east']\n"
      "[[rule]]\nname = 'b'\nsql = 'SELECT * FROM S3Object'\nmatch = \"o.key GLOB '**.csv'\"\n"
      "[[rule]]\nname = 'c'\naction = 'drop'\n");
  EXPECT_EQ(set->decide(object_named("x.csv"), "east").rule->name, "a");
  EXPECT_EQ(set->decide(object_named("x.csv"), "west").action, Action::kFilter);
  EXPECT_EQ(set->decide(object_named("x.bin"), "west").action, Action::kDrop);
  EXPECT_EQ(must_parse("")->decide(object_named("x"), "west").action, Action::kReplicate);
}

TEST(RuleSet, FormatComesFromRuleThenTypeThenSuffix) {
  const auto set = must_parse(rule_text("sql = 'SELECT * FROM S3Object'"));
  const Rule& rule = *set->rules()[0];
  ObjectInfo object = object_named("a.bin");
  EXPECT_FALSE(detect_format(rule, object).has_value());
  object.content_type = "text/csv; charset=utf-8";
  EXPECT_EQ(detect_format(rule, object), RecordFormat::kCsv);
  object.content_type = "application/octet-stream";
  object.key = "a.JSONL.gz";
  EXPECT_EQ(detect_format(rule, object), RecordFormat::kNdjson);
  object.content_type = "text/csv";
  EXPECT_EQ(detect_format(rule, object), RecordFormat::kCsv);
  EXPECT_EQ(run_pieces(rule, object_named("a.bin"), "a\n1\n", {}).held, "compile");
}

TEST(RuleSet, IdentityDependsOnMeaningNotOnSpelling) {
  const auto identity = [](std::string_view lines) {
    return must_parse(rule_text(lines))->rules()[0]->identity;
  };
  const auto base = identity("sql = 'SELECT a FROM S3Object WHERE b > 1'");
  EXPECT_EQ(
      identity("on_error = 'dlq'\nsql = '''select  A AS \"a\"\nfrom s3object S where (B>1)'''"),
      base);
  EXPECT_NE(identity("sql = 'SELECT a FROM S3Object WHERE b > 2'"), base);
  EXPECT_NE(identity("sql = 'SELECT a FROM S3Object WHERE \"b\" > 1'"), base);
  EXPECT_NE(identity("on_error = 'drop'\nsql = 'SELECT a FROM S3Object WHERE b > 1'"), base);
}

TEST(RuleSet, CanonicalJsonIsTheSameRuleAgain) {
  const auto set = must_parse(
      "default = 'drop'\n[[rule]]\nname = 'full'\nmatch = \"o.part(1) = 'pos' AND o.meta['k'] = "
      "'v'\"\n"
      "targets = ['a', 'b']\nformat = {type='csv', header=['x','y'], delimiter=';', null=['NA'], "
      "escape='\\'}\n"
      "encode = 'ndjson+zstd'\non_error = 'drop'\nwhere_false = 'dlq'\nmax_errors = "
      "'0.5%'\nmax_record = '64 KiB'\n"
      "key = {hmac = 'env:KEY', id = 'k'}\nretain = '30d'\nempty = 'marker'\ndeletes = "
      "'ignore'\nmetadata = ['site']\n"
      "dead_letter = 'dead'\nmissing = 'null'\nredact_error = 'dlq'\n"
      "sql = \"SELECT HMAC(LOWER(TRIM(x))) AS h, TRIM(LEADING '0' FROM y) y FROM S3Object s WHERE "
      "s.x LIKE 'a%' LIMIT 9\"\n"
      "tests = [{in = \"a1;2\\n\", dlq = 0}]\n"
      "[[rule]]\nname = 'plain'\naction = 'hold'\n");
  const std::string json = set->canonical_json();
  const FixedKeys keys;
  const auto again = RuleSet::parse_json(json, keys);
  ASSERT_TRUE(again.ok()) << again.error().detail << "\n" << json;
  EXPECT_EQ(again.value()->canonical_json(), json);
  EXPECT_EQ(again.value()->rules()[0]->identity, set->rules()[0]->identity);
  EXPECT_EQ(json.find("KKKK"), std::string::npos);  // The key itself.
}

TEST(RuleSet, ExplainShowsTheProgram) {
  const auto set =
      must_parse(rule_text("format = 'csv'\nsql = 'SELECT a FROM S3Object WHERE b > 1 AND c < d'"));
  const std::string text = explain(*set->rules()[0]);
  EXPECT_NE(text.find("where: compare_number narrow_not_false compare and"), std::string::npos)
      << text;
  EXPECT_NE(text.find("warning: c and d are compared as text"), std::string::npos) << text;
}

}  // namespace
}  // namespace creel::filters::test
