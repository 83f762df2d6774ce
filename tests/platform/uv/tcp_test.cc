// The contract of platform/network.h over real loopback sockets.
#include "platform/async/event.h"
#include "tests/platform/uv/world_fixture.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

const Address kAnyPort{"127.0.0.1", 0};

Task<Result<Unit>> write_text(Ctx& ctx, Stream& stream, std::string text) {
  const ByteView parts[] = {as_bytes(text)};
  co_return co_await stream.write(ctx, parts);
}

// Reads until the peer's end or `bytes_max`.
Task<Result<Bytes>> read_all(Ctx& ctx, Stream& stream, std::size_t bytes_max = 64 * MiB) {
  Bytes all;
  Bytes piece(64 * KiB);
  while (all.size() < bytes_max) {
    CO_TRY(got, co_await stream.read(ctx, piece));
    if (got == 0) break;
    append(all, ByteView(piece).first(got));
  }
  co_return std::move(all);
}

Task<void> echo(Ctx& ctx, std::unique_ptr<Stream> stream) {
  Bytes piece(4096);
  for (;;) {
    Result<std::size_t> got = co_await stream->read(ctx, piece);
    if (!got.ok() || got.value() == 0) co_return;
    const ByteView parts[] = {ByteView(piece).first(got.value())};
    Result<Unit> sent = co_await stream->write(ctx, parts);
    if (!sent.ok()) co_return;
  }
}

Task<void> echo_server(Scope& scope, Listener& listener) {
  for (;;) {
    Result<std::unique_ptr<Stream>> next = co_await listener.accept(scope.ctx());
    if (!next.ok()) co_return;
    scope.spawn(echo(scope.ctx(), next.take()));
  }
}

struct Pair {
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
};

class UvTcp : public UvTest {
 protected:
  Task<Result<Pair>> make_pair(Ctx& ctx) {
    Pair pair;
    CO_TRY(listener, co_await doors().network.listen(ctx, kAnyPort, std::nullopt));
    CO_TRY(client, co_await doors().network.connect(ctx, listener->local(), std::nullopt));
    CO_TRY(server, co_await listener->accept(ctx));
    pair.listener = std::move(listener);
    pair.client = std::move(client);
    pair.server = std::move(server);
    co_return std::move(pair);
  }
};

TEST_F(UvTcp, AThousandConnectionsEchoAtOnce) {
  run([&](Ctx& ctx) -> Task<void> {
    auto listener = co_await doors().network.listen(ctx, kAnyPort, std::nullopt);
    CO_ASSERT_OK(listener);
    Scope servers(ctx);
    servers.spawn(echo_server(servers, *listener.value()));
    Scope clients(ctx);
    int done = 0;
    const auto client = [](Ctx& ctx, Network& network, Address to, int number,
                           int& done) -> Task<void> {
      Result<std::unique_ptr<Stream>> stream = co_await network.connect(ctx, to, std::nullopt);
      CO_ASSERT_OK(stream);
      for (int round = 0; round < 3; ++round) {
        const std::string text = std::to_string(number * 10 + round) + std::string(100, 'x');
        Result<Unit> sent = co_await write_text(ctx, *stream.value(), text);
        CO_ASSERT_OK(sent);
        Result<Bytes> back = co_await read_all(ctx, *stream.value(), text.size());
        CO_ASSERT_OK(back);
        EXPECT_EQ(to_string(back.value()), text);
      }
      ++done;
    };
    for (int i = 0; i < 1000; ++i)
      clients.spawn(client(clients.ctx(), doors().network, listener.value()->local(), i, done));
    co_await clients.join();
    EXPECT_EQ(done, 1000);
    servers.request_stop();
    co_await servers.join();
  });
}

TEST_F(UvTcp, ALargeWriteMeetsASlowReaderWhole) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    TestRandom random(Seed{3});
    const Bytes large = random.bytes(8 * MiB);
    Scope scope(ctx);
    const auto writer = [](Ctx& ctx, Stream& stream, const Bytes& large) -> Task<void> {
      std::vector<ByteView> parts;
      for (std::size_t at = 0; at < large.size(); at += 100'000)
        parts.push_back(
            ByteView(large).subspan(at, std::min<std::size_t>(100'000, large.size() - at)));
      Result<Unit> sent = co_await stream.write(ctx, parts);
      EXPECT_TRUE(sent.ok());
      Result<Unit> finished = co_await stream.finish(ctx);
      EXPECT_TRUE(finished.ok());
    };
    scope.spawn(writer(scope.ctx(), *pair.value().client, large));
    auto back = co_await read_all(ctx, *pair.value().server);
    CO_ASSERT_OK(back);
    EXPECT_EQ(back.value().size(), large.size());
    EXPECT_TRUE(back.value() == large);
    co_await scope.join();
  });
}

TEST_F(UvTcp, ATimedOutReadConsumesNothing) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    Bytes piece(100);
    {
      Ctx brief(ctx, ctx.clock().now() + 2_ms);
      auto nothing = co_await pair.value().server->read(brief, piece);
      CO_ASSERT(!nothing.ok());
      EXPECT_EQ(nothing.error().code, ErrorCode::kTimeout);
    }
    {
      Ctx stopped(ctx);
      stopped.request_stop();
      auto nothing = co_await pair.value().server->read(stopped, piece);
      CO_ASSERT(!nothing.ok());
      EXPECT_EQ(nothing.error().code, ErrorCode::kStopped);
    }
    auto sent = co_await write_text(ctx, *pair.value().client, "late");
    CO_ASSERT_OK(sent);
    auto got = co_await pair.value().server->read(ctx, piece);
    CO_ASSERT_OK(got);
    EXPECT_EQ(as_text(ByteView(piece).first(got.value())), "late");
  });
}

TEST_F(UvTcp, AbortEndsAReadAndAWriteUnderWay) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    Scope scope(ctx);
    ErrorCode read_code = ErrorCode::kInvalid;
    ErrorCode write_code = ErrorCode::kInvalid;
    const auto reader = [](Ctx& ctx, Stream& stream, ErrorCode& code) -> Task<void> {
      Bytes piece(100);
      Result<std::size_t> got = co_await stream.read(ctx, piece);
      if (!got.ok()) code = got.error().code;
    };
    const auto writer = [](Ctx& ctx, Stream& stream, ErrorCode& code) -> Task<void> {
      const Bytes large(64 * MiB, 1);  // More than the kernel takes.
      const ByteView parts[] = {large};
      Result<Unit> sent = co_await stream.write(ctx, parts);
      if (!sent.ok()) code = sent.error().code;
    };
    scope.spawn(reader(scope.ctx(), *pair.value().client, read_code));
    scope.spawn(writer(scope.ctx(), *pair.value().client, write_code));
    for (int i = 0; i < 10; ++i) co_await YieldNow(ctx);
    EXPECT_EQ(scope.running(), 2u);
    pair.value().client->abort();
    pair.value().client->abort();
    co_await scope.join();
    EXPECT_EQ(read_code, ErrorCode::kClosed);
    EXPECT_EQ(write_code, ErrorCode::kClosed);
  });
}

TEST_F(UvTcp, FinishLeavesTheOtherDirectionOpen) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    auto sent = co_await write_text(ctx, *pair.value().client, "question");
    CO_ASSERT_OK(sent);
    auto finished = co_await pair.value().client->finish(ctx);
    CO_ASSERT_OK(finished);
    auto question = co_await read_all(ctx, *pair.value().server);
    CO_ASSERT_OK(question);
    EXPECT_EQ(to_string(question.value()), "question");
    auto answered = co_await write_text(ctx, *pair.value().server, "answer");
    CO_ASSERT_OK(answered);
    pair.value().server.reset();
    auto answer = co_await read_all(ctx, *pair.value().client);
    CO_ASSERT_OK(answer);
    EXPECT_EQ(to_string(answer.value()), "answer");
  });
}

TEST_F(UvTcp, APeerThatResetsIsClosed) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    // Unread bytes at close make the kernel send a reset.
    auto sent = co_await write_text(ctx, *pair.value().client, "unread");
    CO_ASSERT_OK(sent);
    Bytes piece(1);
    auto got = co_await pair.value().server->read(ctx, piece);
    CO_ASSERT_OK(got);
    pair.value().server.reset();
    auto after = co_await pair.value().client->read(ctx, piece);
    CO_ASSERT(!after.ok());
    EXPECT_EQ(after.error().code, ErrorCode::kClosed);
  });
}

TEST_F(UvTcp, KnowsBothAddresses) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    EXPECT_NE(pair.value().listener->local().port, 0);
    EXPECT_EQ(address_text(pair.value().client->peer().address),
              address_text(pair.value().listener->local()));
    EXPECT_EQ(pair.value().server->peer().address.host, "127.0.0.1");
    EXPECT_FALSE(pair.value().server->peer().tls);
  });
}

TEST_F(UvTcp, ConnectSaysWhyItFailed) {
  run([&](Ctx& ctx) -> Task<void> {
    Network& network = doors().network;
    std::uint16_t port = 0;
    {
      auto listener = co_await network.listen(ctx, kAnyPort, std::nullopt);
      CO_ASSERT_OK(listener);
      port = listener.value()->local().port;
    }
    const Address closed{"127.0.0.1", port};
    auto refused = co_await network.connect(ctx, closed, std::nullopt);
    CO_ASSERT(!refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    const Address unknown{"no-such-host.invalid", 1};
    Ctx brief(ctx, ctx.clock().now() + 5_s);
    auto unresolved = co_await network.connect(brief, unknown, std::nullopt);
    CO_ASSERT(!unresolved.ok());
    EXPECT_TRUE(unresolved.error().code == ErrorCode::kUnavailable ||
                unresolved.error().code == ErrorCode::kTimeout);
    const Address too_long{std::string(256, 'a'), 1};
    auto refused_name = co_await network.connect(ctx, too_long, std::nullopt);
    CO_ASSERT(!refused_name.ok());
    EXPECT_EQ(refused_name.error().code, ErrorCode::kInvalid);
    Ctx stopped(ctx);
    stopped.request_stop();
    auto not_tried = co_await network.connect(stopped, closed, std::nullopt);
    EXPECT_FALSE(not_tried.ok());
  });
}

TEST_F(UvTcp, ConnectTimesOutWhenNobodyAnswers) {
  run([&](Ctx& ctx) -> Task<void> {
    Ctx brief(ctx, ctx.clock().now() + 30_ms);
    const Address blackhole{"192.0.2.1", 9};  // TEST-NET-1 (RFC 5737).
    auto silent = co_await doors().network.connect(brief, blackhole, std::nullopt);
    CO_ASSERT(!silent.ok());
    EXPECT_TRUE(silent.error().code == ErrorCode::kTimeout ||
                silent.error().code == ErrorCode::kUnavailable);
  });
}

TEST_F(UvTcp, AnAddressInUseIsExists) {
  run([&](Ctx& ctx) -> Task<void> {
    auto first = co_await doors().network.listen(ctx, kAnyPort, std::nullopt);
    CO_ASSERT_OK(first);
    auto second = co_await doors().network.listen(ctx, first.value()->local(), std::nullopt);
    CO_ASSERT(!second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kExists);
  });
}

TEST_F(UvTcp, NamesAndIpv6Listen) {
  run([&](Ctx& ctx) -> Task<void> {
    const Address name{"localhost", 0};
    auto listener = co_await doors().network.listen(ctx, name, std::nullopt);
    CO_ASSERT_OK(listener);
    const Address target{"localhost", listener.value()->local().port};
    auto client = co_await doors().network.connect(ctx, target, std::nullopt);
    CO_ASSERT_OK(client);
    auto server = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(server);
  });
}

TEST_F(UvTcp, AStoppedAcceptLeavesTheListenerGood) {
  run([&](Ctx& ctx) -> Task<void> {
    auto listener = co_await doors().network.listen(ctx, kAnyPort, std::nullopt);
    CO_ASSERT_OK(listener);
    {
      Ctx brief(ctx, ctx.clock().now() + 2_ms);
      auto nobody = co_await listener.value()->accept(brief);
      CO_ASSERT(!nobody.ok());
      EXPECT_EQ(nobody.error().code, ErrorCode::kTimeout);
    }
    auto client = co_await doors().network.connect(ctx, listener.value()->local(), std::nullopt);
    CO_ASSERT_OK(client);
    auto server = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(server);
  });
}

// Two peers that never make each other wait must leave turns for a timer.
TEST_F(UvTcp, AFastStreamDoesNotStarveTimers) {
  run([&](Ctx& ctx) -> Task<void> {
    auto pair = co_await make_pair(ctx);
    CO_ASSERT_OK(pair);
    Scope scope(ctx);
    bool stop = false;
    const auto both = [](Ctx& ctx, Stream& from, Stream& to, bool& stop) -> Task<void> {
      Bytes piece(1);
      while (!stop) {
        Result<Unit> sent = co_await write_text(ctx, from, "x");
        CO_ASSERT_OK(sent);
        Result<std::size_t> got = co_await to.read(ctx, piece);
        CO_ASSERT_OK(got);
      }
    };
    scope.spawn(both(scope.ctx(), *pair.value().client, *pair.value().server, stop));
    EXPECT_TRUE((co_await sleep_for(ctx, 3_ms)).ok());
    stop = true;
    co_await scope.join();
  });
}

}  // namespace
}  // namespace creel::test
