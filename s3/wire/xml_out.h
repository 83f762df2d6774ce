#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/units.h"
#include "s3/wire/checksum.h"
#include "s3/wire/error.h"
#include "s3/wire/listing.h"

namespace creel::s3 {

inline constexpr std::string_view kXmlNamespace =
    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

// The XML answers of the operations. All are small: at most a page of 1000 entries (10,000
// buckets). Names are given plain; what encoding-type=url asks for is done here. ETags are given
// bare.

struct Owner {
  std::string id;
  std::string display_name;
};

struct BucketEntry {
  std::string name;
  WallTime created;
  std::string region;  // Left out if empty.
};
std::string list_buckets_xml(const Owner& owner, const std::vector<BucketEntry>& buckets,
                             std::string_view prefix, std::string_view next_token);

// Empty for us-east-1, as AWS does.
std::string location_xml(std::string_view region);

struct ObjectEntry {
  std::string key;
  WallTime modified;
  std::string etag;
  std::uint64_t size = 0;
  std::string storage_class = "STANDARD";
  std::optional<Owner> owner;
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  ChecksumType checksum_type = ChecksumType::kFullObject;
};

struct ObjectPage {
  std::vector<ObjectEntry> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;  // V1: NextMarker. V2: the name the continuation token stands for.
};
// V1 or V2 by params.v2. V1 shows NextMarker only with a delimiter.
std::string list_objects_xml(std::string_view bucket, const ListObjectsParams& params,
                             const ObjectPage& page);

struct VersionEntry : ObjectEntry {
  std::string version_id = "null";
  bool is_latest = true;
  bool is_delete_marker = false;
};
struct VersionPage {
  std::vector<VersionEntry> versions;  // Versions and markers as they interleave.
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key_marker;
  std::string next_version_id_marker;
};
std::string list_versions_xml(std::string_view bucket, const ListVersionsParams& params,
                              const VersionPage& page);

struct UploadEntry {
  std::string key;
  std::string upload_id;
  WallTime initiated;
  Owner owner, initiator;
  std::string storage_class = "STANDARD";
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  ChecksumType checksum_type = ChecksumType::kFullObject;
};
struct UploadPage {
  std::vector<UploadEntry> uploads;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next_key_marker;
  std::string next_upload_id_marker;
};
std::string list_uploads_xml(std::string_view bucket, const ListUploadsParams& params,
                             const UploadPage& page);

struct PartEntry {
  std::uint32_t number = 0;
  WallTime modified;
  std::string etag;
  std::uint64_t size = 0;
  std::optional<Checksum> checksum;
};
struct PartPage {
  std::vector<PartEntry> parts;
  bool truncated = false;
  Owner owner, initiator;
  std::string storage_class = "STANDARD";
  std::optional<ChecksumAlgorithm> checksum_algorithm;
  ChecksumType checksum_type = ChecksumType::kFullObject;
};
std::string list_parts_xml(std::string_view bucket, std::string_view key,
                           const ListPartsParams& params, const PartPage& page);

std::string initiate_upload_xml(std::string_view bucket, std::string_view key,
                                std::string_view upload_id);
std::string complete_upload_xml(std::string_view location, std::string_view bucket,
                                std::string_view key, std::string_view etag,
                                const std::optional<Checksum>& checksum);

// CopyObjectResult, or CopyPartResult for UploadPartCopy.
std::string copy_result_xml(bool is_part, std::string_view etag, WallTime modified,
                            const std::optional<Checksum>& checksum);

// PostResponse, for a form that asks for 201.
std::string post_response_xml(std::string_view location, std::string_view bucket,
                              std::string_view key, std::string_view etag);

struct DeletedEntry {
  std::string key;
  std::string version_id;  // As asked; left out if empty.
  bool delete_marker = false;
  std::string delete_marker_version_id;
};
struct DeleteFault {
  std::string key;
  std::string version_id;
  S3Error error;
};
// `quiet` leaves out what was deleted.
std::string delete_result_xml(const std::vector<DeletedEntry>& deleted,
                              const std::vector<DeleteFault>& faults, bool quiet);

// GetObjectAttributes: what was asked for; parts only of multipart objects.
struct AttributesAnswer {
  std::string etag;  // Bare; empty: not asked for. So the others.
  std::optional<Checksum> checksum;
  std::string storage_class;
  std::optional<std::uint64_t> size;
  bool parts = false;
  std::uint32_t parts_count = 0, max_parts = 0, marker = 0, next_marker = 0;
  bool truncated = false;
  std::vector<PartEntry> page;
};
std::string object_attributes_xml(const AttributesAnswer& attributes);

// The answer of GET ?versioning: "" (never enabled), "Enabled" or "Suspended".
std::string versioning_xml(std::string_view status);

}  // namespace creel::s3
