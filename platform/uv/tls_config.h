#pragma once
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include <memory>
#include <string>
#include <vector>

#include "platform/base/result.h"
#include "platform/network.h"
#include "platform/uv/uv_options.h"

namespace creel {

// TLS 1.2 and 1.3 with certificates parsed and checked; immutable, shared by its connections, so
// that new certificates never disturb old ones. Errors: kInvalid, naming the part that is wrong.
class TlsConfig {
 public:
  static Result<std::shared_ptr<const TlsConfig>> for_server(const TlsSettings& settings,
                                                             const UvOptions& options);
  // Always verifies the peer against ca_pem; the name is set on each connection.
  static Result<std::shared_ptr<const TlsConfig>> for_client(const TlsSettings& settings,
                                                             const UvOptions& options);
  TlsConfig();
  ~TlsConfig();
  TlsConfig(const TlsConfig&) = delete;
  TlsConfig& operator=(const TlsConfig&) = delete;

  const mbedtls_ssl_config* get() const { return &config_; }

 private:
  Result<Unit> load(const TlsSettings& settings, const UvOptions& options, int endpoint);
  Result<Unit> load_certificate(const TlsSettings& settings);
  Result<Unit> load_trusted(const TlsSettings& settings);
  Result<Unit> load_alpn(const TlsSettings& settings);

  static int choose_client_auth(mbedtls_ssl_context* ssl);

  mbedtls_ssl_config config_;
  std::string peer_certificate_alpn_;
  int verify_ = MBEDTLS_SSL_VERIFY_NONE;  // Of clients.
  mbedtls_x509_crt certificate_;
  mbedtls_x509_crt trusted_;
  mbedtls_pk_context key_;
  std::vector<std::string> alpn_;
  std::vector<const char*> alpn_pointers_;  // Null-terminated, into alpn_.
};

// Before any other use of mbedTLS: TLS 1.3 and keys live in PSA. Idempotent.
Result<Unit> tls_start();
// "TLS error -0x7780: the peer sent an alert".
std::string tls_error_text(int code);
// What verification did not like, on one line.
std::string verify_text(std::uint32_t flags);
// Subject alternative URI, else common name.
std::optional<std::string> certificate_identity(const mbedtls_x509_crt& certificate);

}  // namespace creel
