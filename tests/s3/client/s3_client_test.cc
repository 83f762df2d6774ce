// Goal: the client and the routes understand each other, over a network in memory.
#include "s3/client/s3_client.h"

#include <gtest/gtest.h>

#include "platform/http/server.h"
#include "s3/routes/s3_handler.h"
#include "tests/support/duplex.h"
#include "tests/support/memory_s3.h"

namespace creel::s3 {
namespace {

using creel::test::MemoryListener;
using creel::test::MemoryNetwork;

struct S3ClientTest : testing::Test {
  S3ClientTest() { access.add_key("key", "secret", {"owner", "Owner", false}); }
  ~S3ClientTest() override {
    scope.request_stop();
    while (scope.running() > 0 && s3.doors.loop.step()) {
    }
  }
  ClientOptions options(std::string secret = "secret") {
    ClientOptions out;
    out.endpoint = parse_endpoint("http://store.test:9000").take();
    out.credentials = {"key", std::move(secret)};
    return out;
  }
  static Task<void> serve(Ctx& ctx, HttpServer& server, Listener& listener) {
    Result<Unit> ended = co_await server.serve(ctx, listener);
    check(ended.ok());
  }
  void start() { scope.spawn(serve(scope.ctx(), server, listener)); }
  Result<ClientAnswer> must(S3Client& client, ClientRequest request) {
    return s3.run([&](Ctx& ctx) { return client.must(ctx, std::move(request)); });
  }

  test::MemoryS3 s3;
  Access access;
  S3Handler handler{s3.service, access, nullptr, nullptr, {}};
  HttpServer server{handler, {}};
  MemoryListener listener;
  MemoryNetwork network{listener};
  Platform platform{s3.doors.loop, s3.doors.loop,   network,
                    s3.doors.disk, s3.doors.random, s3.doors.offload};
  Ctx root{s3.doors.loop, s3.doors.loop};
  Scope scope{root};
};

TEST_F(S3ClientTest, WhatIsPutIsGot) {
  start();
  S3Client client(platform, options());
  ASSERT_TRUE(must(client, {.method = "PUT", .bucket = "field"}).ok());
  const std::string key = "a b/é+~*!'()?#%";
  ASSERT_TRUE(must(client, {.method = "PUT", .bucket = "field", .key = key, .body = "hello"}).ok());
  const Result<ClientAnswer> got = must(client, {.bucket = "field", .key = key});
  ASSERT_TRUE(got.ok()) << got.error().detail;
  EXPECT_EQ(got.value().body, "hello");
  const Result<ClientAnswer> head = must(client, {.method = "HEAD", .bucket = "field", .key = key});
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head.value().body, "");
  const Result<ClientAnswer> list =
      must(client, {.bucket = "field", .query = "list-type=2&prefix=a%20b"});
  ASSERT_TRUE(list.ok());
  EXPECT_NE(list.value().body.find("<KeyCount>1</KeyCount>"), std::string::npos);
  ASSERT_TRUE(must(client, {.method = "DELETE", .bucket = "field", .key = key}).ok());
  const Result<ClientAnswer> gone = must(client, {.bucket = "field", .key = key});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(gone.error().detail, "NoSuchKey: The specified key does not exist.");
  EXPECT_EQ(network.connects, 1) << "one connection for all";
}

TEST_F(S3ClientTest, ARefusalIsAnErrorWithItsText) {
  start();
  S3Client client(platform, options("wrong"));
  const Result<ClientAnswer> refused = must(client, {.bucket = "field"});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kDenied);
  EXPECT_TRUE(refused.error().detail.starts_with("SignatureDoesNotMatch: "));
}

TEST(Endpoint, HostAndPortAreAllItHolds) {
  const Result<Endpoint> plain = parse_endpoint("http://store.test:9000/");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().address.port, 9000);
  EXPECT_FALSE(plain.value().tls);
  EXPECT_EQ(parse_endpoint("https://store.test").value().address.port, 443);
  for (const char* wrong : {"store.test:9000", "ftp://a:1", "http://", "http://a:1/bucket",
                            "http://user@a:1", "http://a:99999"}) {
    const Result<Endpoint> refused = parse_endpoint(wrong);
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_NE(refused.error().detail.find(wrong), std::string::npos);
  }
}

}  // namespace
}  // namespace creel::s3
