// The fake wires: order, delay, back-pressure, cuts, resets, crashes.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "platform/sim/world.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

using StreamPtr = std::unique_ptr<Stream>;
using ListenerPtr = std::unique_ptr<Listener>;

// Two nodes, a listener on "server", and streams that tests hold.
struct Wire {
  explicit Wire(std::uint64_t seed = 1, std::optional<TlsSettings> tls = std::nullopt)
      : world(seed), client(world.add_node("client")), server(world.add_node("server")) {
    Result<ListenerPtr> made = *world.finish(
        server,
        server.platform().network.listen(server.ctx(), Address{"0.0.0.0", 9000}, std::move(tls)));
    check(made.ok());
    listener = made.take();
  }
  Result<StreamPtr> connect(Duration max = 3600_s, std::optional<TlsSettings> tls = std::nullopt) {
    std::optional<Result<StreamPtr>> done = world.finish(
        client,
        client.platform().network.connect(client.ctx(), Address{"server", 9000}, std::move(tls)),
        max);
    if (!done) return fail(ErrorCode::kUnknown, "still connecting");
    return std::move(*done);
  }
  void join(std::optional<TlsSettings> tls = std::nullopt) {
    Result<StreamPtr> near = connect(3600_s, tls);
    check(near.ok());
    Result<StreamPtr> far = *world.finish(server, listener->accept(server.ctx()));
    check(far.ok());
    here = near.take();
    there = far.take();
  }
  Result<Unit> send(Stream& stream, SimNode& from, std::string_view text, Duration max = 3600_s) {
    const ByteView parts[] = {as_bytes(text)};
    std::optional<Result<Unit>> done = world.finish(from, stream.write(from.ctx(), parts), max);
    return done ? *done : Result<Unit>(fail(ErrorCode::kUnknown, "still writing"));
  }
  Result<std::string> receive(Stream& stream, SimNode& to, Duration max = 3600_s) {
    Bytes into(1'000);
    std::optional<Result<std::size_t>> done =
        world.finish(to, read_with_deadline(to.ctx(), stream, into, max));
    check(done.has_value());
    if (!done->ok()) return done->error();
    return to_string(ByteView(into).first(done->value()));
  }
  static Task<Result<std::size_t>> read_with_deadline(Ctx& parent, Stream& stream,
                                                      MutableBytes into, Duration max) {
    Ctx ctx(parent, parent.clock().now() + max);
    co_return co_await stream.read(ctx, into);
  }

  SimWorld world;
  SimNode& client;
  SimNode& server;
  ListenerPtr listener;
  StreamPtr here;   // The client's.
  StreamPtr there;  // The server's.
};

TEST(SimNetwork, BytesArriveAfterTheLatencyAndInOrder) {
  Wire wire;
  wire.join();
  const Instant start = wire.world.now();
  ASSERT_TRUE(wire.send(*wire.here, wire.client, "hello").ok());
  std::string got;
  while (got.size() < 5) got += wire.receive(*wire.there, wire.server).value();
  EXPECT_EQ(got, "hello");
  EXPECT_GE((wire.world.now() - start).ns, wire.world.network().defaults.latency.ns);
  EXPECT_EQ(wire.world.network().bytes_sent("client", "server"), 5u);
}

Task<void> send_all(Ctx& ctx, Stream& stream, Bytes data, bool& done) {
  const ByteView parts[] = {data};
  Result<Unit> sent = co_await stream.write(ctx, parts);
  if (sent.ok()) sent = co_await stream.finish(ctx);
  done = sent.ok();
}

Task<void> receive_all(Ctx& ctx, Stream& stream, Bytes& got, bool& ended) {
  Bytes into(7'000);
  while (true) {
    Result<std::size_t> count = co_await stream.read(ctx, into);
    if (!count.ok()) co_return;
    if (count.value() == 0) break;
    append(got, ByteView(into).first(count.value()));
  }
  ended = true;
}

TEST(SimNetwork, AStreamCarriesEveryByteBothWaysAtOnce) {
  for (Seed seed : seeds(20)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    Wire wire(seed.value);
    wire.join();
    const Bytes up = random.bytes(random.skewed_below(2'000'000));
    const Bytes down = random.bytes(random.skewed_below(2'000'000));
    Bytes got_up;
    Bytes got_down;
    bool sent[2] = {};
    bool ended[2] = {};
    wire.client.spawn(send_all(wire.client.ctx(), *wire.here, up, sent[0]));
    wire.server.spawn(send_all(wire.server.ctx(), *wire.there, down, sent[1]));
    wire.client.spawn(receive_all(wire.client.ctx(), *wire.here, got_down, ended[0]));
    wire.server.spawn(receive_all(wire.server.ctx(), *wire.there, got_up, ended[1]));
    wire.world.run_for(60_s);
    EXPECT_TRUE(sent[0] && sent[1] && ended[0] && ended[1]);
    EXPECT_EQ(got_up, up);
    EXPECT_EQ(got_down, down);
  }
}

TEST(SimNetwork, BandwidthTakesTime) {
  Wire wire;
  wire.join();
  wire.world.network().link("client", "server").bytes_per_second = 1'000'000;
  Bytes got;
  bool sent = false;
  bool ended = false;
  const Instant start = wire.world.now();
  wire.client.spawn(send_all(wire.client.ctx(), *wire.here, Bytes(5'000'000), sent));
  wire.server.spawn(receive_all(wire.server.ctx(), *wire.there, got, ended));
  ASSERT_TRUE(wire.world.run_until([&] { return ended; }, 60_s));
  EXPECT_EQ((wire.world.now() - start).ns / (1_s).ns, 5);
}

TEST(SimNetwork, AFullBufferMakesTheWriterWait) {
  Wire wire;
  wire.join();
  bool sent = false;
  bool ended = false;
  Bytes got;
  wire.client.spawn(send_all(wire.client.ctx(), *wire.here, Bytes(1'000'000), sent));
  wire.world.run_for(100_s);
  EXPECT_FALSE(sent);
  EXPECT_EQ(wire.world.network().bytes_sent("client", "server"),
            wire.world.network().defaults.buffer_bytes);
  wire.server.spawn(receive_all(wire.server.ctx(), *wire.there, got, ended));
  wire.world.run_for(10_s);
  EXPECT_TRUE(sent && ended);
  EXPECT_EQ(got.size(), 1'000'000u);
}

TEST(SimNetwork, ConnectingFailsAsItShould) {
  Wire wire;
  struct Calls {
    static Task<ErrorCode> try_it(SimNode& node, Address address, Duration max) {
      Ctx ctx(node.ctx(), node.clock().now() + max);
      Result<StreamPtr> made = co_await node.platform().network.connect(ctx, address, std::nullopt);
      co_return made.ok() ? ErrorCode::kExists : made.error().code;
    }
  };
  const auto code = [&](const Address& address, Duration max) {
    return *wire.world.finish(wire.client, Calls::try_it(wire.client, address, max));
  };
  EXPECT_EQ(code(Address{"nowhere", 9000}, 60_s), ErrorCode::kUnavailable);
  EXPECT_EQ(code(Address{"server", 1}, 60_s), ErrorCode::kUnavailable);
  wire.world.network().cut("client", "server");
  const Instant start = wire.world.now();
  EXPECT_EQ(code(Address{"server", 9000}, 2_s), ErrorCode::kTimeout);
  EXPECT_EQ((wire.world.now() - start).ns, (2_s).ns);
  EXPECT_EQ(code(Address{"server", 9000}, 3600_s), ErrorCode::kTimeout);
}

TEST(SimNetwork, ACutHoldsBytesBackAndHealingLetsThemGo) {
  Wire wire;
  wire.world.network().reset_on_heal = 0;
  wire.join();
  wire.world.network().cut("client", "server", SimWays::kOneWay);
  ASSERT_TRUE(wire.send(*wire.here, wire.client, "up").ok());
  ASSERT_TRUE(wire.send(*wire.there, wire.server, "d").ok());
  EXPECT_EQ(wire.receive(*wire.here, wire.client, 5_s).value(), "d");
  Result<std::string> nothing = wire.receive(*wire.there, wire.server, 5_s);
  EXPECT_EQ(nothing.error().code, ErrorCode::kTimeout);
  wire.world.network().heal_all();
  std::string got;
  while (got.size() < 2) got += wire.receive(*wire.there, wire.server, 5_s).value();
  EXPECT_EQ(got, "up");
}

TEST(SimNetwork, AConnectionDoesNotAlwaysOutliveACut) {
  int alive = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Wire wire(seed);
    wire.join();
    wire.world.network().cut("client", "server");
    wire.world.run_for(1_s);
    wire.world.network().heal("client", "server");
    alive += wire.send(*wire.here, wire.client, "x").ok();
  }
  EXPECT_GT(alive, 20);
  EXPECT_LT(alive, 60);
}

TEST(SimNetwork, AKernelGivesUpOnDataItCannotSend) {
  Wire wire;
  wire.join();
  wire.world.network().cut("client", "server");
  ASSERT_TRUE(wire.send(*wire.here, wire.client, "x").ok());
  EXPECT_EQ(wire.receive(*wire.here, wire.client, 100_s).error().code, ErrorCode::kClosed);
  // The other side learns of it when it next sends something.
  EXPECT_EQ(wire.receive(*wire.there, wire.server, 100_s).error().code, ErrorCode::kTimeout);
  wire.world.network().reset_on_heal = 0;
  wire.world.network().heal("client", "server");
  ASSERT_TRUE(wire.send(*wire.there, wire.server, "y").ok());
  EXPECT_EQ(wire.receive(*wire.there, wire.server, 1_s).error().code, ErrorCode::kClosed);
}

TEST(SimNetwork, ACutBeforeTheHandshakeOnlyDelaysIt) {
  Wire wire;
  wire.world.network().cut("client", "server");
  wire.world.at(2_s, [&] { wire.world.network().heal_all(); });
  EXPECT_TRUE(wire.connect().ok());
  EXPECT_GT(wire.world.now().ns, (2_s).ns);
}

TEST(SimNetwork, ACrashResetsPeersAndFreesThePort) {
  Wire wire;
  wire.join();
  ASSERT_TRUE(wire.send(*wire.here, wire.client, "never read").ok());
  wire.server.crash();
  EXPECT_EQ(wire.receive(*wire.here, wire.client, 10_s).error().code, ErrorCode::kClosed);
  EXPECT_EQ(wire.send(*wire.here, wire.client, "x").error().code, ErrorCode::kClosed);
  EXPECT_FALSE(wire.connect().ok());
  wire.server.restart();
  Result<ListenerPtr> again = *wire.world.finish(
      wire.server,
      wire.server.platform().network.listen(wire.server.ctx(), Address{"", 9000}, std::nullopt));
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(wire.connect().ok());
  wire.there.reset();  // Of the dead process.
  wire.listener = again.take();
  EXPECT_TRUE(wire.connect().ok());
}

TEST(SimNetwork, ACrashWhileReadingAndWritingIsSafe) {
  for (Seed seed : seeds(30)) {
    Wire wire(seed.value);
    wire.join();
    bool sent = false;
    bool ended = false;
    Bytes got;
    wire.client.spawn(send_all(wire.client.ctx(), *wire.here, Bytes(10'000'000), sent));
    wire.server.spawn(receive_all(wire.server.ctx(), *wire.there, got, ended));
    wire.world.run_for(Duration{static_cast<std::int64_t>(seed.value % 30'000'000)});
    (seed.value % 2 == 0 ? wire.server : wire.client).crash();
    wire.world.run_for(10_s);
    EXPECT_FALSE(sent && ended);
    EXPECT_EQ(seed.value % 2 == 0 ? wire.client.scope().running() : wire.server.scope().running(),
              0u);
  }
}

TEST(SimNetwork, ResetAndAbortEndCallsUnderWay) {
  for (bool abort : {false, true}) {
    Wire wire;
    wire.join();
    wire.world.at(1_s, [&] {
      if (abort) wire.here->abort();
      else wire.world.network().reset("server", "client");
    });
    EXPECT_EQ(wire.receive(*wire.here, wire.client, 5_s).error().code, ErrorCode::kClosed);
    EXPECT_EQ(wire.receive(*wire.there, wire.server, 5_s).error().code, ErrorCode::kClosed);
  }
}

TEST(SimNetwork, WhatWasSentBeforeAnOrderlyCloseArrives) {
  Wire wire;
  wire.join();
  ASSERT_TRUE(wire.send(*wire.here, wire.client, "bye").ok());
  wire.here.reset();
  std::string got;
  while (got.size() < 3) got += wire.receive(*wire.there, wire.server, 5_s).value();
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(wire.receive(*wire.there, wire.server, 5_s).value(), "");
  wire.there.reset();
  EXPECT_EQ(wire.world.network().connection_count(), 0u);
}

TEST(SimNetwork, PortsAreTakenOnceAndZeroGivesAFreeOne) {
  Wire wire;
  Network& network = wire.server.platform().network;
  Result<ListenerPtr> taken = *wire.world.finish(
      wire.server, network.listen(wire.server.ctx(), Address{"server", 9000}, std::nullopt));
  EXPECT_EQ(taken.error().code, ErrorCode::kExists);
  Result<ListenerPtr> free = *wire.world.finish(
      wire.server, network.listen(wire.server.ctx(), Address{"::", 0}, std::nullopt));
  EXPECT_NE(free.value()->local().port, 0);
  Result<ListenerPtr> foreign = *wire.world.finish(
      wire.server, network.listen(wire.server.ctx(), Address{"client", 1}, std::nullopt));
  EXPECT_EQ(foreign.error().code, ErrorCode::kInvalid);
}

TEST(SimNetwork, TlsCarriesTheIdentitiesOfTheNodes) {
  TlsSettings mutual;
  mutual.require_peer_certificate = true;
  Wire wire(1, mutual);
  EXPECT_EQ(wire.connect(60_s).error().code, ErrorCode::kDenied);
  const TlsSettings plain_tls;
  EXPECT_EQ(wire.connect(60_s, plain_tls).error().code, ErrorCode::kDenied);
  wire.client.options().identity = "creel://site/edge1";
  wire.join(plain_tls);
  EXPECT_TRUE(wire.there->peer().tls);
  EXPECT_EQ(wire.there->peer().identity, "creel://site/edge1");
  EXPECT_EQ(wire.here->peer().identity, std::nullopt);
  EXPECT_EQ(wire.there->peer().address.host, "client");
}

TEST(SimNetwork, AcceptEndsWhenStopped) {
  Wire wire;
  struct Calls {
    static Task<ErrorCode> accept(Ctx& ctx, Listener& listener) {
      Result<StreamPtr> stream = co_await listener.accept(ctx);
      co_return stream.ok() ? ErrorCode::kExists : stream.error().code;
    }
  };
  wire.world.at(1_s, [&] { wire.server.scope().request_stop(); });
  EXPECT_EQ(wire.world.finish(wire.server, Calls::accept(wire.server.ctx(), *wire.listener), 10_s),
            ErrorCode::kStopped);
}

}  // namespace
}  // namespace creel::test
