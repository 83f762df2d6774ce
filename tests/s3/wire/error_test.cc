#include "s3/wire/error.h"

#include <gtest/gtest.h>

#include <set>

#include "platform/codec/xml.h"

namespace creel::s3 {
namespace {

TEST(ErrorTable, EveryCodeHasItsRow) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i < static_cast<unsigned>(S3Code::kCount); ++i) {
    const auto code = static_cast<S3Code>(i);
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
    EXPECT_GE(status_of(code), 304);
    EXPECT_LE(status_of(code), 507);
    EXPECT_FALSE(message_of(code).empty());
  }
}

TEST(ErrorTable, TextsAndStatuses) {
  struct Case {
    S3Code code;
    int status;
    std::string_view name, message;
  };
  using enum S3Code;
  for (const Case& one : {
           Case{kAccessDenied, 403, "AccessDenied", "Access Denied."},
           Case{kNoSuchBucket, 404, "NoSuchBucket", "The specified bucket does not exist."},
           Case{kNoSuchKey, 404, "NoSuchKey", "The specified key does not exist."},
           Case{kNoSuchUpload, 404, "NoSuchUpload",
                "The specified multipart upload does not exist. The upload ID may be invalid, or "
                "the upload may have been aborted or completed."},
           Case{kBucketNotEmpty, 409, "BucketNotEmpty",
                "The bucket you tried to delete is not empty."},
           Case{kInvalidPart, 400, "InvalidPart",
                "One or more of the specified parts could not be found.  The part may not have "
                "been uploaded, or the specified entity tag may not match the part's entity tag."},
           Case{kInvalidRange, 416, "InvalidRange", "The requested range is not satisfiable"},
           Case{kKeyTooLong, 400, "KeyTooLongError", "Your key is too long."},
           Case{kNotImplemented, 501, "NotImplemented",
                "A header you provided implies functionality that is not implemented."},
           Case{kPreconditionFailed, 412, "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold."},
           Case{kSlowDown, 503, "SlowDown", "Please reduce your request rate."},
       }) {
    EXPECT_EQ(status_of(one.code), one.status);
    EXPECT_EQ(name_of(one.code), one.name);
    EXPECT_EQ(message_of(one.code), one.message);
  }
}

TEST(ErrorTable, FailuresBelowBecomeWhatAClientMayKnow) {
  const auto status = [](ErrorCode code) { return from_error(fail(code, "segment 7")).status(); };
  EXPECT_EQ(status(ErrorCode::kNoSpace), 507);
  EXPECT_EQ(status(ErrorCode::kReadOnly), 503);
  EXPECT_EQ(status(ErrorCode::kUnavailable), 503);
  EXPECT_EQ(status(ErrorCode::kIo), 500);
  EXPECT_EQ(status(ErrorCode::kCorrupt), 500);
  EXPECT_EQ(status(ErrorCode::kUnknown), 500);
  EXPECT_EQ(from_error(fail(ErrorCode::kIo, "segment 7")).message.find("segment"),
            std::string::npos);
  EXPECT_EQ(from_error(fail(ErrorCode::kInvalid, "line 3")).message, "line 3");
}

TEST(ErrorXml, IsOrderedAndEscaped) {
  const S3Error error = s3_fail(S3Code::kNoSuchKey).with("Key", "a<b>&\xff");
  EXPECT_EQ(render_error(error, {"/bucket/a<b", "R1", "H1"}),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
            "<Message>The specified key does not exist.</Message><Key>a%3Cb%3E%26%FF</Key>"
            "<Resource>/bucket/a&lt;b</Resource><RequestId>R1</RequestId><HostId>H1</HostId>"
            "</Error>");
  EXPECT_TRUE(parse_xml(as_bytes(render_error(error, {"\xff", "R", "H"}))).ok());
}

S3Result<int> through(Result<int> below) {
  TRY(value, std::move(below));
  return value + 1;
}

TEST(S3Result, TakesErrorsOfThePlatform) {
  EXPECT_EQ(through(1).value(), 2);
  EXPECT_EQ(through(fail(ErrorCode::kNoSpace, "")).error().code, S3Code::kInsufficientStorage);
}

}  // namespace
}  // namespace creel::s3
