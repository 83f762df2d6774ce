// Goal: the evaluator agrees with one written down from AWS's description and nothing else.
// Method: random policies over a small alphabet, so that much matches; the reference walks the JSON
// again for each question and matches wildcards by trying everything.
#include <gtest/gtest.h>

#include "tests/s3/access/access_support.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;
using test::Ask;
using test::judge;
using Kind = Verdict::Kind;

bool like(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return like(pattern.substr(1), text) || (!text.empty() && like(pattern, text.substr(1)));
  if (text.empty()) return false;
  return (pattern[0] == '?' || pattern[0] == text[0]) && like(pattern.substr(1), text.substr(1));
}

std::vector<std::string> list_of(JsonValue value) {
  std::vector<std::string> all;
  if (const auto one = value.as_string()) all.emplace_back(*one);
  for (const JsonItem item : value) all.emplace_back(*item.value.as_string());
  return all;
}

bool any_like(JsonValue patterns, std::string_view text) {
  for (const std::string& pattern : list_of(patterns))
    if (like(pattern, text)) return true;
  return false;
}

bool reference_names(JsonValue given, const Caller& caller, bool bans) {
  for (const std::string& who : list_of(given.is_object() ? given.find("AWS") : given)) {
    if (who == "*") return true;
    if (who == cat("arn:aws:iam::", caller.account, ":user/", caller.user) && !caller.user.empty())
      return true;
    if (who == caller.account && !who.empty() && (bans || caller.user.empty())) return true;
  }
  return false;
}

// Only the operators the generator makes.
bool reference_holds(JsonValue block, const Ask& ask) {
  for (const JsonItem op : block)
    for (const JsonItem by_key : op.value) {
      const auto found = ask.facts.values.find(to_lower(by_key.name));
      const std::vector<std::string> wanted = list_of(by_key.value);
      std::string name(op.name);
      const bool negated = name.find("Not") != std::string::npos;
      if (found == ask.facts.values.end()) {
        const bool passes = name.ends_with("IfExists") || name.starts_with("ForAllValues:") ||
                            (negated && !name.starts_with("ForAnyValue:"));
        if (!passes) return false;
        continue;
      }
      std::size_t good = 0;
      for (const std::string& actual : found->second) {
        bool hit = false;
        for (const std::string& value : wanted)
          hit = hit ||
                (name.find("Like") != std::string::npos ? like(value, actual) : value == actual);
        good += hit != negated;
      }
      const bool every =
          name.starts_with("ForAllValues:") || (negated && !name.starts_with("ForAnyValue:"));
      if (every ? good < found->second.size() : good == 0) return false;
    }
  return true;
}

Kind reference(JsonValue root, const Ask& ask) {
  Kind verdict = Kind::kSilent;
  for (const JsonItem item : root.find("Statement")) {
    const JsonValue statement = item.value;
    const bool deny = statement.find("Effect").as_string() == "Deny";
    const JsonValue not_principal = statement.find("NotPrincipal");
    const bool named = not_principal.absent()
                           ? reference_names(statement.find("Principal"), ask.caller, deny)
                           : !reference_names(not_principal, ask.caller, false);
    const JsonValue not_action = statement.find("NotAction");
    const bool acts = not_action.absent() ? any_like(statement.find("Action"), ask.action)
                                          : !any_like(not_action, ask.action);
    const JsonValue not_resource = statement.find("NotResource");
    const bool lies = not_resource.absent() ? any_like(statement.find("Resource"), ask.resource)
                                            : !any_like(not_resource, ask.resource);
    if (!named || !acts || !lies || !reference_holds(statement.find("Condition"), ask)) continue;
    if (deny) return Kind::kDeny;
    verdict = Kind::kAllow;
  }
  return verdict;
}

std::string quoted_list(TestRandom& random, const std::vector<std::string>& from) {
  std::string out = "[";
  const std::size_t count = random.between<std::size_t>(1, 3);
  for (std::size_t i = 0; i < count; ++i)
    out += cat(i == 0 ? "" : ",", '"', random.pick(from), '"');
  return out + "]";
}

const std::vector<std::string> kActions = {"s3:GetObject", "s3:Get*",    "s3:PutObject",   "s3:*",
                                           "s3:?etObject", "s3:*Object", "s3:DeleteObject"};
const std::vector<std::string> kResources = {"arn:aws:s3:::bucket/*",    "arn:aws:s3:::bucket/a*",
                                             "arn:aws:s3:::bucket/?b*",  "arn:aws:s3:::*/*ab",
                                             "arn:aws:s3:::b*/a?a*b",    "arn:aws:s3:::bucket/ab",
                                             "arn:aws:s3:::bucket/*a*b*"};
const std::vector<std::string> kPrincipals = {"alice", "bob", "arn:aws:iam::alice:user/ann",
                                              "arn:aws:iam::bob:user/ann"};
const std::vector<std::string> kOperators = {"StringEquals",
                                             "StringNotEquals",
                                             "StringLike",
                                             "StringNotLike",
                                             "StringEqualsIfExists",
                                             "ForAllValues:StringEquals",
                                             "ForAnyValue:StringLike",
                                             "ForAnyValue:StringNotEquals",
                                             "ForAllValues:StringNotLike"};
const std::vector<std::string> kValues = {"a", "b", "a*", "?b", "ab"};

std::string random_statement(TestRandom& random) {
  const bool deny = random.chance(0.3);
  const bool not_principal = deny && random.chance(0.3);
  const std::string who = !not_principal && random.chance(0.4)
                              ? "\"*\""
                              : cat("{\"AWS\":", quoted_list(random, kPrincipals), '}');
  std::string out = cat(R"({"Effect":")", deny ? "Deny" : "Allow", R"(",")",
                        not_principal ? "NotPrincipal" : "Principal", "\":", who);
  out += cat(",\"", random.chance(0.15) ? "NotAction" : "Action",
             "\":", quoted_list(random, kActions));
  out += cat(",\"", random.chance(0.15) ? "NotResource" : "Resource",
             "\":", quoted_list(random, kResources));
  if (random.chance(0.6))
    out += cat(R"(,"Condition":{")", random.pick(kOperators), R"(":{"s3:RequestObjectTagKeys":)",
               quoted_list(random, kValues), "}}");
  return out + "}";
}

TEST(PolicyProperty, TheEvaluatorAgreesWithTheReference) {
  std::size_t verdicts[3] = {};
  for (const Seed seed : seeds(3'000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    std::string text = "{\"Statement\":[";
    const std::size_t count = random.between<std::size_t>(1, 4);
    for (std::size_t i = 0; i < count; ++i)
      text += cat(i == 0 ? "" : ",", random_statement(random));
    text += "]}";
    const S3Result<Policy> policy = parse_bucket_policy(text, "bucket", nullptr);
    // A random statement may ask for tags of an action that has none.
    if (!policy.ok()) {
      ASSERT_TRUE(policy.error().message.starts_with("Conditions do not apply")) << text;
      continue;
    }
    const Result<JsonDoc> doc = JsonDoc::parse(as_bytes(text));
    ASSERT_TRUE(doc.ok());
    for (int question = 0; question < 20; ++question) {
      Ask ask;
      const Caller callers[] = {{}, {"alice", {}}, {"bob", {}}, {"alice", "ann"}, {"bob", "ann"}};
      ask.caller = callers[random.below(5)];
      const std::string_view actions[] = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"};
      ask.action = actions[random.below(3)];
      ask.resource = cat("arn:aws:s3:::bucket/", random.text(random.below(6), "ab"));
      if (random.chance(0.7)) {
        std::vector<std::string>& keys = ask.facts.values["s3:requestobjecttagkeys"];
        for (std::size_t i = random.between<std::size_t>(1, 3); i > 0; --i)
          keys.push_back(random.text(random.between<std::size_t>(1, 2), "ab"));
      }
      const Kind wanted = reference(doc.value().root(), ask);
      ++verdicts[static_cast<int>(wanted)];
      ASSERT_EQ(judge(policy.value(), ask), wanted)
          << text << '\n'
          << ask.caller.account << ' ' << ask.action << ' ' << ask.resource;
    }
  }
  for (const std::size_t verdict : verdicts) EXPECT_GT(verdict, 0u);
}

TEST(PatternProperty, AgreesWithTryingEverything) {
  for (const Seed seed : seeds(5'000)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string pattern = random.text(random.below(9), "ab*?");
    const std::string text = random.text(random.below(9), "ab");
    const test::MapFacts facts;
    Matching matching(facts);
    ASSERT_EQ(pattern_matches(*compile_pattern(pattern, {}), text, matching), like(pattern, text))
        << pattern << " on " << text;
  }
}

}  // namespace
}  // namespace creel::s3
