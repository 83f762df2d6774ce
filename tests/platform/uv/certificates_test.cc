#include "platform/uv/certificates.h"

#include <gtest/gtest.h>

namespace creel::test {
namespace {

CertificateRequest request() {
  CertificateRequest made;
  made.common_name = "edge box";
  made.not_before = {1'700'000'000LL * 1'000'000'000};
  made.not_after = {1'800'000'000LL * 1'000'000'000};
  return made;
}

TEST(Certificates, AFingerprintIsOfOneCertificateAlone) {
  const auto first = make_self_signed(request());
  const auto second = make_self_signed(request());
  ASSERT_TRUE(first.ok() && second.ok());
  const auto one = certificate_fingerprint_sha256(first.value().certificate_pem);
  const auto other = certificate_fingerprint_sha256(second.value().certificate_pem);
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_EQ(one.value().size(), 64u);
  EXPECT_NE(one.value(), other.value());
  EXPECT_EQ(one.value(), certificate_fingerprint_sha256(first.value().certificate_pem).value());
}

TEST(Certificates, TheEndIsReadBack) {
  const auto made = make_ca(request());
  ASSERT_TRUE(made.ok());
  const auto end = certificate_not_after(made.value().certificate_pem);
  ASSERT_TRUE(end.ok());
  EXPECT_EQ(end.value(), request().not_after);
}

TEST(Certificates, BadRequestsAreRefused) {
  const auto ca = make_ca(request());
  ASSERT_TRUE(ca.ok());
  const auto refused = [&](auto change) {
    CertificateRequest wanted = request();
    change(wanted);
    const auto made = make_certificate(ca.value(), wanted);
    return !made.ok() && made.error().code == ErrorCode::kInvalid;
  };
  EXPECT_FALSE(refused([](CertificateRequest&) {}));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.common_name = ""; }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.common_name = "a,O=b"; }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.common_name = std::string(65, 'a'); }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.dns_names = {""}; }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.dns_names = {"a b"}; }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.ip_addresses = {"300.1.1.1"}; }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.uris.assign(65, "creel:x"); }));
  EXPECT_TRUE(refused([](CertificateRequest& r) { r.not_after = r.not_before; }));
}

TEST(Certificates, ACaMustHaveItsOwnKey) {
  const auto one = make_ca(request());
  const auto other = make_ca(request());
  ASSERT_TRUE(one.ok() && other.ok());
  const CertificateAndKey mixed{one.value().certificate_pem, other.value().key_pem};
  EXPECT_FALSE(make_certificate(mixed, request()).ok());
  EXPECT_FALSE(make_certificate({"", ""}, request()).ok());
  EXPECT_FALSE(certificate_fingerprint_sha256("nothing").ok());
}

}  // namespace
}  // namespace creel::test
