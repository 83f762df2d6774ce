#include "s3/wire/xml_in.h"

#include "platform/base/text.h"
#include "platform/codec/xml.h"
#include "s3/wire/etag.h"
#include "s3/wire/xml_out.h"

namespace creel::s3 {
namespace {

// Complete has up to 10,000 parts of five elements each, and a few more nobody asked for.
constexpr std::size_t kListNodesMax = 80'000;

S3Error malformed() { return s3_fail(S3Code::kMalformedXml); }

S3Error bad_checksum(std::string_view value) {
  return invalid_argument("Invalid Base64 or multiple checksums present in request", "Checksum",
                          value);
}

S3Result<CompletePart> complete_part(const XmlNode& node) {
  CompletePart part;
  const auto number = node.child_text("PartNumber");
  const auto etag = node.child_text("ETag");
  if (!number || !etag) return malformed();
  const std::string_view digits = trim(*number);
  const std::optional<std::int64_t> value = parse_i64(digits);
  if (!value) return malformed();
  if (*value < 1) return invalid_argument("PartNumber must be >= 1", "PartNumber", digits);
  if (*value > static_cast<std::int64_t>(kCompletePartsMax))
    return invalid_argument("Part number must be an integer between 1 and 10000, inclusive.",
                            "partNumber", digits);
  part.number = static_cast<std::uint32_t>(*value);
  part.etag = bare_etag(*etag);
  for (const XmlNode& child : node.children) {
    for (std::size_t i = 0; i < kChecksumAlgorithms; ++i) {
      const auto algorithm = static_cast<ChecksumAlgorithm>(i);
      if (child.name != algorithm_element(algorithm)) continue;
      if (part.checksum) return bad_checksum(child.text);
      part.checksum = parse_checksum(algorithm, trim(child.text));
      if (!part.checksum || part.checksum->type == ChecksumType::kComposite)
        return bad_checksum(child.text);
    }
  }
  return part;
}

void write_node(XmlWriter& xml, const XmlNode& node, std::string_view attributes) {
  if (node.children.empty()) {
    xml.leaf(node.name, std::string_view(node.text));
    return;
  }
  xml.open(node.name, attributes);
  for (const XmlNode& child : node.children) write_node(xml, child, {});  // Bounded by XmlLimits.
  xml.close();
}

}  // namespace

S3Result<XmlNode> parse_xml_body(ByteView body, std::string_view root, std::uint64_t bytes_max,
                                 std::size_t nodes_max) {
  if (body.empty()) return s3_fail(S3Code::kMissingRequestBody);
  if (body.size() > bytes_max)
    return s3_fail(S3Code::kMaxMessageLengthExceeded).with("MaxMessageLengthBytes", cat(bytes_max));
  Result<XmlNode> parsed = parse_xml(body, {.bytes_max = bytes_max, .nodes_max = nodes_max});
  if (!parsed.ok()) {
    if (parsed.error().code == ErrorCode::kUnavailable) return s3_fail(S3Code::kSlowDown);
    return malformed().with("Details", parsed.error().detail);
  }
  XmlNode tree = parsed.take();
  if (tree.name != root)
    return malformed().with("Details",
                            cat("the root element is <", tree.name, ">, expected <", root, ">"));
  return tree;
}

S3Result<XmlNode> parse_document(ByteView body, std::string_view root) {
  return parse_xml_body(body, root, kXmlBodyBytesMax, 20'000);
}

std::optional<bool> parse_xml_bool(std::string_view text) {
  text = trim(text);
  if (equal_ignore_case(text, "true") || text == "1") return true;
  if (equal_ignore_case(text, "false") || text == "0") return false;
  return std::nullopt;
}

std::string written_document(const XmlNode& root) {
  std::string out;
  XmlWriter xml(out);
  write_node(xml, root, kXmlNamespace);
  return out;
}

S3Result<std::string> parse_create_bucket(ByteView body) {
  if (trim(as_text(body)).empty()) return std::string();
  TRY(root, parse_xml_body(body, "CreateBucketConfiguration", kXmlBodyBytesMax, 1000));
  return std::string(trim(root.child_text("LocationConstraint").value_or("")));
}

S3Result<DeleteRequest> parse_delete(ByteView body) {
  TRY(root, parse_xml_body(body, "Delete", kXmlListBodyBytesMax, kListNodesMax));
  DeleteRequest request;
  if (const auto quiet = root.child_text("Quiet")) {
    const std::optional<bool> value = parse_xml_bool(*quiet);
    if (!value) return malformed();
    request.quiet = *value;
  }
  for (const XmlNode& node : root.children) {
    if (node.name != "Object") continue;
    if (request.keys.size() == kDeleteKeysMax) return malformed();
    const auto key = node.child_text("Key");
    if (!key || key->empty()) return malformed();
    request.keys.push_back({std::string(*key),
                            std::string(trim(node.child_text("VersionId").value_or(""))),
                            std::string(trim(node.child_text("ETag").value_or("")))});
  }
  if (request.keys.empty()) return malformed();
  return request;
}

S3Result<std::vector<CompletePart>> parse_complete_upload(ByteView body) {
  TRY(root, parse_xml_body(body, "CompleteMultipartUpload", kXmlListBodyBytesMax, kListNodesMax));
  std::vector<CompletePart> parts;
  for (const XmlNode& node : root.children) {
    if (node.name != "Part") continue;
    if (parts.size() == kCompletePartsMax) return malformed();
    TRY(part, complete_part(node));
    if (!parts.empty() && part.number < parts.back().number)
      return s3_fail(S3Code::kInvalidPartOrder);
    // A part that was sent again: its last write is what counts, and what is listed last.
    if (!parts.empty() && part.number == parts.back().number) parts.pop_back();
    parts.push_back(std::move(part));
  }
  if (parts.empty()) return malformed();
  return parts;
}

S3Result<std::string> parse_versioning(ByteView body) {
  TRY(root, parse_xml_body(body, "VersioningConfiguration", kXmlBodyBytesMax, 1000));
  const std::string status(trim(root.child_text("Status").value_or("")));
  if (status == "Enabled" || status == "Suspended") return status;
  return s3_fail(S3Code::kIllegalVersioningConfiguration);
}

}  // namespace creel::s3
