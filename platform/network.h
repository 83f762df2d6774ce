#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/async/ctx.h"
#include "platform/async/task.h"
#include "platform/base/bytes.h"
#include "platform/base/result.h"

namespace creel {

struct Address {
  std::string host;  // A name or an IP literal, IPv6 without brackets.
  std::uint16_t port = 0;
};
// "host:port", "[v6]:port"; nullopt if malformed.
std::optional<Address> parse_address(std::string_view text);
std::string address_text(const Address& address);

// Certificates as PEM text; what a listener or a connection needs of TLS. TLS 1.2 and 1.3.
struct TlsSettings {
  std::string certificate_pem;  // Chain, leaf first. Empty: a client without a certificate.
  std::string key_pem;          // Secret: never logged.
  std::string ca_pem;           // Trusted roots for the peer. Empty on a server: no client auth.
  bool require_peer_certificate = false;  // Servers: mutual TLS.
  std::vector<std::string> alpn;          // In order of preference; empty: not sent.
  std::string server_name;  // Clients: SNI, and the name the certificate must bear.
  // Servers with ca_pem: asks for a client certificate only where this ALPN protocol was agreed on,
  // so that others on the port never see the question. Empty: asks everybody.
  std::string peer_certificate_alpn;
};

struct PeerInfo {
  Address address;
  bool tls = false;
  // Subject alternative URI (else common name) of a peer certificate that was verified.
  std::optional<std::string> identity;
  std::string alpn;  // The protocol that TLS agreed on; empty if none.
};

// One connection, bytes both ways. At most one read and one write under way at a time.
// Destroying it closes it at once; no call may be under way. Loop thread only.
class Stream {
 public:
  virtual ~Stream() = default;
  // At least 1 byte, or 0 at the peer's orderly end. Errors: kClosed (reset), kStopped, kTimeout.
  // After kStopped/kTimeout nothing was consumed and the stream is still good.
  virtual Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) = 0;
  // Resumes when the parts may be reused and the kernel has taken all of them: natural
  // back-pressure. After any error the stream is in an unknown state: close it.
  virtual Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) = 0;
  // Tells the peer that no more bytes come (TCP FIN, TLS close_notify).
  virtual Task<Result<Unit>> finish(Ctx& ctx) = 0;
  // Makes calls under way end with kClosed, soon. Idempotent.
  virtual void abort() = 0;
  virtual const PeerInfo& peer() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;
  // The next connection, its TLS handshake done (bounded in time and number; failed ones are
  // counted, not returned). Errors: kStopped; others end the listener.
  virtual Task<Result<std::unique_ptr<Stream>>> accept(Ctx& ctx) = 0;
  virtual Address local() const = 0;  // With the port the system chose for port 0.
};

class Network {
 public:
  // Errors: kExists (address in use), kInvalid (bad certificate, key or address, named), kDenied.
  virtual Task<Result<std::unique_ptr<Listener>>> listen(Ctx& ctx, Address address,
                                                         std::optional<TlsSettings> tls) = 0;
  // Connected and, with tls, verified by name and chain. Errors: kUnavailable (refused,
  // unreachable, no such name), kDenied (certificate; says why), kTimeout, kStopped.
  virtual Task<Result<std::unique_ptr<Stream>>> connect(Ctx& ctx, Address address,
                                                        std::optional<TlsSettings> tls) = 0;

 protected:
  ~Network() = default;
};

}  // namespace creel
