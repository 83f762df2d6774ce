// Goal: no route is open, whatever is wrong with a request's proof of who sent it.
// Method: every route of the table × form of a signature × defect, generated, each sent to a server
// in memory: the answer has the code of the defect, and the log has not grown. A route that is
// added is in these cases from its first day.
#include <gtest/gtest.h>

#include <functional>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/routes/route_table.h"
#include "s3/wire/sigv4_sign.h"
#include "tests/wire/wire_world.h"

namespace creel::test {
namespace {

using s3::OutgoingHead;
using s3::RouteLevel;
using s3::RouteRow;

constexpr std::string_view kHost = "localhost";
constexpr std::string_view kBody = "x";

std::string content_sha() { return hex_encode(Sha256::of(as_bytes(kBody))); }

// How a request proves who sent it.
enum class Form { kHeader, kStreamSigned, kStreamSignedTrailer, kStreamTrailer, kQuery };
std::string_view form_name(Form form) {
  switch (form) {
    case Form::kHeader: return "header";
    case Form::kStreamSigned: return "signed stream";
    case Form::kStreamSignedTrailer: return "signed stream with trailer";
    case Form::kStreamTrailer: return "unsigned stream with trailer";
    case Form::kQuery: return "presigned";
  }
  return {};
}

std::string payload_of(Form form) {
  switch (form) {
    case Form::kStreamSigned: return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    case Form::kStreamSignedTrailer: return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    case Form::kStreamTrailer: return "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    default: return content_sha();
  }
}

void set(OutgoingHead& head, std::string_view name, std::string value) {
  for (s3::NameValue& header : head.headers)
    if (equal_ignore_case(header.first, name)) {
      header.second = std::move(value);
      return;
    }
  head.headers.emplace_back(name, std::move(value));
}
void drop(OutgoingHead& head, std::string_view name) {
  std::erase_if(head.headers,
                [&](const s3::NameValue& header) { return equal_ignore_case(header.first, name); });
}
void bend(std::string& text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what << " in " << text;
  text.replace(at, what.size(), by);
}
void bend_authorization(OutgoingHead& head, std::string_view what, std::string_view by) {
  for (s3::NameValue& header : head.headers)
    if (equal_ignore_case(header.first, "authorization")) bend(header.second, what, by);
}

// A whole request to the route, unsigned.
OutgoingHead request_to(const RouteRow& row) {
  OutgoingHead head;
  head.method = row.method;
  head.raw_path = row.level == RouteLevel::kService  ? "/"
                  : row.level == RouteLevel::kBucket ? "/field"
                                                     : "/field/a";
  if (row.route.operation == s3::create_bucket) head.raw_path = "/fresh";
  if (!row.sub.empty()) head.raw_query = cat(row.sub, '=');
  if (row.sub == "uploadId") head.raw_query = "partNumber=1&uploadId=u";
  set(head, "Host", std::string(kHost));
  if (!row.header.empty()) set(head, std::string(row.header), "/field/a");
  return head;
}

struct Key {
  std::string id = "test-key", secret = "test-secret", region = "us-east-1";
  std::int64_t off_seconds = 0;
  std::uint64_t expires = 600;
};

void sign(OutgoingHead& head, Form form, const Key& key, WallTime now) {
  const WallTime when = WallTime::from_ms(now.ms() + key.off_seconds * 1000);
  const s3::Credentials credentials{key.id, key.secret};
  if (form == Form::kQuery) {
    head.raw_query = s3::presign(head, credentials, key.region, key.expires, when);
    return;
  }
  if (form != Form::kHeader) set(head, "x-amz-decoded-content-length", "1");
  s3::sign_request(head, credentials, key.region, payload_of(form), when);
}

struct Defect {
  std::string name;
  int status;
  std::string_view code;
  std::function<void(Key&)> key = {};  // Before signing.
  std::function<void(OutgoingHead&)> before = {};  // Of what is signed, not of what is sent.
  std::function<void(OutgoingHead&)> after = {};  // Of what is sent.
};

// Everything that can be wrong with a signature in the Authorization header.
std::vector<Defect> header_defects() {
  const auto bent = [](std::string what, std::string by) {
    return [what, by](OutgoingHead& head) { bend_authorization(head, what, by); };
  };
  constexpr std::string_view kMismatch = "SignatureDoesNotMatch";
  constexpr std::string_view kMalformed = "AuthorizationHeaderMalformed";
  return {
      {"wrong secret", 403, kMismatch, [](Key& key) { key.secret = "test-secret2"; }},
      {"empty secret", 403, kMismatch, [](Key& key) { key.secret = ""; }},
      {"secret of another key", 403, kMismatch, [](Key& key) { key.secret = "other-secret"; }},
      {"unknown key", 403, "InvalidAccessKeyId", [](Key& key) { key.id = "nobody"; }},
      {"key in capitals", 403, "InvalidAccessKeyId", [](Key& key) { key.id = "TEST-KEY"; }},
      {"16 minutes late", 403, "RequestTimeTooSkewed", [](Key& key) { key.off_seconds = -960; }},
      {"16 minutes early", 403, "RequestTimeTooSkewed", [](Key& key) { key.off_seconds = 960; }},
      {"a year old", 403, "RequestTimeTooSkewed", [](Key& key) { key.off_seconds = -31'536'000; }},
      {"wrong region", 400, kMalformed, [](Key& key) { key.region = "eu-west-1"; }},
      {"signed another method",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { head.method = head.method == "GET" ? "PUT" : "GET"; }},
      {"signed another path",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { head.raw_path += "%2F"; }},
      {"signed another query",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { head.raw_query = cat("prefix=a&", head.raw_query); }},
      {"signed another host",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { set(head, "Host", "elsewhere"); }},
      {"signature without its last digit",
       403,
       kMismatch,
       {},
       {},
       [](OutgoingHead& head) {
         for (s3::NameValue& header : head.headers)
           if (equal_ignore_case(header.first, "authorization")) header.second.pop_back();
       }},
      {"signature of zeros",
       403,
       kMismatch,
       {},
       {},
       [](OutgoingHead& head) {
         for (s3::NameValue& header : head.headers)
           if (equal_ignore_case(header.first, "authorization"))
             header.second =
                 cat(header.second.substr(0, header.second.size() - 64), std::string(64, '0'));
       }},
      {"no Signature", 400, kMalformed, {}, {}, bent("Signature=", "Sig=")},
      {"no SignedHeaders", 400, kMalformed, {}, {}, bent("SignedHeaders=", "Signed=")},
      {"no Credential", 400, kMalformed, {}, {}, bent("Credential=", "Cred=")},
      {"another service", 400, kMalformed, {}, {}, bent("/s3/", "/iam/")},
      {"another terminal", 400, kMalformed, {}, {}, bent("aws4_request", "aws3_request")},
      {"another day in the scope", 400, kMalformed, {}, {}, bent("/20260102/", "/20260103/")},
      {"host is not signed", 403, "AccessDenied", {}, {}, bent("host;", "")},
      {"an x-amz header too many",
       403,
       "AccessDenied",
       {},
       {},
       [](OutgoingHead& head) { set(head, "x-amz-meta-more", "1"); }},
      {"another date",
       403,
       kMismatch,
       {},
       {},
       [](OutgoingHead& head) { set(head, "x-amz-date", "20260102T030406Z"); }},
      {"no date",
       403,
       "AccessDenied",
       {},
       {},
       [](OutgoingHead& head) { drop(head, "x-amz-date"); }},
      {"no x-amz-content-sha256",
       400,
       "InvalidRequest",
       {},
       {},
       [](OutgoingHead& head) { drop(head, "x-amz-content-sha256"); }},
      {"garbled x-amz-content-sha256",
       400,
       "InvalidArgument",
       {},
       {},
       [](OutgoingHead& head) { set(head, "x-amz-content-sha256", "abc"); }},
      {"two ways to sign",
       400,
       "InvalidArgument",
       {},
       {},
       [](OutgoingHead& head) {
         head.raw_query += cat(head.raw_query.empty() ? "" : "&", "X-Amz-Signature=a");
       }},
      {"two Authorization headers",
       400,
       "InvalidArgument",
       {},
       {},
       [](OutgoingHead& head) {
         head.headers.emplace_back("Authorization", "AWS4-HMAC-SHA256 a");
       }},
      {"signature version 2",
       400,
       "InvalidRequest",
       {},
       {},
       [](OutgoingHead& head) { set(head, "Authorization", "AWS test-key:c2lnbmF0dXJl"); }},
      {"a bearer token",
       400,
       "InvalidArgument",
       {},
       {},
       [](OutgoingHead& head) { set(head, "Authorization", "Bearer abcdef"); }},
      {"an empty Authorization",
       400,
       "",
       {},
       {},
       [](OutgoingHead& head) { set(head, "Authorization", ""); }},
  };
}

std::vector<Defect> query_defects() {
  const auto bent = [](std::string what, std::string by) {
    return [what, by](OutgoingHead& head) { bend(head.raw_query, what, by); };
  };
  constexpr std::string_view kMismatch = "SignatureDoesNotMatch";
  constexpr std::string_view kParameters = "AuthorizationQueryParametersError";
  std::vector<Defect> all = {
      {"wrong secret", 403, kMismatch, [](Key& key) { key.secret = "test-secret2"; }},
      {"empty secret", 403, kMismatch, [](Key& key) { key.secret = ""; }},
      {"unknown key", 403, "InvalidAccessKeyId", [](Key& key) { key.id = "nobody"; }},
      {"ended a second ago", 403, "AccessDenied", [](Key& key) { key.off_seconds = -601; }},
      {"of a day to come", 403, "AccessDenied", [](Key& key) { key.off_seconds = 86'400; }},
      {"for longer than a week", 400, kParameters, [](Key& key) { key.expires = 604'801; }},
      {"wrong region", 400, kParameters, [](Key& key) { key.region = "eu-west-1"; }},
      {"signed another method",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { head.method = head.method == "GET" ? "PUT" : "GET"; }},
      {"signed another path",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { head.raw_path += "%2F"; }},
      {"signed another host",
       403,
       kMismatch,
       {},
       [](OutgoingHead& head) { set(head, "Host", "elsewhere"); }},
      {"a parameter added",
       403,
       kMismatch,
       {},
       {},
       [](OutgoingHead& head) { head.raw_query += "&prefix=b"; }},
      {"a negative time",
       400,
       kParameters,
       {},
       {},
       bent("X-Amz-Expires=600", "X-Amz-Expires=-600")},
      {"a longer time than was signed",
       403,
       kMismatch,
       {},
       {},
       bent("X-Amz-Expires=600", "X-Amz-Expires=6000")},
      {"a time that is no number",
       400,
       kParameters,
       {},
       {},
       bent("X-Amz-Expires=600", "X-Amz-Expires=6e2")},
      {"another algorithm",
       400,
       kParameters,
       {},
       {},
       bent("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")},
      {"another service", 400, kParameters, {}, {}, bent("%2Fs3%2F", "%2Fsts%2F")},
      {"a signature of zeros",
       403,
       kMismatch,
       {},
       {},
       [](OutgoingHead& head) {
         const std::size_t at = head.raw_query.find("X-Amz-Signature=") + 16;
         head.raw_query.replace(at, 64, std::string(64, '0'));
       }},
      {"an x-amz header that is not signed",
       403,
       "AccessDenied",
       {},
       {},
       [](OutgoingHead& head) { set(head, "x-amz-meta-more", "1"); }},
      {"two ways to sign",
       400,
       "InvalidArgument",
       {},
       {},
       [](OutgoingHead& head) { set(head, "Authorization", "AWS4-HMAC-SHA256 a"); }},
  };
  for (const std::string name : {"Algorithm", "Credential", "Date", "Expires", "SignedHeaders"})
    all.push_back({cat("no X-Amz-", name),
                   400,
                   kParameters,
                   {},
                   {},
                   bent(cat("X-Amz-", name, "="), cat("X-No-", name, "="))});
  return all;
}

struct Refusals : testing::Test {
  Refusals() {
    const auto made = world.run(
        [&](Ctx& ctx) { return world.service().create_bucket(ctx, "field", "tester", ""); });
    EXPECT_TRUE(made.ok());
    s3::test::TextBody body("hello");
    s3::PutArguments arguments{"field", "a", {}, {}};
    const auto put = world.run([&](Ctx& ctx) {
      return world.service().put_object(ctx, std::move(arguments), body, s3::BodyPromise());
    });
    EXPECT_TRUE(put.ok());
    before = world.operations();
  }

  std::optional<WireAnswer> send(const OutgoingHead& head) {
    WireWorld::Outgoing out;
    out.head = cat(head.method, ' ', head.raw_path, head.raw_query.empty() ? "" : "?",
                   head.raw_query, " HTTP/1.1\r\n");
    for (const s3::NameValue& header : head.headers)
      out.head += cat(header.first, ": ", header.second, "\r\n");
    const bool has_body = head.method == "PUT" || head.method == "POST";
    if (has_body) out.head += cat("Content-Length: ", kBody.size(), "\r\n"), out.body = kBody;
    out.head += "\r\n";
    out.is_head = head.method == "HEAD";
    return world.exchange(std::move(out));
  }

  // `status` and `code`: empty code means any; HEAD answers have no body to show one.
  void expect_refused(const OutgoingHead& head, int status, std::string_view code) {
    ++cases;
    const std::optional<WireAnswer> answer = send(head);
    ASSERT_TRUE(answer.has_value()) << head.raw_path << '?' << head.raw_query;
    EXPECT_EQ(answer->status, status) << answer->body;
    if (head.method != "HEAD" && !code.empty()) {
      EXPECT_NE(answer->body.find(cat("<Code>", code, "</Code>")), std::string::npos)
          << answer->body;
    }
    EXPECT_EQ(world.operations(), before) << "a refused request left a trace";
    EXPECT_EQ(answer->body.find("test-secret"), std::string::npos);
    EXPECT_EQ(answer->body.find("hello"), std::string::npos);
  }

  WireWorld world{WireSetup()};
  std::size_t before = 0;
  std::size_t cases = 0;
};

// A form is signed inside of its body; FormRefusals below is its part.
bool signs_in_its_head(const RouteRow& row) { return row.route.operation != s3::post_object; }

TEST_F(Refusals, EveryRouteRefusesEveryDefectOfEveryForm) {
  const WallTime now = WireSetup().clock;
  for (const RouteRow& row : s3::route_rows()) {
    if (!signs_in_its_head(row)) continue;
    for (const Form form : {Form::kHeader, Form::kStreamSigned, Form::kStreamSignedTrailer,
                            Form::kStreamTrailer, Form::kQuery}) {
      const std::vector<Defect> defects = form == Form::kQuery ? query_defects() : header_defects();
      for (const Defect& defect : defects) {
        SCOPED_TRACE(
            cat(row.method, ' ', row.route.action, " by ", form_name(form), ": ", defect.name));
        Key key;
        if (defect.key) defect.key(key);
        OutgoingHead head = request_to(row);
        const OutgoingHead plain = head;
        if (defect.before) defect.before(head);
        sign(head, form, key, now);
        if (defect.before) {  // Its signature goes with another request.
          OutgoingHead sent = plain;
          for (const s3::NameValue& header : head.headers)
            if (!equal_ignore_case(header.first, "host")) set(sent, header.first, header.second);
          if (form == Form::kQuery) sent.raw_query = head.raw_query;
          head = std::move(sent);
        }
        if (defect.after) defect.after(head);
        expect_refused(head, defect.status, defect.code);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
  EXPECT_GE(cases, 2'000u);
  RecordProperty("cases", static_cast<int>(cases));
}

// Headers that other servers have trusted.
TEST_F(Refusals, NobodyIsSomebodyBecauseAHeaderSaysSo) {
  const std::vector<s3::NameValue> claims[] = {
      {},
      {{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-IP", "127.0.0.1"}},
      {{"X-Forwarded-User", "tester"}, {"Remote-User", "tester"}},
      {{"x-amz-security-token", "token"}},
      {{"x-amz-expected-bucket-owner", "tester"}},
      {{"x-amz-request-payer", "requester"}},
      {{"x-amz-user-id", "tester"}, {"x-amz-canonical-id", "tester"}},
      {{"Content-Type", "multipart/form-data; boundary=x"}},
      {{"Cookie", "session=root"}},
      {{"Authorization-Test", "AWS4-HMAC-SHA256 Credential=test-key"}},
      {{"X-HTTP-Method-Override", "GET"}},
  };
  for (const RouteRow& row : s3::route_rows()) {
    if (!signs_in_its_head(row) || row.route.operation == s3::delete_objects) continue;
    for (const std::vector<s3::NameValue>& claim : claims) {
      SCOPED_TRACE(cat(row.method, ' ', row.route.action, ' ',
                       claim.empty() ? "nothing" : claim.front().first));
      OutgoingHead head = request_to(row);
      for (const s3::NameValue& header : claim) set(head, header.first, header.second);
      expect_refused(head, 403, "AccessDenied");
      if (testing::Test::HasFailure()) return;
    }
  }
}

// A good signature of somebody who has no right here. What lists by owner shows nothing.
TEST_F(Refusals, AStrangerMayNothing) {
  const WallTime now = WireSetup().clock;
  Key stranger;
  stranger.id = "other-key";
  stranger.secret = "other-secret";
  for (const RouteRow& row : s3::route_rows()) {
    const bool own =
        row.route.operation == s3::list_buckets || row.route.operation == s3::create_bucket;
    const bool inside = row.route.judged == s3::Route::Judged::kInside;
    if (own || inside) continue;
    for (const Form form : {Form::kHeader, Form::kQuery}) {
      for (const std::string_view version : {"", "versionId=null"}) {
        if (!version.empty() && row.level != RouteLevel::kObject) continue;
        SCOPED_TRACE(cat(row.method, ' ', row.route.action, " by ", form_name(form), version));
        OutgoingHead head = request_to(row);
        if (!version.empty()) head.raw_query += cat(head.raw_query.empty() ? "" : "&", version);
        sign(head, form, stranger, now);
        expect_refused(head, 403, "AccessDenied");
      }
    }
  }
}

TEST_F(Refusals, DeletingManyIsARightForEachKey) {
  const std::string body =
      "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object>"
      "<Object><Key>a</Key><VersionId>null</VersionId></Object></Delete>";
  for (const bool anonymous : {true, false}) {
    OutgoingHead head;
    head.method = "POST";
    head.raw_path = "/field";
    head.raw_query = "delete=";
    set(head, "Host", std::string(kHost));
    set(head, "Content-MD5", base64_encode(Md5::of(as_bytes(body))));
    if (!anonymous)
      s3::sign_request(head, {"other-key", "other-secret"}, "us-east-1",
                       hex_encode(Sha256::of(as_bytes(body))), WireSetup().clock);
    WireWorld::Outgoing out;
    out.head = "POST /field?delete= HTTP/1.1\r\n";
    for (const s3::NameValue& header : head.headers)
      out.head += cat(header.first, ": ", header.second, "\r\n");
    out.head += cat("Content-Length: ", body.size(), "\r\n\r\n");
    out.body = body;
    const std::optional<WireAnswer> answer = world.exchange(std::move(out));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body.find("<Deleted>"), std::string::npos) << answer->body;
    std::size_t refused = 0;
    for (std::size_t at = 0; (at = answer->body.find("AccessDenied", at)) != std::string::npos;
         ++at)
      ++refused;
    EXPECT_EQ(refused, 3u) << answer->body;
    EXPECT_EQ(world.operations(), before);
  }
}

// Every operation is behind the decision: its row has an action that policies can name, and what
// judges inside is known.
TEST(RouteTable, EveryRowHasAnActionOfItsLevel) {
  std::size_t inside = 0;
  for (const RouteRow& row : s3::route_rows()) {
    SCOPED_TRACE(cat(row.method, ' ', row.sub, ' ', row.route.action));
    ASSERT_NE(row.route.operation, nullptr);
    for (const std::string_view name : {row.route.action, row.route.version_action}) {
      if (name.empty() && name.data() == row.route.version_action.data()) continue;
      const s3::ActionInfo* action = s3::find_action(name);
      ASSERT_NE(action, nullptr);
      EXPECT_EQ(action->name, name) << "in the words of the table of actions";
      const bool form = row.route.judged == s3::Route::Judged::kInside;
      if (!form) {
        EXPECT_EQ(static_cast<int>(action->level), static_cast<int>(row.level));
      }
    }
    inside += row.route.judged == s3::Route::Judged::kInside;
  }
  EXPECT_EQ(inside, 2u) << "DeleteObjects, by key, and the form, by its fields";
}

}  // namespace
}  // namespace creel::test
