#include "platform/uv/tls_config.h"

#include <mbedtls/ssl_ciphersuites.h>
#include <psa/crypto.h>

#if defined(__aarch64__) || defined(__arm__)
#include <sys/auxv.h>
#endif

#include <utility>

#include "platform/base/text.h"
#include "platform/uv/uv_random.h"

namespace creel {

namespace {

// ECDHE with AEAD only. AES first where the processor computes it, else ChaCha20, which plain code
// does faster and without tables that leak through the cache.
constexpr int kAesFirst[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                             MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                             MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                             MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                             0};
constexpr int kChachaFirst[] = {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                0};

// Whether mbedTLS itself will use AES instructions; its Armv8 code is built for 64 bits only.
bool has_fast_aes() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
  constexpr unsigned long kAes = 1UL << 3;  // HWCAP_AES
  return (getauxval(AT_HWCAP) & kAes) != 0;
#else
  return false;
#endif
}

// PEM with its terminating zero counted, as mbedTLS wants it.
const unsigned char* pem_data(const std::string& pem) {
  return reinterpret_cast<const unsigned char*>(pem.c_str());
}

}  // namespace

Result<Unit> tls_start() {
  if (psa_crypto_init() != PSA_SUCCESS)
    return fail(ErrorCode::kUnavailable, "the cryptography library could not start");
  return Unit{};
}

TlsConfig::TlsConfig() {
  mbedtls_ssl_config_init(&config_);
  mbedtls_x509_crt_init(&certificate_);
  mbedtls_x509_crt_init(&trusted_);
  mbedtls_pk_init(&key_);
}

TlsConfig::~TlsConfig() {
  mbedtls_ssl_config_free(&config_);
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_x509_crt_free(&trusted_);
  mbedtls_pk_free(&key_);
}

Result<std::shared_ptr<const TlsConfig>> TlsConfig::for_server(const TlsSettings& settings,
                                                               const UvOptions& options) {
  if (settings.certificate_pem.empty())
    return fail(ErrorCode::kInvalid, "a TLS server needs a certificate");
  if (settings.require_peer_certificate && settings.ca_pem.empty())
    return fail(ErrorCode::kInvalid, "client certificates are required, but no CA is trusted");
  auto made = std::make_shared<TlsConfig>();
  TRY_DO(made->load(settings, options, MBEDTLS_SSL_IS_SERVER));
  if (!settings.ca_pem.empty())
    made->verify_ = settings.require_peer_certificate ? MBEDTLS_SSL_VERIFY_REQUIRED
                                                      : MBEDTLS_SSL_VERIFY_OPTIONAL;
  made->peer_certificate_alpn_ = settings.peer_certificate_alpn;
  const bool asks_everybody = settings.peer_certificate_alpn.empty();
  mbedtls_ssl_conf_authmode(&made->config_,
                            asks_everybody ? made->verify_ : MBEDTLS_SSL_VERIFY_NONE);
  if (!asks_everybody) {
    mbedtls_ssl_conf_set_user_data_p(&made->config_, made.get());
    mbedtls_ssl_conf_cert_cb(&made->config_, choose_client_auth);
  }
  return Result<std::shared_ptr<const TlsConfig>>(std::move(made));
}

// Called once the client's extensions, ALPN among them, are known.
int TlsConfig::choose_client_auth(mbedtls_ssl_context* ssl) {
  const mbedtls_ssl_config* config = mbedtls_ssl_context_get_config(ssl);
  // The getter takes a non-const config, though it only reads.
  const auto* self = static_cast<const TlsConfig*>(
      mbedtls_ssl_conf_get_user_data_p(const_cast<mbedtls_ssl_config*>(config)));
  const char* agreed = mbedtls_ssl_get_alpn_protocol(ssl);
  if (agreed != nullptr && self->peer_certificate_alpn_ == agreed)
    mbedtls_ssl_set_hs_authmode(ssl, self->verify_);
  return 0;
}

Result<std::shared_ptr<const TlsConfig>> TlsConfig::for_client(const TlsSettings& settings,
                                                               const UvOptions& options) {
  if (settings.ca_pem.empty())
    return fail(ErrorCode::kInvalid, "a TLS client needs a trusted CA to verify its peer");
  auto made = std::make_shared<TlsConfig>();
  TRY_DO(made->load(settings, options, MBEDTLS_SSL_IS_CLIENT));
  mbedtls_ssl_conf_authmode(&made->config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  return Result<std::shared_ptr<const TlsConfig>>(std::move(made));
}

Result<Unit> TlsConfig::load(const TlsSettings& settings, const UvOptions& options, int endpoint) {
  TRY_DO(tls_start());
  const int status = mbedtls_ssl_config_defaults(&config_, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT);
  if (status != 0) return fail(ErrorCode::kUnavailable, tls_error_text(status));
  mbedtls_ssl_conf_rng(&config_, uv_random_callback, nullptr);
  mbedtls_ssl_conf_min_tls_version(&config_, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(
      &config_, options.tls12_only ? MBEDTLS_SSL_VERSION_TLS1_2 : MBEDTLS_SSL_VERSION_TLS1_3);
  mbedtls_ssl_conf_ciphersuites(&config_, has_fast_aes() ? kAesFirst : kChachaFirst);
  // A resumed session would skip the client's certificate: no tickets, either side, ever.
  mbedtls_ssl_conf_session_tickets(&config_, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  TRY_DO(load_certificate(settings));
  TRY_DO(load_trusted(settings));
  return load_alpn(settings);
}

Result<Unit> TlsConfig::load_certificate(const TlsSettings& settings) {
  if (settings.certificate_pem.empty()) {
    if (settings.key_pem.empty()) return Unit{};
    return fail(ErrorCode::kInvalid, "a TLS key without its certificate");
  }
  int status = mbedtls_x509_crt_parse(&certificate_, pem_data(settings.certificate_pem),
                                      settings.certificate_pem.size() + 1);
  if (status != 0)
    return fail(ErrorCode::kInvalid, cat("certificate: not valid PEM, ", tls_error_text(status)));
  status = mbedtls_pk_parse_key(&key_, pem_data(settings.key_pem), settings.key_pem.size() + 1,
                                nullptr, 0, uv_random_callback, nullptr);
  if (status != 0)
    return fail(ErrorCode::kInvalid,
                cat("key: not a valid PEM private key, ", tls_error_text(status)));
  if (mbedtls_pk_check_pair(&certificate_.pk, &key_, uv_random_callback, nullptr) != 0)
    return fail(ErrorCode::kInvalid, "the key does not belong to the certificate");
  status = mbedtls_ssl_conf_own_cert(&config_, &certificate_, &key_);
  if (status != 0) return fail(ErrorCode::kUnavailable, tls_error_text(status));
  return Unit{};
}

Result<Unit> TlsConfig::load_trusted(const TlsSettings& settings) {
  if (settings.ca_pem.empty()) return Unit{};
  const int status =
      mbedtls_x509_crt_parse(&trusted_, pem_data(settings.ca_pem), settings.ca_pem.size() + 1);
  // A positive number counts the ones it could not read: a bundle may hold unknown algorithms.
  const bool any = status >= 0 && trusted_.raw.len > 0;
  if (!any)
    return fail(ErrorCode::kInvalid, cat("CA: no valid PEM certificate, ", tls_error_text(status)));
  mbedtls_ssl_conf_ca_chain(&config_, &trusted_, nullptr);
  return Unit{};
}

Result<Unit> TlsConfig::load_alpn(const TlsSettings& settings) {
  if (settings.alpn.empty()) return Unit{};
  alpn_ = settings.alpn;
  for (const std::string& name : alpn_) alpn_pointers_.push_back(name.c_str());
  alpn_pointers_.push_back(nullptr);
  if (mbedtls_ssl_conf_alpn_protocols(&config_, alpn_pointers_.data()) != 0)
    return fail(ErrorCode::kInvalid, "an ALPN name is empty or longer than 255 bytes");
  return Unit{};
}

}  // namespace creel
