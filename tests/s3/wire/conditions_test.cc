#include "s3/wire/conditions.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/wire/etag.h"
#include "tests/s3/wire/sigv4_support.h"

namespace creel::s3 {
namespace {

using creel::s3::test::at;
using creel::s3::test::extra_of;
using Fields = std::vector<HeaderField>;

// An object changed at 12:00:00.5 and asked for at 13:00.
const ObjectState kObject{"abc", {at("20260102T120000Z").ns + 500'000'000}};
const WallTime kNow = at("20260102T130000Z");
constexpr const char* kBefore = "Fri, 02 Jan 2026 11:59:59 GMT";
constexpr const char* kSame = "Fri, 02 Jan 2026 12:00:00 GMT";
constexpr const char* kFuture = "Fri, 02 Jan 2026 14:00:00 GMT";

std::string verdict(const Fields& fields) {
  const S3Result<Unit> result = check_read(parse_read_conditions(Headers(fields)), kObject, kNow);
  if (result.ok()) return "200";
  if (result.error().status() == 304) return "304";
  return cat(result.error().status(), " ", extra_of(result.error(), "Condition"));
}

TEST(ReadConditions, OneAtATime) {
  EXPECT_EQ(verdict({}), "200");
  EXPECT_EQ(verdict({{"If-Match", "\"abc\""}}), "200");
  EXPECT_EQ(verdict({{"If-Match", "abc"}}), "200");
  EXPECT_EQ(verdict({{"If-Match", "&quot;abc&quot;"}}), "200");
  EXPECT_EQ(verdict({{"If-Match", "*"}}), "200");
  EXPECT_EQ(verdict({{"If-Match", "\"x\", \"abc\""}}), "200");
  EXPECT_EQ(verdict({{"If-Match", "\"x\""}}), "412 If-Match");
  EXPECT_EQ(verdict({{"If-None-Match", "\"abc\""}}), "304");
  EXPECT_EQ(verdict({{"If-None-Match", "W/\"abc\""}}), "304");
  EXPECT_EQ(verdict({{"If-None-Match", "\"x\""}}), "200");
  EXPECT_EQ(verdict({{"If-Modified-Since", kBefore}}), "200");
  EXPECT_EQ(verdict({{"If-Modified-Since", kSame}}), "304");
  EXPECT_EQ(verdict({{"If-Modified-Since", kFuture}}), "200");
  EXPECT_EQ(verdict({{"If-Modified-Since", "never"}}), "200");
  EXPECT_EQ(verdict({{"If-Unmodified-Since", kBefore}}), "412 If-Unmodified-Since");
  EXPECT_EQ(verdict({{"If-Unmodified-Since", kSame}}), "200");
}

// Under load a version may bear a time a little ahead of the clock.
TEST(ReadConditions, ItsOwnDateIsNoDateOfTheFuture) {
  const ObjectState ahead{"abc", at("20260102T140000Z")};
  const Fields own{{"If-Modified-Since", kFuture}};
  const S3Result<Unit> result = check_read(parse_read_conditions(Headers(own)), ahead, kNow);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().status(), 304);
}

TEST(ReadConditions, Precedence) {
  EXPECT_EQ(verdict({{"If-Match", "abc"}, {"If-Unmodified-Since", kBefore}}), "200");
  EXPECT_EQ(verdict({{"If-None-Match", "x"}, {"If-Modified-Since", kSame}}), "200");
  EXPECT_EQ(verdict({{"If-None-Match", "abc"}, {"If-Modified-Since", kBefore}}), "304");
  EXPECT_EQ(verdict({{"If-Match", "x"}, {"If-None-Match", "abc"}}), "412 If-Match");
}

TEST(ReadConditions, NotModifiedNamesTheObject) {
  const Fields fields{{"If-None-Match", "abc"}};
  const S3Result<Unit> result = check_read(parse_read_conditions(Headers(fields)), kObject, kNow);
  ASSERT_EQ(result.error().headers.size(), 2u);
  EXPECT_EQ(result.error().headers[0], NameValue("ETag", "\"abc\""));
  EXPECT_EQ(result.error().headers[1], NameValue("Last-Modified", kSame));
}

TEST(CopyConditions, AlwaysAnswer412) {
  const auto copy = [](std::string_view name, std::string_view value) {
    const Fields fields{{name, value}};
    const auto result = check_copy_source(parse_copy_conditions(Headers(fields)), kObject, kNow);
    return result.ok() ? 200 : result.error().status();
  };
  EXPECT_EQ(copy("x-amz-copy-source-if-none-match", "abc"), 412);
  EXPECT_EQ(copy("x-amz-copy-source-if-modified-since", kSame), 412);
  EXPECT_EQ(copy("x-amz-copy-source-if-match", "x"), 412);
  EXPECT_EQ(copy("x-amz-copy-source-if-match", "\"abc\""), 200);
  EXPECT_EQ(copy("x-amz-copy-source-if-unmodified-since", kBefore), 412);
  EXPECT_EQ(copy("if-match", "x"), 200);
}

std::string write(const WriteConditions& conditions, std::optional<std::string_view> current) {
  const S3Result<Unit> result = check_write(conditions, current, "k");
  return result.ok() ? "ok" : std::string(name_of(result.error().code));
}

TEST(WriteConditions, OfPut) {
  EXPECT_EQ(write({}, "abc"), "ok");
  EXPECT_EQ(write({.if_none_match = "*"}, {}), "ok");
  EXPECT_EQ(write({.if_none_match = "*"}, "abc"), "PreconditionFailed");
  EXPECT_EQ(write({.if_none_match = "\"abc\""}, "abc"), "PreconditionFailed");
  EXPECT_EQ(write({.if_none_match = "\"x\""}, "abc"), "ok");
  EXPECT_EQ(write({.if_match = "\"abc\""}, "abc"), "ok");
  EXPECT_EQ(write({.if_match = "\"x\""}, "abc"), "PreconditionFailed");
  EXPECT_EQ(write({.if_match = "\"abc\""}, {}), "NoSuchKey");
  const Fields both{{"If-Match", "a"}, {"If-None-Match", "*"}};
  EXPECT_EQ(parse_write_conditions(Headers(both)).error().status(), 501);
}

TEST(WriteConditions, OfDelete) {
  EXPECT_TRUE(check_delete({}, {}).ok());
  EXPECT_TRUE(check_delete({.if_match = "*"}, "abc").ok());
  EXPECT_EQ(check_delete({.if_match = "\"x\""}, "abc").error().status(), 412);
  EXPECT_EQ(check_delete({.if_match = "*"}, {}).error().status(), 412);
}

TEST(Etag, Forms) {
  EXPECT_EQ(bare_etag("\"x\""), "x");
  EXPECT_EQ(bare_etag("x"), "x");
  EXPECT_EQ(bare_etag("\""), "\"");
  EXPECT_EQ(bare_etag("\"\""), "");
  EXPECT_FALSE(etag_list_matches("", "abc"));
  EXPECT_FALSE(etag_list_matches(",", "abc"));
}

TEST(Etag, OfThreePartsOfFiveMebibytes) {
  // md5 of 5 MiB of A, B and C.
  std::vector<Md5Raw> parts;
  for (char letter : {'A', 'B', 'C'}) {
    Md5 hash;
    hash.update(as_bytes(std::string(5 * MiB, letter)));
    parts.push_back(hash.finish());
  }
  EXPECT_EQ(multipart_etag(parts), "b2add96cc9702bbf4efb0ccdfc6b7747-3");
  EXPECT_EQ(simple_etag(Md5().finish()), "d41d8cd98f00b204e9800998ecf8427e");
}

}  // namespace
}  // namespace creel::s3
