#include "s3/wire/post_policy.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"

namespace creel::s3 {
namespace {

const WallTime kNow = *parse_iso8601("2026-01-02T03:04:05Z");

PostForm form() {
  return {"b", {{"key", "up/k.txt"}, {"content-type", "text/plain"}, {"acl", "private"}}};
}

S3Result<LengthRange> judge(std::string_view json, const PostForm& fields = form()) {
  return check_post_policy(base64_encode(as_bytes(json)), fields, kNow);
}

std::string policy(std::string_view conditions, std::string_view until = "2026-01-02T04:00:00Z") {
  return cat(R"({"expiration":")", until, R"(","conditions":[)", conditions, "]}");
}

constexpr std::string_view kGood =
    R"({"bucket":"b"},["starts-with","$key","up/"],["eq","$Content-Type","text/plain"],{"acl":"private"})";

TEST(PostPolicy, AFormThatMeetsEveryConditionPasses) {
  EXPECT_TRUE(judge(policy(kGood)).ok());
  const auto range = judge(policy(cat(kGood, R"(,["content-length-range",3,9])")));
  ASSERT_TRUE(range.ok());
  EXPECT_EQ(range.value().least, 3u);
  EXPECT_EQ(range.value().most, 9u);
  PostForm more = form();
  more.fields.emplace_back("x-ignore-this", "x");
  more.fields.emplace_back("x-amz-checksum-sha256", "x");
  more.fields.emplace_back("policy", "x");
  EXPECT_TRUE(judge(policy(kGood), more).ok());
}

TEST(PostPolicy, WhatAPolicyForbidsIsDeniedByName) {
  const auto denied = [](const S3Result<LengthRange>& got, std::string_view why) {
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, S3Code::kAccessDenied);
    EXPECT_NE(got.error().message.find(why), std::string::npos) << got.error().message;
  };
  denied(judge(policy(kGood, "2026-01-02T03:04:05Z")), "Policy expired.");
  PostForm more = form();
  more.fields.emplace_back("x-amz-meta-foo", "x");
  denied(judge(policy(kGood), more), "Extra input fields: x-amz-meta-foo");
  denied(judge(policy(
             R"(["starts-with","$key",""],["eq","$content-type","text/plain"],{"acl":"private"})")),
         "Extra input fields: bucket");
  denied(judge(policy(cat(kGood, R"(,["eq","$key","up/"])"))), R"(["eq", "$key", "up/"])");
  denied(judge(policy(cat(kGood, R"(,["eq","$absent",""])"))), "$absent");
  PostForm foreign = form();
  foreign.bucket = "c";
  denied(judge(policy(kGood), foreign), "$bucket");
}

TEST(PostPolicy, WhatIsNoPolicyIsRefused) {
  for (const std::string_view text :
       {R"({"conditions":[{"bucket":"b"}]})",
        R"({"EXPIRATION":"2026-01-02T04:00:00Z","conditions":[{"bucket":"b"}]})",
        R"({"expiration":"2026-01-02T04:00:00Z"})",
        R"({"expiration":"2026-01-02T04:00:00Z","CONDITIONS":[{"bucket":"b"}]})",
        R"({"expiration":"2026-01-02T04:00:00Z","conditions":[]})",
        R"({"expiration":"tomorrow","conditions":[{"bucket":"b"}]})", "{", "[]", ""})
    EXPECT_EQ(judge(text).error().code, S3Code::kInvalidPolicyDocument) << text;
  for (const std::string_view condition :
       {"{}", R"({"bucket":"b","acl":"private"})", R"(["content-length-range",0])",
        R"(["content-length-range",-1,0])", R"(["content-length-range",9,3])",
        R"(["like","$key","k"])", R"(["eq","key","k"])", "7"})
    EXPECT_EQ(judge(policy(cat(kGood, ",", condition))).error().code,
              S3Code::kInvalidPolicyDocument)
        << condition;
  EXPECT_EQ(check_post_policy("***", form(), kNow).error().code, S3Code::kInvalidPolicyDocument);
}

TEST(PostPolicy, BothSignaturesProveWhoSigned) {
  const SecretLookup secret_of = [](std::string_view key) {
    return key == "AK/1" ? std::optional<std::string>("secret") : std::nullopt;
  };
  SigPolicy endpoint;
  endpoint.region = "us-east-1";
  PostForm v2 = form();
  v2.fields.emplace_back("policy", "cG9saWN5");
  v2.fields.emplace_back("awsaccesskeyid", "AK/1");
  v2.fields.emplace_back("signature",
                         base64_encode(hmac_sha1(as_bytes(std::string_view("secret")),
                                                 as_bytes(std::string_view("cG9saWN5")))));
  EXPECT_EQ(verify_post_signature(v2, endpoint, secret_of).value(), "AK/1");
  PostForm v4 = form();
  SigScope scope;
  scope.date = "20260102";
  scope.region = "us-east-1";
  v4.fields.emplace_back("policy", "cG9saWN5");
  v4.fields.emplace_back("x-amz-algorithm", "AWS4-HMAC-SHA256");
  v4.fields.emplace_back("x-amz-credential", "AK/1/20260102/us-east-1/s3/aws4_request");
  v4.fields.emplace_back("x-amz-date", "20260102T030405Z");
  v4.fields.emplace_back("x-amz-signature",
                         sign_text(derive_signing_key("secret", scope), "cG9saWN5"));
  EXPECT_EQ(verify_post_signature(v4, endpoint, secret_of).value(), "AK/1");
  EXPECT_EQ(verify_post_signature(form(), endpoint, secret_of).value(), "");
  for (PostForm* spoiled : {&v2, &v4}) {
    spoiled->fields.back().second[3] ^= 1;
    EXPECT_EQ(verify_post_signature(*spoiled, endpoint, secret_of).error().code,
              S3Code::kSignatureDoesNotMatch);
    spoiled->fields.pop_back();
    EXPECT_EQ(verify_post_signature(*spoiled, endpoint, secret_of).error().code,
              S3Code::kInvalidArgument);
  }
  v4.fields.emplace_back("x-amz-signature", "00");
  v4.fields[5].second = "other/20260102/us-east-1/s3/aws4_request";
  EXPECT_EQ(verify_post_signature(v4, endpoint, secret_of).error().code,
            S3Code::kInvalidAccessKeyId);
  v4.fields[5].second = "AK/1/20260102/eu-west-1/s3/aws4_request";
  EXPECT_EQ(verify_post_signature(v4, endpoint, secret_of).error().code, S3Code::kInvalidArgument);
}

}  // namespace
}  // namespace creel::s3
