#include "s3/wire/metadata.h"

#include <gtest/gtest.h>

#include "tests/s3/wire/sigv4_support.h"

namespace creel::s3 {
namespace {

using creel::s3::test::extra_of;
using Fields = std::vector<HeaderField>;

ObjectHeaders collect(const Fields& fields) {
  return collect_object_headers(Headers(fields)).take();
}

TEST(Metadata, UserHeadersAreLoweredJoinedAndSorted) {
  const ObjectHeaders object = collect({{"X-Amz-Meta-Zed", " v\xc3\xa9 "},
                                        {"x-amz-meta-a", "1"},
                                        {"X-AMZ-META-A", "2"},
                                        {"x-amz-meta-empty", ""},
                                        {"x-amz-acl", "private"}});
  EXPECT_EQ(object.user,
            (std::vector<NameValue>{{"a", "1,2"}, {"empty", ""}, {"zed", "v\xc3\xa9"}}));
}

TEST(Metadata, SystemHeadersAreKeptAndGivenBack) {
  const ObjectHeaders object = collect({{"Content-Type", "text/plain"},
                                        {"Cache-Control", "no-store"},
                                        {"Content-Disposition", "inline"},
                                        {"Content-Encoding", "gzip, aws-chunked"},
                                        {"Content-Language", "de"},
                                        {"Expires", "some day"},
                                        {"x-amz-website-redirect-location", "/elsewhere"},
                                        {"x-amz-meta-k", "v"}});
  EXPECT_EQ(object_response_headers(object),
            (std::vector<NameValue>{{"Content-Type", "text/plain"},
                                    {"Cache-Control", "no-store"},
                                    {"Content-Disposition", "inline"},
                                    {"Content-Encoding", "gzip"},
                                    {"Content-Language", "de"},
                                    {"Expires", "some day"},
                                    {"x-amz-website-redirect-location", "/elsewhere"},
                                    {"x-amz-meta-k", "v"}}));
  EXPECT_EQ(collect({}).content_type, "binary/octet-stream");
}

TEST(Metadata, AwsChunkedIsTakenOutOfContentEncoding) {
  EXPECT_EQ(without_aws_chunked("aws-chunked"), "");
  EXPECT_EQ(without_aws_chunked("AWS-Chunked,gzip"), "gzip");
  EXPECT_EQ(without_aws_chunked("gzip, aws-chunked"), "gzip");
  EXPECT_EQ(without_aws_chunked("a, aws-chunked, b,aws-chunked"), "a,b");
  EXPECT_EQ(without_aws_chunked("gzip, br"), "gzip, br");
  EXPECT_EQ(without_aws_chunked(""), "");
}

TEST(Metadata, TwoKibibytesAreTheLimit) {
  const std::string fits(2047, 'v'), too_long(2048, 'v');
  EXPECT_EQ(collect({{"x-amz-meta-k", fits}}).user.size(), 1u);
  const Fields over{{"x-amz-meta-k", too_long}};
  const S3Result<ObjectHeaders> refused = collect_object_headers(Headers(over));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, S3Code::kMetadataTooLarge);
  EXPECT_EQ(extra_of(refused.error(), "MaxSizeAllowed"), "2048");
}

TEST(Metadata, FaultsAreNamed) {
  const Fields redirect{{"x-amz-website-redirect-location", "ftp://x"}};
  EXPECT_EQ(collect_object_headers(Headers(redirect)).error().code,
            S3Code::kInvalidRedirectLocation);
  const Fields nameless{{"x-amz-meta-", "v"}};
  EXPECT_EQ(collect_object_headers(Headers(nameless)).error().code, S3Code::kInvalidArgument);
}

TEST(Metadata, StorageClasses) {
  const std::vector<std::string> labels{"CELLAR"};
  const auto parse = [&](std::string_view name) {
    const Fields fields{{"x-amz-storage-class", name}};
    return parse_storage_class(Headers(fields), labels);
  };
  EXPECT_EQ(parse_storage_class({}, labels).value(), "STANDARD");
  EXPECT_EQ(parse("REDUCED_REDUNDANCY").value(), "REDUCED_REDUNDANCY");
  EXPECT_EQ(parse("CELLAR").value(), "CELLAR");
  EXPECT_EQ(parse("GLACIER").error().code, S3Code::kInvalidStorageClass);
}

}  // namespace
}  // namespace creel::s3
