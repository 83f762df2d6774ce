#pragma once
#include "platform/network.h"
#include "platform/uv/socket.h"

namespace creel {

// Plain TCP. Reads straight into the caller's buffer and writes straight from it: an idle
// connection holds this object and its kernel socket, nothing else.
class UvStream final : public Stream {
 public:
  UvStream(std::unique_ptr<Socket> socket, Address peer);
  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) override;
  Task<Result<Unit>> finish(Ctx& ctx) override;
  void abort() override { socket_->abort(); }
  const PeerInfo& peer() const override { return peer_; }

 private:
  std::unique_ptr<Socket> socket_;
  PeerInfo peer_;
};

}  // namespace creel
