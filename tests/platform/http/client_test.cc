// Goal: the client reads every form of answer, reuses what may be reused, and never hangs or
// repeats what it must not.
#include "platform/http/client.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/base/text.h"
#include "platform/http/server.h"
#include "tests/support/duplex.h"
#include "tests/support/seeds.h"
#include "tests/support/test_loop.h"

namespace creel {
namespace {

using test::MemoryListener;
using test::MemoryNetwork;
using test::Seed;
using test::seeds;
using test::TestLoop;
using test::TestRandom;

const Address kServer{"store.example", 9000};

template <class T>
Task<void> ignore(Task<T> task) {
  [[maybe_unused]] T done = co_await task;
}

// What a whole request came to: "200 body", or the error.
Task<std::string> fetch(Ctx& ctx, HttpClient& client, HttpClientRequest request) {
  Result<std::unique_ptr<HttpExchange>> exchange = co_await client.request(ctx, std::move(request));
  if (!exchange.ok()) co_return error_text(exchange.error());
  Result<std::string> body = co_await read_all(ctx, exchange.value()->body(), 100'000'000);
  if (!body.ok()) co_return cat(exchange.value()->head().status, ' ', error_text(body.error()));
  co_return cat(exchange.value()->head().status, ' ', body.value());
}

// A server that reads one head (and `body_bytes` more) from each connection, then writes given
// bytes and closes if asked.
struct CannedServer {
  struct Answer {
    std::string text;
    std::size_t body_bytes = 0;
    bool close = false;
  };
  std::vector<Answer> answers;
  std::string seen;
  std::size_t at = 0;

  Task<void> run(Ctx& ctx, MemoryListener& listener) {
    while (at < answers.size()) {
      Result<std::unique_ptr<Stream>> stream = co_await listener.accept(ctx);
      if (!stream.ok()) co_return;
      std::unique_ptr<Stream> open = stream.take();
      co_await talk(ctx, *open);
    }
  }

 private:
  Task<void> talk(Ctx& ctx, Stream& stream) {
    while (at < answers.size()) {
      const Answer answer = answers[at++];
      std::string request;
      std::size_t want = std::string::npos;
      while (request.size() < want) {
        std::uint8_t buffer[512];
        const MutableBytes into(buffer, sizeof buffer);
        Result<std::size_t> got = co_await stream.read(ctx, into);
        if (!got.ok() || got.value() == 0) co_return;
        request.append(reinterpret_cast<const char*>(buffer), got.value());
        const std::size_t end = request.find("\r\n\r\n");
        if (end != std::string::npos) want = end + 4 + answer.body_bytes;
      }
      seen += request;
      const ByteView parts[] = {as_bytes(answer.text)};
      Result<Unit> wrote = co_await stream.write(ctx, parts);
      if (!wrote.ok() || answer.close) co_return;
    }
  }
};

struct HttpClientTest : testing::Test {
  TestLoop loop;
  MemoryListener listener;
  MemoryNetwork network{listener};
  HttpClient client{network, kServer, std::nullopt};
  Ctx root{loop, loop};
  Scope scope{root};
  CannedServer canned;

  void serve(std::vector<CannedServer::Answer> answers) {
    canned.answers = std::move(answers);
    scope.spawn(canned.run(scope.ctx(), listener));
  }
  std::string get(HttpClientRequest request = {}) {
    return *loop.run(fetch(scope.ctx(), client, std::move(request)));
  }
  ~HttpClientTest() override {
    client.close_idle();
    scope.request_stop();
    while (scope.running() > 0 && loop.step()) {
    }
  }
};

TEST_F(HttpClientTest, ReadsEveryFormOfBody) {
  serve({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"},
         {"HTTP/1.1 204 No Content\r\n\r\n"},
         {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: "
          "9\r\n\r\n"},
         {"HTTP/1.1 200 OK\r\n\r\nuntil the end", 0, true}});
  EXPECT_EQ(get(), "200 hello");
  EXPECT_EQ(get(), "200 hello");
  EXPECT_EQ(get(), "204 ");
  EXPECT_EQ(get(), "304 ");
  EXPECT_EQ(get(), "200 until the end");
  EXPECT_EQ(network.connects, 1);
}

TEST_F(HttpClientTest, WritesHostAndLengthAndNothingUnasked) {
  serve({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 2}});
  get();
  HttpClientRequest put{.method = "PUT", .target = "/b/k?x", .body = "ab"};
  put.headers.add("X-Amz-Date", "d");
  get(std::move(put));
  EXPECT_EQ(canned.seen,
            "GET / HTTP/1.1\r\nHost: store.example:9000\r\n\r\n"
            "PUT /b/k?x HTTP/1.1\r\nHost: store.example:9000\r\nX-Amz-Date: d\r\nContent-Length: "
            "2\r\n\r\nab");
}

TEST_F(HttpClientTest, WhatCannotBeWrittenIsNotSent) {
  EXPECT_EQ(get({.target = "/a b"}).substr(0, 7), "invalid");
  EXPECT_EQ(get({.target = "/a\r\nX:y"}).substr(0, 7), "invalid");
  HttpClientRequest request;
  request.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(get(std::move(request)).substr(0, 7), "invalid");
}

TEST_F(HttpClientTest, ADeadKeptConnectionIsReplacedOnce) {
  serve({{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 0, true},
         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"}});
  EXPECT_EQ(get(), "200 a");
  loop.settle();
  EXPECT_EQ(get(), "200 b");
  EXPECT_EQ(network.connects, 2);
}

// Its first sending may have been carried out: a conditional PUT would be refused the second time,
// a DELETE would hide a second version.
TEST_F(HttpClientTest, OnlyWhatChangesNothingIsRepeated) {
  for (const std::string method : {"POST", "PUT", "DELETE"}) {
    SCOPED_TRACE(method);
    const int before = network.connects;
    canned.at = 0;
    serve({{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", 0, true},
           {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"}});
    EXPECT_EQ(get(), "200 a");
    loop.settle();
    EXPECT_EQ(get({.method = method}).substr(0, 6), "closed");
    EXPECT_EQ(network.connects, before + 1);
    EXPECT_EQ(get({.method = method}), "200 b") << "asked again by who may: on a new connection";
    EXPECT_EQ(network.connects, before + 2);
    client.close_idle();
    loop.settle();
  }
}

TEST_F(HttpClientTest, ACutAnswerIsAnError) {
  serve({{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 0, true},
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 0, true},
         {"HTTP/1.1 200", 0, true},
         {"SSH-2.0-x\r\n\r\n", 0, true}});
  EXPECT_EQ(get(), "200 closed: peer closed the connection after 3 of 5 body bytes");
  EXPECT_EQ(get().substr(0, 10), "200 closed");
  EXPECT_EQ(get().substr(0, 6), "closed");
  EXPECT_EQ(get().substr(0, 15), "invalid: answer");
}

TEST_F(HttpClientTest, AnAnswerInsteadOfContinueStopsTheBody) {
  serve({{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"},
         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}});
  EXPECT_EQ(get({.method = "PUT", .body = "secret", .expect_continue = true}), "403 no");
  EXPECT_EQ(canned.seen.find("secret"), std::string::npos);
  EXPECT_NE(canned.seen.find("Expect: 100-continue"), std::string::npos);
}

TEST_F(HttpClientTest, ASilentServerGetsTheBodyAfterAWhile) {
  serve({{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 6}});
  EXPECT_EQ(get({.method = "PUT", .body = "secret", .expect_continue = true}), "200 ");
}

TEST_F(HttpClientTest, ADeadlineEndsTheWait) {
  serve({{""}, {""}});
  Ctx timed(scope.ctx(), loop.now() + 3_s);
  EXPECT_EQ(loop.run(fetch(timed, client, {}))->substr(0, 7), "timeout");
}

class EchoHandler final : public HttpHandler {
 public:
  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override {
    if (request.head.target == "/upgrade") co_return co_await hello(ctx, out);
    HttpResponse answer;
    if (request.head.target == "/refuse") {
      answer.status = 403;
      answer.body = "no";
      co_return co_await out.respond(ctx, std::move(answer));
    }
    CO_TRY(body, co_await read_all(ctx, request.body, 10'000'000));
    if (request.head.target == "/chunked") {
      HeaderList none;
      CO_DO(out.head(ctx, 200, none, BodyLength::chunked()));
      CO_DO(co_await out.write(ctx, as_bytes(body)));
      co_return co_await out.finish(ctx);
    }
    answer.body = std::move(body);
    co_return co_await out.respond(ctx, std::move(answer));
  }

 private:
  static Task<Result<Unit>> hello(Ctx& ctx, ResponseWriter& out) {
    HeaderList headers;
    headers.add("Upgrade", "hello");
    CO_TRY(raw, co_await out.upgrade(ctx, std::move(headers)));
    std::uint8_t one[1];
    const MutableBytes into(one, 1);
    CO_TRY(got, co_await raw->read(ctx, into));
    const ByteView parts[] = {as_bytes("hello "), ByteView(one, got)};
    co_return co_await raw->write(ctx, parts);
  }
};

Task<std::string> say_hello(Ctx& ctx, HttpClient& client, std::string target) {
  HttpClientRequest request{.target = std::move(target)};
  request.headers.add("Upgrade", "hello");
  Result<std::unique_ptr<Stream>> raw = co_await client.upgrade(ctx, std::move(request));
  if (!raw.ok()) co_return error_text(raw.error());
  const ByteView parts[] = {as_bytes("!")};
  Result<Unit> wrote = co_await raw.value()->write(ctx, parts);
  std::string text;
  for (bool more = wrote.ok(); more;) {
    std::uint8_t buffer[64];
    const MutableBytes into(buffer, sizeof buffer);
    Result<std::size_t> got = co_await raw.value()->read(ctx, into);
    more = got.ok() && got.value() > 0;
    if (more) text.append(reinterpret_cast<const char*>(buffer), got.value());
  }
  co_return text;
}

struct EchoTest : testing::Test {
  TestLoop loop;
  MemoryListener listener;
  MemoryNetwork network{listener};
  EchoHandler handler;
  HttpServer server{handler, {}};
  HttpClient client{network, kServer, std::nullopt};
  Ctx root{loop, loop};
  Scope scope{root};
  EchoTest() { scope.spawn(ignore(server.serve(scope.ctx(), listener))); }
  ~EchoTest() override {
    scope.request_stop();
    while (scope.running() > 0 && loop.step()) {
    }
  }
  std::string fetch_one(HttpClientRequest request) {
    return *loop.run(fetch(scope.ctx(), client, std::move(request)));
  }
};

TEST_F(EchoTest, AnUpgradeGivesTheRawStream) {
  EXPECT_EQ(*loop.run(say_hello(scope.ctx(), client, "/upgrade")), "hello !");
  EXPECT_EQ(*loop.run(say_hello(scope.ctx(), client, "/refuse")),
            "denied: store.example:9000 answered 403 to GET /refuse: no");
}

TEST_F(EchoTest, ALongRefusedBodyStillGetsItsAnswer) {
  const std::string long_body(5'000'000, 'x');
  BytesBody stream(as_bytes(long_body));
  EXPECT_EQ(fetch_one({.method = "PUT",
                       .target = "/refuse",
                       .stream = &stream,
                       .length = BodyLength::of(5'000'000)}),
            "403 no");
  EXPECT_EQ(fetch_one({.method = "PUT", .target = "/x", .body = "next"}), "200 next");
}

TEST_F(EchoTest, AStreamThatEndsEarlyCutsTheRequest) {
  BytesBody stream(std::string("short"));
  const std::string outcome =
      fetch_one({.method = "PUT", .target = "/x", .stream = &stream, .length = BodyLength::of(10)});
  EXPECT_EQ(outcome, "invalid: body ended after 5 of 10 bytes");
}

TEST(HttpEchoProperty, AnyBodyComesBackOverAnyCuts) {
  for (Seed seed : seeds(150)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    TestLoop loop;
    MemoryListener listener;
    MemoryNetwork network(listener);
    network.random = &random;
    EchoHandler handler;
    HttpServer server(handler, {});
    HttpClient client(network, kServer, std::nullopt);
    Ctx root(loop, loop);
    Scope scope(root);
    scope.spawn(ignore(server.serve(scope.ctx(), listener)));
    for (std::size_t i = 1 + random.below(5); i > 0; --i) {
      const std::string body = to_string(random.bytes(random.skewed_below(200'000)));
      BytesBody stream(as_bytes(body));
      HttpClientRequest request{.method = "PUT", .target = random.chance(0.5) ? "/x" : "/chunked"};
      request.expect_continue = random.chance(0.3);
      if (random.chance(0.5)) {
        request.body = body;
      } else {
        request.stream = &stream;
        request.length = random.chance(0.5) ? BodyLength::chunked() : BodyLength::of(body.size());
      }
      EXPECT_TRUE(*loop.run(fetch(scope.ctx(), client, std::move(request))) == "200 " + body);
    }
    EXPECT_EQ(network.connects, 1);
    scope.request_stop();
    while (scope.running() > 0 && loop.step()) {
    }
  }
}

}  // namespace
}  // namespace creel
