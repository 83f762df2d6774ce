// TLS over loopback: who gets in, who does not, and what both sides learn.
#include "platform/base/text.h"
#include "platform/uv/certificates.h"
#include "tests/platform/uv/world_fixture.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

const Address kAnyPort{"127.0.0.1", 0};
constexpr Duration kDay = 86400_s;

CertificateRequest request(std::string name) {
  CertificateRequest made;
  made.common_name = std::move(name);
  const WallTime now{time(nullptr) * 1'000'000'000LL};
  made.not_before = {now.ns - kDay.ns};
  made.not_after = {now.ns + 10 * kDay.ns};
  return made;
}

CertificateAndKey ca_named(std::string name) {
  Result<CertificateAndKey> made = make_ca(request(std::move(name)));
  EXPECT_TRUE(made.ok()) << error_text(made.error());
  return made.take();
}

CertificateAndKey signed_by(const CertificateAndKey& ca, const CertificateRequest& wanted) {
  Result<CertificateAndKey> made = make_certificate(ca, wanted);
  EXPECT_TRUE(made.ok()) << error_text(made.error());
  return made.take();
}

// What both ends of one handshake saw.
struct Outcome {
  std::optional<Error> client;  // Of connect, or of the first read after it.
  std::optional<Error> server;
  PeerInfo client_peer;
  PeerInfo server_peer;
  std::string received;
};

class UvTls : public UvTest, public ::testing::WithParamInterface<bool> {
 protected:
  UvTls() { restart(); }
  void restart() {
    UvOptions options;
    options.tls12_only = GetParam();
    options.on_tls_failure = [this](const Address&, std::string_view why) {
      failures_.emplace_back(why);
    };
    start(std::move(options));
  }

  CertificateAndKey server_certificate() {
    CertificateRequest wanted = request("server");
    wanted.dns_names = {"creel.test"};
    wanted.ip_addresses = {"127.0.0.1", "::1"};
    return signed_by(ca_, wanted);
  }
  TlsSettings server_settings() {
    const CertificateAndKey own = server_certificate();
    TlsSettings settings;
    settings.certificate_pem = own.certificate_pem;
    settings.key_pem = own.key_pem;
    return settings;
  }
  TlsSettings mutual_settings() {
    TlsSettings settings = server_settings();
    settings.ca_pem = ca_.certificate_pem;
    settings.require_peer_certificate = true;
    return settings;
  }
  TlsSettings client_settings() {
    TlsSettings settings;
    settings.ca_pem = ca_.certificate_pem;
    settings.server_name = "creel.test";
    return settings;
  }
  static void give(TlsSettings& settings, const CertificateAndKey& own) {
    settings.certificate_pem = own.certificate_pem;
    settings.key_pem = own.key_pem;
  }

  // Server: one connection, then "hello" and the end. Client: connects and reads it.
  static Task<void> serve_hello(Ctx& ctx, Listener& listener, Outcome& outcome) {
    Result<std::unique_ptr<Stream>> accepted = co_await listener.accept(ctx);
    if (!accepted.ok()) {
      outcome.server = accepted.error();
      co_return;
    }
    Stream& stream = *accepted.value();
    outcome.server_peer = stream.peer();
    const ByteView parts[] = {as_bytes("hel"), as_bytes("lo")};
    Result<Unit> sent = co_await stream.write(ctx, parts);
    if (!sent.ok()) outcome.server = sent.error();
    Result<Unit> finished = co_await stream.finish(ctx);
    if (!finished.ok()) outcome.server = finished.error();
    Bytes piece(16);  // Until the client has read all and closed.
    Result<std::size_t> end = co_await stream.read(ctx, piece);
  }
  static Task<void> take_hello(Ctx& ctx, Network& network, Address to, TlsSettings settings,
                               Outcome& outcome) {
    Result<std::unique_ptr<Stream>> connected =
        co_await network.connect(ctx, to, std::move(settings));
    if (!connected.ok()) {
      outcome.client = connected.error();
      co_return;
    }
    Stream& stream = *connected.value();
    outcome.client_peer = stream.peer();
    Bytes piece(100);
    for (;;) {
      Result<std::size_t> got = co_await stream.read(ctx, piece);
      if (!got.ok()) outcome.client = got.error();
      if (!got.ok() || got.value() == 0) co_return;
      outcome.received += as_text(ByteView(piece).first(got.value()));
    }
  }

  Outcome meet(TlsSettings server, TlsSettings client) {
    Outcome outcome;
    run([&](Ctx& ctx) -> Task<void> {
      auto listener = co_await doors().network.listen(ctx, kAnyPort, server);
      CO_ASSERT_OK(listener);
      Scope servers(ctx);
      servers.spawn(serve_hello(servers.ctx(), *listener.value(), outcome));
      Address to = listener.value()->local();
      co_await take_hello(ctx, doors().network, to, client, outcome);
      // A refused client never reaches accept(): end that wait once the listener has judged it.
      while (outcome.client && failures_.empty()) CO_ASSERT((co_await sleep_for(ctx, 1_ms)).ok());
      if (outcome.client) servers.request_stop();
      co_await servers.join();
    });
    return outcome;
  }

  const CertificateAndKey ca_ = ca_named("Test CA");
  std::vector<std::string> failures_;
};

TEST_P(UvTls, AGoodServerIsBelieved) {
  const Outcome outcome = meet(server_settings(), client_settings());
  EXPECT_FALSE(outcome.client) << error_text(*outcome.client);
  EXPECT_EQ(outcome.received, "hello");
  EXPECT_TRUE(outcome.server_peer.tls);
  EXPECT_FALSE(outcome.server_peer.identity);
  EXPECT_EQ(outcome.client_peer.identity, "server");
  EXPECT_EQ(world_->tls_failures(), 0u);
}

TEST_P(UvTls, AnAddressIsVerifiedWhenThereIsNoName) {
  TlsSettings client = client_settings();
  client.server_name.clear();
  const Outcome outcome = meet(server_settings(), client);
  EXPECT_FALSE(outcome.client) << error_text(*outcome.client);
}

TEST_P(UvTls, AMutualHandshakeTellsTheUriOfTheClient) {
  CertificateRequest wanted = request("site seven");
  wanted.uris = {"creel:fleet/site/7"};
  TlsSettings client = client_settings();
  give(client, signed_by(ca_, wanted));
  const Outcome outcome = meet(mutual_settings(), client);
  EXPECT_FALSE(outcome.client) << error_text(*outcome.client);
  EXPECT_EQ(outcome.server_peer.identity, "creel:fleet/site/7");
}

TEST_P(UvTls, WithoutAUriTheCommonNameIsTheIdentity) {
  TlsSettings client = client_settings();
  give(client, signed_by(ca_, request("site seven")));
  const Outcome outcome = meet(mutual_settings(), client);
  EXPECT_EQ(outcome.server_peer.identity, "site seven");
}

TEST_P(UvTls, AServerOfAnotherCaIsDenied) {
  TlsSettings client = client_settings();
  client.ca_pem = ca_named("Another CA").certificate_pem;
  const Outcome outcome = meet(server_settings(), client);
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.client->code, ErrorCode::kDenied);
  EXPECT_NE(outcome.client->detail.find("not correctly signed"), std::string::npos)
      << outcome.client->detail;
  EXPECT_EQ(world_->tls_failures(), 1u);
}

TEST_P(UvTls, AServerOfAnotherNameIsDenied) {
  TlsSettings client = client_settings();
  client.server_name = "other.test";
  const Outcome outcome = meet(server_settings(), client);
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.client->code, ErrorCode::kDenied);
  EXPECT_NE(outcome.client->detail.find("does not match"), std::string::npos)
      << outcome.client->detail;
}

TEST_P(UvTls, AnExpiredServerIsDenied) {
  CertificateRequest wanted = request("server");
  wanted.dns_names = {"creel.test"};
  wanted.not_after = {wanted.not_before.ns + kDay.ns / 2};
  TlsSettings server;
  give(server, signed_by(ca_, wanted));
  const Outcome outcome = meet(server, client_settings());
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.client->code, ErrorCode::kDenied);
  EXPECT_NE(outcome.client->detail.find("expired"), std::string::npos) << outcome.client->detail;
}

TEST_P(UvTls, AClientOnlyCertificateDoesNotServe) {
  CertificateRequest wanted = request("server");
  wanted.dns_names = {"creel.test"};
  wanted.for_server = false;
  TlsSettings server;
  give(server, signed_by(ca_, wanted));
  const Outcome outcome = meet(server, client_settings());
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.client->code, ErrorCode::kDenied);
}

TEST_P(UvTls, AMissingClientCertificateNeverReachesAccept) {
  const Outcome outcome = meet(mutual_settings(), client_settings());
  // TLS 1.3 tells the client only after its own handshake is over: at its first read.
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.received, "");
  ASSERT_TRUE(outcome.server);
  EXPECT_EQ(outcome.server->code, ErrorCode::kStopped);
  ASSERT_EQ(failures_.size(), 1u);
}

TEST_P(UvTls, AClientOfAnotherCaNeverReachesAccept) {
  TlsSettings client = client_settings();
  give(client, signed_by(ca_named("Another CA"), request("intruder")));
  const Outcome outcome = meet(mutual_settings(), client);
  ASSERT_TRUE(outcome.client);
  EXPECT_EQ(outcome.received, "");
  ASSERT_EQ(failures_.size(), 1u);
  EXPECT_NE(failures_[0].find("certificate"), std::string::npos) << failures_[0];
}

TEST_P(UvTls, AnOptionalClientCertificateOfAnotherCaNamesNobody) {
  TlsSettings server = mutual_settings();
  server.require_peer_certificate = false;
  const Outcome without = meet(server, client_settings());
  EXPECT_FALSE(without.client) << error_text(*without.client);
  EXPECT_FALSE(without.server_peer.identity);
  TlsSettings client = client_settings();
  give(client, signed_by(ca_named("Another CA"), request("intruder")));
  const Outcome with_bad = meet(server, client);
  EXPECT_FALSE(with_bad.server_peer.identity);
  give(client, signed_by(ca_, request("friend")));
  const Outcome with_good = meet(server, client);
  EXPECT_EQ(with_good.server_peer.identity, "friend");
}

TEST_P(UvTls, AlpnIsAgreedOnOrRefused) {
  TlsSettings server = server_settings();
  server.alpn = {"creel-repl", "http/1.1"};
  TlsSettings client = client_settings();
  client.alpn = {"http/1.1"};
  const Outcome agreed = meet(server, client);
  EXPECT_EQ(agreed.client_peer.alpn, "http/1.1");
  EXPECT_EQ(agreed.server_peer.alpn, "http/1.1");
  client.alpn = {"other"};
  const Outcome refused = meet(server, client);
  EXPECT_TRUE(refused.client);
}

TEST_P(UvTls, OnlyOneProtocolIsAskedForACertificate) {
  TlsSettings server = mutual_settings();
  server.alpn = {"creel-repl", "http/1.1"};
  server.peer_certificate_alpn = "creel-repl";
  TlsSettings client = client_settings();
  client.alpn = {"http/1.1"};
  const Outcome plain = meet(server, client);
  EXPECT_FALSE(plain.client) << error_text(*plain.client);
  EXPECT_EQ(plain.received, "hello");
  client.alpn = {"creel-repl"};
  const Outcome without = meet(server, client);
  EXPECT_TRUE(without.client);
  EXPECT_EQ(failures_.size(), 1u);
  give(client, signed_by(ca_, request("site")));
  failures_.clear();
  const Outcome with = meet(server, client);
  EXPECT_FALSE(with.client) << error_text(*with.client);
  EXPECT_EQ(with.server_peer.identity, "site");
  client.alpn = {"http/1.1"};
  const Outcome not_asked = meet(server, client);
  EXPECT_EQ(not_asked.received, "hello");
  EXPECT_FALSE(not_asked.server_peer.identity);
}

TEST_P(UvTls, LargeTransfersArriveWholeBothWays) {
  run([&](Ctx& ctx) -> Task<void> {
    auto listener = co_await doors().network.listen(ctx, kAnyPort, server_settings());
    CO_ASSERT_OK(listener);
    Scope scope(ctx);
    const auto echo = [](Ctx& ctx, Listener& listener) -> Task<void> {
      Result<std::unique_ptr<Stream>> stream = co_await listener.accept(ctx);
      CO_ASSERT_OK(stream);
      Bytes piece(50'000);
      for (;;) {
        Result<std::size_t> got = co_await stream.value()->read(ctx, piece);
        CO_ASSERT_OK(got);
        if (got.value() == 0) break;
        const ByteView parts[] = {ByteView(piece).first(got.value())};
        Result<Unit> sent = co_await stream.value()->write(ctx, parts);
        CO_ASSERT_OK(sent);
      }
      Result<Unit> finished = co_await stream.value()->finish(ctx);
      CO_ASSERT_OK(finished);
    };
    scope.spawn(echo(scope.ctx(), *listener.value()));
    auto client =
        co_await doors().network.connect(ctx, listener.value()->local(), client_settings());
    CO_ASSERT_OK(client);
    TestRandom random(Seed{11});
    Bytes all;
    std::vector<Bytes> pieces;
    for (int i = 0; i < 300; ++i) pieces.push_back(random.bytes(random.skewed_below(40'000)));
    for (const Bytes& piece : pieces) append(all, ByteView(piece));
    const auto send_all = [](Ctx& ctx, Stream& stream,
                             const std::vector<Bytes>& pieces) -> Task<void> {
      for (std::size_t at = 0; at < pieces.size(); at += 10) {
        std::vector<ByteView> parts(pieces.begin() + static_cast<long>(at),
                                    pieces.begin() + static_cast<long>(at) + 10);
        Result<Unit> sent = co_await stream.write(ctx, parts);
        CO_ASSERT_OK(sent);
      }
      Result<Unit> finished = co_await stream.finish(ctx);
      CO_ASSERT_OK(finished);
    };
    scope.spawn(send_all(scope.ctx(), *client.value(), pieces));
    Bytes back;
    Bytes piece(64 * KiB);
    for (;;) {
      auto got = co_await client.value()->read(ctx, piece);
      CO_ASSERT_OK(got);
      if (got.value() == 0) break;
      append(back, ByteView(piece).first(got.value()));
    }
    EXPECT_TRUE(back == all);
    co_await scope.join();
  });
}

TEST_P(UvTls, ATimedOutReadConsumesNothing) {
  run([&](Ctx& ctx) -> Task<void> {
    auto listener = co_await doors().network.listen(ctx, kAnyPort, server_settings());
    CO_ASSERT_OK(listener);
    auto client =
        co_await doors().network.connect(ctx, listener.value()->local(), client_settings());
    CO_ASSERT_OK(client);
    auto server = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(server);
    Bytes piece(100);
    {
      Ctx brief(ctx, ctx.clock().now() + 2_ms);
      auto nothing = co_await server.value()->read(brief, piece);
      CO_ASSERT(!nothing.ok());
      EXPECT_EQ(nothing.error().code, ErrorCode::kTimeout);
    }
    const ByteView parts[] = {as_bytes("late")};
    auto sent = co_await client.value()->write(ctx, parts);
    CO_ASSERT_OK(sent);
    auto got = co_await server.value()->read(ctx, piece);
    CO_ASSERT_OK(got);
    EXPECT_EQ(as_text(ByteView(piece).first(got.value())), "late");
    // The end of TCP without close_notify is not an orderly end.
    client.value()->abort();
    auto cut = co_await server.value()->read(ctx, piece);
    CO_ASSERT(!cut.ok());
    EXPECT_EQ(cut.error().code, ErrorCode::kClosed);
  });
}

// Peers that connect and say nothing, more than there are places, do not keep a good one out.
TEST_P(UvTls, SilentPeersMakeWay) {
  run([&](Ctx& ctx) -> Task<void> {
    auto listener = co_await doors().network.listen(ctx, kAnyPort, server_settings());
    CO_ASSERT_OK(listener);
    std::vector<std::unique_ptr<Stream>> silent;
    for (int i = 0; i < 40; ++i) {
      auto one = co_await doors().network.connect(ctx, listener.value()->local(), std::nullopt);
      CO_ASSERT_OK(one);
      silent.push_back(one.take());
    }
    auto client =
        co_await doors().network.connect(ctx, listener.value()->local(), client_settings());
    CO_ASSERT_OK(client);
    auto server = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(server);
    EXPECT_GE(world_->tls_failures(), 9u);
  });
}

TEST_P(UvTls, ReloadedCertificatesServeNewConnections) {
  run([&](Ctx& ctx) -> Task<void> {
    TlsSettings first = server_settings();
    auto listener = co_await doors().network.listen(ctx, kAnyPort, first);
    CO_ASSERT_OK(listener);
    auto old_client =
        co_await doors().network.connect(ctx, listener.value()->local(), client_settings());
    CO_ASSERT_OK(old_client);
    auto old_server = co_await listener.value()->accept(ctx);
    CO_ASSERT_OK(old_server);
    TlsSettings broken = first;
    broken.key_pem = server_settings().key_pem;  // Of another certificate.
    auto refused = world_->reload_tls(*listener.value(), broken);
    CO_ASSERT(!refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid);
    const CertificateAndKey new_ca = ca_named("New CA");
    CertificateRequest wanted = request("renewed");
    wanted.dns_names = {"creel.test"};
    TlsSettings second;
    give(second, signed_by(new_ca, wanted));
    auto reloaded = world_->reload_tls(*listener.value(), second);
    CO_ASSERT_OK(reloaded);
    TlsSettings trusting = client_settings();
    trusting.ca_pem = new_ca.certificate_pem;
    auto new_client = co_await doors().network.connect(ctx, listener.value()->local(), trusting);
    CO_ASSERT_OK(new_client);
    EXPECT_EQ(new_client.value()->peer().identity, "renewed");
    const ByteView parts[] = {as_bytes("still here")};
    auto sent = co_await old_server.value()->write(ctx, parts);
    CO_ASSERT_OK(sent);
    Bytes piece(100);
    auto got = co_await old_client.value()->read(ctx, piece);
    CO_ASSERT_OK(got);
  });
}

TEST_P(UvTls, BadSettingsAreNamed) {
  run([&](Ctx& ctx) -> Task<void> {
    TlsSettings empty;
    auto no_certificate = co_await doors().network.listen(ctx, kAnyPort, empty);
    CO_ASSERT(!no_certificate.ok());
    EXPECT_EQ(no_certificate.error().code, ErrorCode::kInvalid);
    TlsSettings garbage = server_settings();
    garbage.key_pem = "not a key";
    auto bad_key = co_await doors().network.listen(ctx, kAnyPort, garbage);
    CO_ASSERT(!bad_key.ok());
    EXPECT_EQ(bad_key.error().code, ErrorCode::kInvalid);
    EXPECT_NE(bad_key.error().detail.find("key"), std::string::npos);
    TlsSettings no_ca;
    auto trusts_nobody = co_await doors().network.connect(ctx, kAnyPort, no_ca);
    CO_ASSERT(!trusts_nobody.ok());
    EXPECT_EQ(trusts_nobody.error().code, ErrorCode::kInvalid);
  });
}

INSTANTIATE_TEST_SUITE_P(Versions, UvTls, ::testing::Values(true, false),
                         [](const ::testing::TestParamInfo<bool>& info) {
                           return info.param ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace creel::test
