#include "platform/uv/certificates.h"

#include <arpa/inet.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509.h>
#include <mbedtls/x509_crt.h>

#include <list>
#include <utility>

#include "platform/base/text.h"
#include "platform/uv/tls_config.h"
#include "platform/uv/uv_random.h"

namespace creel {

namespace {

constexpr std::size_t kPemBytesMax = 8 * KiB;  // Of a certificate with dozens of names.
constexpr std::size_t kNamesMax = 64;

struct Key {
  mbedtls_pk_context pk;
  Key() { mbedtls_pk_init(&pk); }
  Key(const Key&) = delete;
  ~Key() { mbedtls_pk_free(&pk); }
};

struct Parsed {
  mbedtls_x509_crt certificate;
  Parsed() { mbedtls_x509_crt_init(&certificate); }
  Parsed(const Parsed&) = delete;
  ~Parsed() { mbedtls_x509_crt_free(&certificate); }
};

struct Draft {
  mbedtls_x509write_cert certificate;
  Draft() { mbedtls_x509write_crt_init(&certificate); }
  Draft(const Draft&) = delete;
  ~Draft() { mbedtls_x509write_crt_free(&certificate); }
};

Result<Unit> ok_or(int status, ErrorCode code, std::string_view what) {
  if (status == 0) return Unit{};
  return fail(code, cat(what, ": ", tls_error_text(status)));
}
// What only a lack of memory or our own mistake can make fail.
Result<Unit> internal(int status) {
  return ok_or(status, ErrorCode::kUnavailable, "make a certificate");
}

Result<Unit> generate(Key& key) {
  TRY_DO(tls_start());
  TRY_DO(internal(mbedtls_pk_setup(&key.pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY))));
  return internal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key.pk),
                                      uv_random_callback, nullptr));
}

Result<Unit> parse(Parsed& into, std::string_view pem) {
  const std::string text(pem);  // mbedTLS wants the terminating zero.
  const int status = mbedtls_x509_crt_parse(
      &into.certificate, reinterpret_cast<const unsigned char*>(text.c_str()), text.size() + 1);
  return ok_or(status, ErrorCode::kInvalid, "certificate: not valid PEM");
}

// "CN=name"; only characters that need no quoting in a distinguished name.
Result<std::string> subject_text(const std::string& common_name) {
  constexpr std::string_view kQuoted = ",=+<>#;\"\\";
  bool good = !common_name.empty() && common_name.size() <= 64 && common_name.front() != ' ' &&
              common_name.back() != ' ';
  for (const char c : common_name)
    good = good && c >= ' ' && c <= '~' && kQuoted.find(c) == kQuoted.npos;
  if (!good)
    return fail(ErrorCode::kInvalid,
                "common name: 1 to 64 printable ASCII characters without ,=+<>#;\"\\");
  return cat("CN=", common_name);
}

// The subject alternative names in mbedTLS's list form; it points into the request and itself.
class AlternativeNames {
 public:
  Result<Unit> add_all(const CertificateRequest& request) {
    for (const std::string& name : request.dns_names)
      TRY_DO(add_text(MBEDTLS_X509_SAN_DNS_NAME, name));
    for (const std::string& uri : request.uris)
      TRY_DO(add_text(MBEDTLS_X509_SAN_UNIFORM_RESOURCE_IDENTIFIER, uri));
    for (const std::string& address : request.ip_addresses) TRY_DO(add_ip(address));
    return Unit{};
  }
  const mbedtls_x509_san_list* get() const { return nodes_.empty() ? nullptr : &nodes_.front(); }

 private:
  Result<Unit> add_text(int type, const std::string& text) {
    bool good = !text.empty() && text.size() <= 255;
    for (const char c : text) good = good && c > ' ' && c <= '~';
    if (!good)
      return fail(ErrorCode::kInvalid,
                  cat("alternative name \"", text, "\": 1 to 255 printable ASCII characters"));
    return add(type, as_bytes(text));
  }

  Result<Unit> add_ip(const std::string& address) {
    Bytes& raw = addresses_.emplace_back(16);
    if (inet_pton(AF_INET, address.c_str(), raw.data()) == 1) raw.resize(4);
    else if (inet_pton(AF_INET6, address.c_str(), raw.data()) != 1)
      return fail(ErrorCode::kInvalid, cat("not an IP address: ", address));
    return add(MBEDTLS_X509_SAN_IP_ADDRESS, raw);
  }

  Result<Unit> add(int type, ByteView bytes) {
    if (nodes_.size() == kNamesMax)
      return fail(ErrorCode::kInvalid, cat("more than ", kNamesMax, " alternative names"));
    mbedtls_x509_san_list node{};
    node.node.type = type;
    node.node.san.unstructured_name.p = const_cast<unsigned char*>(bytes.data());
    node.node.san.unstructured_name.len = bytes.size();
    mbedtls_x509_san_list* last = nodes_.empty() ? nullptr : &nodes_.back();
    nodes_.push_back(node);
    if (last != nullptr) last->next = &nodes_.back();
    return Unit{};
  }

  std::list<mbedtls_x509_san_list> nodes_;
  std::list<Bytes> addresses_;
};

Result<Unit> set_period(Draft& draft, const CertificateRequest& request) {
  const auto digits = [](WallTime time) {  // YYYYMMDDhhmmss
    std::string text = iso8601_basic(time);
    std::erase(text, 'T');
    std::erase(text, 'Z');
    return text;
  };
  const std::string from = digits(request.not_before);
  const std::string to = digits(request.not_after);
  if (request.not_before >= request.not_after || from.size() != 14 || to.size() != 14)
    return fail(ErrorCode::kInvalid, "a certificate must end after it begins");
  return internal(mbedtls_x509write_crt_set_validity(&draft.certificate, from.c_str(), to.c_str()));
}

Result<Unit> set_serial(Draft& draft) {
  unsigned char serial[16];
  UvRandom().fill(serial);
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7f) | 0x40);  // Positive, 16 bytes.
  return internal(mbedtls_x509write_crt_set_serial_raw(&draft.certificate, serial, sizeof serial));
}

Result<Unit> set_usage(Draft& draft, const CertificateRequest& request, bool is_ca) {
  mbedtls_x509write_cert* certificate = &draft.certificate;
  TRY_DO(internal(mbedtls_x509write_crt_set_basic_constraints(certificate, is_ca, -1)));
  const unsigned usage = is_ca ? MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN
                               : MBEDTLS_X509_KU_DIGITAL_SIGNATURE;
  TRY_DO(internal(mbedtls_x509write_crt_set_key_usage(certificate, usage)));
  TRY_DO(internal(mbedtls_x509write_crt_set_subject_key_identifier(certificate)));
  TRY_DO(internal(mbedtls_x509write_crt_set_authority_key_identifier(certificate)));
  if (is_ca) return Unit{};
  static unsigned char server_oid[] = MBEDTLS_OID_SERVER_AUTH;
  static unsigned char client_oid[] = MBEDTLS_OID_CLIENT_AUTH;
  mbedtls_asn1_sequence server{{MBEDTLS_ASN1_OID, sizeof server_oid - 1, server_oid}, nullptr};
  mbedtls_asn1_sequence client{{MBEDTLS_ASN1_OID, sizeof client_oid - 1, client_oid}, nullptr};
  if (request.for_server && request.for_client) server.next = &client;
  if (!request.for_server && !request.for_client) return Unit{};
  return internal(
      mbedtls_x509write_crt_set_ext_key_usage(certificate, request.for_server ? &server : &client));
}

Result<CertificateAndKey> pem_of(Draft& draft, Key& key) {
  std::string buffer(kPemBytesMax, '\0');
  auto* out = reinterpret_cast<unsigned char*>(buffer.data());
  CertificateAndKey made;
  TRY_DO(internal(mbedtls_x509write_crt_pem(&draft.certificate, out, buffer.size(),
                                            uv_random_callback, nullptr)));
  made.certificate_pem = buffer.c_str();
  TRY_DO(internal(mbedtls_pk_write_key_pem(&key.pk, out, buffer.size())));
  made.key_pem = buffer.c_str();
  return made;
}

// Signed by `signer` under the name `issuer`; null: by its own key under its own name.
Result<CertificateAndKey> make(const CertificateRequest& request, bool is_ca, Key* signer,
                               const std::string& issuer) {
  Key key;
  Draft draft;
  AlternativeNames names;
  TRY(subject, subject_text(request.common_name));
  TRY_DO(names.add_all(request));
  TRY_DO(generate(key));
  mbedtls_x509write_cert* certificate = &draft.certificate;
  mbedtls_x509write_crt_set_version(certificate, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(certificate, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(certificate, &key.pk);
  mbedtls_x509write_crt_set_issuer_key(certificate, signer != nullptr ? &signer->pk : &key.pk);
  TRY_DO(internal(mbedtls_x509write_crt_set_subject_name(certificate, subject.c_str())));
  const std::string& issuer_name = signer != nullptr ? issuer : subject;
  TRY_DO(internal(mbedtls_x509write_crt_set_issuer_name(certificate, issuer_name.c_str())));
  TRY_DO(set_period(draft, request));
  TRY_DO(set_serial(draft));
  TRY_DO(set_usage(draft, request, is_ca));
  if (names.get() != nullptr)
    TRY_DO(internal(mbedtls_x509write_crt_set_subject_alternative_name(certificate, names.get())));
  return pem_of(draft, key);
}

}  // namespace

Result<CertificateAndKey> make_ca(const CertificateRequest& request) {
  return make(request, true, nullptr, {});
}

Result<CertificateAndKey> make_self_signed(const CertificateRequest& request) {
  return make(request, false, nullptr, {});
}

Result<CertificateAndKey> make_certificate(const CertificateAndKey& ca,
                                           const CertificateRequest& request) {
  TRY_DO(tls_start());
  Parsed parsed;
  Key signer;
  TRY_DO(parse(parsed, ca.certificate_pem));
  const auto* key = reinterpret_cast<const unsigned char*>(ca.key_pem.c_str());
  TRY_DO(ok_or(mbedtls_pk_parse_key(&signer.pk, key, ca.key_pem.size() + 1, nullptr, 0,
                                    uv_random_callback, nullptr),
               ErrorCode::kInvalid, "CA key: not a valid PEM private key"));
  if (mbedtls_pk_check_pair(&parsed.certificate.pk, &signer.pk, uv_random_callback, nullptr) != 0)
    return fail(ErrorCode::kInvalid, "the CA's key does not belong to its certificate");
  char issuer[512];
  if (mbedtls_x509_dn_gets(issuer, sizeof issuer, &parsed.certificate.subject) <= 0)
    return fail(ErrorCode::kInvalid, "the CA's subject name cannot be written");
  return make(request, false, &signer, issuer);
}

Result<std::string> certificate_fingerprint_sha256(std::string_view certificate_pem) {
  Parsed parsed;
  TRY_DO(parse(parsed, certificate_pem));
  std::uint8_t digest[32];
  TRY_DO(internal(mbedtls_sha256(parsed.certificate.raw.p, parsed.certificate.raw.len, digest, 0)));
  return hex_encode(digest);
}

Result<WallTime> certificate_not_after(std::string_view certificate_pem) {
  Parsed parsed;
  TRY_DO(parse(parsed, certificate_pem));
  const mbedtls_x509_time& end = parsed.certificate.valid_to;
  const auto padded = [](int number) { return cat(number < 10 ? "0" : "", number); };
  const std::string text = cat(end.year, padded(end.mon), padded(end.day), 'T', padded(end.hour),
                               padded(end.min), padded(end.sec), 'Z');
  const std::optional<WallTime> time = parse_iso8601_basic(text);
  if (!time) return fail(ErrorCode::kInvalid, cat("certificate: cannot read its end ", text));
  return *time;
}

}  // namespace creel
