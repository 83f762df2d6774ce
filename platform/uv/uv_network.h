#pragma once
#include <memory>
#include <vector>

#include "platform/network.h"
#include "platform/uv/resolver.h"
#include "platform/uv/tls_listener.h"
#include "platform/uv/uv_listener.h"
#include "platform/uv/uv_options.h"

namespace creel {

// TCP, and TLS over it, on one loop.
class UvNetwork final : public Network {
 public:
  UvNetwork(Poller& poller, UvExecutor& executor, Clock& clock, Completions& completions,
            const UvOptions& options);
  Task<Result<std::unique_ptr<Listener>>> listen(Ctx& ctx, Address address,
                                                 std::optional<TlsSettings> tls) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Ctx& ctx, Address address,
                                                std::optional<TlsSettings> tls) override;
  std::uint64_t tls_failures() const { return shared_.failures; }
  void stop() { resolver_.stop(); }  // Joins its threads; nothing may be under way.

 private:
  Task<Result<std::unique_ptr<Socket>>> connect_any(Ctx& ctx, const Address& address);
  Task<Result<std::unique_ptr<Socket>>> connect_one(Ctx& ctx, const SocketAddress& to);

  UvExecutor& executor_;
  Clock& clock_;
  const UvOptions& options_;
  Poller& poller_;
  Resolver resolver_;
  TlsShared shared_;
};

}  // namespace creel
