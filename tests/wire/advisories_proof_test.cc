// Goal: what has been a hole in how servers of this kind learn who asks is none here: streams,
// links, forms, clocks. Method: lab.h.
#include "tests/wire/lab.h"

namespace creel::test {
namespace {

constexpr std::string_view kUnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
constexpr std::string_view kSignedStream = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
constexpr std::string_view kSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const std::string kChunks = "1\r\nx\r\n0\r\nx-amz-checksum-crc32:jNwLBQ==\r\n\r\n";

std::vector<NameValue> stream_headers() {
  return {{"x-amz-decoded-content-length", "1"}, {"x-amz-trailer", "x-amz-checksum-crc32"}};
}

const Advisory kAdvisories[] = {
    // --- Streams and trailers whose signature nobody looked at.
    {"cve_2025_31489_unsigned_trailer_with_any_secret",
     [](Lab& lab) {
       lab.send("PUT", "/field/x", {"test-key", "guess"}, stream_headers(), kChunks,
                std::string(kUnsignedTrailer));
       lab.refused(403, "SignatureDoesNotMatch");
     }},
    {"cve_2025_31489_signed_trailer_with_any_secret",
     [](Lab& lab) {
       lab.send("PUT", "/field/x", {"test-key", "guess"}, stream_headers(), kChunks,
                std::string(kSignedTrailer));
       lab.refused(403, "SignatureDoesNotMatch");
     }},
    {"cve_2025_31489_chunks_without_signatures",
     [](Lab& lab) {
       lab.send("PUT", "/field/x", kOwner, {{"x-amz-decoded-content-length", "1"}},
                "1\r\nx\r\n0\r\n\r\n", std::string(kSignedStream));
       EXPECT_EQ(lab.status / 100, 4) << lab.body;
       lab.no_trace();
     }},
    {"cve_2026_40344_snowball_header",
     [](Lab& lab) {
       lab.send("PUT", "/field/x.tar", kNobody, {{"X-Amz-Meta-Snowball-Auto-Extract", "true"}},
                "x");
       lab.refused(403);
     }},
    {"cve_2026_40344_snowball_unsigned_stream",
     [](Lab& lab) {
       std::vector<NameValue> headers = stream_headers();
       headers.emplace_back("X-Amz-Meta-Snowball-Auto-Extract", "true");
       headers.emplace_back("x-amz-content-sha256", std::string(kUnsignedTrailer));
       lab.send("PUT", "/field/x.tar", kNobody, headers, kChunks);
       lab.refused(403);
     }},
    {"cve_2026_41145_credential_in_the_query_alone",
     [](Lab& lab) {
       std::vector<NameValue> headers = stream_headers();
       headers.emplace_back("x-amz-content-sha256", std::string(kUnsignedTrailer));
       lab.send("PUT",
                "/field/x?X-Amz-Credential=test-key%2F20260102%2Fus-east-1%2Fs3%2Faws4_request",
                kNobody, headers, kChunks);
       lab.refused(400, "AuthorizationQueryParametersError");
     }},
    {"cve_2026_41145_credential_and_empty_signature",
     [](Lab& lab) {
       lab.send("PUT",
                "/field/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test-key%2F20260102%2F"
                "us-east-1%2Fs3%2Faws4_request&X-Amz-Date=20260102T030405Z&X-Amz-Expires=60&"
                "X-Amz-SignedHeaders=host&X-Amz-Signature=",
                kNobody, {}, "x");
       EXPECT_EQ(lab.status / 100, 4);
       lab.no_trace();
     }},
    // --- Whose kind of proof was mistaken for another.
    {"seaweedfs_7912_multipart_form_put",
     [](Lab& lab) {
       lab.send("PUT", "/field/x", kNobody, {{"Content-Type", "multipart/form-data; boundary=b"}},
                "x");
       lab.refused(403);
     }},
    {"seaweedfs_7912_multipart_form_get",
     [](Lab& lab) {
       lab.send("GET", "/field/private/a", kNobody,
                {{"Content-Type", "multipart/form-data; boundary=b"}});
       lab.refused(403);
     }},
    {"seaweedfs_7912_multipart_form_delete",
     [](Lab& lab) {
       lab.send("DELETE", "/field/private/a", kNobody, {{"Content-Type", "multipart/form-data"}});
       lab.refused(403);
     }},
    {"seaweedfs_7912_form_without_a_policy",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}});
       lab.refused(403);
     }},
    {"seaweedfs_7912_form_with_a_guessed_secret",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}},
                Lab::form_policy(R"({"bucket":"field"},["starts-with","$key",""])"),
                {"test-key", "guess"});
       lab.refused(403, "SignatureDoesNotMatch");
     }},
    // --- Replays and clocks.
    {"cve_2025_68671_request_of_sixteen_minutes_ago",
     [](Lab& lab) {
       lab.send("GET", "/field/private/a", kOwner, {}, {}, {}, -961);
       lab.refused(403, "RequestTimeTooSkewed");
     }},
    {"cve_2025_68671_request_of_the_future",
     [](Lab& lab) {
       lab.send("GET", "/field/private/a", kOwner, {}, {}, {}, 961);
       lab.refused(403, "RequestTimeTooSkewed");
     }},
    {"cve_2025_68671_link_that_ended",
     [](Lab& lab) {
       lab.presigned("GET", "/field/private/a", kOwner, {}, {}, -601);
       lab.refused(403);
     }},
    {"cve_2025_68671_link_for_eight_days",
     [](Lab& lab) {
       lab.presigned("GET", "/field/private/a", kOwner, {}, {}, 0, 691'200);
       lab.refused(400, "AuthorizationQueryParametersError");
     }},
    // --- Links and forms.
    {"cve_2021_21362_link_by_who_may_only_read",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})");
       lab.presigned("PUT", "/field/public/x", kUser);
       lab.refused(403);
       lab.presigned("GET", "/field/private/a", kUser);
       lab.allowed();
     }},
    {"cve_2021_21362_form_by_who_may_only_read",
     [](Lab& lab) {
       lab.user(R"({"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})");
       lab.form({{"key", "public/x"}},
                Lab::form_policy(R"({"bucket":"field"},["starts-with","$key",""])"), kUser);
       lab.refused(403);
     }},
    {"cve_2023_28434_form_for_another_bucket",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}},
                Lab::form_policy(R"({"bucket":"theirs"},["starts-with","$key",""])"));
       lab.refused(403);
     }},
    {"cve_2023_28434_form_field_names_another_bucket",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}, {"bucket", "field"}},
                Lab::form_policy(R"({"bucket":"field"},["starts-with","$key",""])"), kOwner,
                "theirs");
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_key_outside_of_its_prefix",
     [](Lab& lab) {
       lab.form({{"key", "private/x"}},
                Lab::form_policy(R"({"bucket":"field"},["starts-with","$key","public/"])"));
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_key_that_is_not_the_one",
     [](Lab& lab) {
       lab.form({{"key", "public/y"}},
                Lab::form_policy(R"({"bucket":"field"},{"key":"public/x"})"));
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_file_longer_than_allowed",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}},
                Lab::form_policy(
                    R"({"bucket":"field"},{"key":"public/x"},["content-length-range",0,3])"),
                kOwner, "field", "four");
       lab.refused(400, "EntityTooLarge");
     }},
    {"ghsa_w5fh_post_file_shorter_than_allowed",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}},
                Lab::form_policy(
                    R"({"bucket":"field"},{"key":"public/x"},["content-length-range",9,99])"));
       lab.refused(400, "EntityTooSmall");
     }},
    {"ghsa_w5fh_post_another_content_type",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}, {"Content-Type", "text/html"}},
                Lab::form_policy(
                    R"({"bucket":"field"},{"key":"public/x"},{"Content-Type":"image/png"})"));
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_field_nobody_signed",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}, {"x-amz-meta-more", "1"}},
                Lab::form_policy(R"({"bucket":"field"},{"key":"public/x"})"));
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_acl_nobody_signed",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}, {"acl", "public-read"}},
                Lab::form_policy(R"({"bucket":"field"},{"key":"public/x"})"));
       lab.refused(403);
     }},
    {"ghsa_w5fh_post_policy_that_ended",
     [](Lab& lab) {
       lab.form({{"key", "public/x"}}, Lab::form_policy(R"({"bucket":"field"},{"key":"public/x"})",
                                                        "2026-01-02T03:04:04Z"));
       lab.refused(403);
     }},
    {"presigned_version_added_behind_the_signature",
     [](Lab& lab) {
       lab.presigned("GET", "/field/public/a", kOwner, "&versionId=null");
       lab.refused(403, "SignatureDoesNotMatch");
     }},
    {"presigned_acl_header_nobody_signed",
     [](Lab& lab) {
       lab.presigned("PUT", "/field/public/x", kOwner, {}, {{"x-amz-acl", "public-read"}});
       lab.refused(403);
     }},
    {"presigned_copy_source_nobody_signed",
     [](Lab& lab) {
       lab.presigned("PUT", "/field/public/x", kOwner, {},
                     {{"x-amz-copy-source", "/field/private/a"}});
       lab.refused(403);
     }},
};

class ProofAdvisories : public testing::TestWithParam<Advisory> {};

TEST_P(ProofAdvisories, IsNone) {
  Lab lab;
  GetParam().run(lab);
}

INSTANTIATE_TEST_SUITE_P(All, ProofAdvisories, testing::ValuesIn(kAdvisories), advisory_name);

TEST(ProofAdvisoriesFloor, ThereAreNoFewerThanThereWere) { EXPECT_GE(std::size(kAdvisories), 31u); }

}  // namespace
}  // namespace creel::test
