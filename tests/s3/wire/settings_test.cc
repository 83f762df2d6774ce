// Goal: tags, CORS and lifecycle documents mean what AWS says they mean, and nothing else passes.
#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "s3/wire/cors.h"
#include "s3/wire/lifecycle.h"
#include "s3/wire/tags.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

constexpr std::int64_t kDay = 24 * 3'600'000;

TEST(Tags, ComeBackFromBothForms) {
  for (const Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Tags tags;
    for (std::size_t i = random.below(11); i > 0; --i)
      tags.push_back(
          {cat("k", static_cast<char>('z' - i), random.text(random.below(20), "aZ9 +-=._:/@")),
           random.text(random.below(30), "aZ9 +-=._:/@")});  // Sorted by key.
    const auto header = parse_tagging_header(encode_tags(tags));
    ASSERT_TRUE(header.ok()) << header.error().message;
    EXPECT_EQ(header.value(), tags);
    EXPECT_EQ(decode_tags(encode_tags(tags)), tags);
    EXPECT_EQ(count_tags(encode_tags(tags)), tags.size());
    const std::string xml = tagging_xml(tags);
    const auto document = parse_tagging(as_bytes(xml), false);
    ASSERT_TRUE(document.ok()) << xml;
    EXPECT_EQ(document.value(), tags);
  }
}

TEST(Tags, HaveBounds) {
  const auto of = [](std::size_t key, std::size_t value) {
    return parse_tagging_header(cat(std::string(key, 'k'), '=', std::string(value, 'v')));
  };
  EXPECT_TRUE(of(128, 256).ok());
  EXPECT_EQ(of(129, 0).error().code, S3Code::kInvalidTag);
  EXPECT_EQ(of(1, 257).error().code, S3Code::kInvalidTag);
  EXPECT_EQ(parse_tagging_header("=v").error().code, S3Code::kInvalidArgument);
  EXPECT_EQ(parse_tagging_header("a=%zz").error().code, S3Code::kInvalidArgument);
  EXPECT_EQ(parse_tagging_header("aws:a=1").error().code, S3Code::kInvalidTag);
}

CorsRules rules_of(std::string_view origin, std::string_view header = "") {
  const std::string xml =
      cat("<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>", origin,
          "</AllowedOrigin>", header.empty() ? "" : "<AllowedHeader>", header,
          header.empty() ? "" : "</AllowedHeader>", "</CORSRule></CORSConfiguration>");
  return parse_cors(as_bytes(xml)).take();
}

TEST(Cors, OneStarStandsForAnything) {
  const auto passes = [](std::string_view pattern, std::string_view origin) {
    return find_cors_rule(rules_of(pattern), {origin, "GET", {}}) != nullptr;
  };
  EXPECT_TRUE(passes("*", "https://any.example"));
  EXPECT_TRUE(passes("*suffix", "foo.suffix"));
  EXPECT_FALSE(passes("*suffix", "foo.suffix.get"));
  EXPECT_TRUE(passes("start*end", "startend"));
  EXPECT_FALSE(passes("start*tend", "startend"));
  EXPECT_FALSE(passes("start*end", "0startend"));
  EXPECT_FALSE(passes("prefix*", "bla.prefix"));
  EXPECT_TRUE(find_cors_rule(rules_of("*", "x-*"), {"a", "GET", "X-One, x-two"}) != nullptr);
  EXPECT_FALSE(find_cors_rule(rules_of("*", "x-*"), {"a", "GET", "x-one,y"}) != nullptr);
  EXPECT_FALSE(find_cors_rule(rules_of("*"), {"a", "PUT", {}}) != nullptr);
}

LifecycleRules lifecycle_of(std::string_view rule) {
  const std::string xml = cat("<LifecycleConfiguration><Rule><Status>Enabled</Status>", rule,
                              "</Rule></LifecycleConfiguration>");
  S3Result<LifecycleDocument> found = parse_lifecycle(as_bytes(xml));
  EXPECT_TRUE(found.ok()) << found.error().message;
  return found.ok() ? std::move(found.value().rules) : LifecycleRules();
}

TEST(Lifecycle, AppliesByPrefixTagAndSize) {
  const auto rules = lifecycle_of(
      "<Filter><And><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag>"
      "<ObjectSizeGreaterThan>10</ObjectSizeGreaterThan><ObjectSizeLessThan>20</ObjectSizeLessThan>"
      "</And></Filter><Expiration><Days>1</Days></Expiration>");
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_TRUE(applies(rules[0], {"a/b", "x=y&k=v", 11}));
  EXPECT_FALSE(applies(rules[0], {"b", "k=v", 11}));
  EXPECT_FALSE(applies(rules[0], {"a/b", "k=w", 11}));
  EXPECT_FALSE(applies(rules[0], {"a/b", "k=v", 10}));
  EXPECT_FALSE(applies(rules[0], {"a/b", "k=v", 20}));
}

TEST(Lifecycle, ConditionsSideBySideAreAllMeant) {
  const auto rules = lifecycle_of(
      "<Filter><Prefix>a/</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></Filter>"
      "<Expiration><Days>1</Days></Expiration>");
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_TRUE(applies(rules[0], {"a/b", "k=v", 1}));
  EXPECT_FALSE(applies(rules[0], {"a/b", "", 1}));
  EXPECT_FALSE(applies(rules[0], {"b", "k=v", 1}));
}

TEST(Lifecycle, DaysEndAtMidnightUtc) {
  EXPECT_EQ(due_ms(0, 1, {}), kDay);
  EXPECT_EQ(due_ms(1, 1, {}), 2 * kDay);
  EXPECT_EQ(due_ms(1, 3, {10'000}), 30'001);  // A test's days end when they end.
}

TEST(Lifecycle, RefusesWhatItCannotDo) {
  const auto code = [](std::string_view rule) {
    const std::string xml = cat("<LifecycleConfiguration>", rule, "</LifecycleConfiguration>");
    const auto found = parse_lifecycle(as_bytes(xml));
    return found.ok() ? S3Code::kCount : found.error().code;
  };
  const std::string head = "<Rule><Prefix/><Status>Enabled</Status>";
  EXPECT_EQ(code(""), S3Code::kMalformedXml);
  EXPECT_EQ(code(cat(head, "</Rule>")), S3Code::kInvalidRequest);
  EXPECT_EQ(code(cat(head, "<Expiration><Date>2026-01-01T01:00:00Z</Date></Expiration></Rule>")),
            S3Code::kInvalidArgument);
  EXPECT_EQ(code(cat(head,
                     "<Expiration><Days>1</Days><Date>2026-01-01T00:00:00Z</Date>"
                     "</Expiration></Rule>")),
            S3Code::kMalformedXml);
  EXPECT_EQ(code(cat("<Rule><ID>", std::string(256, 'i'), "</ID>", head.substr(6),
                     "<Expiration><Days>1</Days></Expiration></Rule>")),
            S3Code::kInvalidArgument);
  const std::string twice =
      "<Rule><ID>a</ID><Prefix/><Status>Enabled</Status><Expiration><Days>1</Days></Expiration>"
      "</Rule>";
  EXPECT_EQ(code(twice), S3Code::kCount);
  EXPECT_EQ(code(twice + twice), S3Code::kInvalidArgument);
  EXPECT_EQ(code("<Rule><Filter><Tag><Key>a</Key><Value>1</Value></Tag></Filter>"
                 "<Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>1"
                 "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"),
            S3Code::kInvalidRequest);
  EXPECT_EQ(code(cat(head,
                     "<NoncurrentVersionExpiration><NewerNoncurrentVersions>2"
                     "</NewerNoncurrentVersions></NoncurrentVersionExpiration></Rule>")),
            S3Code::kMalformedXml);
}

}  // namespace
}  // namespace creel::s3
