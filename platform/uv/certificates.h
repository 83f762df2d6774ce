#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/base/units.h"

namespace creel {

// What a new certificate says. ECDSA P-256, SHA-256, random serial number.
struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;  // IPv4 or IPv6 literals.
  std::vector<std::string> uris;          // Such as a site's identity.
  WallTime not_before;                    // Whole seconds; years 1950 to 9999.
  WallTime not_after;
  bool for_server = true;  // Extended key usages; neither means any.
  bool for_client = true;
};

struct CertificateAndKey {
  std::string certificate_pem;
  std::string key_pem;  // Secret: never logged; files of it are 0600.
};

// Errors of all: kInvalid (a name, an address, the period, or the CA's PEM, named).
// A certificate authority of its own; it signs others and serves nobody.
Result<CertificateAndKey> make_ca(const CertificateRequest& request);
// Signed by `ca`.
Result<CertificateAndKey> make_certificate(const CertificateAndKey& ca,
                                           const CertificateRequest& request);
// Signed by itself: what a first start serves until it is given better. Peers trust it by pinning
// it as their CA, or by its fingerprint.
Result<CertificateAndKey> make_self_signed(const CertificateRequest& request);

// Lower-case hex SHA-256 of the first certificate's DER, as people compare it. kInvalid if none.
Result<std::string> certificate_fingerprint_sha256(std::string_view certificate_pem);
// When the first certificate ends, in seconds UTC. kInvalid if none.
Result<WallTime> certificate_not_after(std::string_view certificate_pem);

}  // namespace creel
