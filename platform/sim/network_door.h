#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "platform/async/event.h"
#include "platform/network.h"
#include "platform/sim/network.h"

namespace creel {

struct SimLife;

// One process's way to the wires.
class SimNetworkDoor final : public Network {
 public:
  SimNetworkDoor(SimLife& life, SimNetwork& network) : life_(life), network_(network) {}

  Task<Result<std::unique_ptr<Listener>>> listen(Ctx& ctx, Address address,
                                                 std::optional<TlsSettings> tls) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Ctx& ctx, Address address,
                                                std::optional<TlsSettings> tls) override;

 private:
  Task<Result<Unit>> knock(Ctx& ctx, SimNode& target, Address address);

  SimLife& life_;
  SimNetwork& network_;
};

class SimStream final : public Stream {
 public:
  SimStream(SimConnection& connection, int side, PeerInfo peer)
      : connection_(&connection), side_(side), peer_(std::move(peer)) {}
  ~SimStream() override { connection_->network->release(*connection_, side_); }

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) override;
  Task<Result<Unit>> finish(Ctx& ctx) override;
  void abort() override;
  const PeerInfo& peer() const override { return peer_; }

 private:
  SimEnd& end() { return connection_->ends[side_]; }
  std::size_t take(MutableBytes into);
  std::size_t offer(ByteView bytes);

  SimConnection* connection_;
  int side_;
  PeerInfo peer_;
};

class SimListener final : public Listener {
 public:
  static constexpr std::size_t kBacklogMax = 128;

  SimListener(SimLife& life, SimNetwork& network, Address local, std::optional<TlsSettings> tls)
      : life_(life), network_(network), local_(std::move(local)), tls_(std::move(tls)) {}
  ~SimListener() override;

  Task<Result<std::unique_ptr<Stream>>> accept(Ctx& ctx) override;
  Address local() const override { return local_; }

  SimLife& life() { return life_; }
  const std::optional<TlsSettings>& tls() const { return tls_; }
  bool full() const { return backlog_.size() >= kBacklogMax; }
  void offer(std::unique_ptr<Stream> stream);
  void close();  // The process is gone.

 private:
  SimLife& life_;
  SimNetwork& network_;
  Address local_;
  std::optional<TlsSettings> tls_;
  std::deque<std::unique_ptr<Stream>> backlog_;
  Event arrived_;
};

}  // namespace creel
