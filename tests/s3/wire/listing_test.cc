#include "s3/wire/listing.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

Query query(std::string_view text) { return parse_query(text).take(); }

std::string refusal(std::string_view text) {
  const S3Result<ListObjectsParams> params = parse_list_objects(query(text));
  return params.ok() ? "ok" : params.error().message;
}

TEST(Listing, DefaultsAndCeilings) {
  const ListObjectsParams none = parse_list_objects(query("")).value();
  EXPECT_FALSE(none.v2);
  EXPECT_EQ(none.count_max, 1000u);
  EXPECT_EQ(none.after, "");
  EXPECT_EQ(parse_list_objects(query("max-keys=5000")).value().count_max, 1000u);
  EXPECT_EQ(parse_list_objects(query("max-keys=0")).value().count_max, 0u);
  EXPECT_EQ(parse_list_objects(query("max-keys=")).value().count_max, 1000u);
  EXPECT_EQ(parse_list_objects(query("max-keys=2147483647")).value().count_max, 1000u);
}

TEST(Listing, BadNumbersAndEncodings) {
  EXPECT_EQ(refusal("max-keys=-1"), "max-keys cannot be negative");
  EXPECT_EQ(refusal("max-keys=many"), "Provided max-keys not an integer or within integer range");
  EXPECT_EQ(refusal("max-keys=2147483648"),
            "Provided max-keys not an integer or within integer range");
  EXPECT_EQ(refusal("encoding-type=base64"), "Invalid Encoding Method specified in Request");
  EXPECT_EQ(refusal("list-type=3"), "Invalid List Type specified in Request");
  EXPECT_EQ(refusal("list-type=2&continuation-token=%21%21"),
            "The continuation token provided is incorrect");
}

TEST(Listing, VersionTwoGoesOnAfterTheTokenElseAfterStart) {
  const std::string token = encode_list_token("dir/m");
  const ListObjectsParams params =
      parse_list_objects(
          query(cat("list-type=2&start-after=z&continuation-token=", token,
                    "&fetch-owner=true&delimiter=/&prefix=dir%2F&encoding-type=url")))
          .value();
  EXPECT_TRUE(params.v2 && params.fetch_owner && params.encoding_url);
  EXPECT_EQ(params.after, "dir/m");
  EXPECT_EQ(params.continuation_token, token);
  EXPECT_EQ(params.prefix, "dir/");
  EXPECT_EQ(params.delimiter, "/");
  const ListObjectsParams empty =
      parse_list_objects(query("list-type=2&start-after=b&continuation-token=")).value();
  EXPECT_EQ(empty.after, "b");
  EXPECT_EQ(empty.continuation_token, "");
  EXPECT_EQ(parse_list_objects(query("marker=m&start-after=z")).value().after, "m");
}

TEST(Listing, TokensStandForAnyNameAndArePrintable) {
  for (creel::test::Seed seed : creel::test::seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    creel::test::TestRandom random(seed);
    const std::string name = random.binary(static_cast<std::size_t>(random.below(1025)));
    const std::string token = encode_list_token(name);
    EXPECT_EQ(decode_list_token(token), name);
    EXPECT_EQ(percent_encode(token, false), token);
  }
  for (const char* bad : {"", "x", "abcd", "kA", "k=", "kA+==", "k A"})
    EXPECT_EQ(decode_list_token(bad), std::nullopt) << bad;
}

TEST(Listing, OfVersions) {
  const ListVersionsParams params =
      parse_list_versions(query("versions&key-marker=k&version-id-marker=null&max-keys=3")).value();
  EXPECT_EQ(params.key_marker, "k");
  EXPECT_EQ(params.version_id_marker, "null");
  EXPECT_EQ(params.count_max, 3u);
  EXPECT_EQ(parse_list_versions(query("version-id-marker=x")).error().message,
            "A version-id marker cannot be specified without a key marker.");
}

TEST(Listing, OfUploadsPartsAndBuckets) {
  EXPECT_EQ(parse_list_uploads(query("upload-id-marker=u")).value().upload_id_marker, "");
  EXPECT_EQ(parse_list_uploads(query("key-marker=k&upload-id-marker=u")).value().upload_id_marker,
            "u");
  EXPECT_EQ(parse_list_uploads(query("max-uploads=-1")).error().message,
            "Argument max-uploads must be an integer between 0 and 2147483647");
  const ListPartsParams parts =
      parse_list_parts(query("uploadId=U&max-parts=2&part-number-marker=7")).value();
  EXPECT_EQ(parts.upload_id, "U");
  EXPECT_EQ(parts.count_max, 2u);
  EXPECT_EQ(parts.part_number_marker, 7u);
  EXPECT_FALSE(parse_list_parts(query("part-number-marker=x")).ok());
  EXPECT_EQ(parse_list_buckets(query("")).value().count_max, 10'000u);
  EXPECT_EQ(parse_list_buckets(query("max-buckets=0")).error().message,
            "Argument max-buckets must be an integer between 1 and 10000.");
  EXPECT_FALSE(parse_list_buckets(query("max-buckets=10001")).ok());
  EXPECT_EQ(parse_list_buckets(query("bucket-region=r&prefix=p")).value().region, "r");
}

TEST(Listing, NamesAreEncodedWhenAsked) {
  EXPECT_EQ(listed_name("a b+c/\xc3\xa9\n", true), "a%20b%2Bc/%C3%A9%0A");
  EXPECT_EQ(listed_name("a b", false), "a b");
}

}  // namespace
}  // namespace creel::s3
