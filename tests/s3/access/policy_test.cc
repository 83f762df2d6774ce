// Goal: what a policy may be, and what it says; the texts are AWS's.
#include "s3/access/policy.h"

#include <gtest/gtest.h>

#include "tests/s3/access/access_support.h"

namespace creel::s3 {
namespace {

using test::Ask;
using test::judge;
using test::with_condition;
using Kind = Verdict::Kind;

struct Names final : PrincipalNames {
  bool has_account(std::string_view id) const override { return id == "alice" || id == "bob"; }
  bool has_user(std::string_view account, std::string_view name) const override {
    return account == "alice" && name == "ann";
  }
};

std::string statement(std::string_view effect, std::string_view principal, std::string_view action,
                      std::string_view resource) {
  return cat(R"({"Statement":[{"Effect":")", effect, R"(","Principal":)", principal,
             R"(,"Action":)", action, R"(,"Resource":)", resource, "}]}");
}

Policy policy_of(std::string_view text) {
  S3Result<Policy> policy = parse_bucket_policy(text, "bucket", nullptr);
  EXPECT_TRUE(policy.ok()) << text << (policy.ok() ? "" : policy.error().message);
  return policy.ok() ? policy.take() : Policy();
}

std::string refusal_of(std::string_view text) {
  const Names names;
  const S3Result<Policy> policy = parse_bucket_policy(text, "bucket", &names);
  if (policy.ok()) return "accepted";
  EXPECT_EQ(name_of(policy.error().code), "MalformedPolicy");
  return policy.error().message;
}

TEST(PolicyText, RefusalsAreInTheWordsOfAws) {
  constexpr std::string_view kObjects = R"("arn:aws:s3:::bucket/*")";
  constexpr std::string_view kBucket = R"("arn:aws:s3:::bucket")";
  const struct {
    std::string text;
    std::string_view message;
  } cases[] = {
      {"", "Policies must be valid JSON and the first byte must be '{'"},
      {"false", "Policies must be valid JSON and the first byte must be '{'"},
      {" {}", "Policies must be valid JSON and the first byte must be '{'"},
      {"{true}", "This policy contains invalid Json"},
      {"{asdf", "This policy contains invalid Json"},
      {R"({"Statement":[1]})", "This policy contains invalid Json"},
      {"{}", "Missing required field Statement"},
      {R"({"Statement":[]})", "Could not parse the policy: Statement is empty!"},
      {R"({"Statement":[],"Version":"2012-10-16"})",
       "The policy must contain a valid version string"},
      {R"({"Version":"","Statement":[]})", "The policy must contain a valid version string"},
      {R"({"Statement":[],"Statemen":1})", "Unknown field Statemen"},
      {statement("Maybe", R"("*")", R"("s3:*")", kObjects), "Invalid effect: Maybe"},
      {statement("Allow", R"("")", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", "[]", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", R"({"AWS":[]})", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", R"({"AWS":""})", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", R"({})", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", R"(["*","bob"])", R"("s3:*")", kObjects), "Invalid principal in policy"},
      {statement("Allow", R"({"AWS":"mallory"})", R"("s3:*")", kObjects),
       "Invalid principal in policy"},
      {statement("Allow", R"({"AWS":"arn:aws:iam::alice:user/bert"})", R"("s3:*")", kObjects),
       "Invalid principal in policy"},
      {statement("Allow", R"({"AWS":"arn:aws:iam::alice:group/x"})", R"("s3:*")", kObjects),
       "Invalid principal in policy"},
      {statement("Allow", R"({"Federated":"x"})", R"("s3:*")", kObjects),
       "Invalid principal in policy"},
      {statement("Allow", R"("*")", R"("")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"([])", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s3")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s3:")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s4:GetObject")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("*GetObject")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s3:*Obj??ect*")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s3:????")", kObjects), "Policy has invalid action"},
      {statement("Allow", R"("*")", R"-("s3:Put(Object)")-", kObjects),
       "Policy has invalid action"},
      {statement("Allow", R"("*")", R"("s3:*")", R"("")"), "Policy has invalid resource"},
      {statement("Allow", R"("*")", R"("s3:*")", R"([])"), "Policy has invalid resource"},
      {statement("Allow", R"("*")", R"("s3:*")", R"("arn:aws:iam:::bucket")"),
       "Policy has invalid resource"},
      {statement("Allow", R"("*")", R"("s3:*")", R"("arn:aws:s3:::/bucket")"),
       "Policy has invalid resource"},
      {statement("Allow", R"("*")", R"("s3:*")", R"("arn:aws:s3:::prefix-bucket")"),
       "Policy has invalid resource"},
      {statement("Allow", R"("*")", R"("s3:GetObject")", kBucket),
       "Action does not apply to any resource(s) in statement"},
      {statement("Allow", R"("*")", R"("s3:GetObjec?")", kBucket),
       "Action does not apply to any resource(s) in statement"},
      {statement("Allow", R"("*")", R"("s3:ListBucket")", kObjects),
       "Action does not apply to any resource(s) in statement"},
      {statement("Allow", R"("*")", R"("s3:*Bucket*")", kObjects),
       "Action does not apply to any resource(s) in statement"},
      {statement("Allow", R"("*")", R"(["s3:GetObject","s3:ListBucket"])", kBucket),
       "Action does not apply to any resource(s) in statement"},
      {R"({"Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"bob"},"Action":"s3:GetObject",)"
       R"("Resource":"arn:aws:s3:::bucket/*"}]})",
       "Allow with NotPrincipal is not allowed."},
      {R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Action":"s3:*",)"
       R"("Resource":"arn:aws:s3:::bucket/*"}]})",
       "The field Action is given twice"},
      {R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",)"
       R"("NotAction":"s3:PutObject","Resource":"arn:aws:s3:::bucket/*"}]})",
       "Action and NotAction cannot be given together"},
      {with_condition(R"({"NotARealOperator":{"aws:SourceIp":"1.2.3.4/32"}})"),
       "Invalid Condition type : NotARealOperator"},
      {with_condition(R"({"stringequals":{"aws:UserAgent":"x"}})"),
       "Invalid Condition type : stringequals"},
      {with_condition(R"({"NullIfExists":{"aws:UserAgent":"true"}})"),
       "Invalid Condition type : NullIfExists"},
      {with_condition(R"({"ForSomeValues:StringEquals":{"aws:UserAgent":"x"}})"),
       "Invalid Condition type : ForSomeValues:StringEquals"},
      {with_condition(R"({"StringEquals":{"s3:FakeKeyDoesNotExist":"x"}})"),
       "Policy has an invalid condition key"},
      {with_condition(R"({"StringEquals":{"s3:ExistingObjectTag/":"x"}})"),
       "Policy has an invalid condition key"},
      {with_condition(R"({"StringEquals":{"s3:prefix":"foo"}})"),
       "Conditions do not apply to combination of actions and resources in statement"},
      {with_condition(R"({"StringEquals":{"s3:VersionId":"x"}})"),
       "Conditions do not apply to combination of actions and resources in statement"},
      {with_condition(R"({"IpAddress":{"aws:SourceIp":"300.1.1.1/40"}})"),
       "Invalid IP address in Conditions"},
      {with_condition(R"({"Null":{"aws:SourceIp":"true"}})"), "Invalid IP address in Conditions"},
      {cat("{\"Statement\":[", std::string(kPolicyBytesMax, ' '), "]}"),
       "Policy exceeds the maximum allowed document size."},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.text.substr(0, 200));
    EXPECT_EQ(refusal_of(one.text), one.message);
  }
}

TEST(PolicyText, WhatAwsTakesIsTaken) {
  constexpr std::string_view kBoth = R"(["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"])";
  for (const std::string& text : {
           statement("Allow", R"("*")", R"("s3:*")", kBoth),
           statement("Allow", R"(["*"])", R"("*")", R"("*")"),
           statement("Allow", R"({"AWS":"*"})", R"("s3:List*")", R"("arn:aws:s3:::bucket")"),
           statement("Allow", R"({"AWS":["alice","arn:aws:iam::bob:root"]})", R"("s3:Get*")",
                     kBoth),
           statement("Deny", R"({"AWS":"arn:aws:iam::alice:user/team/ann"})", R"("s3:Create*")",
                     kBoth),
           statement("Allow", R"({"CanonicalUser":"bob"})", R"("s3:getobject")", kBoth),
           statement("Allow", R"({"Service":"logging.s3.amazonaws.com"})", R"("s3:PutObject")",
                     kBoth),
           statement("Allow", R"("*")", R"("s3:ListBucket")",
                     R"(["arn:aws:s3:::*","arn:aws:s3:::*/*"])"),
           statement("Allow", R"("*")", R"("s3:ListBucket")",
                     R"(["arn:aws:s3:::bucket","arn:aws:s3:::bucket"])"),
           std::string(R"({"Version":"2008-10-17","Id":"x","Statement":{"Sid":"s",)"
                       R"("Effect":"Deny","NotPrincipal":{"AWS":"bob"},"NotAction":"s3:GetObject",)"
                       R"("NotResource":"arn:aws:s3:::bucket/*"}})"),
           with_condition(R"({"StringLike":{"s3:prefix":["a/*",""]},"Bool":{"aws:securetransport":)"
                          R"(true},"NumericLessThanEquals":{"s3:max-keys":10}})",
                          "s3:ListBucket", "arn:aws:s3:::bucket"),
       })
    EXPECT_EQ(refusal_of(text), "accepted") << text;
}

TEST(PolicyVerdict, DenyBeatsAllowWhereverItStands) {
  const std::string allow =
      R"({"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket/*"})";
  const std::string deny = R"({"Effect":"Deny","Principal":"*","Action":"s3:GetObject",)"
                           R"("Resource":"arn:aws:s3:::bucket/secret/*"})";
  for (const std::string& list : {cat(allow, ',', deny), cat(deny, ',', allow)}) {
    const Policy policy = policy_of(cat("{\"Statement\":[", list, "]}"));
    Ask ask;
    EXPECT_EQ(judge(policy, ask), Kind::kAllow);
    ask.resource = "arn:aws:s3:::bucket/secret/x";
    EXPECT_EQ(judge(policy, ask), Kind::kDeny);
    ask.action = "s3:PutObject";
    EXPECT_EQ(judge(policy, ask), Kind::kAllow);
    ask.resource = "arn:aws:s3:::other/x";
    EXPECT_EQ(judge(policy, ask), Kind::kSilent);
  }
}

TEST(PolicyVerdict, PrincipalsAreAccountsAndTheirUsers) {
  const auto says = [](std::string_view effect, std::string_view principal, Caller caller) {
    const Policy policy =
        policy_of(statement(effect, principal, R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")"));
    Ask ask;
    ask.caller = caller;
    return judge(policy, ask) != Kind::kSilent;
  };
  const Caller nobody{}, alice{"alice", {}}, ann{"alice", "ann"}, bob{"bob", {}};
  for (const Caller& caller : {nobody, alice, ann, bob}) {
    EXPECT_TRUE(says("Allow", R"("*")", caller));
    EXPECT_TRUE(says("Deny", R"({"AWS":["*"]})", caller));
    EXPECT_FALSE(says("Allow", R"({"Service":"s3.amazonaws.com"})", caller));
  }
  for (const std::string_view named :
       {R"({"AWS":"alice"})", R"({"AWS":"arn:aws:iam::alice:root"})",
        R"({"CanonicalUser":"alice"})", R"({"AWS":"arn:aws:iam:::user/alice"})"}) {
    EXPECT_TRUE(says("Allow", named, alice)) << named;
    EXPECT_FALSE(says("Allow", named, bob)) << named;
    EXPECT_FALSE(says("Allow", named, nobody)) << named;
  }
  // The account's right is no right of its users; its ban is one of them all.
  EXPECT_FALSE(says("Allow", R"({"AWS":"alice"})", ann));
  EXPECT_TRUE(says("Deny", R"({"AWS":"alice"})", ann));
  EXPECT_TRUE(says("Allow", R"({"AWS":"arn:aws:iam::alice:user/ann"})", ann));
  EXPECT_FALSE(says("Allow", R"({"AWS":"arn:aws:iam::alice:user/ann"})", alice));
  EXPECT_FALSE(says("Allow", R"({"AWS":"arn:aws:iam::bob:user/ann"})", ann));
}

TEST(PolicyVerdict, WildcardsAreOfActionsWithoutCaseAndOfKeysWithCase) {
  const auto says = [](std::string_view action, std::string_view resource, std::string_view asked,
                       std::string_view key) {
    const Policy policy = policy_of(statement("Allow", R"("*")", action, resource));
    Ask ask;
    ask.action = asked;
    ask.resource = cat("arn:aws:s3:::bucket/", key);
    return judge(policy, ask) == Kind::kAllow;
  };
  EXPECT_TRUE(says(R"("s3:get*")", R"("arn:aws:s3:::bucket/*")", "s3:GetObjectTagging", "k"));
  EXPECT_FALSE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")", "s3:GetObjectVersion", "k"));
  EXPECT_FALSE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/a*")", "s3:GetObject", "Abc"));
  EXPECT_TRUE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*/*")", "s3:GetObject", "a/b/c"));
  EXPECT_FALSE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*/*")", "s3:GetObject", "ab"));
  EXPECT_TRUE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/m?-o")", "s3:GetObject", "my-o"));
  EXPECT_TRUE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/m?-o")", "s3:GetObject", "mé-o"));
  EXPECT_FALSE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/m?-o")", "s3:GetObject", "myy-o"));
  // Keys are bytes: nothing is folded.
  EXPECT_FALSE(says(R"("s3:GetObject")", R"("arn:aws:s3:::bucket/private")", "s3:GetObject",
                    "public/../private"));
}

TEST(PolicyVerdict, NegationsCoverAllElse) {
  const Policy policy =
      policy_of(R"({"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":["alice"]},)"
                R"("NotAction":["s3:GetObject"],"NotResource":"arn:aws:s3:::bucket/open/*"}]})");
  Ask ask;
  ask.caller = {"bob", {}};
  ask.action = "s3:PutObject";
  EXPECT_EQ(judge(policy, ask), Kind::kDeny);
  ask.action = "s3:GetObject";
  EXPECT_EQ(judge(policy, ask), Kind::kSilent);
  ask.action = "s3:PutObject";
  ask.resource = "arn:aws:s3:::bucket/open/x";
  EXPECT_EQ(judge(policy, ask), Kind::kSilent);
  ask.resource = "arn:aws:s3:::bucket/x";
  ask.caller = {"alice", {}};
  EXPECT_EQ(judge(policy, ask), Kind::kSilent);
}

TEST(PolicyVerdict, VariablesAreOfTheNewVersionOnly) {
  const auto text = [](std::string_view version) {
    return cat(R"({"Version":")", version, R"(","Statement":[{"Effect":"Allow","Principal":"*",)",
               R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/${aws:username}/*"}]})");
  };
  Ask ask;
  ask.resource = "arn:aws:s3:::bucket/ann/x";
  EXPECT_EQ(judge(policy_of(text("2012-10-17")), ask), Kind::kSilent) << "nobody has no name";
  ask.facts.values["aws:username"] = {"ann"};
  EXPECT_EQ(judge(policy_of(text("2012-10-17")), ask), Kind::kAllow);
  EXPECT_EQ(judge(policy_of(text("2008-10-17")), ask), Kind::kSilent);
  ask.resource = "arn:aws:s3:::bucket/${aws:username}/x";
  EXPECT_EQ(judge(policy_of(text("2008-10-17")), ask), Kind::kAllow);
  ask.resource = "arn:aws:s3:::bucket/bob/x";
  ask.facts.values["aws:username"] = {"*"};
  EXPECT_EQ(judge(policy_of(text("2012-10-17")), ask), Kind::kSilent)
      << "a value's star is a plain character";
}

TEST(PolicyVerdict, AnIdentityPolicyHasNoPrincipal) {
  const S3Result<Policy> named = parse_identity_policy(
      R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]})");
  ASSERT_FALSE(named.ok());
  const S3Result<Policy> policy = parse_identity_policy(
      R"({"Statement":[{"Effect":"Allow","Action":["s3:Get*","iam:GetUser"],"Resource":"*"}]})");
  ASSERT_TRUE(policy.ok());
  Ask ask;
  EXPECT_EQ(judge(policy.value(), ask, true), Kind::kAllow);
  ask.action = "s3:PutObject";
  EXPECT_EQ(judge(policy.value(), ask, true), Kind::kSilent);
}

TEST(PolicyVerdict, WorkWithoutEndIsADenial) {
  // 9 patterns that go back and back over a long key.
  std::string resources;
  for (int i = 0; i < 9; ++i) {
    if (i > 0) resources += ',';
    resources += cat("\"arn:aws:s3:::bucket/*", std::string(2000, 'a'), "b\"");
  }
  const Policy policy =
      policy_of(statement("Allow", R"("*")", R"("s3:GetObject")", cat('[', resources, ']')));
  Ask ask;
  ask.resource = cat("arn:aws:s3:::bucket/", std::string(8000, 'a'));
  EXPECT_EQ(judge(policy, ask), Kind::kDeny);
}

TEST(PolicyPublic, EverybodyWithoutAFixedSourceIsPublic) {
  const auto is_open = [](std::string_view text) { return is_public(policy_of(text)); };
  const auto one = [](std::string_view principal) {
    return statement("Allow", principal, R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")");
  };
  EXPECT_TRUE(is_open(one(R"("*")")));
  EXPECT_TRUE(is_open(one(R"({"AWS":"*"})")));
  EXPECT_FALSE(is_open(one(R"({"AWS":"alice"})")));
  EXPECT_FALSE(
      is_open(statement("Deny", R"("*")", R"("s3:GetObject")", R"("arn:aws:s3:::bucket/*")")));
  EXPECT_FALSE(is_open(with_condition(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/32"}})")));
  EXPECT_TRUE(is_open(with_condition(R"({"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}})")));
  EXPECT_TRUE(is_open(with_condition(R"({"NotIpAddress":{"aws:SourceIp":"10.0.0.0/32"}})")));
  EXPECT_TRUE(is_open(with_condition(R"({"StringLike":{"aws:Referer":"https://x/*"}})")));
  EXPECT_FALSE(is_open(with_condition(R"({"StringEquals":{"aws:SourceAccount":"1"}})")));
  EXPECT_TRUE(is_open(with_condition(R"({"StringLike":{"aws:SourceAccount":"1*"}})")));
  EXPECT_TRUE(is_open(with_condition(R"({"StringEqualsIfExists":{"aws:SourceAccount":"1"}})")));
}

}  // namespace
}  // namespace creel::s3
