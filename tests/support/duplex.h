// Two ends of a connection in memory, bytes both ways, each direction bounded; and a Listener and
// Network over it.
#pragma once
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "platform/async/event.h"
#include "platform/network.h"
#include "tests/support/seeds.h"

namespace creel::test {

struct Pipe {
  std::string bytes;
  std::size_t capacity = 256 * 1024;
  bool ended = false;  // The writer will write no more.
  bool gone = false;   // The reader is gone.
  Event changed;
};

struct Link {
  Pipe pipes[2];
};

class DuplexStream final : public Stream {
 public:
  // `random`, if given, decides how many bytes one read gets.
  DuplexStream(std::shared_ptr<Link> link, int side, PeerInfo peer, TestRandom* random)
      : link_(std::move(link)), side_(side), peer_(std::move(peer)), random_(random) {}
  ~DuplexStream() override { abort(); }

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override {
    check(!into.empty());
    if (ctx.stopped()) co_return ctx.stop_error();
    Pipe& pipe = in();
    while (pipe.bytes.empty() && !pipe.ended && !pipe.gone) CO_DO(co_await pipe.changed.wait(ctx));
    if (pipe.gone) co_return fail(ErrorCode::kClosed, "aborted");
    std::size_t count = std::min(into.size(), pipe.bytes.size());
    if (random_ != nullptr && count > 1) count = 1 + random_->skewed_below(count);
    std::copy_n(pipe.bytes.begin(), count, into.begin());
    pipe.bytes.erase(0, count);
    pipe.changed.notify_all();
    co_return count;
  }
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) override {
    Pipe& pipe = out();
    for (ByteView part : parts) {
      while (!part.empty()) {
        if (ctx.stopped()) co_return ctx.stop_error();
        while (pipe.bytes.size() >= pipe.capacity && !pipe.gone)
          CO_DO(co_await pipe.changed.wait(ctx));
        if (pipe.gone || pipe.ended) co_return fail(ErrorCode::kClosed, "peer is gone");
        const std::size_t count = std::min(part.size(), pipe.capacity - pipe.bytes.size());
        pipe.bytes.append(reinterpret_cast<const char*>(part.data()), count);
        part = part.subspan(count);
        pipe.changed.notify_all();
      }
    }
    co_return Unit{};
  }
  Task<Result<Unit>> finish(Ctx&) override {
    out().ended = true;
    out().changed.notify_all();
    co_return Unit{};
  }
  void abort() override {
    out().ended = true;
    in().gone = true;
    in().changed.notify_all();
    out().changed.notify_all();
  }
  const PeerInfo& peer() const override { return peer_; }

 private:
  Pipe& in() { return link_->pipes[side_]; }
  Pipe& out() { return link_->pipes[1 - side_]; }
  std::shared_ptr<Link> link_;
  int side_;
  PeerInfo peer_;
  TestRandom* random_;
};

struct StreamPair {
  std::unique_ptr<Stream> client;
  std::unique_ptr<Stream> server;
  std::shared_ptr<Link> link;  // pipes[0] is read by the client, pipes[1] by the server.
};

inline StreamPair make_pair(std::string client_host = "192.0.2.1", TestRandom* random = nullptr) {
  auto link = std::make_shared<Link>();
  PeerInfo client{.address = {std::move(client_host), 40000}};
  PeerInfo server{.address = {"192.0.2.2", 80}};
  return {std::make_unique<DuplexStream>(link, 0, server, random),
          std::make_unique<DuplexStream>(link, 1, client, random), link};
}

class MemoryListener final : public Listener {
 public:
  Task<Result<std::unique_ptr<Stream>>> accept(Ctx& ctx) override { return take(ctx, waiting_); }
  Address local() const override { return {"192.0.2.2", 80}; }
  // Connects from `host`; returns the client's end.
  Task<Result<Unit>> offer(Ctx& ctx, std::unique_ptr<Stream> server_end) {
    return waiting_.push(ctx, std::move(server_end));
  }

 private:
  using Waiting = Channel<std::unique_ptr<Stream>>;
  static Task<Result<std::unique_ptr<Stream>>> take(Ctx& ctx, Waiting& waiting) {
    auto popped = co_await waiting.pop(ctx);
    if (!popped.ok()) co_return popped.error();
    if (!popped.value()) co_return fail(ErrorCode::kClosed, "listener closed");
    co_return std::move(*popped.value());
  }
  Waiting waiting_{64};
};

// Every connect() reaches the one listener; counts them.
class MemoryNetwork final : public Network {
 public:
  explicit MemoryNetwork(MemoryListener& listener) : listener_(listener) {}
  Task<Result<std::unique_ptr<Listener>>> listen(Ctx&, Address,
                                                 std::optional<TlsSettings>) override {
    co_return fail(ErrorCode::kUnsupported, "not in this test");
  }
  Task<Result<std::unique_ptr<Stream>>> connect(Ctx& ctx, Address,
                                                std::optional<TlsSettings>) override {
    ++connects;
    StreamPair pair = make_pair("192.0.2.1", random);
    last_link = pair.link;
    CO_DO(co_await listener_.offer(ctx, std::move(pair.server)));
    co_return std::move(pair.client);
  }
  int connects = 0;
  TestRandom* random = nullptr;
  std::shared_ptr<Link> last_link;

 private:
  MemoryListener& listener_;
};

}  // namespace creel::test
