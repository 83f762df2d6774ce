// Goal: what goes over the wire of one server connection, byte for byte, and when it closes.
#include "platform/http/server.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/base/text.h"
#include "tests/support/duplex.h"
#include "tests/support/seeds.h"
#include "tests/support/test_loop.h"

namespace creel {
namespace {

using test::make_pair;
using test::Seed;
using test::seeds;
using test::StreamPair;
using test::TestLoop;
using test::TestRandom;

// Behaves by target. Everything it saw of bodies is in `log`.
class ScriptHandler final : public HttpHandler {
 public:
  Task<Result<Unit>> handle(Ctx& ctx, HttpRequest& request, ResponseWriter& out) override {
    log += cat(request.head.method, ' ', request.head.target, '\n');
    const std::string target = request.head.target;
    HttpResponse answer;
    if (target == "/ignore") {
      answer.status = 403;
      answer.body = "no";
    } else if (target == "/empty") {
      answer.status = 204;
    } else if (target == "/not-modified") {
      answer.status = 304;
      answer.headers.add("ETag", "\"1\"");
    } else if (target == "/inject") {
      answer.headers.add("X", "a\r\nSet-Cookie: b");
    } else if (target == "/fail") {
      co_return fail(ErrorCode::kIo, "drive");
    } else if (target == "/nothing") {
      co_return Unit{};
    } else if (target == "/cut") {
      co_return co_await cut(ctx, out);
    } else if (target == "/stream") {
      co_return co_await stream(ctx, out);
    } else if (target == "/upgrade") {
      co_return co_await echo_raw(ctx, out);
    } else {
      Result<std::string> body = co_await read_all(ctx, request.body, 10'000'000);
      if (!body.ok()) {
        log += cat("body: ", error_text(body.error()), '\n');
        answer.status = 400;
        answer.body = body.error().detail;
      } else {
        answer.headers.add("ETag", "\"x\"");
        answer.body = body.take();
      }
    }
    co_return co_await out.respond(ctx, std::move(answer));
  }
  std::string log;

 private:
  static Task<Result<Unit>> cut(Ctx& ctx, ResponseWriter& out) {
    HeaderList none;
    CO_DO(out.head(ctx, 200, none, BodyLength::of(10)));
    CO_DO(co_await out.write(ctx, as_bytes("half")));
    co_return fail(ErrorCode::kIo, "drive");
  }
  static Task<Result<Unit>> stream(Ctx& ctx, ResponseWriter& out) {
    HeaderList none;
    CO_DO(out.head(ctx, 200, none, BodyLength::chunked()));
    const ByteView parts[] = {as_bytes("one "), as_bytes(""), as_bytes("two")};
    CO_DO(co_await out.write(ctx, parts));
    CO_DO(co_await out.write(ctx, as_bytes("")));
    CO_DO(co_await out.write(ctx, as_bytes("three")));
    co_return co_await out.finish(ctx);
  }
  static Task<Result<Unit>> echo_raw(Ctx& ctx, ResponseWriter& out) {
    HeaderList headers;
    headers.add("Upgrade", "echo");
    CO_TRY(raw, co_await out.upgrade(ctx, std::move(headers)));
    for (;;) {
      std::uint8_t buffer[64];
      const MutableBytes into(buffer, sizeof buffer);
      CO_TRY(got, co_await raw->read(ctx, into));
      if (got == 0) co_return Unit{};
      const ByteView parts[] = {ByteView(buffer, got)};
      CO_DO(co_await raw->write(ctx, parts));
    }
  }
};

std::string without_dates(std::string text) {
  for (std::size_t at = 0; (at = text.find("Date: ", at)) != std::string::npos;)
    text.erase(at, text.find("\r\n", at) + 2 - at);
  return text;
}

Task<Unit> read_to_end(Ctx& ctx, Stream& stream, std::string& into) {
  std::uint8_t buffer[4096];
  for (;;) {
    const MutableBytes room(buffer, sizeof buffer);
    Result<std::size_t> got = co_await stream.read(ctx, room);
    if (!got.ok() || got.value() == 0) co_return Unit{};
    into.append(reinterpret_cast<const char*>(buffer), got.value());
  }
}

Task<Unit> write_text(Ctx& ctx, Stream& stream, std::string text, bool end) {
  const ByteView parts[] = {as_bytes(text)};
  Result<Unit> wrote = co_await stream.write(ctx, parts);
  if (wrote.ok() && end) wrote = co_await stream.finish(ctx);
  co_return Unit{};
}

template <class T>
Task<void> ignore(Task<T> task) {
  [[maybe_unused]] T done = co_await task;
}

// One connection to a server, driven step by step.
class Wire {
 public:
  explicit Wire(TestLoop& loop, HttpServer& server, TestRandom* random = nullptr,
                std::string host = "192.0.2.1")
      : loop_(loop), root_(loop, loop), scope_(root_), pair_(make_pair(std::move(host), random)) {
    scope_.spawn(run(scope_.ctx(), server, std::move(pair_.server), closed_));
    scope_.spawn(ignore(read_to_end(scope_.ctx(), *pair_.client, received_)));
  }
  ~Wire() {
    scope_.request_stop();
    while (scope_.running() > 0 && loop_.step()) {
    }
  }
  void send(std::string text, bool end = false) {
    scope_.spawn(ignore(write_text(scope_.ctx(), *pair_.client, std::move(text), end)));
    loop_.settle();
  }
  void end() { send("", true); }
  // Lets time pass until the server has closed; false if it never does.
  bool wait_closed() {
    while (!closed_ && loop_.step()) {
    }
    loop_.settle();
    return closed_;
  }
  bool closed() const { return closed_; }
  void stop() { scope_.request_stop(); }
  std::string take() { return without_dates(std::exchange(received_, {})); }
  const std::string& raw() const { return received_; }
  std::string everything() {
    end();
    wait_closed();
    return take();
  }

 private:
  static Task<void> run(Ctx& ctx, HttpServer& server, std::unique_ptr<Stream> stream,
                        bool& closed) {
    co_await server.serve_stream(ctx, std::move(stream));
    closed = true;
  }
  TestLoop& loop_;
  Ctx root_;
  Scope scope_;
  StreamPair pair_;
  std::string received_;
  bool closed_ = false;
};

struct HttpServerTest : testing::Test {
  TestLoop loop;
  ScriptHandler handler;
  HttpServer server{handler, {}};
  std::string talk(std::string text) {
    Wire wire(loop, server);
    wire.send(std::move(text));
    return wire.everything();
  }
};

const std::string kHost = "Host: h\r\n";
const std::string kOkHello = "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 5\r\n\r\nhello";

TEST_F(HttpServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  EXPECT_EQ(talk("PUT /a HTTP/1.1\r\n" + kHost +
                 "Content-Length: 5\r\n\r\nhello"
                 "PUT /b HTTP/1.1\r\n" +
                 kHost +
                 "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
                 "GET /c HTTP/1.1\r\n" +
                 kHost + "\r\n"),
            kOkHello + kOkHello + "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(handler.log, "PUT /a\nPUT /b\nGET /c\n");
}

TEST_F(HttpServerTest, EveryAnswerHasADate) {
  Wire wire(loop, server);
  wire.send("GET / HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_NE(wire.raw().find("\r\nDate: Fri, 02 Jan 2026 03:04:0"), std::string::npos) << wire.raw();
}

TEST_F(HttpServerTest, ClosesWhenAsked) {
  const std::string closing =
      "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(talk("GET / HTTP/1.1\r\n" + kHost + "Connection: close\r\n\r\nGET /never HTTP/1.1\r\n" +
                 kHost + "\r\n"),
            closing);
  EXPECT_EQ(talk("GET / HTTP/1.0\r\n\r\n"), closing);
  EXPECT_EQ(
      talk("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
}

TEST_F(HttpServerTest, HeadAndBodilessAnswersSendNoContent) {
  EXPECT_EQ(talk("HEAD /stream HTTP/1.1\r\n" + kHost + "\r\nHEAD /ignore HTTP/1.1\r\n" + kHost +
                 "\r\n"
                 "GET /empty HTTP/1.1\r\n" +
                 kHost + "\r\nGET /not-modified HTTP/1.1\r\n" + kHost + "\r\n"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n"
            "HTTP/1.1 204 No Content\r\n\r\n"
            "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n");
}

TEST_F(HttpServerTest, StreamsInChunksOrUntilCloseForOldClients) {
  EXPECT_EQ(talk("GET /stream HTTP/1.1\r\n" + kHost + "\r\n"),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\none "
            "two\r\n5\r\nthree\r\n0\r\n\r\n");
  EXPECT_EQ(talk("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\none twothree");
}

TEST_F(HttpServerTest, ContinueIsSentWhenTheHandlerWantsTheBody) {
  Wire wire(loop, server);
  wire.send("PUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(wire.take(), "HTTP/1.1 100 Continue\r\n\r\n");
  wire.send("hello");
  EXPECT_EQ(wire.take(), kOkHello);
  wire.send("PUT /eager HTTP/1.1\r\n" + kHost +
            "Content-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
  // The body came unasked; a client that still waits for its 100 gets it (RFC 9110 §10.1.1).
  EXPECT_EQ(wire.take(), "HTTP/1.1 100 Continue\r\n\r\n" + std::string(kOkHello));
}

TEST_F(HttpServerTest, ARefusedExpectationClosesBecauseTheBodyMayOrMayNotCome) {
  Wire wire(loop, server);
  wire.send("PUT /ignore HTTP/1.1\r\n" + kHost +
            "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(wire.take(),
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  wire.send("GET /smuggled HTTP/1.1\r\n" + kHost + "\r\n");
  EXPECT_TRUE(wire.wait_closed());
  EXPECT_EQ(handler.log, "PUT /ignore\n");
}

TEST_F(HttpServerTest, AnUnreadBodyIsSkippedIfShortAndCostsTheConnectionIfLong) {
  const std::string refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
  EXPECT_EQ(talk("PUT /ignore HTTP/1.1\r\n" + kHost + "Content-Length: 60000\r\n\r\n" +
                 std::string(60'000, 'x') + "GET /ignore HTTP/1.1\r\n" + kHost + "\r\n"),
            refused + refused);
  const std::string closing =
      "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
  EXPECT_EQ(talk("PUT /ignore HTTP/1.1\r\n" + kHost + "Content-Length: 900000\r\n\r\n" +
                 std::string(900'000, 'x')),
            closing);
  EXPECT_EQ(talk("PUT /ignore HTTP/1.1\r\n" + kHost +
                 "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
            closing);
}

TEST_F(HttpServerTest, AnEndlessRefusedBodyIsCutOff) {
  Wire wire(loop, server);
  wire.send("PUT /ignore HTTP/1.1\r\n" + kHost + "Content-Length: 9000000\r\n\r\n" +
            std::string(3'000'000, 'x'));
  EXPECT_TRUE(wire.closed());  // At the byte bound, without any time passing.
  Wire slow(loop, server);
  slow.send("PUT /ignore HTTP/1.1\r\n" + kHost + "Content-Length: 9000000\r\n\r\n");
  EXPECT_FALSE(slow.closed());
  const Instant before = loop.now();
  EXPECT_TRUE(slow.wait_closed());
  EXPECT_EQ((loop.now() - before).ms(), 2000);
}

TEST_F(HttpServerTest, FailuresBecome500OrACutAnswer) {
  const std::string sorry =
      "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(talk("GET /fail HTTP/1.1\r\n" + kHost + "\r\n"), sorry);
  EXPECT_EQ(talk("GET /nothing HTTP/1.1\r\n" + kHost + "\r\n"), sorry);
  EXPECT_EQ(talk("GET /inject HTTP/1.1\r\n" + kHost + "\r\n"), sorry);
  EXPECT_EQ(talk("GET /cut HTTP/1.1\r\n" + kHost + "\r\nGET /never HTTP/1.1\r\n" + kHost + "\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  EXPECT_EQ(server.counters().failed, 3u);
}

TEST_F(HttpServerTest, BrokenHeadsAreRefusedOnceAndClose) {
  const std::string answer = talk("POST / HTTP/1.1\r\n" + kHost +
                                  "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                                  "GET /smuggled HTTP/1.1\r\n" +
                                  kHost + "\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nContent-Length together with Transfer-Encoding\n"))
      << answer;
  EXPECT_EQ(handler.log, "");
  const std::string huge =
      talk("GET / HTTP/1.1\r\n" + kHost + "X: " + std::string(1'000'000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(huge.starts_with("HTTP/1.1 400 ")) << huge.substr(0, 100);
  EXPECT_EQ(server.counters().refused_heads, 2u);
}

TEST_F(HttpServerTest, ABrokenChunkReachesTheHandlerAndCloses) {
  const std::string answer =
      talk("PUT /a HTTP/1.1\r\n" + kHost +
           "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\nGET /never HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  EXPECT_NE(answer.find("near content byte 5"), std::string::npos) << answer;
}

TEST_F(HttpServerTest, ABodyCutShortIsAnError) {
  talk("PUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 10\r\n\r\nhello");
  EXPECT_EQ(handler.log,
            "PUT /a\nbody: closed: peer closed the connection after 5 of 10 body bytes\n");
}

TEST_F(HttpServerTest, SlowHeadsAndIdleConnectionsEnd) {
  Wire silent(loop, server);
  loop.settle();
  const Instant start = loop.now();
  EXPECT_TRUE(silent.wait_closed());
  EXPECT_EQ((loop.now() - start).ms(), 30'000);
  EXPECT_EQ(silent.take(), "");
  Wire slow(loop, server);
  slow.send("GET / HTTP/1.1\r\nHo");
  const Instant begun = loop.now();
  EXPECT_TRUE(slow.wait_closed());
  EXPECT_LE((loop.now() - begun).ms(), 12'000);
  EXPECT_TRUE(slow.take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_EQ(server.counters().timed_out, 2u);
}

TEST_F(HttpServerTest, ASlowBodyIsEndedByTheFloor) {
  Wire wire(loop, server);
  wire.send("PUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 100000\r\n\r\n" +
            std::string(2048, 'x'));
  const Instant start = loop.now();
  EXPECT_TRUE(wire.wait_closed());
  EXPECT_GE((loop.now() - start).ms(), 10'000);
  EXPECT_LE((loop.now() - start).ms(), 16'000);
  EXPECT_NE(handler.log.find(
                "body: timeout: body came slower than 1024 bytes a second; 2048 bytes so far"),
            std::string::npos)
      << handler.log;
}

TEST_F(HttpServerTest, TheLongestWaitingConnectionMakesRoom) {
  HttpServerOptions options;
  options.connections_max = 2;
  HttpServer small(handler, options);
  test::MemoryListener listener;
  Ctx root(loop, loop);
  Scope scope(root);
  scope.spawn(ignore(small.serve(scope.ctx(), listener)));
  std::vector<std::unique_ptr<Stream>> clients;
  for (int i = 0; i < 4; ++i) {
    StreamPair pair = make_pair();
    scope.spawn(ignore(listener.offer(scope.ctx(), std::move(pair.server))));
    clients.push_back(std::move(pair.client));
    loop.settle();
  }
  EXPECT_EQ(small.connections(), 2u);
  EXPECT_EQ(small.counters().evicted, 2u);
  std::string first, last;
  scope.spawn(ignore(read_to_end(scope.ctx(), *clients[0], first)));
  scope.spawn(
      ignore(write_text(scope.ctx(), *clients[3], "GET / HTTP/1.1\r\n" + kHost + "\r\n", true)));
  scope.spawn(ignore(read_to_end(scope.ctx(), *clients[3], last)));
  loop.settle();
  EXPECT_EQ(first, "");
  EXPECT_TRUE(last.starts_with("HTTP/1.1 200 OK"));
  scope.request_stop();
  while (scope.running() > 0 && loop.step()) {
  }
  EXPECT_EQ(scope.running(), 0u);
}

TEST_F(HttpServerTest, OneHostHasItsShareOnly) {
  HttpServerOptions options;
  options.connections_per_host_max = 1;
  HttpServer small(handler, options);
  test::MemoryListener listener;
  Ctx root(loop, loop);
  Scope scope(root);
  scope.spawn(ignore(small.serve(scope.ctx(), listener)));
  std::vector<std::unique_ptr<Stream>> clients;
  for (const char* host : {"192.0.2.1", "192.0.2.1", "192.0.2.7"}) {
    StreamPair pair = make_pair(host);
    scope.spawn(ignore(listener.offer(scope.ctx(), std::move(pair.server))));
    clients.push_back(std::move(pair.client));
    loop.settle();
  }
  EXPECT_EQ(small.connections(), 2u);
  EXPECT_EQ(small.counters().turned_away, 1u);
  scope.request_stop();
  while (scope.running() > 0 && loop.step()) {
  }
}

TEST_F(HttpServerTest, DrainFinishesWhatIsUnderWayAndClosesTheRest) {
  Wire idle(loop, server);
  Wire busy(loop, server);
  busy.send("PUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nhel");
  server.begin_drain();
  loop.settle();
  EXPECT_TRUE(idle.closed());
  EXPECT_FALSE(busy.closed());
  busy.send("lo");
  EXPECT_EQ(
      busy.everything(),
      "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
}

TEST_F(HttpServerTest, AHardStopEndsEverythingAtOnce) {
  Wire busy(loop, server);
  busy.send("PUT /a HTTP/1.1\r\n" + kHost + "Content-Length: 5\r\n\r\nhel");
  const Instant before = loop.now();
  busy.stop();
  loop.settle();
  EXPECT_TRUE(busy.closed());
  EXPECT_EQ(loop.now(), before);
}

TEST_F(HttpServerTest, AnUpgradeHandsOverTheStreamWithWhatWasAlreadySent) {
  Wire wire(loop, server);
  wire.send("GET /upgrade HTTP/1.1\r\n" + kHost +
            "Connection: Upgrade\r\nUpgrade: echo\r\n\r\nearly ");
  wire.send("late");
  EXPECT_EQ(
      wire.everything(),
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nearly late");
}

std::string random_conversation(TestRandom& random) {
  static const std::vector<std::string> targets = {"/a",     "/ignore", "/stream",
                                                   "/empty", "/fail",   "/inject"};
  std::string text;
  for (std::size_t i = 1 + random.below(5); i > 0; --i) {
    text += cat(random.chance(0.2) ? "HEAD " : "PUT ", targets[random.below(targets.size())],
                " HTTP/1.1\r\n", kHost);
    const std::string body = random.text(random.skewed_below(3000), "abc\r\n");
    if (random.chance(0.5)) {
      text += cat("Content-Length: ", body.size(), "\r\n\r\n", body);
    } else {
      text += "Transfer-Encoding: chunked\r\n\r\n";
      for (std::string_view rest = body; !rest.empty();) {
        const std::size_t piece = 1 + random.below(rest.size());
        char size[32];
        std::snprintf(size, sizeof size, "%zx\r\n", piece);
        text += cat(size, rest.substr(0, piece), "\r\n");
        rest.remove_prefix(piece);
      }
      text += "0\r\n\r\n";
    }
  }
  if (random.chance(0.2)) text.erase(random.below(text.size()), 1);
  if (random.chance(0.2)) text.resize(random.below(text.size()));
  return text;
}

TEST(HttpServerProperty, CutsChangeNothing) {
  for (Seed seed : seeds(300)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    const std::string text = random_conversation(random);
    std::string answers[2], logs[2];
    for (int run = 0; run < 2; ++run) {
      TestLoop loop;
      ScriptHandler handler;
      HttpServer server(handler, {});
      Wire wire(loop, server, run == 1 ? &random : nullptr);
      wire.send(text);
      answers[run] = wire.everything();
      logs[run] = handler.log;
    }
    EXPECT_EQ(answers[1], answers[0]);
    EXPECT_EQ(logs[1], logs[0]);
  }
}

}  // namespace
}  // namespace creel
