#include "s3/wire/sigv4.h"

#include <gtest/gtest.h>

#include "s3/wire/sigv4_parse.h"
#include "tests/s3/wire/sigv4_support.h"
#include "tests/support/seeds.h"

namespace creel::s3 {
namespace {

using namespace creel::s3::test;
using creel::test::Seed;
using creel::test::seeds;
using creel::test::TestRandom;

const std::string kEmptySha = sha256_hex({});

OutgoingHead example_get() {
  return {"GET", "/test.txt", "", {{"Host", std::string(kExampleHost)}}};
}

OutgoingHead signed_get() {
  OutgoingHead head = example_get();
  sign_request(head, kExample, "us-east-1", kEmptySha, example_time());
  return head;
}

OutgoingHead presigned_get(std::uint64_t expires = 86'400) {
  OutgoingHead head = example_get();
  head.raw_query = presign(head, kExample, "us-east-1", expires, example_time());
  return head;
}

void replace(std::string& text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), by);
}

// Goal: a refusal has this code and this text. The request is signed and then bent by `what` →
// `by`.
void expect_bent_authorization(std::string_view what, std::string_view by, S3Code code,
                               std::string_view message) {
  SCOPED_TRACE(by);
  OutgoingHead head = signed_get();
  std::string value = header_of(head, "authorization");
  replace(value, what, by);
  set_header(head, "authorization", value);
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(name_of(who.error().code), name_of(code));
  EXPECT_EQ(who.error().message, message);
}

TEST(SigV4Vectors, SigningKeyIsTheOnePublished) {
  EXPECT_EQ(hex_encode(derive_signing_key(kExample.secret_key, {"20130524", "us-east-1", "s3"})),
            "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378");
}

TEST(SigV4Vectors, GetWithARange) {
  OutgoingHead head = example_get();
  head.headers.emplace_back("Range", "bytes=0-9");
  const SignedHead made = sign_request(head, kExample, "us-east-1", kEmptySha, example_time());
  EXPECT_EQ(made.signature, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const S3Result<Identity> who = verify(head);
  ASSERT_TRUE(who.ok()) << who.error().message;
  EXPECT_EQ(who.value().access_key, kExample.access_key);
  EXPECT_EQ(who.value().payload, PayloadMode::kHash);
  EXPECT_EQ(who.value().kind, AuthKind::kHeader);
}

TEST(SigV4Vectors, ABareSubresourceIsSignedWithAnEqualsSign) {
  for (const char* query : {"lifecycle", "lifecycle="}) {
    OutgoingHead head{"GET", "/", query, {{"host", std::string(kExampleHost)}}};
    const SignedHead made = sign_request(head, kExample, "us-east-1", kEmptySha, example_time());
    EXPECT_EQ(made.signature, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    EXPECT_TRUE(verify(head).ok());
  }
}

TEST(SigV4Vectors, PutWithASignedDateAndAnEscapedDollar) {
  OutgoingHead head{"PUT",
                    "/test%24file.text",
                    "",
                    {{"Host", std::string(kExampleHost)},
                     {"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}}};
  const SignedHead made = sign_request(head, kExample, "us-east-1",
                                       sha256_hex("Welcome to Amazon S3."), example_time());
  EXPECT_EQ(made.signature, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  const S3Result<Identity> who = verify(head);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(hex_encode(who.value().payload_sha256), sha256_hex("Welcome to Amazon S3."));
}

TEST(SigV4Vectors, PresignedGet) {
  const OutgoingHead head = presigned_get();
  EXPECT_TRUE(head.raw_query.ends_with(
      "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
      << head.raw_query;
  const S3Result<Identity> who = verify(head);
  ASSERT_TRUE(who.ok()) << who.error().message;
  EXPECT_EQ(who.value().kind, AuthKind::kQuery);
  EXPECT_EQ(who.value().payload, PayloadMode::kUnsigned);
}

TEST(SigV4Canonical, PathIsDecodedOnceAndEncodedOnce) {
  EXPECT_EQ(canonical_path("/a%20b/%C3%A9+~*!'()"), "/a%20b/%C3%A9%2B~%2A%21%27%28%29");
  EXPECT_EQ(canonical_path("/a b"), "/a%20b");
  EXPECT_EQ(canonical_path("/a%2520"), "/a%2520");
  EXPECT_EQ(canonical_path("//x/./../y//"), "//x/./../y//");
  EXPECT_EQ(canonical_path(""), "/");
  EXPECT_EQ(canonical_path("/a*%2A", true), "/a**");
}

TEST(SigV4Canonical, QueryIsSortedByEncodedNameAndValue) {
  EXPECT_EQ(canonical_query("b=2&a=2&a=1&uploads&A=0"), "A=0&a=1&a=2&b=2&uploads=");
  EXPECT_EQ(canonical_query("prefix=a+b/c&x=%7E"), "prefix=a%20b%2Fc&x=~");
  EXPECT_EQ(canonical_query("a-=1&a=2"), "a=2&a-=1");
  EXPECT_EQ(canonical_query("X-Amz-Signature=ab&q=1", "X-Amz-Signature"), "q=1");
}

TEST(SigV4Canonical, HeadersAreTrimmedFoldedAndJoined) {
  const std::vector<HeaderField> fields{
      {"My-Header", "  a   b  c "}, {"Host", "h:9000"}, {"my-header", "d"}};
  EXPECT_EQ(canonical_headers(Headers(fields), {"host", "my-header", "none"}),
            "host:h:9000\nmy-header:a b c,d\nnone:\n");
}

TEST(SigV4Canonical, CanonicalisingTwiceChangesNothing) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string alphabet = "ab/%+&=~*. \xc3\xa9" + std::string("?2F");
    const std::string path = canonical_path("/" + random.text(random.skewed_below(40), alphabet));
    EXPECT_EQ(canonical_path(path), path);
    const std::string query = canonical_query(random.text(random.skewed_below(40), alphabet));
    EXPECT_EQ(canonical_query(query), query);
  }
}

TEST(SigV4Refusals, AuthorizationHeaderFaultsAreToldAsAwsTellsThem) {
  using enum S3Code;
  const std::string opening = "The authorization header is malformed; ";
  expect_bent_authorization("AWS4-HMAC-SHA256", "Bearer", kInvalidArgument,
                            "Unsupported Authorization Type");
  expect_bent_authorization("AWS4-HMAC-SHA256 ", "AWS ", kInvalidRequest,
                            "The authorization mechanism you have provided is not supported. "
                            "Please use AWS4-HMAC-SHA256.");
  expect_bent_authorization("Credential", "Missing", kAuthorizationHeaderMalformed,
                            opening + "missing Credential.");
  expect_bent_authorization("SignedHeaders", "Missing", kAuthorizationHeaderMalformed,
                            opening + "missing SignedHeaders.");
  expect_bent_authorization("Signature=", "Missing=", kAuthorizationHeaderMalformed,
                            opening + "missing Signature.");
  expect_bent_authorization("/s3/aws4_request", "/aws4_request", kAuthorizationHeaderMalformed,
                            opening +
                                "the Credential is mal-formed; expecting "
                                "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
  expect_bent_authorization("20130524", "2013-05-24", kAuthorizationHeaderMalformed,
                            opening +
                                "incorrect date format \"2013-05-24\". This date in the "
                                "credential must be in the format \"yyyyMMdd\".");
  expect_bent_authorization(
      "/s3/", "/ec2/", kAuthorizationHeaderMalformed,
      opening + "incorrect service \"ec2\". This endpoint belongs to \"s3\".");
  expect_bent_authorization("aws4_request", "aws_request", kAuthorizationHeaderMalformed,
                            opening +
                                "incorrect terminal \"aws_request\". This endpoint uses "
                                "\"aws4_request\".");
  expect_bent_authorization(
      "20130524", "20130525", kAuthorizationHeaderMalformed,
      opening + "Invalid credential date. Date is not the same as X-Amz-Date.");
  expect_bent_authorization(", Signature", " Signature", kAuthorizationHeaderMalformed,
                            opening +
                                "the authorization header requires three components: Credential, "
                                "SignedHeaders, and Signature.");
}

TEST(SigV4Refusals, AnAuthorizationWithoutASpace) {
  OutgoingHead head = signed_get();
  set_header(head, "authorization", "AWS4-HMAC-SHA256");
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(who.error().message,
            "Authorization header is invalid -- one and only one ' ' (space) required.");
}

TEST(SigV4Refusals, AWrongRegionNamesTheRightOne) {
  const S3Result<Identity> who = verify(signed_get(), example_time(), {.region = "eu-west-1"});
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(who.error().code, S3Code::kAuthorizationHeaderMalformed);
  EXPECT_EQ(who.error().message,
            "The authorization header is malformed; the region \"us-east-1\" is wrong; expecting "
            "\"eu-west-1\"");
  EXPECT_EQ(extra_of(who.error(), "Region"), "eu-west-1");
  ASSERT_EQ(who.error().headers.size(), 1u);
  EXPECT_EQ(who.error().headers[0], NameValue("x-amz-bucket-region", "eu-west-1"));
}

TEST(SigV4Refusals, AnUnknownKeyIsNamed) {
  OutgoingHead head = example_get();
  sign_request(head, {"NOBODY", "x"}, "us-east-1", kEmptySha, example_time());
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(who.error().code, S3Code::kInvalidAccessKeyId);
  EXPECT_EQ(extra_of(who.error(), "AWSAccessKeyId"), "NOBODY");
}

TEST(SigV4Refusals, AWrongSignatureShowsWhatWasSignedButNoSecret) {
  OutgoingHead head = example_get();
  sign_request(head, {kExample.access_key, "wrong"}, "us-east-1", kEmptySha, example_time());
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  const S3Error& error = who.error();
  EXPECT_EQ(error.code, S3Code::kSignatureDoesNotMatch);
  EXPECT_EQ(error.status(), 403);
  std::vector<std::string> names;
  for (const NameValue& element : error.extra) {
    names.push_back(element.first);
    EXPECT_EQ(element.second.find(kExample.secret_key), std::string::npos);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"AWSAccessKeyId", "StringToSign", "SignatureProvided",
                                             "StringToSignBytes", "CanonicalRequest",
                                             "CanonicalRequestBytes"}));
  EXPECT_TRUE(extra_of(error, "StringToSignBytes").starts_with("41 57 53 34 2d"));
  EXPECT_TRUE(extra_of(error, "CanonicalRequest").starts_with("GET\n/test.txt\n\nhost:"));
}

TEST(SigV4Refusals, ADateIsRequiredAndMustBeNear) {
  OutgoingHead head = signed_get();
  drop_header(head, "x-amz-date");
  EXPECT_EQ(verify(head).error().message,
            "AWS authentication requires a valid Date or x-amz-date header.");
  set_header(head, "x-amz-date", "yesterday");
  EXPECT_EQ(verify(head).error().code, S3Code::kAccessDenied);

  EXPECT_TRUE(verify(signed_get(), at("20130524T001500Z")).ok());
  const S3Result<Identity> late = verify(signed_get(), at("20130524T001501Z"));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, S3Code::kRequestTimeTooSkewed);
  EXPECT_EQ(extra_of(late.error(), "RequestTime"), "20130524T000000Z");
  EXPECT_EQ(extra_of(late.error(), "ServerTime"), "2013-05-24T00:15:01Z");
  EXPECT_EQ(extra_of(late.error(), "MaxAllowedSkewMilliseconds"), "900000");
  EXPECT_EQ(verify(signed_get(), at("20130523T234459Z")).error().code,
            S3Code::kRequestTimeTooSkewed);
  EXPECT_TRUE(
      verify(signed_get(), at("20130524T090000Z"), {.region = "us-east-1", .clock_window = 600_min})
          .ok());
}

TEST(SigV4Refusals, TheDateHeaderServesWhenThereIsNoAmzDate) {
  OutgoingHead head = example_get();
  head.headers.emplace_back("Date", "Fri, 24 May 2013 00:00:00 GMT");
  sign_request(head, kExample, "us-east-1", kEmptySha, example_time());
  // Signed anew by hand, without x-amz-date.
  drop_header(head, "x-amz-date");
  drop_header(head, "authorization");
  const std::vector<HeaderField> fields = header_fields(head.headers);
  const SigScope scope{"20130524", "us-east-1", "s3"};
  const std::string names = "date;host;x-amz-content-sha256";
  const std::string canonical = canonical_request(
      {"GET", "/test.txt", "",
       canonical_headers(Headers(fields), {"date", "host", "x-amz-content-sha256"}), names,
       kEmptySha});
  const std::string signature = sign_text(derive_signing_key(kExample.secret_key, scope),
                                          string_to_sign("20130524T000000Z", scope, canonical));
  head.headers.emplace_back(
      "Authorization", cat("AWS4-HMAC-SHA256 Credential=", kExample.access_key, "/", scope.text(),
                           ",SignedHeaders=", names, ",Signature=", signature));
  EXPECT_TRUE(verify(head).ok());
}

TEST(SigV4Refusals, EveryAmzHeaderMustBeSigned) {
  OutgoingHead head = signed_get();
  head.headers.emplace_back("X-Amz-Acl", "public-read");
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(who.error().message, "There were headers present in the request which were not signed");
  EXPECT_EQ(extra_of(who.error(), "HeadersNotSigned"), "x-amz-acl");
  OutgoingHead query = presigned_get();
  query.headers.emplace_back("x-amz-acl", "public-read");
  EXPECT_EQ(verify(query).error().code, S3Code::kAccessDenied);
}

TEST(SigV4Refusals, ContentSha256IsRequiredAndAClosedList) {
  OutgoingHead head = signed_get();
  drop_header(head, "x-amz-content-sha256");
  EXPECT_EQ(verify(head).error().message,
            "Missing required header for this request: x-amz-content-sha256");
  set_header(head, "x-amz-content-sha256", "SOMETHING");
  EXPECT_EQ(verify(head).error().code, S3Code::kInvalidArgument);
  for (PayloadMode mode :
       {PayloadMode::kUnsigned, PayloadMode::kStreamingSigned, PayloadMode::kStreamingSignedTrailer,
        PayloadMode::kStreamingUnsignedTrailer}) {
    OutgoingHead put = example_get();
    sign_request(put, kExample, "us-east-1", payload_mode_text(mode), example_time());
    const S3Result<Identity> who = verify(put);
    ASSERT_TRUE(who.ok());
    EXPECT_EQ(who.value().payload, mode);
  }
}

TEST(SigV4Refusals, UnsignedStreamsAreForUploadsOnly) {
  EXPECT_TRUE(check_payload_allowed(PayloadMode::kStreamingUnsignedTrailer, true).ok());
  EXPECT_EQ(check_payload_allowed(PayloadMode::kStreamingUnsignedTrailer, false).error().message,
            "The value of x-amz-content-sha256 header is invalid.");
}

TEST(SigV4Refusals, OneMechanismOnlyAndNoVersionTwo) {
  OutgoingHead both = presigned_get();
  both.headers.emplace_back("Authorization", header_of(signed_get(), "authorization"));
  EXPECT_EQ(verify(both).error().code, S3Code::kInvalidArgument);
  EXPECT_TRUE(verify(both).error().message.starts_with("Only one auth mechanism allowed; "));
  OutgoingHead v2 = example_get();
  v2.raw_query = "AWSAccessKeyId=A&Expires=1&Signature=x";
  EXPECT_EQ(verify(v2).error().code, S3Code::kInvalidRequest);
}

void expect_bent_query(std::string_view what, std::string_view by, S3Code code,
                       std::string_view message) {
  SCOPED_TRACE(by);
  OutgoingHead head = presigned_get();
  replace(head.raw_query, what, by);
  const S3Result<Identity> who = verify(head);
  ASSERT_FALSE(who.ok());
  EXPECT_EQ(name_of(who.error().code), name_of(code));
  EXPECT_EQ(who.error().message, message);
}

TEST(SigV4Presigned, FaultsOfTheParameters) {
  using enum S3Code;
  const std::string_view missing = message_of(kAuthorizationQueryParametersError);
  for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                           "X-Amz-SignedHeaders", "X-Amz-Signature"})
    expect_bent_query(name, "Foo", kAuthorizationQueryParametersError, missing);
  expect_bent_query("Expires=86400", "Expires=-1", kAuthorizationQueryParametersError,
                    "X-Amz-Expires must be non-negative");
  expect_bent_query("Expires=86400", "Expires=1x", kAuthorizationQueryParametersError,
                    "X-Amz-Expires should be a number");
  const std::string_view week =
      "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must "
      "be less than 604800 seconds";
  expect_bent_query("Expires=86400", "Expires=604801", kAuthorizationQueryParametersError, week);
  expect_bent_query("Expires=86400", "Expires=99999999999999999999999",
                    kAuthorizationQueryParametersError, week);
  expect_bent_query("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256",
                    kAuthorizationQueryParametersError,
                    "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"");
  expect_bent_query("us-east-1", "eu-west-1", kAuthorizationQueryParametersError,
                    "Error parsing the X-Amz-Credential parameter; the region \"eu-west-1\" is "
                    "wrong; expecting \"us-east-1\"");
  expect_bent_query("X-Amz-Date=20130524T", "X-Amz-Date=20130525T",
                    kAuthorizationQueryParametersError,
                    "Invalid credential date \"20130524\". This date is not the same as "
                    "X-Amz-Date: \"20130525T000000Z\".");
}

TEST(SigV4Presigned, ItExpiresAndSaysWhen) {
  EXPECT_TRUE(verify(presigned_get(60), at("20130524T000100Z")).ok());
  const S3Result<Identity> late = verify(presigned_get(60), at("20130524T000101Z"));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().message, "Request has expired.");
  EXPECT_EQ(late.error().status(), 403);
  EXPECT_EQ(extra_of(late.error(), "X-Amz-Expires"), "60");
  EXPECT_EQ(extra_of(late.error(), "Expires"), "2013-05-24T00:01:00Z");
  EXPECT_EQ(extra_of(late.error(), "ServerTime"), "2013-05-24T00:01:01Z");
  EXPECT_EQ(verify(presigned_get(60), at("20130523T230000Z")).error().message,
            "Request is not valid yet.");
  EXPECT_TRUE(verify(presigned_get(604'800), at("20130530T235959Z")).ok());
}

TEST(SigV4Presigned, AnUnsignedBodyHashSaysNothing) {
  OutgoingHead head = presigned_get();
  head.headers.emplace_back("x-amz-content-sha256", std::string(64, '0'));
  const S3Result<Identity> who = verify(head);
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who.value().payload, PayloadMode::kUnsigned);
}

TEST(SigV4Anonymous, ARequestWithoutASignaturePassesAsNobody) {
  const S3Result<Identity> who = verify(example_get());
  ASSERT_TRUE(who.ok());
  EXPECT_EQ(who.value().kind, AuthKind::kAnonymous);
  OutgoingHead head = example_get();
  head.headers.emplace_back("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
  EXPECT_EQ(verify(head).error().code, S3Code::kInvalidRequest);
}

TEST(SigV4, AStarMayBeSignedBareOrEncoded) {
  for (const char* signed_path : {"/a%2Ab", "/a*b"}) {
    OutgoingHead head = signed_get();
    head.raw_path = "/a*b";
    const std::vector<HeaderField> fields = header_fields(head.headers);
    const SigScope scope{"20130524", "us-east-1", "s3"};
    const std::string names = "host;x-amz-content-sha256;x-amz-date";
    const std::string canonical = canonical_request(
        {"GET", signed_path, "",
         canonical_headers(Headers(fields), {"host", "x-amz-content-sha256", "x-amz-date"}), names,
         kEmptySha});
    const std::string signature = sign_text(derive_signing_key(kExample.secret_key, scope),
                                            string_to_sign("20130524T000000Z", scope, canonical));
    set_header(head, "Authorization",
               cat("AWS4-HMAC-SHA256 Credential=", kExample.access_key, "/", scope.text(),
                   ",SignedHeaders=", names, ",Signature=", signature));
    EXPECT_TRUE(verify(head).ok()) << signed_path;
  }
}

TEST(SigV4, TheKeyCacheNeverMixesSecretsOrDays) {
  SigningKeyCache cache;
  for (int round = 0; round < 2; ++round) {
    for (int day = 0; day < 40; ++day) {
      const SigScope scope{cat(20'130'500 + day), "us-east-1", "s3"};
      EXPECT_EQ(cache.get("A", "one", scope), derive_signing_key("one", scope));
      EXPECT_EQ(cache.get("A", "two", scope), derive_signing_key("two", scope));
    }
  }
}

struct RandomRequest {
  OutgoingHead head;
  std::size_t own_headers;  // How many headers came before the signer's.
};

OutgoingHead random_head(TestRandom& random) {
  static const std::string kKey = "abcXYZ019-._~/ +*!'()%&=?\xc3\xa9\xe6\x97\xa5";
  OutgoingHead head;
  head.method = random.chance(0.5) ? "PUT" : "GET";
  head.raw_path = "/" + percent_encode(random.text(random.skewed_below(30), kKey), true);
  for (std::uint64_t i = random.below(4); i > 0; --i)
    head.raw_query.append(head.raw_query.empty() ? "" : "&")
        .append(cat(percent_encode(random.text(1 + random.below(5), kKey), false), "=",
                    percent_encode(random.text(random.below(8), kKey), false)));
  head.headers.emplace_back("Host", "localhost:9000");
  for (std::uint64_t i = random.below(4); i > 0; --i)
    head.headers.emplace_back(cat("x-amz-meta-", random.text(1 + random.below(3), "abc")),
                              random.text(random.below(20), "ab  c,;\xc3\xa9"));
  return head;
}

// Goal: what we sign we accept, and no single changed byte of it passes.
// Method: random requests in both forms; a change that leaves the canonical form alone is no
// change.
TEST(SigV4Property, SignedRequestsPassAndChangedOnesDoNot) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    OutgoingHead head = random_head(random);
    const bool in_query = random.chance(0.4);
    if (in_query) head.raw_query = presign(head, kExample, "us-east-1", 600, example_time());
    else sign_request(head, kExample, "us-east-1", kEmptySha, example_time());
    ASSERT_TRUE(verify(head).ok()) << verify(head).error().message;

    for (int change = 0; change < 20; ++change) {
      OutgoingHead bent = head;
      std::vector<std::string*> places{&bent.method, &bent.raw_path, &bent.raw_query};
      for (NameValue& header : bent.headers) places.push_back(&header.second);
      std::string& place = *random.pick(places);
      if (place.empty()) continue;
      const std::size_t at = static_cast<std::size_t>(random.below(place.size()));
      const char before = place[at];
      if (before == ' ') continue;  // Folding may swallow it.
      place[at] = static_cast<char>(before ^ (1 << random.below(7)));
      const std::vector<HeaderField> old_fields = header_fields(head.headers);
      const std::vector<HeaderField> new_fields = header_fields(bent.headers);
      std::vector<std::string> names;
      for (const NameValue& header : head.headers) names.push_back(to_lower(header.first));
      const bool same = head.method == bent.method &&
                        canonical_path(head.raw_path) == canonical_path(bent.raw_path) &&
                        canonical_query(head.raw_query) == canonical_query(bent.raw_query) &&
                        canonical_headers(Headers(old_fields), names) ==
                            canonical_headers(Headers(new_fields), names);
      const S3Result<Identity> who = verify(bent);
      // Without its signature's parameters a presigned request is an anonymous one.
      const bool passed = who.ok() && who.value().kind != AuthKind::kAnonymous;
      EXPECT_EQ(passed, same) << bent.method << " " << bent.raw_path << "?" << bent.raw_query;
    }
  }
}

}  // namespace
}  // namespace creel::s3
