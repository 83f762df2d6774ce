#include "s3/wire/encryption.h"

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "platform/cpu/hash.h"
#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kServerHeader = "x-amz-server-side-encryption";
constexpr std::string_view kKmsHeader = "x-amz-server-side-encryption-aws-kms-key-id";
constexpr std::string_view kBucketKeyHeader = "x-amz-server-side-encryption-bucket-key-enabled";
constexpr std::string_view kKmsContextHeader = "x-amz-server-side-encryption-context";
constexpr std::string_view kCustomer = "x-amz-server-side-encryption-customer-";
constexpr std::string_view kSourceCustomer = "x-amz-copy-source-server-side-encryption-customer-";
constexpr std::size_t kKmsKeyBytesMax = 128;
constexpr std::size_t kNodesMax = 100;

// A key by its name, also as an ARN: "arn:aws:kms:REGION:ACCOUNT:key/NAME".
std::string_view kms_name(std::string_view id) {
  const std::size_t key = id.find(":key/");
  return id.starts_with("arn:") && key != std::string_view::npos ? id.substr(key + 5) : id;
}

S3Result<Unit> check_kms_key(std::string_view id) {
  if (id.size() <= kKmsKeyBytesMax) return Unit{};
  return invalid_argument("The KMS key id is too long", kKmsHeader, id.substr(0, kKmsKeyBytesMax));
}

}  // namespace

S3Result<std::optional<CustomerKey>> parse_customer_key(const Headers& headers, bool of_source) {
  const std::string_view prefix = of_source ? kSourceCustomer : kCustomer;
  const std::string names[] = {cat(prefix, "algorithm"), cat(prefix, "key"),
                               cat(prefix, "key-MD5")};
  const auto algorithm = headers.find(names[0]);
  const auto key = headers.find(names[1]);
  const auto md5 = headers.find(names[2]);
  if (!algorithm && !key && !md5) return std::optional<CustomerKey>();
  if (!algorithm)
    return invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide a "
        "valid encryption algorithm.",
        names[0], "null");
  if (!key)
    return invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide an "
        "appropriate secret key.",
        names[1], "null");
  if (!md5)
    return invalid_argument(
        "Requests specifying Server Side Encryption with Customer provided keys must provide the "
        "client calculated MD5 of the secret key.",
        names[2], "null");
  if (*algorithm != "AES256")
    return invalid_argument(
        "The encryption request that you specified is not valid. The valid "
        "value is AES256.",
        names[0], *algorithm);
  std::optional<Bytes> raw = base64_decode(*key);
  if (!raw || raw->size() != kSealKeyBytes) {
    if (raw) wipe(*raw);
    return invalid_argument("The secret key was invalid for the specified algorithm.", names[0],
                            "AES256");
  }
  CustomerKey found;
  found.key = SecretKey(*raw);
  wipe(*raw);
  found.md5 = base64_encode(Md5::of(found.key.view()));
  if (!equal_constant_time(as_bytes(found.md5), as_bytes(*md5)))
    return invalid_argument(
        "The calculated MD5 hash of the key did not match the hash that was provided.", names[2],
        *md5);
  return std::optional<CustomerKey>(std::move(found));
}

S3Result<EncryptionWish> parse_encryption(const Headers& headers) {
  EncryptionWish wish;
  TRY(customer, parse_customer_key(headers, false));
  wish.customer = std::move(customer);
  const auto server = headers.find(kServerHeader);
  const auto kms_key = headers.find(kKmsHeader);
  const auto bucket_key = headers.find(kBucketKeyHeader);
  if (wish.customer && (server || kms_key))
    return invalid_argument(
        "Server Side Encryption with Customer provided key is incompatible with the encryption "
        "method specified",
        kServerHeader, server.value_or("null"));
  if (wish.customer) wish.kind = EncryptionKind::kCustomer;
  if (server) {
    if (*server == "AES256") wish.kind = EncryptionKind::kServer;
    else if (*server == "aws:kms") wish.kind = EncryptionKind::kKms;
    else
      return invalid_argument("The encryption method specified is not supported", kServerHeader,
                              *server);
  }
  const bool is_kms = wish.kind == EncryptionKind::kKms;
  if (kms_key && !is_kms)
    return invalid_argument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header "
        "x-amz-server-side-encryption : aws:kms",
        kServerHeader, server.value_or("null"));
  // Bound to the key by AWS; nothing here would ever ask for it again.
  if (headers.has(kKmsContextHeader))
    return s3_fail(S3Code::kNotImplemented, "Encryption contexts are not implemented.")
        .with("Header", std::string(kKmsContextHeader));
  if (kms_key) {
    TRY_DO(check_kms_key(*kms_key));
    wish.kms_key = kms_name(*kms_key);
  }
  wish.bucket_key = is_kms && bucket_key && equal_ignore_case(*bucket_key, "true");
  return wish;
}

S3Result<Unit> check_no_encryption(const Headers& headers) {
  for (const std::string_view name : {kServerHeader, kKmsHeader})
    if (const auto value = headers.find(name))
      return invalid_argument(cat(name, " header is not supported for this operation."), name,
                              *value);
  return Unit{};
}

void add_encryption_headers(HeaderList& headers, const ToldEncryption& told) {
  switch (told.kind) {
    case EncryptionKind::kNone: return;
    case EncryptionKind::kCustomer:
      headers.add(cat(kCustomer, "algorithm"), "AES256");
      if (!told.customer_md5.empty()) headers.add(cat(kCustomer, "key-MD5"), told.customer_md5);
      return;
    case EncryptionKind::kServer: headers.add(kServerHeader, "AES256"); return;
    case EncryptionKind::kKms:
      headers.add(kServerHeader, "aws:kms");
      headers.add(kKmsHeader, told.kms_key);
      if (told.bucket_key) headers.add(kBucketKeyHeader, "true");
      return;
  }
}

S3Result<EncryptionWish> parse_bucket_encryption(ByteView body) {
  TRY(root, parse_xml_body(body, "ServerSideEncryptionConfiguration", kXmlBodyBytesMax, kNodesMax));
  const auto malformed = [](std::string_view what) {
    return s3_fail(S3Code::kMalformedXml).with("Details", std::string(what));
  };
  const XmlNode* rule = root.child("Rule");
  if (rule == nullptr) return malformed("there is no <Rule>");
  std::size_t rules = 0;
  for (const XmlNode& node : root.children) rules += node.name == "Rule";
  if (rules > 1) return malformed("there is more than one <Rule>");
  const XmlNode* apply = rule->child("ApplyServerSideEncryptionByDefault");
  if (apply == nullptr) return malformed("<Rule> says nothing to apply by default");
  const std::string_view algorithm = trim(apply->child_text("SSEAlgorithm").value_or(""));
  EncryptionWish wish;
  if (algorithm == "AES256") wish.kind = EncryptionKind::kServer;
  else if (algorithm == "aws:kms") wish.kind = EncryptionKind::kKms;
  else return malformed(cat("SSEAlgorithm is '", algorithm, "', allowed are AES256 and aws:kms"));
  const bool is_kms = wish.kind == EncryptionKind::kKms;
  if (const auto id = apply->child_text("KMSMasterKeyID")) {
    if (!is_kms)
      return invalid_argument(
          "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
          "KMSMasterKeyID", trim(*id));
    TRY_DO(check_kms_key(trim(*id)));
    wish.kms_key = kms_name(trim(*id));
  }
  wish.bucket_key =
      is_kms && equal_ignore_case(trim(rule->child_text("BucketKeyEnabled").value_or("")), "true");
  return wish;
}

std::string bucket_encryption_xml(const EncryptionWish& wish) {
  std::string out;
  XmlWriter xml(out);
  xml.open("ServerSideEncryptionConfiguration",
           "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"");
  xml.open("Rule").open("ApplyServerSideEncryptionByDefault");
  xml.leaf("SSEAlgorithm", wish.kind == EncryptionKind::kKms ? "aws:kms" : "AES256");
  if (!wish.kms_key.empty()) xml.leaf("KMSMasterKeyID", std::string_view(wish.kms_key));
  xml.close();
  xml.leaf("BucketKeyEnabled", wish.bucket_key);
  xml.close().close();
  return out;
}

}  // namespace creel::s3
