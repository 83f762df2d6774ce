#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/bytes.h"
#include "platform/base/units.h"
#include "platform/codec/xml.h"
#include "s3/wire/checksum.h"
#include "s3/wire/error.h"

namespace creel::s3 {

inline constexpr std::uint64_t kXmlBodyBytesMax = 1 * MiB;
inline constexpr std::uint64_t kXmlListBodyBytesMax = 8 * MiB;  // Complete and DeleteObjects.
inline constexpr std::size_t kDeleteKeysMax = 1000;
inline constexpr std::size_t kCompletePartsMax = 10'000;

// All parsers: names with or without namespace, unknown children ignored, no DOCTYPE.
// Errors: MissingRequestBodyError (empty), MaxMessageLengthExceeded, MalformedXML, and what is
// said.

// A document with that root element.
S3Result<XmlNode> parse_xml_body(ByteView body, std::string_view root, std::uint64_t bytes_max,
                                 std::size_t nodes_max);
// The root of a document of settings, of that name.
S3Result<XmlNode> parse_document(ByteView body, std::string_view root);
// "true", "false", "1", "0" of XML Schema, in any case as SDKs write it.
std::optional<bool> parse_xml_bool(std::string_view text);
// The document again: element for element, in S3's namespace, without attributes and white space.
std::string written_document(const XmlNode& root);

// CreateBucketConfiguration: the LocationConstraint, empty if there is none. An empty body is fine.
S3Result<std::string> parse_create_bucket(ByteView body);

struct DeleteKey {
  std::string key;
  std::string version_id;  // Empty: the current version.
  std::string etag;  // As written; empty: no condition.
};
struct DeleteRequest {
  std::vector<DeleteKey> keys;  // 1…1000
  bool quiet = false;
};
S3Result<DeleteRequest> parse_delete(ByteView body);

struct CompletePart {
  std::uint32_t number = 0;
  std::string etag;  // Bare.
  std::optional<Checksum> checksum;
};
// Parts in the order of the body: that must ascend. Errors: also InvalidPartOrder, InvalidArgument
// (number 0, several or undecodable checksums).
S3Result<std::vector<CompletePart>> parse_complete_upload(ByteView body);

// VersioningConfiguration: "Enabled" or "Suspended". Errors: IllegalVersioningConfiguration.
S3Result<std::string> parse_versioning(ByteView body);

}  // namespace creel::s3
