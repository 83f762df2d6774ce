#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509.h>

#include <cstdio>
#include <optional>
#include <string>

#include "platform/base/text.h"
#include "platform/uv/tls_config.h"

namespace creel {

namespace {

// mbedTLS's own texts are left out of the build; these are the ones people meet.
std::string_view meaning(int code) {
  switch (code) {
    case MBEDTLS_ERR_SSL_CONN_EOF: return "the peer closed the connection";
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE: return "the peer refused with an alert";
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY: return "the peer ended the session";
    case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE: return "the client sent no certificate";
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: return "no common algorithms";
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION: return "no common TLS version";
    case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL: return "no common ALPN protocol";
    case MBEDTLS_ERR_SSL_INVALID_RECORD: return "not a TLS record";
    case MBEDTLS_ERR_SSL_INVALID_MAC: return "a record failed its check";
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE: return "an unexpected message";
    case MBEDTLS_ERR_SSL_DECODE_ERROR: return "a malformed message";
    case MBEDTLS_ERR_SSL_BAD_CERTIFICATE: return "a malformed or unsuitable certificate";
    case MBEDTLS_ERR_SSL_ALLOC_FAILED: return "out of memory";
    case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED: return "the certificate was not accepted";
    default: return {};
  }
}

std::string text_of(const mbedtls_asn1_buf& value) {
  return std::string(reinterpret_cast<const char*>(value.p), value.len);
}

std::optional<std::string> uri_name(const mbedtls_x509_crt& certificate) {
  // The list node holds its entry by value, so an empty list is one with no bytes.
  for (const mbedtls_x509_sequence* at = &certificate.subject_alt_names; at != nullptr;
       at = at->next) {
    if (at->buf.p == nullptr) continue;
    mbedtls_x509_subject_alternative_name name{};
    if (mbedtls_x509_parse_subject_alt_name(&at->buf, &name) != 0) continue;
    std::optional<std::string> uri;
    if (name.type == MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER)
      uri = text_of(name.san.unstructured_name);
    mbedtls_x509_free_subject_alt_name(&name);
    if (uri) return uri;
  }
  return std::nullopt;
}

}  // namespace

std::string tls_error_text(int code) {
  char number[16];
  std::snprintf(number, sizeof number, "%s0x%04x", code < 0 ? "-" : "",
                static_cast<unsigned>(code < 0 ? -code : code));
  const std::string_view text = meaning(code);
  return text.empty() ? cat("TLS error ", number) : cat(text, " (TLS error ", number, ')');
}

std::string verify_text(std::uint32_t flags) {
  char text[512] = "";
  if (mbedtls_x509_crt_verify_info(text, sizeof text, "", flags) <= 0) return "not accepted";
  std::string line;
  for (const char c : std::string_view(text)) {
    if (c != '\n') line.push_back(c);
    else line.append("; ");
  }
  while (line.ends_with("; ")) line.resize(line.size() - 2);
  return line;
}

std::optional<std::string> certificate_identity(const mbedtls_x509_crt& certificate) {
  if (std::optional<std::string> uri = uri_name(certificate)) return uri;
  for (const mbedtls_x509_name* at = &certificate.subject; at != nullptr; at = at->next)
    if (at->oid.p != nullptr && MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &at->oid) == 0)
      return text_of(at->val);
  return std::nullopt;
}

}  // namespace creel
