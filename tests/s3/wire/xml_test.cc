#include "platform/codec/xml.h"

#include <gtest/gtest.h>

#include "platform/base/text.h"
#include "s3/wire/xml_in.h"
#include "s3/wire/xml_out.h"
#include "tests/s3/wire/sigv4_support.h"

namespace creel::s3 {
namespace {

using creel::s3::test::at;

constexpr std::string_view kHead = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
constexpr std::string_view kNamespace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
const WallTime kTime = at("20260102T030405Z");
const Owner kOwner{"111", "main"};

ObjectEntry object(std::string key) {
  ObjectEntry entry;
  entry.key = std::move(key);
  entry.modified = kTime;
  entry.etag = "abc";
  entry.size = 5;
  return entry;
}

std::string whole(std::string_view root, std::string_view inside) {
  return cat(kHead, "<", root, kNamespace, ">", inside, "</", root, ">");
}

TEST(XmlOut, Buckets) {
  EXPECT_EQ(list_buckets_xml(kOwner, {{"b", kTime, "us-east-1"}}, "", ""),
            whole("ListAllMyBucketsResult",
                  "<Owner><ID>111</ID><DisplayName>main</DisplayName></Owner><Buckets><Bucket>"
                  "<Name>b</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate>"
                  "<BucketRegion>us-east-1</BucketRegion></Bucket></Buckets>"));
  EXPECT_EQ(location_xml("us-east-1"), whole("LocationConstraint", ""));
  EXPECT_EQ(location_xml("eu-west-1"), whole("LocationConstraint", "eu-west-1"));
}

TEST(XmlOut, ObjectsVersionOne) {
  ListObjectsParams params;
  params.delimiter = "/";
  params.count_max = 2;
  ObjectPage page;
  page.objects.push_back(object("a&<b>\"\r\n\x1b"));
  page.objects[0].owner = kOwner;
  page.common_prefixes.push_back("dir/");
  page.truncated = true;
  page.next = "dir/";
  EXPECT_EQ(
      list_objects_xml("bucket", params, page),
      whole("ListBucketResult",
            "<Name>bucket</Name><Prefix></Prefix><Marker></Marker>"
            "<NextMarker>dir/</NextMarker><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter>"
            "<IsTruncated>true</IsTruncated>"
            "<Contents><Key>a&amp;&lt;b&gt;&quot;&#13;&#10;&#x1b;</Key>"
            "<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;abc&quot;</ETag>"
            "<Size>5</Size><Owner><ID>111</ID><DisplayName>main</DisplayName></Owner>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
            "<CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes>"));
  params.delimiter.clear();
  const std::string plain = list_objects_xml("bucket", params, page);
  EXPECT_EQ(plain.find("NextMarker"), std::string::npos);
  EXPECT_EQ(plain.find("Delimiter"), std::string::npos);
}

TEST(XmlOut, ObjectsVersionTwoEncoded) {
  ListObjectsParams params;
  params.v2 = true;
  params.encoding_url = true;
  params.prefix = "a b";
  params.continuation_token = "";
  params.start_after = "x y";
  ObjectPage page;
  page.objects.push_back(object("a b+c"));
  page.truncated = true;
  page.next = "a b+c";
  EXPECT_EQ(list_objects_xml("bucket", params, page),
            whole("ListBucketResult",
                  cat("<Name>bucket</Name><Prefix>a%20b</Prefix><KeyCount>1</KeyCount>"
                      "<ContinuationToken></ContinuationToken><NextContinuationToken>",
                      encode_list_token("a b+c"),
                      "</NextContinuationToken><StartAfter>x%20y</StartAfter>"
                      "<MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>"
                      "<EncodingType>url</EncodingType><Contents><Key>a%20b%2Bc</Key>"
                      "<LastModified>2026-01-02T03:04:05.000Z</LastModified>"
                      "<ETag>&quot;abc&quot;</ETag><Size>5</Size>"
                      "<StorageClass>STANDARD</StorageClass></Contents>")));
}

TEST(XmlOut, VersionsOfUnversionedObjectsAreNull) {
  VersionPage page;
  VersionEntry version;
  static_cast<ObjectEntry&>(version) = object("k");
  version.owner = kOwner;
  page.versions.push_back(version);
  version.is_delete_marker = true;
  version.is_latest = false;
  version.version_id = "V";
  page.versions.push_back(version);
  const std::string xml = list_versions_xml("bucket", {}, page);
  EXPECT_NE(xml.find("<Version><Key>k</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>"),
            std::string::npos);
  EXPECT_NE(xml.find("<DeleteMarker><Key>k</Key><VersionId>V</VersionId><IsLatest>false</IsLatest>"
                     "<LastModified>2026-01-02T03:04:05.000Z</LastModified><Owner><ID>111</ID>"
                     "<DisplayName>main</DisplayName></Owner></DeleteMarker>"),
            std::string::npos);
}

TEST(XmlOut, Uploads) {
  UploadPage page;
  page.uploads.push_back({"k", "U", kTime, kOwner, kOwner, "STANDARD", ChecksumAlgorithm::kCrc32,
                          ChecksumType::kComposite});
  page.truncated = true;
  page.next_key_marker = "k";
  page.next_upload_id_marker = "U";
  const std::string xml = list_uploads_xml("bucket", {}, page);
  EXPECT_NE(xml.find("<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>U</NextUploadIdMarker>"),
            std::string::npos);
  EXPECT_NE(xml.find("<Initiated>2026-01-02T03:04:05.000Z</Initiated>"
                     "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>"
                     "<ChecksumType>COMPOSITE</ChecksumType></Upload>"),
            std::string::npos);
}

TEST(XmlOut, PartsAndUploads) {
  PartPage page;
  page.owner = page.initiator = kOwner;
  page.parts.push_back({3, kTime, "abc", 7, parse_checksum(ChecksumAlgorithm::kCrc32, "dv+Mqg==")});
  ListPartsParams params;
  params.upload_id = "U";
  const std::string xml = list_parts_xml("bucket", "k", params, page);
  EXPECT_NE(xml.find("<PartNumberMarker>0</PartNumberMarker>"
                     "<NextPartNumberMarker>3</NextPartNumberMarker>"),
            std::string::npos);
  EXPECT_NE(xml.find("<Part><PartNumber>3</PartNumber>"), std::string::npos);
  EXPECT_NE(xml.find("<ChecksumCRC32>dv+Mqg==</ChecksumCRC32></Part>"), std::string::npos);

  EXPECT_EQ(initiate_upload_xml("b", "k", "U"),
            whole("InitiateMultipartUploadResult",
                  "<Bucket>b</Bucket><Key>k</Key><UploadId>U</UploadId>"));
  EXPECT_EQ(complete_upload_xml("http://h/b/k", "b", "k", "abc-2",
                                parse_checksum(ChecksumAlgorithm::kCrc32, "dv+Mqg==-2")),
            whole("CompleteMultipartUploadResult",
                  "<Location>http://h/b/k</Location><Bucket>b</Bucket><Key>k</Key>"
                  "<ETag>&quot;abc-2&quot;</ETag><ChecksumCRC32>dv+Mqg==-2</ChecksumCRC32>"
                  "<ChecksumType>COMPOSITE</ChecksumType>"));
}

TEST(XmlOut, CopiesAndDeletes) {
  EXPECT_EQ(copy_result_xml(false, "abc", kTime, {}),
            whole("CopyObjectResult",
                  "<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;abc&quot;"
                  "</ETag>"));
  EXPECT_EQ(copy_result_xml(true, "abc", kTime, {}),
            whole("CopyPartResult",
                  "<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;abc&quot;"
                  "</ETag>"));
  const std::vector<DeletedEntry> deleted{{"a", "", true, "M"}, {"b", "null", false, ""}};
  const std::vector<DeleteFault> faults{{"c", "", s3_fail(S3Code::kAccessDenied)}};
  const std::string fault =
      "<Error><Key>c</Key><Code>AccessDenied</Code><Message>Access Denied.</Message></Error>";
  EXPECT_EQ(delete_result_xml(deleted, faults, false),
            whole("DeleteResult", cat("<Deleted><Key>a</Key><DeleteMarker>true</DeleteMarker>"
                                      "<DeleteMarkerVersionId>M</DeleteMarkerVersionId></Deleted>"
                                      "<Deleted><Key>b</Key><VersionId>null</VersionId></Deleted>",
                                      fault)));
  EXPECT_EQ(delete_result_xml(deleted, faults, true), whole("DeleteResult", fault));
  EXPECT_EQ(versioning_xml(""), whole("VersioningConfiguration", ""));
}

TEST(XmlOut, OurOwnParserReadsWhatWeWrite) {
  ListObjectsParams params;
  ObjectPage page;
  page.objects.push_back(object("a<&>\"' \xe6\x97\xa5"));
  const Result<XmlNode> tree = parse_xml(as_bytes(list_objects_xml("bucket", params, page)));
  ASSERT_TRUE(tree.ok());
  ASSERT_NE(tree.value().child("Contents"), nullptr);
  EXPECT_EQ(tree.value().child("Contents")->child_text("Key"), "a<&>\"' \xe6\x97\xa5");
}

template <class T>
std::string refusal(const S3Result<T>& result) {
  return result.ok() ? "ok" : std::string(name_of(result.error().code));
}

TEST(XmlIn, CreateBucket) {
  EXPECT_EQ(parse_create_bucket({}).value(), "");
  EXPECT_EQ(parse_create_bucket(as_bytes("<CreateBucketConfiguration>"
                                         "<LocationConstraint>eu-west-1</LocationConstraint>"
                                         "</CreateBucketConfiguration>"))
                .value(),
            "eu-west-1");
  EXPECT_EQ(
      parse_create_bucket(
          as_bytes("<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/"
                   "\"/>"))
          .value(),
      "");
  EXPECT_EQ(refusal(parse_create_bucket(as_bytes("<Other/>"))), "MalformedXML");
}

std::string delete_body(std::size_t keys) {
  std::string body = "<Delete>";
  for (std::size_t i = 0; i < keys; ++i) body += cat("<Object><Key>", i, "</Key></Object>");
  return body + "</Delete>";
}

TEST(XmlIn, Delete) {
  const DeleteRequest request =
      parse_delete(as_bytes("<s3:Delete xmlns:s3=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                            "<s3:Quiet>TRUE</s3:Quiet><s3:Object><s3:Key> a&amp;b\n</s3:Key>"
                            "<s3:VersionId>null</s3:VersionId><s3:Strange/><s3:ETag>\"e\"</s3:ETag>"
                            "</s3:Object></s3:Delete>"))
          .take();
  EXPECT_TRUE(request.quiet);
  ASSERT_EQ(request.keys.size(), 1u);
  EXPECT_EQ(request.keys[0].key, " a&b\n");
  EXPECT_EQ(request.keys[0].version_id, "null");
  EXPECT_EQ(request.keys[0].etag, "\"e\"");
  EXPECT_EQ(parse_delete(as_bytes(delete_body(1000))).value().keys.size(), 1000u);
}

TEST(XmlIn, DeleteRefusals) {
  EXPECT_EQ(refusal(parse_delete(as_bytes(delete_body(1001)))), "MalformedXML");
  EXPECT_EQ(refusal(parse_delete(as_bytes(delete_body(0)))), "MalformedXML");
  EXPECT_EQ(refusal(parse_delete({})), "MissingRequestBodyError");
  EXPECT_EQ(refusal(parse_delete(as_bytes("<Delete><Object/></Delete>"))), "MalformedXML");
  EXPECT_EQ(refusal(parse_delete(as_bytes("<Delete><Object>"))), "MalformedXML");
  EXPECT_EQ(refusal(parse_delete(as_bytes("<!DOCTYPE x><Delete><Object><Key>k</Key></Object>"
                                          "</Delete>"))),
            "MalformedXML");
  const std::string huge(9 * MiB, ' ');
  EXPECT_EQ(refusal(parse_delete(as_bytes(huge))), "MaxMessageLengthExceeded");
}

S3Result<std::vector<CompletePart>> complete(std::string_view parts) {
  return parse_complete_upload(
      as_bytes(cat("<CompleteMultipartUpload>", parts, "</CompleteMultipartUpload>")));
}

TEST(XmlIn, CompleteUpload) {
  const std::vector<CompletePart> parts =
      complete(
          "<Part><ETag>\"abc\"</ETag><PartNumber>1</PartNumber></Part>"
          "<Part><PartNumber>3</PartNumber><ETag>&quot;def&quot;</ETag>"
          "<ChecksumCRC32>dv+Mqg==</ChecksumCRC32></Part>")
          .take();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].number, 1u);
  EXPECT_EQ(parts[0].etag, "abc");
  EXPECT_EQ(parts[1].etag, "def");
  ASSERT_TRUE(parts[1].checksum.has_value());
  EXPECT_EQ(parts[1].checksum->text(), "dv+Mqg==");
}

TEST(XmlIn, CompleteUploadOfTenThousandParts) {
  std::string all;
  for (int i = 1; i <= 10'000; ++i)
    all +=
        cat("<Part><PartNumber>", i, "</PartNumber><ETag>\"", std::string(32, 'a'),
            "\"</ETag><ChecksumSHA256>", base64_encode(Bytes(32, 1)), "</ChecksumSHA256></Part>");
  EXPECT_EQ(complete(all).value().size(), 10'000u);
}

TEST(XmlIn, CompleteUploadRefusals) {
  const auto part = [](std::string_view number, std::string_view more = "") {
    return cat("<Part><PartNumber>", number, "</PartNumber><ETag>e</ETag>", more, "</Part>");
  };
  EXPECT_EQ(refusal(complete("")), "MalformedXML");
  EXPECT_EQ(refusal(complete("<Part><PartNumber>1</PartNumber></Part>")), "MalformedXML");
  EXPECT_EQ(refusal(complete(part("x"))), "MalformedXML");
  EXPECT_EQ(complete(part("0")).error().message, "PartNumber must be >= 1");
  EXPECT_EQ(refusal(complete(part("10001"))), "InvalidArgument");
  EXPECT_EQ(refusal(complete(part("2") + part("1"))), "InvalidPartOrder");
  EXPECT_EQ(refusal(complete(part("2") + part("2"))), "ok");  // Sent again: the last one counts.
  EXPECT_EQ(refusal(complete(part("1", "<ChecksumCRC32>?</ChecksumCRC32>"))), "InvalidArgument");
  EXPECT_EQ(refusal(complete(part("1",
                                  "<ChecksumCRC32>dv+Mqg==</ChecksumCRC32>"
                                  "<ChecksumCRC32C>dv+Mqg==</ChecksumCRC32C>"))),
            "InvalidArgument");
}

TEST(XmlIn, Versioning) {
  EXPECT_EQ(parse_versioning(as_bytes("<VersioningConfiguration><Status>Enabled</Status>"
                                      "</VersioningConfiguration>"))
                .value(),
            "Enabled");
  EXPECT_EQ(refusal(parse_versioning(as_bytes("<VersioningConfiguration><Status>On</Status>"
                                              "</VersioningConfiguration>"))),
            "IllegalVersioningConfigurationException");
}

}  // namespace
}  // namespace creel::s3
