#pragma once
#include <mbedtls/ssl.h>

#include <memory>
#include <string>

#include "platform/network.h"
#include "platform/uv/parts_cursor.h"
#include "platform/uv/socket.h"
#include "platform/uv/tls_config.h"

namespace creel {

// What the TLS connections of one loop share.
struct TlsShared {
  Bytes scratch;  // Small parts are gathered here into one record.
  std::uint64_t failures = 0;
};

// TLS over one socket; handshake and records run on the loop. Memory: mbedTLS's two record buffers.
class TlsStream final : public Stream {
 public:
  enum class Step { kDone, kWantRead, kWantWrite, kFailed };

  TlsStream(std::unique_ptr<Socket> socket, Address peer, std::shared_ptr<const TlsConfig> config,
            TlsShared& shared);
  ~TlsStream() override;
  // Clients, before the handshake: SNI, and the name the certificate must bear.
  Result<Unit> set_server_name(const std::string& name);
  // Goes on with the handshake as far as the socket lets it. After kDone peer() is known.
  Step try_handshake();
  Error handshake_error() const;  // After kFailed. kDenied: the certificate, or an alert.
  Task<Result<Unit>> handshake(Ctx& ctx);
  Socket& socket() { return *socket_; }

  Task<Result<std::size_t>> read(Ctx& ctx, MutableBytes into) override;
  Task<Result<Unit>> write(Ctx& ctx, std::span<const ByteView> parts) override;
  Task<Result<Unit>> finish(Ctx& ctx) override;
  void abort() override { socket_->abort(); }
  const PeerInfo& peer() const override { return peer_; }

 private:
  static int send_some(void* self, const unsigned char* data, std::size_t length);
  static int receive_some(void* self, unsigned char* data, std::size_t length);
  Step step_of(int status);
  void learn_peer();
  ByteView next_record(const PartsCursor& cursor);
  // Waits for what `step` wants. Errors: kStopped, kTimeout, kClosed.
  Task<Result<Unit>> wait_for(Ctx& ctx, Step step);
  Error closed_error() const;

  std::unique_ptr<Socket> socket_;
  PeerInfo peer_;
  std::shared_ptr<const TlsConfig> config_;
  TlsShared& shared_;
  mbedtls_ssl_context ssl_;
  int failed_ = 0;  // mbedTLS code that ended this stream.
  int failed_errno_ = 0;  // Of the socket below.
};

}  // namespace creel
