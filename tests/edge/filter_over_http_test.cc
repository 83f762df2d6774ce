// Putting, reading and removing a bucket's filter as `creel rule` does: the signing client against
// the real S3 routes, over simulated wires.
#include <gtest/gtest.h>

#include "edge/rule_documents.h"
#include "platform/http/server.h"
#include "platform/sim/world.h"
#include "s3/client/s3_client.h"
#include "s3/routes/s3_handler.h"
#include "tests/support/memory_s3.h"

namespace creel::edge::test {
namespace {

class NoKeys final : public filters::KeyLoader {
 public:
  Result<Bytes> load(std::string_view) const override {
    return fail(ErrorCode::kNotFound, "no key");
  }
};

class FilterOverHttp : public testing::Test {
 protected:
  FilterOverHttp()
      : service(server.platform(), log, blobs, s3::ServiceOptions{}),
        handler(service, access, &judge, nullptr, s3::HandlerOptions{}),
        http(handler, HttpServerOptions{}) {
    access.add_key("AKTEST", "secret", s3::Principal{"root", "root", false, true});
    auto made = *world.finish(server, server.platform().network.listen(
                                          server.ctx(), Address{"0.0.0.0", 9000}, std::nullopt));
    check(made.ok());
    listener = made.take();
    server.spawn(serve());
  }
  Task<void> serve() {
    const Result<Unit> ended = co_await http.serve(server.ctx(), *listener);
    EXPECT_TRUE(ended.ok());
  }
  static s3::ClientOptions options(std::string secret) {
    s3::ClientOptions all;
    all.endpoint = s3::parse_endpoint("http://server:9000").take();
    all.credentials = {"AKTEST", std::move(secret)};
    return all;
  }
  static Task<Result<s3::ClientAnswer>> ask(SimNode& from, s3::ClientOptions options,
                                            s3::ClientRequest request) {
    s3::S3Client client(from.platform(), std::move(options));
    co_return co_await client.must(from.ctx(), std::move(request));
  }
  Result<s3::ClientAnswer> call(std::string method, std::string bucket, std::string query,
                                std::string body = {}, std::string secret = "secret") {
    s3::ClientRequest request;
    request.method = std::move(method);
    request.bucket = std::move(bucket);
    request.query = std::move(query);
    request.body = std::move(body);
    auto done =
        world.finish(client, ask(client, options(std::move(secret)), std::move(request)), 60_s);
    check(done.has_value());
    return std::move(*done);
  }

  SimWorld world{1};
  SimNode& server = world.add_node("server");
  SimNode& client = world.add_node("client");
  s3::test::MemoryLog log{{}, 0};
  s3::test::MemoryBlobs blobs{log};
  NoKeys keys;
  FilterCheck judge{keys};
  s3::Access access;
  s3::ObjectService service;
  s3::S3Handler handler;
  HttpServer http;
  std::unique_ptr<Listener> listener;
};

constexpr std::string_view kRules =
    "# what leaves the field\n[[rule]]\nname = \"hot\"\nsql = \"SELECT * FROM S3Object WHERE temp "
    "> 30\"\n";

TEST_F(FilterOverHttp, ComesBackAsItWasPutAndGoesAway) {
  ASSERT_TRUE(call("PUT", "field", "").ok());
  EXPECT_EQ(call("GET", "field", "filter").error().code, ErrorCode::kNotFound);
  const auto put = call("PUT", "field", "filter", std::string(kRules));
  ASSERT_TRUE(put.ok()) << error_text(put.error());
  const auto got = call("GET", "field", "filter");
  ASSERT_TRUE(got.ok()) << error_text(got.error());
  EXPECT_EQ(got.value().body, kRules);
  ASSERT_TRUE(call("DELETE", "field", "filter").ok());
  EXPECT_EQ(call("GET", "field", "filter").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(call("HEAD", "field", "").ok()) << "only the filter went";
}

TEST_F(FilterOverHttp, AnInvalidRuleIsRefusedWithItsPlaceAndTheOldOneStands) {
  ASSERT_TRUE(call("PUT", "field", "").ok());
  ASSERT_TRUE(call("PUT", "field", "filter", std::string(kRules)).ok());
  const auto refused =
      call("PUT", "field", "filter",
           "[[rule]]\nname = \"hot\"\nsql = \"SELECT * FROM S3Object WHERE (temp\"\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
  EXPECT_NE(refused.error().detail.find("line 3"), std::string::npos) << refused.error().detail;
  EXPECT_NE(refused.error().detail.find("column"), std::string::npos) << refused.error().detail;
  EXPECT_EQ(call("GET", "field", "filter").value().body, kRules);
  EXPECT_FALSE(call("PUT", "field", "filter", "").ok()) << "an empty document is no DELETE";
  EXPECT_EQ(call("GET", "field", "filter").value().body, kRules);
}

TEST_F(FilterOverHttp, AKeyThatIsNotThereIsToldWhenTheRuleIsPut) {
  ASSERT_TRUE(call("PUT", "field", "").ok());
  const auto refused =
      call("PUT", "field", "filter",
           "default = \"hold\"\n[[rule]]\nname = \"h\"\nkey = {hmac = \"env:NONE\", id = \"k\"}\n"
           "columns = [\"a\"]\nsql = \"SELECT HMAC(a) AS a FROM S3Object\"\n");
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().detail.find("key"), std::string::npos) << refused.error().detail;
}

TEST_F(FilterOverHttp, AWrongSecretIsDenied) {
  const auto refused = call("PUT", "field", "", {}, "wrong");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kDenied);
  EXPECT_EQ(refused.error().detail.find("wrong"), std::string::npos);
}

TEST(Endpoint, IsHostAndPortOnly) {
  const auto plain = s3::parse_endpoint("http://127.0.0.1:9000/");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().address.port, 9000);
  EXPECT_FALSE(plain.value().tls);
  EXPECT_EQ(s3::parse_endpoint("https://core.example").value().address.port, 443);
  for (const std::string_view bad :
       {"127.0.0.1:9000", "ftp://x", "http://", "http://u@h:1", "http://h/b"})
    EXPECT_FALSE(s3::parse_endpoint(bad).ok()) << bad;
}

}  // namespace
}  // namespace creel::edge::test
