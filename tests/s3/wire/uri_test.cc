#include "s3/wire/uri.h"

#include <gtest/gtest.h>

#include "s3/wire/copy_source.h"

namespace creel::s3 {
namespace {

const std::vector<std::string> kDomains{"s3.example.org", "example.org"};

std::string resource(std::string_view path, std::string_view host = "127.0.0.1:9000") {
  const S3Result<ResourceName> name = parse_resource(path, host, kDomains);
  if (!name.ok()) return std::string(name_of(name.error().code));
  return name.value().bucket + "|" + name.value().key + (name.value().virtual_host ? "|v" : "");
}

TEST(Uri, TheTargetIsCutAtTheFirstQuestionMark) {
  EXPECT_EQ(split_target("/b/k?x=?&y").raw_path, "/b/k");
  EXPECT_EQ(split_target("/b/k?x=?&y").raw_query, "x=?&y");
  EXPECT_EQ(split_target("/b//./../k").raw_path, "/b//./../k");
  EXPECT_EQ(split_target("http://host:9000/b?c").raw_path, "/b");
  EXPECT_EQ(split_target("http://host?c").raw_path, "/");
  EXPECT_EQ(split_target("/b?u=http://x/y").raw_query, "u=http://x/y");
  EXPECT_EQ(split_target("*").raw_path, "*");
}

TEST(Uri, QueryKeepsOrderDuplicatesAndBareNames) {
  const Query query = parse_query("b=2&uploads&a=%2B+x&b=3&&empty=").value();
  ASSERT_EQ(query.params().size(), 5u);
  EXPECT_EQ(query.find("b"), "2");
  EXPECT_EQ(query.find("a"), "+ x");
  EXPECT_TRUE(query.has("uploads"));
  EXPECT_FALSE(query.params()[1].has_equals);
  EXPECT_EQ(query.find("empty"), "");
  EXPECT_FALSE(query.has("B"));
  EXPECT_EQ(parse_query("a=%zz").error().code, S3Code::kInvalidUri);
  std::string many;
  for (std::size_t i = 0; i <= kQueryParamsMax; ++i) many += "a&";
  EXPECT_EQ(parse_query(many).error().code, S3Code::kInvalidUri);
}

TEST(Uri, PathStyle) {
  EXPECT_EQ(resource("/"), "|");
  EXPECT_EQ(resource("/bucket"), "bucket|");
  EXPECT_EQ(resource("/bucket/"), "bucket|");
  EXPECT_EQ(resource("/bucket/a/b"), "bucket|a/b");
  EXPECT_EQ(resource("/bucket//a/"), "bucket|/a/");
  EXPECT_EQ(resource("/bucket/../."), "bucket|../.");
  EXPECT_EQ(resource("/bucket/a%2Fb%2520+c"), "bucket|a/b%20+c");
  EXPECT_EQ(resource("/bucket/%"), "InvalidURI");
}

TEST(Uri, VirtualHostStyle) {
  EXPECT_EQ(resource("/a/b", "bucket.s3.example.org"), "bucket|a/b|v");
  EXPECT_EQ(resource("/a/b", "My.Bucket.S3.example.org:9000"), "my.bucket|a/b|v");
  EXPECT_EQ(resource("/", "bucket.example.org"), "bucket||v");
  EXPECT_EQ(resource("/a/b", "s3.example.org"), "a|b");
  EXPECT_EQ(resource("/a/b", "example.org:80"), "a|b");
  EXPECT_EQ(resource("/a/b", "xs3.example.org"), "xs3|a/b|v");
  EXPECT_EQ(resource("/a/b", "notexample.org"), "a|b");
  EXPECT_EQ(resource("/a/b", "10.0.0.1"), "a|b");
  EXPECT_EQ(resource("/a/b", "[::1]:9000"), "a|b");
  EXPECT_EQ(resource("/a/b", ""), "a|b");
}

TEST(Uri, BucketNames) {
  for (const char* good : {"abc", "a-b.c", "0ab", "1.2.3", "a--b", "xn--abc"})
    EXPECT_TRUE(is_valid_bucket_name(good)) << good;
  EXPECT_TRUE(is_valid_bucket_name(std::string(63, 'a')));
  EXPECT_FALSE(is_valid_bucket_name(std::string(64, 'a')));
  for (const char* bad : {"", "ab", "Abc", "a_b", "-ab", "ab-", ".ab", "ab.", "a..b", "a.-b",
                          "a-.b", "192.168.5.4", "a b", "b\xc3\xa9r"})
    EXPECT_FALSE(is_valid_bucket_name(bad)) << bad;
  EXPECT_EQ(check_bucket_name("A").error().message, "The specified bucket is not valid.");
}

TEST(Uri, Keys) {
  EXPECT_TRUE(check_key(std::string(1024, 'k')).ok());
  EXPECT_EQ(check_key(std::string(1025, 'k')).error().code, S3Code::kKeyTooLong);
  EXPECT_TRUE(check_key(std::string_view("a\0\n", 3)).ok());
  EXPECT_FALSE(check_key("\xff").ok());
  EXPECT_FALSE(check_key("").ok());
}

std::string copy(std::string_view text) {
  const S3Result<CopySource> source = parse_copy_source(text);
  if (!source.ok()) return source.error().message;
  return source.value().bucket + "|" + source.value().key + "|" +
         source.value().version_id.value_or("-");
}

TEST(CopySource, Forms) {
  EXPECT_EQ(copy("bucket/a/b"), "bucket|a/b|-");
  EXPECT_EQ(copy("/bucket/a%20b+c"), "bucket|a b+c|-");
  EXPECT_EQ(copy("bucket%2Fkey"), "bucket|key|-");
  EXPECT_EQ(copy("bucket/k?versionId=null"), "bucket|k|null");
  EXPECT_EQ(copy("bucket/k%3FversionId%3Dx"), "bucket|k?versionId=x|-");
  EXPECT_EQ(copy("bucket/k%3FversionId%3Dx?versionId=y"), "bucket|k?versionId=x|y");
  EXPECT_EQ(copy("bucket/a%2520"), "bucket|a%20|-");
}

TEST(CopySource, Faults) {
  EXPECT_EQ(copy("bucket/%zz"), "Invalid copy source encoding");
  EXPECT_EQ(copy("BAD/k"), "Invalid copy source bucket name");
  EXPECT_EQ(copy(""), "Invalid copy source bucket name");
  EXPECT_EQ(copy("bucket"), "Invalid copy source object key");
  EXPECT_EQ(copy("bucket/"), "Invalid copy source object key");
  EXPECT_EQ(parse_directive("MOVE", "x-amz-metadata-directive", "Unknown metadata directive.")
                .error()
                .message,
            "Unknown metadata directive.");
  EXPECT_TRUE(parse_directive("REPLACE", "n", "u").value());
  EXPECT_FALSE(parse_directive({}, "n", "u").value());
}

}  // namespace
}  // namespace creel::s3
