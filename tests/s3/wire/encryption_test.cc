#include "s3/wire/encryption.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "s3/wire/xml_in.h"

namespace creel::s3 {
namespace {

constexpr std::string_view kServer = "x-amz-server-side-encryption";
constexpr std::string_view kKmsId = "x-amz-server-side-encryption-aws-kms-key-id";
constexpr std::string_view kAlgorithm = "x-amz-server-side-encryption-customer-algorithm";
constexpr std::string_view kKey = "x-amz-server-side-encryption-customer-key";
constexpr std::string_view kMd5 = "x-amz-server-side-encryption-customer-key-MD5";
constexpr std::string_view kGoodKey = "pO3upElrwuEXSoFwCfnZPdSsmt/xWeFa0N9KgDijwVs=";
constexpr std::string_view kGoodMd5 = "DWygnHRtgiJ77HCm+1rvHw==";

using Fields = std::vector<HeaderField>;

TEST(EncryptionHeaders, WhatAWriteMayAskFor) {
  EXPECT_EQ(parse_encryption(Headers(Fields{})).value().kind, EncryptionKind::kNone);
  const Fields server{{kServer, "AES256"}};
  EXPECT_EQ(parse_encryption(Headers(server)).value().kind, EncryptionKind::kServer);
  const Fields kms{{kServer, "aws:kms"}, {kKmsId, "arn:aws:kms:us-east-1:1:key/some"}};
  EXPECT_EQ(parse_encryption(Headers(kms)).value().kind, EncryptionKind::kKms);
  EXPECT_EQ(parse_encryption(Headers(kms)).value().kms_key, "some");
  const Fields customer{{kAlgorithm, "AES256"}, {kKey, kGoodKey}, {kMd5, kGoodMd5}};
  const auto found = parse_encryption(Headers(customer));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value().kind, EncryptionKind::kCustomer);
  EXPECT_EQ(found.value().customer->md5, kGoodMd5);
}

TEST(EncryptionHeaders, WhatIsRefusedNamesTheHeaderAndNeverTheKey) {
  const Fields bad[] = {
      {{kServer, "AES128"}},
      {{kServer, ""}},
      {{kKmsId, "a"}},
      {{kServer, "AES256"}, {kKmsId, "a"}},
      {{kAlgorithm, "AES256"}},
      {{kKey, kGoodKey}, {kMd5, kGoodMd5}},
      {{kAlgorithm, "AES256"}, {kMd5, kGoodMd5}},
      {{kAlgorithm, "AES256"}, {kKey, kGoodKey}},
      {{kAlgorithm, "AES128"}, {kKey, kGoodKey}, {kMd5, kGoodMd5}},
      {{kAlgorithm, "AES256"}, {kKey, kGoodKey}, {kMd5, "AAAAAAAAAAAAAAAAAAAAAA=="}},
      {{kAlgorithm, "AES256"}, {kKey, "c2hvcnQ="}, {kMd5, kGoodMd5}},
      {{kAlgorithm, "AES256"}, {kKey, "no base64!"}, {kMd5, kGoodMd5}},
      {{kAlgorithm, "AES256"}, {kKey, kGoodKey}, {kMd5, kGoodMd5}, {kServer, "AES256"}},
      {{kAlgorithm, "AES256"}, {kKey, kGoodKey}, {kMd5, kGoodMd5}, {kKmsId, "a"}},
  };
  for (const Fields& fields : bad) {
    const auto parsed = parse_encryption(Headers(fields));
    ASSERT_FALSE(parsed.ok()) << fields.front().name << ' ' << fields.front().value;
    EXPECT_EQ(parsed.error().code, S3Code::kInvalidArgument);
    const std::string text = render_error(parsed.error(), {});
    EXPECT_NE(text.find("ArgumentName"), std::string::npos);
    EXPECT_EQ(text.find(kGoodKey), std::string::npos);
  }
}

TEST(EncryptionHeaders, TheSourceOfACopyHasItsOwnThree) {
  const std::string names[] = {"x-amz-copy-source-server-side-encryption-customer-algorithm",
                               "x-amz-copy-source-server-side-encryption-customer-key",
                               "x-amz-copy-source-server-side-encryption-customer-key-md5"};
  const Fields source{{names[0], "AES256"}, {names[1], kGoodKey}, {names[2], kGoodMd5}};
  EXPECT_TRUE(parse_customer_key(Headers(source), true).value().has_value());
  EXPECT_FALSE(parse_customer_key(Headers(source), false).value().has_value());
  EXPECT_EQ(parse_encryption(Headers(source)).value().kind, EncryptionKind::kNone);
}

TEST(EncryptionHeaders, ReadingNamesNone) {
  EXPECT_TRUE(check_no_encryption(Headers(Fields{{kAlgorithm, "AES256"}})).ok());
  EXPECT_FALSE(check_no_encryption(Headers(Fields{{kServer, "AES256"}})).ok());
  EXPECT_FALSE(check_no_encryption(Headers(Fields{{kKmsId, "a"}})).ok());
}

TEST(BucketEncryption, ReadsBackWhatItWrites) {
  EncryptionWish wish;
  wish.kind = EncryptionKind::kKms;
  wish.kms_key = "a<b";
  wish.bucket_key = true;
  const std::string xml = bucket_encryption_xml(wish);
  const auto read = parse_bucket_encryption(as_bytes(xml));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value().kind, EncryptionKind::kKms);
  EXPECT_EQ(read.value().kms_key, "a<b");
  EXPECT_TRUE(read.value().bucket_key);
}

TEST(BucketEncryption, WhatIsRefused) {
  const auto rule = [](std::string_view inside) {
    return std::string("<ServerSideEncryptionConfiguration>")
        .append(inside)
        .append("</ServerSideEncryptionConfiguration>");
  };
  const std::string aes =
      "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
      "</ApplyServerSideEncryptionByDefault></Rule>";
  EXPECT_TRUE(parse_bucket_encryption(as_bytes(rule(aes))).ok());
  const std::string bad[] = {
      "",
      "<Other/>",
      rule(""),
      rule("<Rule/>"),
      rule(aes + aes),
      rule("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>DES</SSEAlgorithm>"
           "</ApplyServerSideEncryptionByDefault></Rule>"),
      rule("<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
           "<KMSMasterKeyID>a</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule>")};
  for (const std::string& text : bad)
    EXPECT_FALSE(parse_bucket_encryption(as_bytes(text)).ok()) << text;
}

}  // namespace
}  // namespace creel::s3
