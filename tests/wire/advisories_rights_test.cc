// Goal: what has been a hole in what servers of this kind let somebody do is none here: policies,
// users, copies, names, headers, bodies. Method: lab.h.
#include "tests/wire/lab.h"

namespace creel::test {
namespace {

const Advisory kAdvisories[] = {
    // --- Policies.
    {"ghsa_v9cp_all_values_with_one_too_many",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:PutObject",)"
                  R"("s3:PutObjectTagging"],"Resource":"arn:aws:s3:::field/*","Condition":{)"
                  R"("ForAllValues:StringEquals":{"s3:RequestObjectTagKeys":["a","b"]}}}]})");
       lab.send("PUT", "/field/public/x", kStranger, {{"x-amz-tagging", "a=1&c=1"}}, "x");
       lab.refused(403);
     }},
    {"ghsa_v9cp_any_value_without_one",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:PutObject",)"
                  R"("Resource":"arn:aws:s3:::field/*","Condition":{"ForAnyValue:StringNotEquals":)"
                  R"({"s3:RequestObjectTagKeys":"a"}}}]})");
       lab.send("PUT", "/field/public/x", kStranger, {}, "x");
       lab.refused(403);
     }},
    {"ghsa_3ppv_reading_a_version_is_another_right",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/public/a?versionId=null");
       lab.refused(403);
       lab.send("GET", "/field/public/a");
       lab.allowed();
     }},
    {"ghsa_3ppv_deleting_a_version_is_another_right",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject",)"
                  R"("Resource":"arn:aws:s3:::field/*"}]})");
       lab.send("DELETE", "/field/public/a?versionId=null");
       lab.refused(403);
     }},
    {"ghsa_6r96_a_header_is_no_userid",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",)"
                  R"("Resource":"arn:aws:s3:::field/*","Condition":{"StringEquals":)"
                  R"({"aws:userid":"tester"}}}]})");
       for (const char* name : {"userid", "aws-userid", "x-amz-userid", "aws:userid"}) {
         lab.send("GET", "/field/private/a", kNobody, {{name, "tester"}});
         EXPECT_EQ(lab.status / 100, 4);
         lab.no_trace();
       }
     }},
    {"ghsa_6r96_a_header_is_no_username",
     [](Lab& lab) {
       lab.policy(
           "field",
           R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":)"
           R"("s3:GetObject","Resource":"arn:aws:s3:::field/${aws:username}/*"}]})");
       lab.send("GET", "/field/private/a", kStranger, {{"username", "private"}});
       lab.refused(403);
     }},
    {"ghsa_6r96_a_parameter_is_no_username",
     [](Lab& lab) {
       lab.policy(
           "field",
           R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":)"
           R"("s3:GetObject","Resource":"arn:aws:s3:::field/${aws:username}/*"}]})");
       lab.send("GET", "/field/private/a?username=private&aws:username=private", kStranger);
       lab.refused(403);
     }},
    {"cve_2023_25812_a_deny_holds_beside_an_allow",
     [](Lab& lab) {
       lab.policy(
           "field",
           R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":)"
           R"(["arn:aws:s3:::field","arn:aws:s3:::field/*"]},{"Effect":"Deny","Principal":"*",)"
           R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::field/private/*"}]})");
       lab.send("GET", "/field/private/a", kStranger);
       lab.refused(403);
       lab.send("GET", "/field/public/a", kStranger);
       lab.allowed();
     }},
    {"cve_2023_25812_a_deny_holds_for_the_owner",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:Delete*",)"
                  R"("Resource":["arn:aws:s3:::field","arn:aws:s3:::field/*"]}]})");
       lab.send("DELETE", "/field/public/a", kOwner);
       lab.refused(403);
       lab.send("DELETE", "/field", kOwner);
       lab.refused(403);
     }},
    {"cve_2023_25812_a_deny_of_a_user_holds_for_its_bucket_policy",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}]})");
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/public/a", kUser);
       lab.refused(403);
     }},
    // --- Users that became more than they are.
    {"cve_2025_62506_a_user_without_policies_may_nothing",
     [](Lab& lab) {
       lab.user(
           R"({"Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]})");
       for (const char* target : {"/field", "/field?policy=", "/field/public/a", "/field?acl="}) {
         lab.send("GET", target, kUser);
         lab.refused(403);
       }
     }},
    {"ghsa_jjjj_a_user_may_not_write_the_policy_that_would_let_it",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]})");
       lab.send("PUT", "/field?policy=", kUser, {}, std::string(kReadPublic));
       lab.refused(403);
     }},
    {"ghsa_xgr5_a_user_has_no_right_to_another_accounts_bucket",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})");
       lab.send("GET", "/theirs/a", kUser);
       lab.refused(403);
     }},
    {"ghsa_5354_a_key_that_was_stopped_signs_nothing",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})");
       lab.send("GET", "/field/private/a", kUser);
       lab.allowed();
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})", false);
       lab.send("GET", "/field/private/a", kUser);
       lab.refused(403, "InvalidAccessKeyId");
     }},
    {"ghsa_vcwh_another_accounts_statement_is_not_enough_for_a_user",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]})");
       lab.before = lab.world.operations();
       lab.send(
           "PUT", "/theirs?policy=", kStranger, {},
           R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::tester:user/ann"},)"
           R"("Action":"s3:GetObject","Resource":"arn:aws:s3:::theirs/*"}]})");
       lab.allowed(204);
       lab.send("GET", "/theirs/a", kUser);
       lab.refused(403);
     }},
    {"ghsa_mm2q_a_user_of_the_same_name_elsewhere",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})");
       lab.policy("field", R"({"Statement":[{"Effect":"Deny","Principal":{"AWS":)"
                           R"("arn:aws:iam::tester:user/ann"},"Action":"s3:GetObject","Resource":)"
                           R"("arn:aws:s3:::field/*"}]})");
       lab.send("GET", "/field/private/a", kUser);
       lab.refused(403);
     }},
    // --- Sources of copies.
    {"ghsa_mx42_copy_from_a_bucket_of_another",
     [](Lab& lab) {
       lab.send("PUT", "/field/x", kOwner, {{"x-amz-copy-source", "/theirs/a"}});
       lab.refused(403);
     }},
    {"ghsa_wfxj_part_copied_from_a_bucket_of_another",
     [](Lab& lab) {
       lab.send("POST", "/field/x?uploads=", kOwner);
       const std::size_t at = lab.body.find("<UploadId>") + 10;
       const std::string id = lab.body.substr(at, lab.body.find('<', at) - at);
       lab.send("PUT", cat("/field/x?partNumber=1&uploadId=", id), kOwner,
                {{"x-amz-copy-source", "/theirs/a"}});
       lab.refused(403);
     }},
    {"cve_2026_55874_copy_source_with_dots",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       for (const char* source : {"/field/public/../private/a", "/field/public/../../theirs/a"}) {
         lab.send("PUT", "/theirs/x", kStranger, {{"x-amz-copy-source", source}});
         lab.refused(403);
       }
       lab.send("PUT", "/theirs/x", kStranger,
                {{"x-amz-copy-source", "/theirs/../field/private/a"}});
       lab.refused(404, "NoSuchKey");
     }},
    {"versitygw_67aaa80d_version_of_the_source_twice",
     [](Lab& lab) {
       lab.send(
           "PUT", "/theirs/x", kStranger,
           {{"x-amz-copy-source", "/theirs/a?versionId=null&versionId=../../field/private/a"}});
       EXPECT_EQ(lab.status / 100, 4) << lab.body;
       lab.no_trace();
     }},
    {"copy_source_with_encoded_slashes_is_the_same_source",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("PUT", "/theirs/x", kStranger, {{"x-amz-copy-source", "field%2Fprivate%2Fa"}});
       lab.refused(403);
     }},
    {"copy_source_encoded_twice_is_another_key",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("PUT", "/theirs/x", kStranger,
                {{"x-amz-copy-source", "/field/public%252F..%252Fprivate%252Fa"}});
       lab.refused(403);
     }},
    // --- Keys are no paths.
    {"cve_2022_35919_dots_in_a_key",
     [](Lab& lab) {
       lab.send("GET", "/field/../theirs/a", kOwner);
       lab.refused(404, "NoSuchKey");
     }},
    {"cve_2023_28433_backslashes_in_a_key",
     [](Lab& lab) {
       lab.send("GET", "/field/..%5C..%5Ctheirs%5Ca", kOwner);
       lab.refused(404, "NoSuchKey");
     }},
    {"ghsa_pq29_encoded_dots_in_a_key",
     [](Lab& lab) {
       lab.send("GET", "/field/%2e%2e/theirs/a", kOwner);
       lab.refused(404, "NoSuchKey");
     }},
    {"ghsa_8r6f_zero_byte_in_a_key",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/private/a%00public/a", kStranger);
       EXPECT_EQ(lab.status / 100, 4);
       lab.no_trace();
     }},
    {"ghsa_f4vq_dots_as_a_bucket",
     [](Lab& lab) {
       lab.send("GET", "/..%2Ffield/private/a", kOwner);
       lab.refused(404, "NoSuchBucket");
     }},
    {"versitygw_cd0b4e6d_path_as_an_upload_id",
     [](Lab& lab) {
       lab.send("GET", "/field/x?uploadId=../../theirs/a", kOwner);
       lab.refused(404, "NoSuchUpload");
     }},
    {"lakefs_cbc106275_path_as_a_version_id",
     [](Lab& lab) {
       lab.send("GET", "/field/public/a?versionId=../../private/a", kOwner);
       lab.refused(400, "InvalidArgument");
     }},
    {"seaweedfs_4f4315391_dots_in_a_prefix",
     [](Lab& lab) {
       lab.send("GET", "/field?prefix=../theirs/", kOwner);
       lab.allowed();
       EXPECT_EQ(lab.body.find("<Key>"), std::string::npos);
     }},
    // --- What was authorised is what is stored.
    {"cve_2026_42882_encoded_slash_out_of_a_prefix",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/public%2F..%2Fprivate%2Fa");
       EXPECT_EQ(lab.status / 100, 4);
       lab.no_trace();
       lab.send("PUT", "/field/public%2F..%2Fprivate%2Fa", kStranger, {}, "x");
       lab.allowed();
       lab.send("GET", "/field/private/a", kOwner);
       EXPECT_EQ(lab.body, "classified") << "the object with that very name was written, no other";
     }},
    {"cve_2026_42882_encoded_prefix_is_the_prefix",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/%70rivate/a");
       lab.refused(403);
       lab.send("GET", "/field/%70ublic/a");
       lab.allowed();
     }},
    {"cve_2026_42882_double_slash_is_another_key",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field//private/a");
       lab.refused(403);
       lab.send("GET", "//field/private/a");
       EXPECT_EQ(lab.status / 100, 4);
       lab.no_trace();
     }},
    // --- Headers that only a proxy may send.
    {"cve_2026_21862_forwarded_for_is_no_source",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",)"
                  R"("Resource":"arn:aws:s3:::field/*","Condition":{"IpAddress":)"
                  R"({"aws:SourceIp":"203.0.113.9"}}}]})");
       for (const char* name : {"X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP",
                                "True-Client-IP", "X-Client-IP"}) {
         lab.send("GET", "/field/private/a", kNobody, {{name, "203.0.113.9"}});
         lab.refused(403);
       }
     }},
    {"cve_2026_21862_forwarded_proto_is_no_tls",
     [](Lab& lab) {
       lab.policy("field",
                  R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",)"
                  R"("Resource":"arn:aws:s3:::field/*","Condition":{"Bool":)"
                  R"({"aws:SecureTransport":"true"}}}]})");
       lab.send("GET", "/field/private/a", kNobody, {{"X-Forwarded-Proto", "https"}});
       lab.refused(403);
     }},
    {"seaweedfs_cce98fcec_headers_of_the_inside",
     [](Lab& lab) {
       for (const char* name : {"X-Amz-Account-Id", "X-Seaweedfs-Is-Admin", "x-amz-identity-id",
                                "x-minio-internal", "x-creel-principal"}) {
         lab.send("GET", "/field/private/a", kNobody, {{name, "tester"}});
         lab.refused(403);
       }
     }},
    // --- Answers that say what a client wants them to.
    {"cve_2020_1760_response_headers_by_nobody",
     [](Lab& lab) {
       lab.policy("field", kReadPublic);
       lab.send("GET", "/field/public/a?response-content-type=text%2Fhtml");
       lab.refused(400, "InvalidRequest");
     }},
    {"cve_2020_10753_line_ends_in_a_response_header",
     [](Lab& lab) {
       lab.send("GET", "/field/public/a?response-content-type=a%0D%0AX-Evil%3A%201", kOwner);
       EXPECT_EQ(to_lower(lab.answer_head).find("\nx-evil"), std::string::npos) << lab.answer_head;
     }},
    {"cve_2021_3524_line_ends_in_metadata",
     [](Lab& lab) {
       lab.send("GET", "/field/public/a?response-content-disposition=a%0Ax-evil%3A1", kOwner);
       EXPECT_EQ(to_lower(lab.answer_head).find("\nx-evil"), std::string::npos) << lab.answer_head;
     }},
    {"ghsa_9phh_names_are_escaped_in_refusals",
     [](Lab& lab) {
       lab.send("GET", "/field/%3Cscript%3Ealert(1)%3C%2Fscript%3E", kOwner);
       lab.refused(404, "NoSuchKey");
       EXPECT_EQ(lab.body.find("<script>"), std::string::npos) << lab.body;
     }},
    // --- Bodies that take a server down.
    {"minio_9c8b7306f_policy_longer_than_20_kib",
     [](Lab& lab) {
       lab.send("PUT", "/field?policy=", kOwner, {}, cat('{', std::string(30'000, ' '), '}'));
       lab.refused(400, "MalformedPolicy");
     }},
    {"minio_f6d0645a3_json_nested_without_end",
     [](Lab& lab) {
       lab.send("PUT", "/field?policy=", kOwner, {},
                cat("{\"Statement\":", std::string(9'000, '['), std::string(9'000, ']'), '}'));
       lab.refused(400, "MalformedPolicy");
     }},
    {"cve_2018_16846_a_listing_without_bound",
     [](Lab& lab) {
       lab.send("GET", "/field?max-keys=2147483647", kOwner);
       lab.allowed();
       EXPECT_NE(lab.body.find("<MaxKeys>1000</MaxKeys>"), std::string::npos) << lab.body;
     }},
    {"cve_2019_10222_a_document_type_in_xml",
     [](Lab& lab) {
       const std::string bomb =
           "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><Delete><Object><Key>&b;</Key>"
           "</Object></Delete>";
       lab.send("POST", "/field?delete=", kOwner,
                {{"Content-MD5", base64_encode(Md5::of(as_bytes(bomb)))}}, bomb);
       lab.refused(400, "MalformedXML");
     }},
    {"cve_2022_3854_an_empty_document",
     [](Lab& lab) {
       lab.send("POST", "/field?delete=", kOwner, {{"Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}});
       EXPECT_EQ(lab.status, 400) << lab.body;
       lab.no_trace();
     }},
    {"minio_9f4c12073_a_thousand_and_one_deletes",
     [](Lab& lab) {
       std::string many = "<Delete>";
       for (int i = 0; i < 1'001; ++i) many += "<Object><Key>public/a</Key></Object>";
       many += "</Delete>";
       lab.send("POST", "/field?delete=", kOwner,
                {{"Content-MD5", base64_encode(Md5::of(as_bytes(many)))}}, many);
       lab.refused(400, "MalformedXML");
     }},
    // --- Secrets.
    {"cve_2023_28432_a_refusal_shows_no_secret",
     [](Lab& lab) {
       lab.send("GET", "/field/private/a", {"test-key", "guess"});
       lab.refused(403, "SignatureDoesNotMatch");
       EXPECT_EQ(lab.body.find("test-secret"), std::string::npos);
     }},
    {"ghsa_j59h_there_is_no_default_key",
     [](Lab& lab) {
       for (const Who& who : {Who{"minioadmin", "minioadmin"}, Who{"rustfsadmin", "rustfsadmin"},
                              Who{"admin", "admin"}, Who{"root", "root"}, Who{"creel", "creel"}}) {
         lab.send("GET", "/", who);
         lab.refused(403, "InvalidAccessKeyId");
       }
     }},
};

class RightsAdvisories : public testing::TestWithParam<Advisory> {};

TEST_P(RightsAdvisories, IsNone) {
  Lab lab;
  GetParam().run(lab);
}

INSTANTIATE_TEST_SUITE_P(All, RightsAdvisories, testing::ValuesIn(kAdvisories), advisory_name);

TEST(RightsAdvisoriesFloor, ThereAreNoFewerThanThereWere) {
  EXPECT_GE(std::size(kAdvisories), 48u);
}

}  // namespace
}  // namespace creel::test
