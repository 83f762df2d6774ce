#pragma once
#include <memory>

#include "platform/network.h"
#include "platform/uv/socket.h"

namespace creel {

// What every listener of UvNetwork can do beyond the door.
class UvListener : public Listener {
 public:
  // New certificates for connections accepted from now on. Errors: kInvalid; kUnsupported if the
  // listener has no TLS. The old ones stand after an error.
  virtual Result<Unit> reload(const TlsSettings& settings) = 0;
};

// One accepted connection, or none.
struct Accepted {
  std::unique_ptr<Socket> socket;
  Address peer;
  enum class Why { kTaken, kNothing, kExhausted, kBroken } why = Why::kNothing;
  int failed = 0;
};
// Takes one connection off the backlog without waiting. kExhausted: no descriptors or memory right
// now, try again after a while; kBroken: this listener will never work again.
Accepted try_accept(Socket& listener, Poller& poller, UvExecutor& executor);

inline constexpr Duration kExhaustedPause = 100_ms;

class PlainListener final : public UvListener {
 public:
  PlainListener(std::unique_ptr<Socket> socket, Poller& poller, UvExecutor& executor,
                Address local);
  Task<Result<std::unique_ptr<Stream>>> accept(Ctx& ctx) override;
  Address local() const override { return local_; }
  Result<Unit> reload(const TlsSettings& settings) override;

 private:
  std::unique_ptr<Socket> socket_;
  Poller& poller_;
  UvExecutor& executor_;
  Address local_;
};

}  // namespace creel
