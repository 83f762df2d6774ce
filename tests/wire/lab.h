// A server in memory as an attacker finds it: two accounts, a user, nobody; requests signed well or
// not at all; and what must be true of a refusal.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/base/text.h"
#include "platform/cpu/hash.h"
#include "s3/wire/sigv4_sign.h"
#include "tests/wire/wire_world.h"

namespace creel::test {
using s3::NameValue;
using s3::OutgoingHead;

struct Who {
  std::string key, secret;
};
inline const Who kOwner{"test-key", "test-secret"};
inline const Who kStranger{"other-key", "other-secret"};
inline const Who kUser{"user-key", "user-secret"};
inline const Who kNobody{};

inline constexpr std::string_view kReadPublic =
    R"({"Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:PutObject"],)"
    R"("Resource":"arn:aws:s3:::field/public/*"}]})";

// Two buckets, field of tester and theirs of other, and a user ann of tester.
class Lab {
 public:
  Lab() {
    make_bucket("field", "tester");
    make_bucket("theirs", "other");
    make_object("field", "public/a", "open");
    make_object("field", "private/a", "classified");
    make_object("theirs", "a", "classified");
  }

  void make_bucket(std::string name, std::string owner) {
    EXPECT_TRUE(
        world.run([&](Ctx& ctx) { return world.service().create_bucket(ctx, name, owner, ""); })
            .ok());
  }
  void make_object(std::string bucket, std::string key, std::string text) {
    s3::test::TextBody body(std::move(text));
    s3::PutArguments arguments{std::move(bucket), std::move(key), {}, {}};
    EXPECT_TRUE(world
                    .run([&](Ctx& ctx) {
                      return world.service().put_object(ctx, std::move(arguments), body,
                                                        s3::BodyPromise());
                    })
                    .ok());
  }
  void policy(std::string_view bucket, std::string_view text) {
    send("PUT", cat('/', bucket, "?policy="), kOwner, {}, std::string(text));
    ASSERT_EQ(status, 204) << body;
  }
  // Policies of the user ann; none: no such key.
  void user(std::string_view text, bool active = true) {
    s3::UserKey key;
    if (active) key.access_key = kUser.key, key.secret = kUser.secret;
    key.principal.id = "tester";
    key.principal.user = "ann";
    auto policies = std::make_shared<s3::UserPolicies>();
    s3::S3Result<s3::Policy> parsed = s3::parse_identity_policy(text);
    ASSERT_TRUE(parsed.ok());
    policies->push_back({"the policy of the test", parsed.take()});
    key.principal.policies = std::move(policies);
    world.access().replace_users({key});
  }

  OutgoingHead head_of(std::string method, std::string_view target,
                       std::vector<NameValue> headers = {}) {
    OutgoingHead head;
    head.method = std::move(method);
    head.raw_path = target.substr(0, target.find('?'));
    if (target.find('?') != std::string_view::npos)
      head.raw_query = target.substr(target.find('?') + 1);
    head.headers = std::move(headers);
    head.headers.emplace_back("Host", "localhost");
    return head;
  }
  void send(std::string method, std::string_view target, const Who& who = kNobody,
            std::vector<NameValue> headers = {}, std::string content = {}, std::string payload = {},
            std::int64_t off_seconds = 0) {
    OutgoingHead head = head_of(std::move(method), target, std::move(headers));
    if (payload.empty()) payload = hex_encode(Sha256::of(as_bytes(content)));
    if (!who.key.empty())
      s3::sign_request(head, {who.key, who.secret}, "us-east-1", payload, later(off_seconds));
    raw(head, std::move(content));
  }
  void presigned(std::string method, std::string_view target, const Who& who, std::string more = {},
                 std::vector<NameValue> unsigned_headers = {}, std::int64_t off_seconds = 0,
                 std::uint64_t expires = 600) {
    OutgoingHead head = head_of(std::move(method), target);
    head.raw_query =
        s3::presign(head, {who.key, who.secret}, "us-east-1", expires, later(off_seconds));
    head.raw_query += more;
    for (NameValue& header : unsigned_headers) head.headers.push_back(std::move(header));
    raw(head, {});
  }
  void raw(const OutgoingHead& head, std::string content) {
    before = world.operations();
    WireWorld::Outgoing out;
    out.head = cat(head.method, ' ', head.raw_path, head.raw_query.empty() ? "" : "?",
                   head.raw_query, " HTTP/1.1\r\n");
    for (const NameValue& header : head.headers)
      out.head += cat(header.first, ": ", header.second, "\r\n");
    if (head.method == "PUT" || head.method == "POST")
      out.head += cat("Content-Length: ", content.size(), "\r\n");
    out.head += "\r\n";
    out.body = std::move(content);
    out.is_head = head.method == "HEAD";
    const std::optional<WireAnswer> answer = world.exchange(std::move(out));
    ASSERT_TRUE(answer.has_value());
    status = answer->status;
    body = answer->body;
    answer_head = answer->head;
  }

  // A browser's form: fields, then the file. Signed by V4 over `policy` if there is one.
  void form(std::vector<NameValue> fields, std::string policy = {}, const Who& who = kOwner,
            std::string_view bucket = "field", std::string_view file = "x") {
    if (!policy.empty()) {
      const std::string encoded = base64_encode(as_bytes(policy));
      const s3::SigScope scope{"20260102", "us-east-1", "s3"};
      fields.emplace_back("policy", encoded);
      fields.emplace_back("x-amz-algorithm", "AWS4-HMAC-SHA256");
      fields.emplace_back("x-amz-credential", cat(who.key, "/20260102/us-east-1/s3/aws4_request"));
      fields.emplace_back("x-amz-date", "20260102T030405Z");
      fields.emplace_back("x-amz-signature",
                          s3::sign_text(s3::derive_signing_key(who.secret, scope), encoded));
    }
    std::string content;
    for (const NameValue& field : fields)
      content += cat("--b\r\nContent-Disposition: form-data; name=\"", field.first, "\"\r\n\r\n",
                     field.second, "\r\n");
    content += cat("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n",
                   file, "\r\n--b--\r\n");
    send("POST", cat('/', bucket), kNobody, {{"Content-Type", "multipart/form-data; boundary=b"}},
         std::move(content));
  }
  static std::string form_policy(std::string_view conditions,
                                 std::string_view until = "2026-01-02T04:00:00Z") {
    return cat(R"({"expiration":")", until, R"(","conditions":[)", conditions,
               R"(,["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],)",
               R"(["starts-with","$x-amz-date",""]]})");
  }

  void refused(int wanted, std::string_view code = "AccessDenied") {
    EXPECT_EQ(status, wanted) << body;
    if (!code.empty() && !body.empty()) {
      EXPECT_NE(body.find(cat("<Code>", code, "</Code>")), std::string::npos) << body;
    }
    no_trace();
  }
  void no_trace() {
    EXPECT_EQ(world.operations(), before) << "left a trace";
    EXPECT_EQ(body.find("classified"), std::string::npos);
    EXPECT_EQ(body.find("-secret"), std::string::npos);
  }
  void allowed(int wanted = 200) { EXPECT_EQ(status, wanted) << body; }

  WireWorld world{WireSetup()};
  std::size_t before = 0;
  int status = 0;
  std::string body, answer_head;

 private:
  static WallTime later(std::int64_t seconds) {
    return WallTime::from_ms(WireSetup().clock.ms() + seconds * 1000);
  }
};

// One case, by the name of the advisory, or of the change that closed the hole elsewhere (GHSA by
// its first block, CVE, or commit).
struct Advisory {
  const char* name;
  void (*run)(Lab& lab);
};
inline std::string advisory_name(const testing::TestParamInfo<Advisory>& info) {
  return info.param.name;
}

}  // namespace creel::test
