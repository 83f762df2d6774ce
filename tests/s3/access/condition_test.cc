// Goal: each operator of a condition, with the key there, there more than once, and missing.
#include "s3/access/condition.h"

#include <gtest/gtest.h>

#include "s3/access/ip_range.h"
#include "tests/s3/access/access_support.h"

namespace creel::s3 {
namespace {

using test::MapFacts;

bool holds(std::string_view block, const MapFacts& facts) {
  const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(block));
  EXPECT_TRUE(doc.ok()) << block;
  const S3Result<std::vector<Condition>> conditions = parse_conditions(doc.value().root(), true);
  EXPECT_TRUE(conditions.ok()) << block << (conditions.ok() ? "" : conditions.error().message);
  if (!conditions.ok()) return false;
  Matching matching(facts);
  for (const Condition& condition : conditions.value())
    if (!condition_holds(condition, matching)) return false;
  return true;
}

MapFacts facts_of(std::string key, std::vector<std::string> values) {
  MapFacts facts;
  facts.values[std::move(key)] = std::move(values);
  return facts;
}

TEST(Conditions, OperatorsCompareAsTheyAreNamed) {
  const struct {
    std::string_view block, key, value;
    bool holds, holds_without;
  } cases[] = {
      {R"({"StringEquals":{"s3:prefix":"a"}})", "s3:prefix", "a", true, false},
      {R"({"StringEquals":{"s3:prefix":"a"}})", "s3:prefix", "A", false, false},
      {R"({"StringEquals":{"s3:prefix":"a*"}})", "s3:prefix", "ab", false, false},
      {R"({"StringEquals":{"s3:prefix":"a*"}})", "s3:prefix", "a*", true, false},
      {R"({"StringEquals":{"s3:prefix":["a","b"]}})", "s3:prefix", "b", true, false},
      {R"({"StringNotEquals":{"s3:prefix":["a","b"]}})", "s3:prefix", "b", false, true},
      {R"({"StringNotEquals":{"s3:prefix":["a","b"]}})", "s3:prefix", "c", true, true},
      {R"({"StringEqualsIgnoreCase":{"s3:prefix":"aB"}})", "s3:prefix", "Ab", true, false},
      {R"({"StringNotEqualsIgnoreCase":{"s3:prefix":"aB"}})", "s3:prefix", "Ab", false, true},
      {R"({"StringLike":{"s3:prefix":"a*"}})", "s3:prefix", "ab/c", true, false},
      {R"({"StringNotLike":{"s3:prefix":"a*"}})", "s3:prefix", "ab/c", false, true},
      {R"({"StringEqualsIfExists":{"s3:prefix":"a"}})", "s3:prefix", "b", false, true},
      {R"({"NumericEquals":{"s3:max-keys":"10"}})", "s3:max-keys", "10", true, false},
      {R"({"NumericNotEquals":{"s3:max-keys":10}})", "s3:max-keys", "10", false, true},
      {R"({"NumericLessThan":{"s3:max-keys":10}})", "s3:max-keys", "9", true, false},
      {R"({"NumericLessThan":{"s3:max-keys":10}})", "s3:max-keys", "10", false, false},
      {R"({"NumericLessThanEquals":{"s3:max-keys":10}})", "s3:max-keys", "10", true, false},
      {R"({"NumericLessThanEquals":{"s3:max-keys":10}})", "s3:max-keys", "many", false, false},
      {R"({"NumericGreaterThan":{"s3:max-keys":10}})", "s3:max-keys", "11", true, false},
      {R"({"NumericGreaterThanEquals":{"s3:max-keys":10}})", "s3:max-keys", "9", false, false},
      {R"({"DateLessThan":{"aws:CurrentTime":"2026-01-02T00:00:00Z"}})", "aws:currenttime",
       "2026-01-01T23:59:59Z", true, false},
      {R"({"DateGreaterThanEquals":{"aws:CurrentTime":"2026-01-02T00:00:00Z"}})", "aws:currenttime",
       "2026-01-02T00:00:00.000Z", true, false},
      {R"({"DateGreaterThan":{"aws:EpochTime":"1700000000"}})", "aws:epochtime", "1700000001", true,
       false},
      {R"({"Bool":{"aws:SecureTransport":"false"}})", "aws:securetransport", "false", true, false},
      {R"({"Bool":{"aws:SecureTransport":true}})", "aws:securetransport", "false", false, false},
      {R"({"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}})", "aws:sourceip", "192.0.2.77", true,
       false},
      {R"({"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}})", "aws:sourceip", "192.0.3.77", false,
       false},
      {R"({"IpAddress":{"aws:SourceIp":"192.0.2.7"}})", "aws:sourceip", "::ffff:192.0.2.7", true,
       false},
      {R"({"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}})", "aws:sourceip",
       "2001:db8::1", false, true},
      {R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})", "aws:sourceip", "2001:db9::1", false,
       false},
      {R"({"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::alice:user/*"}})", "aws:principalarn",
       "arn:aws:iam::alice:user/ann", true, false},
      {R"({"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/ann"}})", "aws:principalarn",
       "arn:aws:iam::alice:x:user/ann", false, false},
      {R"({"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::alice:user/*"}})", "aws:principalarn",
       "arn:aws:iam::bob:user/ann", true, true},
      {R"({"Null":{"s3:prefix":"true"}})", "s3:prefix", "", false, true},
      {R"({"Null":{"s3:prefix":false}})", "s3:prefix", "", true, false},
      {R"({"BinaryEquals":{"aws:UserAgent":"QQ=="}})", "aws:useragent", "QQ==", true, false},
      {R"({"StringLike":{"s3:prefix":"home/${aws:username}/*"}})", "s3:prefix", "home/ann/x", false,
       false},
      {R"({"StringLike":{"s3:prefix":"${*}${?}?"}})", "s3:prefix", "*?x", true, false},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(cat(one.block, " with ", one.value));
    EXPECT_EQ(holds(one.block, facts_of(std::string(one.key), {std::string(one.value)})),
              one.holds);
    EXPECT_EQ(holds(one.block, MapFacts()), one.holds_without);
  }
}

TEST(Conditions, SetsAreJudgedValueByValue) {
  const auto keys = [](std::string_view op, std::vector<std::string> asked) {
    MapFacts facts;
    if (!asked.empty()) facts = facts_of("s3:requestobjecttagkeys", std::move(asked));
    return holds(cat("{\"", op, R"(":{"s3:RequestObjectTagKeys":["a","b"]}})"), facts);
  };
  EXPECT_TRUE(keys("ForAllValues:StringEquals", {"a", "b"}));
  EXPECT_FALSE(keys("ForAllValues:StringEquals", {"a", "c"}));
  EXPECT_TRUE(keys("ForAllValues:StringEquals", {})) << "nothing breaks the rule";
  EXPECT_TRUE(keys("ForAnyValue:StringEquals", {"a", "c"}));
  EXPECT_FALSE(keys("ForAnyValue:StringEquals", {"c"}));
  EXPECT_FALSE(keys("ForAnyValue:StringEquals", {}));
  EXPECT_FALSE(keys("ForAnyValue:StringNotEquals", {}));
  EXPECT_FALSE(keys("ForAllValues:StringNotEquals", {"a", "c"}));
  EXPECT_TRUE(keys("ForAnyValue:StringNotEquals", {"a", "c"}));
  EXPECT_TRUE(keys("StringEquals", {"a", "c"}));
  EXPECT_FALSE(keys("StringNotEquals", {"a", "c"}));
}

TEST(Conditions, AllOperatorsAndKeysOfABlockMustHold) {
  const std::string_view block =
      R"({"StringEquals":{"s3:prefix":"a","s3:delimiter":"/"},"Bool":{"aws:SecureTransport":true}})";
  MapFacts facts = facts_of("s3:prefix", {"a"});
  facts.values["s3:delimiter"] = {"/"};
  EXPECT_FALSE(holds(block, facts));
  facts.values["aws:securetransport"] = {"true"};
  EXPECT_TRUE(holds(block, facts));
}

TEST(IpRanges, TextIsReadOrRefused) {
  for (const std::string_view good : {"0.0.0.0", "255.255.255.255/32", "1.2.3.4/0", "::", "::1/128",
                                      "2001:db8::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8/1"})
    EXPECT_TRUE(parse_ip_range(good).has_value()) << good;
  for (const std::string_view bad :
       {"",           "1.2.3",    "1.2.3.4.5",         "256.1.1.1",
        "1.2.3.4/33", "1.2.3.4/", "a.b.c.d",           "1.2.3.04x",
        ":",          ":::",      "1:2:3:4:5:6:7",     "1:2:3:4:5:6:7:8:9",
        "::1::",      "12345::",  "1:2:3:4:5:6:7:8::", "::1/129",
        "1.2.3.4:80", "[::1]",    "fe80::1%eth0",      "1:2:3:4:5:6:7:1.2.3.4"})
    EXPECT_FALSE(parse_ip_range(bad).has_value()) << bad;
}

}  // namespace
}  // namespace creel::s3
